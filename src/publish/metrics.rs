//! What a run's custom metrics say, as plain data (aws-facts.md §6). What is not known is not there.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::judge::{Judged, JudgedLevel, Outcome};
use crate::record::Histogram;

/// The most different values that one datum carries.
const MAX_VALUES: usize = 150;

/// What a value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Of a hundred.
    Percent,
    /// Time.
    Milliseconds,
    /// A ratio, or a yes and no.
    None,
}

/// One datum: values of a metric at one time, each with how often it was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    /// The metric.
    pub name: &'static str,
    /// Its own dimensions, besides those that all of a run's data share.
    pub dimensions: Vec<(&'static str, String)>,
    /// When.
    pub at: DateTime<Utc>,
    /// Of what.
    pub unit: Unit,
    /// Different values, ascending, at most 150, none of them NaN or infinite.
    pub values: Vec<f64>,
    /// How often each was seen; as many as there are values.
    pub counts: Vec<f64>,
}

/// The data of a run's levels, in order, and then of the run itself. The same record gives the same data.
pub fn metric_data(judged: &Judged<'_>) -> Vec<Datum> {
    let mut data: Vec<Datum> = judged.levels.iter().flat_map(level_data).collect();
    data.extend(run_data(judged));
    data
}

/// A level's data; none for one whose end is not in the record.
fn level_data(level: &JudgedLevel<'_>) -> Vec<Datum> {
    let Some(at) = level.run.ended_at else { return Vec::new() };
    let of_level = vec![("Level", level.connections().to_string())];
    let one = |name, unit, value| single(name, of_level.clone(), at, unit, value);
    let mut data = Vec::new();
    data.extend(one("ConnectionsAttempted", Unit::Count, Some(f64::from(level.connections()))));
    data.extend(one("ConnectionsHeld", Unit::Count, level.held.map(f64::from)));
    data.extend(one("SuccessRate", Unit::Percent, level.success_rate.map(|rate| rate * 100.0)));
    for (name, latencies) in
        [("ConnectLatency", &level.run.connect_us), ("HeartbeatLatency", &level.run.heartbeat_rtt_us)]
    {
        data.extend(latency_data(name, &of_level, at, latencies));
    }
    let mut kinds: BTreeMap<String, u32> = BTreeMap::new();
    for failures in &level.failures {
        *kinds.entry(failures.kind.to_string()).or_default() += failures.count;
    }
    for (kind, count) in kinds {
        let mut dimensions = of_level.clone();
        dimensions.push(("Kind", kind));
        data.extend(single("Failures", dimensions, at, Unit::Count, Some(f64::from(count))));
    }
    data
}

/// What is said of the run as a whole, at the time its load ended.
fn run_data(judged: &Judged<'_>) -> Vec<Datum> {
    let at = judged.run.load_ended_at();
    let judged_any = judged.levels.iter().any(|level| level.passed.is_some());
    let limit = |connections: u32| judged_any.then(|| f64::from(connections));
    let factor = judged.correlation.as_ref().and_then(|correlation| correlation.active.factor);
    let verdict = match judged.verdict.outcome {
        Outcome::Agrees => Some(1.0),
        Outcome::Disagrees => Some(0.0),
        _ => None,
    };
    [
        ("MaxReliable", Unit::Count, limit(judged.capacity.max_reliable)),
        ("SafeLimit", Unit::Count, limit(judged.capacity.safe_limit)),
        ("ConnectionFactor", Unit::None, factor),
        ("Verdict", Unit::None, verdict),
    ]
    .into_iter()
    .filter_map(|(name, unit, value)| single(name, Vec::new(), at, unit, value))
    .collect()
}

/// Latencies with their counts, so that percentiles stay possible: a datum for every 150 different ones.
fn latency_data(
    name: &'static str,
    dimensions: &[(&'static str, String)],
    at: DateTime<Utc>,
    latencies: &Histogram,
) -> Vec<Datum> {
    let seen = latencies.values_ms();
    seen.chunks(MAX_VALUES)
        .map(|part| Datum {
            name,
            dimensions: dimensions.to_vec(),
            at,
            unit: Unit::Milliseconds,
            values: part.iter().map(|(value, _)| *value).collect(),
            counts: part.iter().map(|(_, count)| *count).collect(),
        })
        .collect()
}

/// A datum of one value, where it is known and a number.
fn single(
    name: &'static str,
    dimensions: Vec<(&'static str, String)>,
    at: DateTime<Utc>,
    unit: Unit,
    value: Option<f64>,
) -> Option<Datum> {
    let value = value.filter(|value| value.is_finite())?;
    Some(Datum { name, dimensions, at, unit, values: vec![value], counts: vec![1.0] })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::judge::judge;
    use crate::judge::testing::example;

    #[test]
    fn levels_and_run_say_what_the_judge_says() {
        let run = example().run();
        let judged = judge(&run);
        let data = metric_data(&judged);
        for level in &judged.levels {
            let own = level.connections().to_string();
            let of = |name| {
                data.iter().find(|datum| datum.name == name && datum.dimensions == [("Level", own.clone())])
            };
            assert_eq!(of("ConnectionsAttempted").unwrap().values, [f64::from(level.connections())]);
            assert_eq!(of("ConnectionsHeld").map(|datum| datum.values[0]), level.held.map(f64::from));
            let connected: f64 = data
                .iter()
                .filter(|datum| datum.name == "ConnectLatency" && datum.dimensions[0].1 == own)
                .flat_map(|datum| datum.counts.iter())
                .sum();
            #[allow(clippy::cast_precision_loss)]
            let recorded = level.run.connect_us.count() as f64;
            assert!((connected - recorded).abs() < 0.5, "{connected} of {recorded}");
        }
        let limit = data.iter().find(|datum| datum.name == "MaxReliable").unwrap();
        assert_eq!(limit.values, [f64::from(judged.capacity.max_reliable)]);
        assert!(limit.dimensions.is_empty());
        assert_eq!(data, metric_data(&judged));
    }

    #[test]
    fn latencies_are_cut_at_150_values_and_none_is_lost() {
        let mut latencies = Histogram::default();
        for ms in 1..=301 {
            latencies.record(Duration::from_millis(ms));
            latencies.record(Duration::from_millis(ms));
        }
        let data = latency_data("ConnectLatency", &[], DateTime::UNIX_EPOCH, &latencies);
        let sizes: Vec<usize> = data.iter().map(|datum| datum.values.len()).collect();
        assert_eq!(sizes, [150, 150, 1]);
        assert!(data.iter().flat_map(|datum| &datum.counts).all(|count| (count - 2.0).abs() < 0.1));
    }

    #[test]
    fn what_is_unknown_or_no_number_is_not_there() {
        for value in [None, Some(f64::NAN), Some(f64::INFINITY)] {
            assert_eq!(single("x", vec![], DateTime::UNIX_EPOCH, Unit::None, value), None);
        }
    }
}
