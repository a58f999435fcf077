//! PutLogEvents: a batch is taken or refused as a whole, but events at the wrong time are dropped from one that is
//! taken, and only the answer tells (aws-facts.md §7).

use chrono::{DateTime, Duration, Utc};

use super::names;
use super::store::no_stream;
use crate::sim::aws::account::State;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::operation::Call;
use crate::sim::aws::value::{Structure, Value};

/// Events of one batch.
const MAX_EVENTS: usize = 10_000;
/// Bytes of one batch, and of one event: UTF-8 and `EVENT_OVERHEAD` for each event.
const MAX_BYTES: usize = 1_048_576;
/// Bytes that an event counts besides its message.
const EVENT_OVERHEAD: usize = 26;
/// Older events are dropped.
const OLDEST: Duration = Duration::days(14);
/// Events further ahead of the clock are dropped.
const NEWEST: Duration = Duration::hours(2);
/// The time between the first and the last event that is not dropped.
const MAX_SPAN: Duration = Duration::hours(24);

/// Tokens are not checked any more, but still given out.
const SEQUENCE_TOKEN: &str = "49590302318484562541480837123456789012345678901234567890";

pub(crate) fn run(
    state: &mut State,
    call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    let (group, stream) = (names::group(fields)?, names::stream(fields)?);
    let batch = read(fields)?;
    let group = state.logs.group_mut(group)?;
    let expiry = group.expiry(call.now);
    let stream = group.streams.get_mut(stream).ok_or_else(no_stream)?;
    let sorting = sort_out(&batch, call.now, expiry)?;
    for (timestamp, message) in &batch[sorting.kept.clone()] {
        stream.add(*timestamp, (*message).to_owned(), call.now);
    }
    Ok(Some(
        Structure::new()
            .with("nextSequenceToken", SEQUENCE_TOKEN)
            .with_some("rejectedLogEventsInfo", sorting.rejected())
            .into(),
    ))
}

type Batch<'a> = Vec<(i64, &'a str)>;

fn read<'a>(fields: &Fields<'a>) -> Result<Batch<'a>, AwsError> {
    let batch: Batch<'a> =
        fields.structures("logEvents")?.iter().map(read_event).collect::<Result<_, _>>()?;
    if !(1..=MAX_EVENTS).contains(&batch.len()) {
        return Err(names::refuse(format!(
            "1 validation error detected: Value at 'logEvents' failed to satisfy constraint: \
             Member must have length between 1 and {MAX_EVENTS}, inclusive"
        )));
    }
    let bytes: usize = batch.iter().map(|(_, message)| size(message)).sum();
    if bytes > MAX_BYTES {
        return Err(names::refuse(format!("Upload too large: {bytes} bytes exceeds limit of {MAX_BYTES}")));
    }
    if batch.windows(2).any(|pair| pair[0].0 > pair[1].0) {
        return Err(names::refuse(
            "Log events in a single PutLogEvents request must be in chronological order.",
        ));
    }
    Ok(batch)
}

fn size(message: &str) -> usize {
    message.len() + EVENT_OVERHEAD
}

fn read_event<'a>(fields: &Fields<'a>) -> Result<(i64, &'a str), AwsError> {
    let timestamp = fields.integer("timestamp")?.ok_or_else(|| names::missing(&fields.path("timestamp")))?;
    if timestamp < 0 {
        return Err(names::constraint(
            timestamp,
            &fields.path("timestamp"),
            "Member must have value greater than or equal to 0",
        ));
    }
    let message = fields.text("message")?.ok_or_else(|| names::missing(&fields.path("message")))?;
    if message.is_empty() {
        return Err(names::constraint(
            "",
            &fields.path("message"),
            "Member must have length greater than or equal to 1",
        ));
    }
    if size(message) > MAX_BYTES {
        return Err(names::refuse(format!(
            "Log event too large: {} bytes exceeds limit of {MAX_BYTES}",
            size(message)
        )));
    }
    Ok((timestamp, message))
}

/// Which events of an ordered batch are kept; those before and after are not.
#[derive(Debug, PartialEq)]
struct Sorting {
    kept: std::ops::Range<usize>,
    too_old: usize,
    total: usize,
}

fn sort_out(batch: &Batch<'_>, now: DateTime<Utc>, expiry: i64) -> Result<Sorting, AwsError> {
    let before = |limit: i64| batch.partition_point(|(timestamp, _)| *timestamp < limit);
    let too_old = before((now - OLDEST).timestamp_millis());
    let expired = before(expiry);
    let too_new = before((now + NEWEST).timestamp_millis().saturating_add(1));
    let start = too_old.max(expired);
    let kept = start..too_new.max(start);
    if let [(first, _), .., (last, _)] = batch[kept.clone()]
        && last - first > MAX_SPAN.num_milliseconds()
    {
        return Err(names::refuse(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ));
    }
    Ok(Sorting { kept, too_old, total: batch.len() })
}

impl Sorting {
    /// Indexes of what was dropped: the two ends are exclusive, the start is inclusive.
    fn rejected(&self) -> Option<Structure> {
        let index = |index: usize| i64::try_from(index).unwrap_or(i64::MAX);
        let Sorting { kept, too_old, total } = self;
        if kept.len() == *total {
            return None;
        }
        Some(
            Structure::new()
                .with_some("tooNewLogEventStartIndex", (kept.end < *total).then(|| index(kept.end)))
                .with_some("tooOldLogEventEndIndex", (*too_old > 0).then(|| index(*too_old)))
                .with_some("expiredLogEventEndIndex", (kept.start > *too_old).then(|| index(kept.start))),
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;

    fn now() -> DateTime<Utc> {
        "2026-03-31T12:00:00Z".parse().unwrap()
    }

    /// Sorts events at these milliseconds from now; with a retention of so many days.
    fn sort(offsets: &[i64], retention: Option<i64>) -> Result<Sorting, AwsError> {
        let batch: Batch<'_> =
            offsets.iter().map(|offset| (now().timestamp_millis() + offset, "m")).collect();
        let expiry = retention.map_or(i64::MIN, |days| now().timestamp_millis() - days * DAY);
        sort_out(&batch, now(), expiry)
    }

    fn indexes(sorting: &Sorting) -> [Option<i64>; 3] {
        let rejected = sorting.rejected().map(Value::from).unwrap_or(Value::Null);
        let fields = Fields::of(&rejected).unwrap();
        ["tooOldLogEventEndIndex", "expiredLogEventEndIndex", "tooNewLogEventStartIndex"]
            .map(|name| fields.integer(name).unwrap())
    }

    #[test]
    fn events_at_the_wrong_time_are_dropped_and_told() {
        for (offsets, retention, kept, told) in [
            (vec![0, 1], None, 0..2, [None, None, None]),
            (vec![-14 * DAY, -13 * DAY - 1], None, 0..2, [None, None, None]),
            (vec![-14 * DAY - 1, -HOUR, 0], None, 1..3, [Some(1), None, None]),
            (vec![0, 2 * HOUR, 2 * HOUR + 1], None, 0..2, [None, None, Some(2)]),
            (vec![-15 * DAY, -2 * DAY, -HOUR, 3 * HOUR], Some(1), 2..3, [Some(1), Some(2), Some(3)]),
            (vec![-2 * DAY], Some(1), 1..1, [None, Some(1), None]),
            (vec![3 * HOUR], None, 0..0, [None, None, Some(0)]),
            (vec![-15 * DAY], None, 1..1, [Some(1), None, None]),
        ] {
            let sorting = sort(&offsets, retention).unwrap();
            assert_eq!(sorting.kept, kept, "{offsets:?}");
            assert_eq!(indexes(&sorting), told, "{offsets:?}");
        }
    }

    #[test]
    fn the_span_is_that_of_the_kept_events() {
        assert!(sort(&[-DAY, 0], None).is_ok());
        assert!(sort(&[-DAY - 1, 0], None).is_err());
        assert!(sort(&[-30 * DAY, -DAY, 0, 3 * HOUR], None).is_ok());
    }

    fn batch(events: Vec<(i64, String)>) -> Result<usize, AwsError> {
        let events: Vec<Structure> = events
            .into_iter()
            .map(|(timestamp, message)| {
                Structure::new().with("timestamp", timestamp).with("message", message)
            })
            .collect();
        let request = Value::from(Structure::new().with("logEvents", events));
        read(&Fields::of(&request).unwrap()).map(|batch| batch.len())
    }

    #[test]
    fn limits_are_exact() {
        let full = MAX_BYTES - EVENT_OVERHEAD;
        for (events, fits) in [
            (vec![], false),
            (vec![(0, "m".to_owned()); 10_000], true),
            (vec![(0, "m".to_owned()); 10_001], false),
            (vec![(0, "m".repeat(full))], true),
            (vec![(0, "m".repeat(full + 1))], false),
            (vec![(0, "ü".repeat(full / 2))], true),
            (vec![(0, "m".repeat(full - 27)), (0, "m".to_owned())], true),
            (vec![(0, "m".repeat(full - 26)), (0, "m".to_owned())], false),
            (vec![(2, "m".to_owned()), (1, "m".to_owned())], false),
            (vec![(1, "m".to_owned()), (1, "m".to_owned())], true),
            (vec![(0, String::new())], false),
            (vec![(-1, "m".to_owned())], false),
        ] {
            let shown = format!("{} events", events.len());
            let outcome = batch(events);
            assert_eq!(outcome.is_ok(), fits, "{shown}: {:?}", outcome.err());
        }
    }
}
