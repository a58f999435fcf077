//! Custom metrics as log events in the embedded metric format, out of which CloudWatch takes them by itself
//! (aws-facts.md §7).

use serde_json::{Map, Value, json};

use super::log_events::LogEvent;
use super::metrics::Datum;

/// The most numbers of a metric in one event (aws-facts.md §7).
const MAX_NUMBERS: usize = 100;

/// The format has numbers, and no counts beside them: the latencies of millions of heartbeats would be as many. Beyond so
/// many of a metric, that many are sent which stand for all: percentiles stay what they were to a thousandth, only
/// their number does not.
const MOST_NUMBERS: usize = 1_000;

/// The data as log events, those of the same time and dimensions together. `shared` are the dimensions that all have.
pub(super) fn embedded(
    data: &[Datum],
    shared: &[(String, String)],
    namespace: &str,
    run: &str,
) -> Vec<LogEvent> {
    let mut events = Vec::new();
    let together = |one: &Datum, next: &Datum| {
        (&one.dimensions, one.at, one.covers) == (&next.dimensions, next.at, next.covers)
    };
    for group in data.chunk_by(together) {
        let numbers: Vec<Vec<f64>> = group.iter().map(numbers).collect();
        let most = numbers.iter().map(|numbers| numbers.chunks(MAX_NUMBERS).len()).max().unwrap_or(0);
        for part in 0..most {
            let told: Vec<(&Datum, &[f64])> = group
                .iter()
                .zip(&numbers)
                .filter_map(|(datum, numbers)| Some((datum, numbers.chunks(MAX_NUMBERS).nth(part)?)))
                .collect();
            let series = format!("metrics {} {part}", group[0].series());
            let message = message(&told, shared, namespace, run);
            let complete = if part + 1 == most { group } else { &[] };
            let metrics = complete.iter().map(Datum::sent).collect();
            events.push(LogEvent { at: group[0].at, message, series, metrics: Some(metrics) });
        }
    }
    events
}

/// Every value as often as it was seen, or [`MOST_NUMBERS`] that stand for them, each at the middle of its share.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
fn numbers(datum: &Datum) -> Vec<f64> {
    let seen: f64 = datum.counts.iter().sum();
    let wanted = (seen.round() as usize).min(MOST_NUMBERS);
    let (mut place, mut below) = (0, 0.0);
    let mut numbers: Vec<f64> = (0..wanted)
        .map(|number| {
            let rank = (number as f64 + 0.5) / wanted as f64 * seen;
            while place + 1 < datum.values.len() && below + datum.counts[place] < rank {
                below += datum.counts[place];
                place += 1;
            }
            datum.values[place]
        })
        .collect();
    // The least and the most are kept, whatever share they have.
    if let ([first, .., last], [least, .., most]) = (&mut numbers[..], &datum.values[..]) {
        (*first, *last) = (*least, *most);
    }
    numbers
}

fn message(told: &[(&Datum, &[f64])], shared: &[(String, String)], namespace: &str, run: &str) -> String {
    let first = told[0].0;
    let own = first.dimensions.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    let dimensions: Vec<(String, String)> = shared.iter().cloned().chain(own).collect();
    let names: Vec<&String> = dimensions.iter().map(|(name, _)| name).collect();
    let metrics: Vec<Value> = told
        .iter()
        .map(|(datum, _)| {
            json!({"Name": datum.name, "Unit": datum.unit.as_str(), "StorageResolution": datum.resolution_s()})
        })
        .collect();
    let mut root = Map::new();
    root.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": first.at.timestamp_millis(),
            "CloudWatchMetrics": [{"Namespace": namespace, "Dimensions": [names], "Metrics": metrics}],
        }),
    );
    root.insert("type".to_owned(), json!("metrics"));
    root.insert("run".to_owned(), json!(run));
    for (datum, numbers) in told {
        let value = if let [one] = numbers { json!(one) } else { json!(numbers) };
        root.insert(datum.name.to_owned(), value);
    }
    root.extend(dimensions.iter().map(|(name, value)| (name.clone(), json!(value))));
    Value::Object(root).to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::super::metrics::Unit;
    use super::*;

    fn datum(name: &'static str, level: &str, values: &[f64], counts: &[f64]) -> Datum {
        Datum {
            name,
            dimensions: vec![("Level", level.to_owned())],
            at: DateTime::from_timestamp(1_764_000_000, 0).unwrap(),
            covers: TimeDelta::zero(),
            unit: Unit::Count,
            values: values.to_vec(),
            counts: counts.to_vec(),
        }
    }

    #[test]
    fn what_has_time_and_dimensions_in_common_is_one_event() {
        let data = [
            datum("A", "50", &[1.0], &[1.0]),
            datum("B", "50", &[2.0], &[3.0]),
            datum("A", "100", &[5.0], &[1.0]),
        ];
        let shared = [("LoadBalancer".to_owned(), "app/a/1".to_owned())];
        let events = embedded(&data, &shared, "albcap", "r");
        assert_eq!(events.len(), 2);
        let first: Value = serde_json::from_str(&events[0].message).unwrap();
        assert_eq!(
            first,
            json!({
                "_aws": {"Timestamp": 1_764_000_000_000_i64, "CloudWatchMetrics": [{
                    "Namespace": "albcap",
                    "Dimensions": [["LoadBalancer", "Level"]],
                    "Metrics": [
                        {"Name": "A", "Unit": "Count", "StorageResolution": 60},
                        {"Name": "B", "Unit": "Count", "StorageResolution": 60}
                    ]
                }]},
                "type": "metrics", "run": "r", "LoadBalancer": "app/a/1", "Level": "50",
                "A": 1.0, "B": [2.0, 2.0, 2.0]
            })
        );
        assert_eq!(events[0].metrics.as_ref().map(Vec::len), Some(2));
    }

    #[test]
    fn more_than_a_hundred_numbers_take_several_events_and_count_with_the_last() {
        let many = datum("A", "50", &[1.0, 2.0], &[150.0, 100.0]);
        let events = embedded(&[many.clone(), datum("B", "50", &[7.0], &[1.0])], &[], "albcap", "r");
        let lengths: Vec<usize> = events
            .iter()
            .map(|event| {
                serde_json::from_str::<Value>(&event.message).unwrap()["A"].as_array().unwrap().len()
            })
            .collect();
        assert_eq!(lengths, [100, 100, 50]);
        let complete: Vec<usize> = events.iter().map(|event| event.metrics.as_ref().unwrap().len()).collect();
        assert_eq!(complete, [0, 0, 2]);
        let in_which = events.iter().filter(|event| event.message.contains("\"B\":")).count();
        assert_eq!(in_which, 1, "a single value is told once");
    }

    #[test]
    #[allow(clippy::float_cmp)]
    fn a_thousand_numbers_stand_for_more() {
        let all = numbers(&datum("A", "50", &[1.0, 2.0, 3.0], &[900_000.0, 99_000.0, 1_000.0]));
        let of = |value: f64| all.iter().filter(|number| **number == value).count();
        assert_eq!((all.len(), of(1.0), of(2.0), of(3.0)), (1_000, 900, 99, 1));
        assert_eq!(numbers(&datum("A", "50", &[4.0], &[3.0])), [4.0, 4.0, 4.0]);
        let extremes = numbers(&datum("A", "50", &[0.5, 1.0, 9.0], &[1.0, 1_000_000.0, 1.0]));
        assert_eq!((extremes[0], extremes[1], extremes[999]), (0.5, 1.0, 9.0));
    }
}
