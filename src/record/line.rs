//! One line of a record, read back. Two sorts of events are nearly all of it, the samples and this machine's seconds;
//! CloudWatch's series is the longest. Their type stands among their fields, so that serde would put every field into a
//! tree first to find it. But every line begins with its time and its type; of those sorts the rest is then read as what
//! it is, several times as fast.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;

use super::{Event, MachineSecond, Sample, Stamped};
use crate::facts::MachineSample;

/// How a line begins, where it does as it is written here.
struct Head<'a> {
    at: DateTime<Utc>,
    kind: &'a [u8],
    /// Where the fields begin, with the comma before the first.
    fields: usize,
}

/// Time and type; the fields that follow are not looked at.
fn head(line: &[u8]) -> Option<Head<'_>> {
    let (at, rest) = quoted(line.strip_prefix(b"{\"at\":\"")?)?;
    let (kind, rest) = quoted(rest.strip_prefix(b",\"type\":\"")?)?;
    Some(Head { at: time(at)?, kind, fields: line.len() - rest.len() })
}

/// What stands before the next quotation mark, and what after it.
fn quoted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'"')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// RFC 3339: in the one form in which it is written here digit by digit, in every other by the book.
fn time(text: &[u8]) -> Option<DateTime<Utc>> {
    let by_the_book = || Some(DateTime::parse_from_rfc3339(std::str::from_utf8(text).ok()?).ok()?.to_utc());
    as_written(text).or_else(by_the_book)
}

/// `2026-11-24T13:00:03.120Z`.
fn as_written(text: &[u8]) -> Option<DateTime<Utc>> {
    const FORM: &[u8] = b"0000-00-00T00:00:00.000Z";
    let fits = |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
    if text.len() != FORM.len() || !text.iter().zip(FORM).all(fits) {
        return None;
    }
    let number = |from: usize, until: usize| {
        text[from..until].iter().fold(0_u32, |number, digit| 10 * number + u32::from(digit - b'0'))
    };
    let year = i32::try_from(number(0, 4)).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(5, 7), number(8, 10))?;
    let time = date.and_hms_milli_opt(number(11, 13), number(14, 16), number(17, 19), number(20, 23))?;
    Some(time.and_utc())
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

/// The event of a line. What has been read of it is not read again: the fields are made an object of their own, whose
/// brace takes the place of the comma before them.
pub(super) fn parse(line: &mut [u8]) -> Result<Stamped, serde_json::Error> {
    if let Some(event) = quickly(line) {
        return Ok(event);
    }
    serde_json::from_slice(line)
}

/// A sample, a second of this machine or CloudWatch's series; `None` for all else, and for what can't be read, the line
/// as it was.
fn quickly(line: &mut [u8]) -> Option<Stamped> {
    let Head { at, kind, fields } = head(line)?;
    let read: fn(&str) -> Option<Event> = match kind {
        b"sample" => |fields| Some(Event::Sample(serde_json::from_str::<Sample>(fields).ok()?)),
        b"machine" => |fields| Some(Event::Machine(serde_json::from_str::<Second>(fields).ok()?.into())),
        b"server_series" => |fields| Some(Event::ServerSeries(serde_json::from_str(fields).ok()?)),
        _ => return None,
    };
    let object = line.get_mut(fields..).filter(|rest| rest.first() == Some(&b','))?;
    object[0] = b'{';
    // As a whole, and not each name in it on its own.
    let event = std::str::from_utf8(object).ok().and_then(read);
    object[0] = b',';
    Some(Stamped { at, event: event? })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_read_the_same() {
        let sample = r#""level":3,"open":7,"opened":9,"failed":2,"heartbeats_sent":1,"heartbeats_answered":1,"bytes_sent":8,"bytes_received":5,"messages_received":0"#;
        let machine = r#""level":null,"lag_ms":0.25,"cpu_cores":1.5,"descriptors":9,"time_wait":null,"ephemeral_ports":7,"segments_sent":4,"retransmitted":0,"listen_drops":1,"listen_overflows":2"#;
        let series = r#""load_balancer":"app/a/1","period_s":60,"from":"2026-11-24T12:00:00Z","until":"2026-11-24T13:30:00Z","read_at":"2026-11-24T14:00:00Z","status":"final","metrics":{"ConsumedLCUs":[{"at":"2026-11-24T13:00:00Z","value":0.1}]}"#;
        let at = r#""at":"2026-11-24T13:00:03.120Z""#;
        for line in [
            format!(r#"{{{at},"type":"sample",{sample}}}"#),
            format!(r#"{{{at},"type":"sample",{sample},"later":[1,{{"x":2}}]}}"#),
            format!(r#"{{{sample},"type":"sample",{at}}}"#),
            format!(r#"{{{at},"type":"s\u0061mple",{sample}}}"#),
            format!(r#"{{{at},"type":"machine",{machine}}}"#),
            format!(r#"{{{at},"type":"machine"}}"#),
            format!(r#"{{{at},"type":"server_series",{series}}}"#),
            format!(r#"{{{at},"type":"hold_started","level":2}}"#),
            format!(r#"{{{at},"type":"of_tomorrow","level":2}}"#),
        ] {
            let mut bytes = line.clone().into_bytes();
            assert_eq!(parse(&mut bytes).unwrap(), serde_json::from_str(&line).unwrap(), "{line}");
            assert_eq!(bytes, line.as_bytes());
        }
        for damaged in [
            format!(r#"{{{at},"type":"sample","level":1}}"#),
            format!(r#"{{{at},"type":"sample",{sample}"#),
            format!(r#"{{{at},"type":"sample",{sample}}}}}"#),
            format!(r#"{{"type":"sample",{sample}}}"#),
            format!(r#"{{{at},"type":"machine","lag_ms":"x"}}"#),
        ] {
            let said = parse(&mut damaged.clone().into_bytes()).unwrap_err().to_string();
            assert_eq!(said, serde_json::from_str::<Stamped>(&damaged).unwrap_err().to_string(), "{damaged}");
        }
    }

    #[test]
    fn times_are_read_as_the_book_reads_them() {
        let by_the_book = |text: &str| DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
        for text in ["2026-11-24T13:00:03.120Z", "2024-02-29T23:59:59.999Z", "0001-01-01T00:00:00.000Z"] {
            assert_eq!(as_written(text.as_bytes()), by_the_book(text), "{text}");
            assert!(as_written(text.as_bytes()).is_some());
        }
        for text in [
            "2026-11-24T13:00:03Z",
            "2026-11-24T13:00:03.120+01:00",
            "2016-12-31T23:59:60.000Z",
            "2026-02-30T13:00:03.120Z",
            "2026-11-24T24:00:03.120Z",
            "2026-11-24 13:00:03.120Z",
            "2026-11-24T13:00:03.120z",
            "2026-11-24T13:0a:03.120Z",
            "",
        ] {
            assert_eq!(as_written(text.as_bytes()), None, "{text}");
            assert_eq!(time(text.as_bytes()), by_the_book(text), "{text}");
        }
    }
}
