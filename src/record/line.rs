//! One line of a record, read back. Two sorts of events are nearly all of it, the samples and this machine's seconds.
//! Their type stands among their fields, so that serde would put every field into a tree first to find it. But every line
//! begins with its time and its type; of those two sorts the rest is then read as what it is, several times as fast.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{Event, MachineSecond, Sample, Stamped};
use crate::facts::MachineSample;

/// Time and type, where a line begins with them as it is written here; the fields that follow are not looked at.
fn head(line: &[u8]) -> Option<(DateTime<Utc>, &[u8])> {
    let (at, rest) = quoted(line.strip_prefix(b"{\"at\":\"")?)?;
    let (kind, _) = quoted(rest.strip_prefix(b",\"type\":\"")?)?;
    let at = DateTime::parse_from_rfc3339(std::str::from_utf8(at).ok()?).ok()?;
    Some((at.to_utc(), kind))
}

/// What stands before the next quotation mark, and what after it.
fn quoted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'"')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// [`MachineSecond`] with the fields of its sample among its own, as they stand in the line.
#[derive(Deserialize)]
struct Second {
    level: Option<u32>,
    lag_ms: Option<f64>,
    cpu_cores: Option<f64>,
    descriptors: Option<u64>,
    time_wait: Option<u64>,
    ephemeral_ports: Option<u32>,
    segments_sent: Option<u64>,
    retransmitted: Option<u64>,
    listen_drops: Option<u64>,
    listen_overflows: Option<u64>,
}

impl From<Second> for MachineSecond {
    fn from(second: Second) -> MachineSecond {
        let sample = MachineSample {
            cpu_cores: second.cpu_cores,
            descriptors: second.descriptors,
            time_wait: second.time_wait,
            ephemeral_ports: second.ephemeral_ports,
            segments_sent: second.segments_sent,
            retransmitted: second.retransmitted,
            listen_drops: second.listen_drops,
            listen_overflows: second.listen_overflows,
        };
        MachineSecond { level: second.level, lag_ms: second.lag_ms, sample }
    }
}

/// The event of a line.
pub(super) fn parse(line: &[u8]) -> Result<Stamped, serde_json::Error> {
    let slowly = || serde_json::from_slice::<Stamped>(line);
    let Some((at, kind)) = head(line) else { return slowly() };
    let event = match kind {
        b"sample" => Event::Sample(serde_json::from_slice::<Sample>(line)?),
        b"machine" => Event::Machine(serde_json::from_slice::<Second>(line)?.into()),
        _ => return slowly(),
    };
    Ok(Stamped { at, event })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_read_the_same() {
        let sample = r#""level":3,"open":7,"opened":9,"failed":2,"heartbeats_sent":1,"heartbeats_answered":1,"bytes_sent":8,"bytes_received":5,"messages_received":0"#;
        let machine = r#""level":null,"lag_ms":0.25,"cpu_cores":1.5,"descriptors":9,"time_wait":null,"ephemeral_ports":7,"segments_sent":4,"retransmitted":0,"listen_drops":1,"listen_overflows":2"#;
        let at = r#""at":"2026-11-24T13:00:03.120Z""#;
        for line in [
            format!(r#"{{{at},"type":"sample",{sample}}}"#),
            format!(r#"{{{at},"type":"sample",{sample},"later":[1,{{"x":2}}]}}"#),
            format!(r#"{{{sample},"type":"sample",{at}}}"#),
            format!(r#"{{{at},"type":"s\u0061mple",{sample}}}"#),
            format!(r#"{{{at},"type":"machine",{machine}}}"#),
            format!(r#"{{{at},"type":"machine"}}"#),
            format!(r#"{{{at},"type":"hold_started","level":2}}"#),
            format!(r#"{{{at},"type":"of_tomorrow","level":2}}"#),
        ] {
            assert_eq!(parse(line.as_bytes()).unwrap(), serde_json::from_str(&line).unwrap(), "{line}");
        }
        for damaged in [
            format!(r#"{{{at},"type":"sample","level":1}}"#),
            format!(r#"{{{at},"type":"sample",{sample}"#),
            format!(r#"{{{at},"type":"sample",{sample}}}}}"#),
            format!(r#"{{"type":"sample",{sample}}}"#),
            format!(r#"{{{at},"type":"machine","lag_ms":"x"}}"#),
        ] {
            assert!(parse(damaged.as_bytes()).is_err(), "{damaged}");
            assert!(serde_json::from_str::<Stamped>(&damaged).is_err(), "{damaged}");
        }
    }
}
