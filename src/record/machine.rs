//! How this machine fared: second by second in the record, and as maxima and sums of a level.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::MachineSample;

/// This machine and this program's runtime over about a second.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct MachineSecond {
    /// The ordinal of the level that ran; `None` between levels.
    pub level: Option<u32>,
    /// How late a timer of the runtime fired at worst, ms; `None` when none fired at all.
    pub lag_ms: Option<f64>,
    /// What the operating system tells.
    #[serde(flatten)]
    pub sample: MachineSample,
}

/// The seconds of a part of a level, where known; twenty bytes each, so that a hold of days can be kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seconds {
    /// The worst lag of each second.
    pub lags: Vec<Lag>,
    /// CPU of each second, cores.
    pub cpu_cores: Vec<f32>,
}

/// How late the runtime was at worst in about a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lag {
    /// When it was told, at the second's end.
    pub told_at: DateTime<Utc>,
    /// How late, ms.
    pub ms: f32,
}

/// Which part of a level a second belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Connections are attempted.
    Opening,
    /// They are held.
    Holding,
    /// They are closed.
    Closing,
}

/// This machine over one level. What was never known is `None`, or an empty list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LevelMachine {
    /// From the first attempt until the last one settled.
    pub opening: Seconds,
    /// From then until the hold was over. What came later, while connections were closed, is in the maxima only.
    pub holding: Seconds,
    /// The worst lag in any second, ms.
    pub lag_ms_max: Option<f64>,
    /// The most CPU in any second, cores.
    pub cpu_cores_max: Option<f64>,
    /// The most descriptors open.
    pub descriptors_max: Option<u64>,
    /// The most sockets in TIME_WAIT.
    pub time_wait_max: Option<u64>,
    /// The size of the range of ports that the system gives out, as read last.
    pub ephemeral_ports: Option<u32>,
    /// TCP segments sent by the whole machine.
    pub segments_sent: Option<u64>,
    /// TCP segments sent again by the whole machine.
    pub retransmitted: Option<u64>,
    /// Handshakes that listening sockets of this machine dropped.
    pub listen_drops: Option<u64>,
}

impl LevelMachine {
    /// Takes one more second, told at its end.
    pub(super) fn take(&mut self, at: DateTime<Utc>, second: &MachineSecond, part: Part) {
        let sample = &second.sample;
        match part {
            Part::Opening => self.opening.take(at, second),
            Part::Holding => self.holding.take(at, second),
            Part::Closing => {}
        }
        let most = |a: Option<f64>, b: Option<f64>| [a, b].into_iter().flatten().reduce(f64::max);
        self.lag_ms_max = most(self.lag_ms_max, second.lag_ms);
        self.cpu_cores_max = most(self.cpu_cores_max, sample.cpu_cores);
        // `None` is less than any number.
        self.descriptors_max = self.descriptors_max.max(sample.descriptors);
        self.time_wait_max = self.time_wait_max.max(sample.time_wait);
        self.ephemeral_ports = sample.ephemeral_ports.or(self.ephemeral_ports);
        self.segments_sent = sum(self.segments_sent, sample.segments_sent);
        self.retransmitted = sum(self.retransmitted, sample.retransmitted);
        self.listen_drops = sum(self.listen_drops, sample.listen_drops);
    }
}

impl LevelMachine {
    /// One reading that holds the level's maxima and sums; those of lag and CPU only once the hold is over, since they
    /// would count as a second of it before.
    pub(super) fn totals(&self, level: u32, hold_is_over: bool) -> MachineSecond {
        let sample = MachineSample {
            cpu_cores: self.cpu_cores_max.filter(|_| hold_is_over),
            descriptors: self.descriptors_max,
            time_wait: self.time_wait_max,
            ephemeral_ports: self.ephemeral_ports,
            segments_sent: self.segments_sent,
            retransmitted: self.retransmitted,
            listen_drops: self.listen_drops,
            ..MachineSample::default()
        };
        MachineSecond { level: Some(level), lag_ms: self.lag_ms_max.filter(|_| hold_is_over), sample }
    }
}

impl Seconds {
    /// Readings that add up to these again; those of CPU whose time is not kept are given the time of a lag, or `from`.
    pub(super) fn readings(
        &self,
        level: u32,
        from: DateTime<Utc>,
    ) -> impl Iterator<Item = (DateTime<Utc>, MachineSecond)> {
        (0..self.lags.len().max(self.cpu_cores.len())).map(move |at| {
            let lag = self.lags.get(at);
            let told_at = lag.or(self.lags.last()).map_or(from, |lag| lag.told_at);
            let cpu_cores = self.cpu_cores.get(at).copied().map(as_recorded);
            let sample = MachineSample { cpu_cores, ..MachineSample::default() };
            (
                told_at,
                MachineSecond { level: Some(level), lag_ms: lag.map(|lag| as_recorded(lag.ms)), sample },
            )
        })
    }

    #[allow(clippy::cast_possible_truncation)]
    fn take(&mut self, at: DateTime<Utc>, second: &MachineSecond) {
        self.lags.extend(second.lag_ms.map(|ms| Lag { told_at: at, ms: ms as f32 }));
        self.cpu_cores.extend(second.sample.cpu_cores.map(|cores| cores as f32));
    }
}

/// The decimal number in the record, from its `f32` in memory: the shortest decimal that rounds to that `f32`.
fn as_recorded(kept: f32) -> f64 {
    kept.to_string().parse().unwrap_or_else(|_| f64::from(kept))
}

/// The sum of what is known; `None` while nothing is.
fn sum(so_far: Option<u64>, more: Option<u64>) -> Option<u64> {
    match (so_far, more) {
        (Some(so_far), Some(more)) => Some(so_far.saturating_add(more)),
        (so_far, more) => so_far.or(more),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::record::{Event, Stamped};

    #[test]
    fn the_unknown_is_null_and_reads_back() {
        let second = MachineSecond {
            level: Some(2),
            lag_ms: Some(1.5),
            sample: MachineSample { cpu_cores: Some(0.25), time_wait: Some(7), ..MachineSample::default() },
        };
        let at = "2026-11-24T13:00:00Z".parse().unwrap();
        let line = serde_json::to_string(&Stamped::new(at, Event::Machine(second))).unwrap();
        assert_eq!(
            line,
            concat!(
                r#"{"at":"2026-11-24T13:00:00.000Z","type":"machine","level":2,"lag_ms":1.5,"cpu_cores":0.25,"descriptors":null,"#,
                r#""time_wait":7,"ephemeral_ports":null,"segments_sent":null,"retransmitted":null,"listen_drops":null,"listen_overflows":null}"#
            )
        );
        assert_eq!(serde_json::from_str::<Stamped>(&line).unwrap().event, Event::Machine(second));
        let sparse = r#"{"at":"2026-11-24T13:00:00.000Z","type":"machine","lag_ms":2,"newer":[]}"#;
        let read = serde_json::from_str::<Stamped>(sparse).unwrap().event;
        assert_eq!(read, Event::Machine(MachineSecond { lag_ms: Some(2.0), ..MachineSecond::default() }));
    }

    #[test]
    fn maxima_and_sums_of_what_was_known() {
        let second = |lag_ms, cpu_cores, descriptors, retransmitted| MachineSecond {
            level: Some(0),
            lag_ms,
            sample: MachineSample { cpu_cores, descriptors, retransmitted, ..MachineSample::default() },
        };
        let at = DateTime::UNIX_EPOCH;
        let lag = |ms| vec![Lag { told_at: at, ms }];
        let mut level = LevelMachine::default();
        level.take(at, &second(Some(2.0), Some(1.5), Some(10), None), Part::Opening);
        level.take(at, &second(None, None, None, Some(3)), Part::Opening);
        level.take(at, &second(Some(7.5), Some(0.5), Some(9), Some(4)), Part::Holding);
        level.take(at, &second(Some(9.0), None, None, None), Part::Closing);
        let expected = LevelMachine {
            opening: Seconds { lags: lag(2.0), cpu_cores: vec![1.5] },
            holding: Seconds { lags: lag(7.5), cpu_cores: vec![0.5] },
            lag_ms_max: Some(9.0),
            cpu_cores_max: Some(1.5),
            descriptors_max: Some(10),
            retransmitted: Some(7),
            ..LevelMachine::default()
        };
        assert_eq!(level, expected);
    }
}
