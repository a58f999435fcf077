//! GetLogEvents: pages through a stream in both directions. At either end the token that came is given back.

use std::ops::Bound;

use super::names;
use super::store::{LogEvent, LogStream, Position};
use crate::sim::aws::account::State;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::operation::Call;
use crate::sim::aws::value::{Structure, Value};

/// Events on one page.
const MAX_EVENTS: usize = 10_000;
/// Bytes of messages on one page; the first event always fits.
const MAX_BYTES: usize = 1_048_576;

pub(crate) fn run(
    state: &mut State,
    call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    let group = state.logs.group(names::group_or_identifier(fields)?)?;
    let stream = group.stream(names::stream(fields)?)?;
    let start = fields.integer("startTime")?.unwrap_or(0);
    let end = fields.integer("endTime")?.unwrap_or(i64::MAX);
    let limit = names::limit(fields, MAX_EVENTS)?;
    let reading = match fields.text("nextToken")? {
        Some(token) => {
            Reading::of_token(token).ok_or_else(|| names::refuse("The specified nextToken is invalid."))?
        }
        None if fields.boolean("startFromHead")?.unwrap_or(false) => Reading::Forward(Edge::START),
        None => Reading::Backward(Edge::END),
    };
    let times = start.max(group.expiry(call.now))..end;
    let page = reading.page(stream, &times, limit);
    let events: Vec<Structure> = page
        .iter()
        .map(|(position, event)| {
            Structure::new()
                .with("timestamp", position.timestamp)
                .with("message", &event.message)
                .with("ingestionTime", event.ingested_at.timestamp_millis())
        })
        .collect();
    let (backward, forward) = match (page.first(), page.last()) {
        (Some((first, _)), Some((last, _))) => (Edge::before(**first), Edge::after(**last)),
        _ => {
            let edge = reading.edge_of_nothing();
            (edge, edge)
        }
    };
    Ok(Some(
        Structure::new()
            .with("events", events)
            .with("nextForwardToken", Reading::Forward(forward).token())
            .with("nextBackwardToken", Reading::Backward(backward).token())
            .into(),
    ))
}

/// A place between events: just before a position, or just after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    position: Position,
    after: bool,
}

impl Edge {
    /// Before all events.
    const START: Edge = Edge { position: Position { timestamp: 0, sequence: 0 }, after: false };
    /// After all events.
    const END: Edge = Edge { position: Position { timestamp: i64::MAX, sequence: u64::MAX }, after: true };

    fn before(position: Position) -> Self {
        Edge { position, after: false }
    }

    fn after(position: Position) -> Self {
        Edge { position, after: true }
    }
}

/// A direction, and where it begins.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reading {
    Forward(Edge),
    Backward(Edge),
}

impl Reading {
    /// `f/{timestamp}{sequence}{side}/s`, or `b/...`: like AWS's, made of a long number.
    fn token(self) -> String {
        let (letter, edge) = match self {
            Reading::Forward(edge) => ('f', edge),
            Reading::Backward(edge) => ('b', edge),
        };
        let Position { timestamp, sequence } = edge.position;
        format!("{letter}/{timestamp:020}{sequence:020}{}/s", u8::from(edge.after))
    }

    fn of_token(token: &str) -> Option<Self> {
        let (direction, rest) = token.split_once('/')?;
        let digits = rest.strip_suffix("/s")?;
        if digits.len() != 41 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let edge = Edge {
            position: Position {
                timestamp: digits[..20].parse().ok()?,
                sequence: digits[20..40].parse().ok()?,
            },
            after: &digits[40..] == "1",
        };
        match direction {
            "f" => Some(Reading::Forward(edge)),
            "b" => Some(Reading::Backward(edge)),
            _ => None,
        }
    }

    /// Where an empty page leaves the reader: where it was, so that the same token comes back; but a first read of
    /// an empty stream begins at its start, so that what comes later is not missed.
    fn edge_of_nothing(self) -> Edge {
        match self {
            Reading::Backward(Edge::END) => Edge::START,
            Reading::Forward(edge) | Reading::Backward(edge) => edge,
        }
    }

    /// The next events in this direction, always told in order of time.
    fn page<'a>(
        self,
        stream: &'a LogStream,
        times: &std::ops::Range<i64>,
        limit: usize,
    ) -> Vec<(&'a Position, &'a LogEvent)> {
        let bound = |edge: Edge, lower: bool| match edge.after == lower {
            true => Bound::Excluded(edge.position),
            false => Bound::Included(edge.position),
        };
        let wanted = |(position, _): &(&Position, &LogEvent)| times.contains(&position.timestamp);
        let mut bytes = 0;
        let mut count = 0;
        let fits = |(_, event): &(&Position, &LogEvent)| {
            bytes += event.message.len();
            count += 1;
            count <= limit && (count == 1 || bytes <= MAX_BYTES)
        };
        match self {
            Reading::Forward(edge) => stream
                .events
                .range((bound(edge, true), Bound::Unbounded))
                .filter(wanted)
                .take_while(fits)
                .collect(),
            Reading::Backward(edge) => {
                let mut page: Vec<_> = stream
                    .events
                    .range((Bound::Unbounded, bound(edge, false)))
                    .rev()
                    .filter(wanted)
                    .take_while(fits)
                    .collect();
                page.reverse();
                page
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-03-31T12:00:00Z".parse().unwrap()
    }

    /// Events at 1, 2, 2, 3, 4 ms, named in order of time.
    fn stream() -> LogStream {
        let mut stream = LogStream::new(now());
        for (timestamp, message) in [(3, "d"), (1, "a"), (2, "b"), (2, "c"), (4, "e")] {
            stream.add(timestamp, message.to_owned(), now());
        }
        stream
    }

    fn text(reading: Reading, limit: usize) -> String {
        reading
            .page(&stream(), &(0..i64::MAX), limit)
            .into_iter()
            .map(|(_, event)| event.message.as_str())
            .collect()
    }

    fn edge(timestamp: i64, sequence: u64, after: bool) -> Edge {
        Edge { position: Position { timestamp, sequence }, after }
    }

    #[test]
    fn both_directions_tell_in_order_of_time() {
        assert_eq!(text(Reading::Forward(Edge::START), 2), "ab");
        assert_eq!(text(Reading::Backward(Edge::END), 2), "de");
        // "b" was the third to come in.
        assert_eq!(text(Reading::Forward(edge(2, 2, true)), 9), "cde");
        assert_eq!(text(Reading::Forward(edge(2, 2, false)), 9), "bcde");
        assert_eq!(text(Reading::Backward(edge(2, 2, true)), 9), "ab");
        assert_eq!(text(Reading::Backward(edge(2, 2, false)), 9), "a");
        assert_eq!(text(Reading::Forward(edge(4, 4, true)), 9), "");
    }

    #[test]
    fn a_page_ends_before_it_is_too_large() {
        let mut stream = LogStream::new(now());
        for timestamp in 0..3 {
            stream.add(timestamp, "m".repeat(MAX_BYTES / 2 + 1), now());
        }
        stream.add(9, "m".repeat(MAX_BYTES + 1), now());
        let forward = Reading::Forward(Edge::START).page(&stream, &(0..9), 10);
        assert_eq!(forward.len(), 1);
        let large = Reading::Backward(Edge::END).page(&stream, &(0..10), 10);
        assert_eq!(large.len(), 1);
    }

    #[test]
    fn tokens_are_read_again_and_others_refused() {
        for reading in [
            Reading::Forward(Edge::START),
            Reading::Backward(Edge::END),
            Reading::Forward(edge(1_700_000_000_000, 7, true)),
        ] {
            assert_eq!(Reading::of_token(&reading.token()), Some(reading));
        }
        for token in ["", "f/1/s", "x/00000000000000000000000000000000000000001/s", "ü"] {
            assert_eq!(Reading::of_token(token), None, "{token}");
        }
        let too_long = format!("f/{}/s", "9".repeat(41));
        assert_eq!(Reading::of_token(&too_long), None);
    }
}
