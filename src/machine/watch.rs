//! This machine, second by second: what two readings of its counters say about the time between them.

use std::time::{Duration, Instant};

use super::system;
use crate::facts::MachineSample;

/// A look that comes sooner after the last one says nothing new.
const LEAST_BETWEEN: Duration = Duration::from_millis(900);

/// Where the system can only list descriptors, each of 15,000 costs about a microsecond: after a count that took 10 ms
/// none is made for this many times as long, so that counting stays below half a percent of a core.
const REST_AFTER_COUNTING: u32 = 200;

/// Decimals of a share of CPU: the system's clock ticks are ten times coarser.
const CPU_PRECISION: f64 = 1_000.0;

/// What the system's counters say at an instant. Those of the first kind only ever grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// CPU time of all threads of this process.
    pub(super) cpu: Option<Duration>,
    /// TCP segments sent, without those sent again.
    pub(super) segments_sent: Option<u64>,
    /// TCP segments sent again.
    pub(super) retransmitted: Option<u64>,
    /// Handshakes that listening sockets dropped.
    pub(super) listen_drops: Option<u64>,
    /// Those of them for which the accept queue was full.
    pub(super) listen_overflows: Option<u64>,
    /// TCP sockets in TIME_WAIT now.
    pub(super) time_wait: Option<u64>,
    /// The size of the range of ports that the system gives out.
    pub(super) ephemeral_ports: Option<u32>,
}

/// Watches this machine.
pub struct Watch {
    sources: system::Sources,
    before: (Instant, Reading),
    count_again: Instant,
}

impl Watch {
    /// Opens what is to be read, so that it can be read when no descriptor is left, and takes the first reading.
    pub fn start() -> Watch {
        let mut sources = system::Sources::open();
        let before = (Instant::now(), sources.read());
        Watch { sources, before, count_again: Instant::now() }
    }

    /// What happened since the last look; `None` when that was not about a second ago.
    pub fn look(&mut self) -> Option<MachineSample> {
        let now = Instant::now();
        let passed = now - self.before.0;
        if passed < LEAST_BETWEEN {
            return None;
        }
        let reading = self.sources.read();
        let sample =
            MachineSample { descriptors: self.descriptors(), ..between(&self.before.1, &reading, passed) };
        self.before = (now, reading);
        Some(sample)
    }

    fn descriptors(&mut self) -> Option<u64> {
        let began = Instant::now();
        if began < self.count_again {
            return None;
        }
        let count = system::descriptors_used();
        self.count_again = began + began.elapsed() * REST_AFTER_COUNTING;
        count
    }
}

/// The difference of two readings. A counter that went back (another network namespace, a wrap) tells nothing.
fn between(before: &Reading, now: &Reading, passed: Duration) -> MachineSample {
    let grown = |before: Option<u64>, now: Option<u64>| now?.checked_sub(before?);
    let cpu = now.cpu.zip(before.cpu).and_then(|(now, before)| now.checked_sub(before));
    let share = |cpu: Duration| cpu.as_secs_f64() / passed.as_secs_f64();
    MachineSample {
        cpu_cores: cpu
            .filter(|_| !passed.is_zero())
            .map(|cpu| (share(cpu) * CPU_PRECISION).round() / CPU_PRECISION),
        descriptors: None,
        time_wait: now.time_wait,
        ephemeral_ports: now.ephemeral_ports,
        segments_sent: grown(before.segments_sent, now.segments_sent),
        retransmitted: grown(before.retransmitted, now.retransmitted),
        listen_drops: grown(before.listen_drops, now.listen_drops),
        listen_overflows: grown(before.listen_overflows, now.listen_overflows),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_grew_is_told_and_what_went_back_is_not() {
        let before = Reading {
            cpu: Some(Duration::from_millis(500)),
            segments_sent: Some(10),
            retransmitted: Some(7),
            listen_drops: None,
            listen_overflows: Some(1),
            time_wait: Some(40),
            ephemeral_ports: Some(28_232),
        };
        let now = Reading {
            cpu: Some(Duration::from_millis(3_500)),
            segments_sent: Some(25),
            retransmitted: Some(6),
            listen_drops: Some(3),
            listen_overflows: None,
            time_wait: Some(30),
            ephemeral_ports: None,
        };
        let expected = MachineSample {
            cpu_cores: Some(1.5),
            segments_sent: Some(15),
            time_wait: Some(30),
            ..MachineSample::default()
        };
        assert_eq!(between(&before, &now, Duration::from_secs(2)), expected);
        assert_eq!(between(&before, &before, Duration::ZERO).cpu_cores, None);
        assert_eq!(between(&Reading::default(), &now, Duration::from_secs(1)).cpu_cores, None);
    }

    #[test]
    fn a_look_comes_about_once_a_second() {
        let mut watch = Watch::start();
        assert_eq!(watch.look(), None);
        watch.before.0 -= Duration::from_secs(1);
        let sample = watch.look().unwrap();
        assert_eq!(watch.look(), None);
        if cfg!(target_os = "linux") {
            assert!(sample.cpu_cores.unwrap() >= 0.0 && sample.descriptors.unwrap() > 3, "{sample:?}");
            assert!(sample.ephemeral_ports.is_some() && sample.time_wait.is_some(), "{sample:?}");
            assert!(sample.segments_sent.is_some() && sample.retransmitted.is_some(), "{sample:?}");
            assert!(sample.listen_drops.is_some() && sample.listen_overflows.is_some(), "{sample:?}");
        }
    }

    #[test]
    fn burning_a_core_is_seen() {
        let mut watch = Watch::start();
        let began = Instant::now();
        let mut sum = 0_u64;
        while began.elapsed() < LEAST_BETWEEN {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let sample = watch.look().unwrap();
        // The machine may be busy with others: a tenth of a core is enough to tell that it is counted.
        assert!(!cfg!(target_os = "linux") || sample.cpu_cores.unwrap() > 0.1, "{sample:?}");
    }

    #[test]
    fn a_count_that_took_long_is_not_soon_made_again() {
        let mut watch = Watch::start();
        watch.count_again = Instant::now() + Duration::from_secs(60);
        assert_eq!(watch.descriptors(), None);
        watch.count_again = Instant::now();
        assert_eq!(watch.descriptors().is_some(), cfg!(any(target_os = "linux", target_os = "macos")));
        assert!(watch.count_again >= Instant::now() - Duration::from_secs(1));
    }
}
