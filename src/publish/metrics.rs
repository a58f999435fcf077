//! What a run's custom metrics say, as plain data (aws-facts.md §6). What is not known is not there.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::Extent;
use crate::judge::{Judged, JudgedLevel, Outcome};
use crate::record::{Histogram, Sent};

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

/// Values of a metric at one time, each with how often it was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    /// The metric.
    pub name: &'static str,
    /// Its own dimensions, besides those that all of a run's data share.
    pub dimensions: Vec<(&'static str, String)>,
    /// When, by AWS's clock; the beginning of what it covers.
    pub at: DateTime<Utc>,
    /// How long a time it covers: none, a second or a minute.
    pub covers: TimeDelta,
    /// Of what.
    pub unit: Unit,
    /// Different values, ascending, none of them NaN or infinite.
    pub values: Vec<f64>,
    /// How often each was seen; as many as there are values.
    pub counts: Vec<f64>,
}

/// All the metrics that there are.
pub(super) const NAMES: [&str; 11] = [
    "ConnectionsAttempted",
    "ConnectionsHeld",
    "SuccessRate",
    "ConnectLatency",
    "HeartbeatLatency",
    "Failures",
    "MaxReliable",
    "SafeLimit",
    "ConnectionFactor",
    "Verdict",
    "OpenConnections",
];

/// The most different values that one entry of a request carries (aws-facts.md §6).
pub(super) const MAX_VALUES: usize = 150;

impl Unit {
    /// As AWS writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Unit::Count => "Count",
            Unit::Percent => "Percent",
            Unit::Milliseconds => "Milliseconds",
            Unit::None => "None",
        }
    }
}

impl Datum {
    /// Which metric it is of, its own dimensions included: `Failures{Level=50,Kind=eof}`.
    #[must_use]
    pub fn series(&self) -> String {
        let own: Vec<String> =
            self.dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if own.is_empty() { self.name.to_owned() } else { format!("{}{{{}}}", self.name, own.join(",")) }
    }

    /// The end of what it covers, which is part of it.
    #[must_use]
    pub fn until(&self) -> DateTime<Utc> {
        let covered =
            self.covers.checked_sub(&TimeDelta::milliseconds(1)).unwrap_or_default().max(TimeDelta::zero());
        self.at.checked_add_signed(covered).unwrap_or(self.at)
    }

    /// Itself, as a receipt names it.
    pub(super) fn sent(&self) -> Sent {
        Sent { series: self.series(), from: self.at, until: self.until() }
    }

    /// One second or one minute: how finely CloudWatch is to keep it.
    #[must_use]
    pub fn resolution_s(&self) -> i32 {
        if self.covers == TimeDelta::seconds(1) { 1 } else { 60 }
    }

    /// Its values and counts, in pieces that AWS takes.
    pub fn pieces(&self) -> impl Iterator<Item = (&[f64], &[f64])> {
        self.values.chunks(MAX_VALUES).zip(self.counts.chunks(MAX_VALUES))
    }
}

/// How many custom metrics a run of so many levels has at least; each kind of failure is one more.
#[must_use]
pub fn expected_metrics(levels: u64) -> u64 {
    const OF_A_LEVEL: u64 = 5;
    const OF_THE_RUN: u64 = 5;
    levels * OF_A_LEVEL + OF_THE_RUN
}

/// The data of a run's levels, in order, and then of the run itself, where it is over. The same record gives the same
/// data. Times are by this machine's clock.
pub(super) fn levels_and_run(judged: &Judged<'_>, extent: Extent) -> Vec<Datum> {
    let mut data: Vec<Datum> = judged.levels.iter().flat_map(level_data).collect();
    if extent == Extent::Whole {
        data.extend(run_data(judged));
    }
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
    let factor = judged.correlation.as_ref().and_then(|correlation| correlation.active.factor);
    let verdict = match judged.verdict.outcome {
        Outcome::Agrees => Some(1.0),
        Outcome::Disagrees => Some(0.0),
        _ => None,
    };
    [
        ("MaxReliable", Unit::Count, judged.capacity.max_reliable.map(f64::from)),
        ("SafeLimit", Unit::Count, judged.capacity.safe_limit.map(f64::from)),
        ("ConnectionFactor", Unit::None, factor),
        ("Verdict", Unit::None, verdict),
    ]
    .into_iter()
    .filter_map(|(name, unit, value)| single(name, Vec::new(), at, unit, value))
    .collect()
}

/// Latencies with their counts, so that percentiles stay possible; `None` where there are none.
fn latency_data(
    name: &'static str,
    dimensions: &[(&'static str, String)],
    at: DateTime<Utc>,
    latencies: &Histogram,
) -> Option<Datum> {
    let (values, counts): (Vec<f64>, Vec<f64>) = latencies.values_ms().into_iter().unzip();
    let dimensions = dimensions.to_vec();
    let covers = TimeDelta::zero();
    (!values.is_empty()).then_some(Datum {
        name,
        dimensions,
        at,
        covers,
        unit: Unit::Milliseconds,
        values,
        counts,
    })
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
    let covers = TimeDelta::zero();
    Some(Datum { name, dimensions, at, covers, unit, values: vec![value], counts: vec![1.0] })
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
        let data = levels_and_run(&judged, Extent::Whole);
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
        assert_eq!(limit.values, [f64::from(judged.capacity.max_reliable.unwrap())]);
        assert!(limit.dimensions.is_empty());
        assert_eq!(data, levels_and_run(&judged, Extent::Whole));
        let so_far = levels_and_run(&judged, Extent::SoFar);
        assert_eq!(data[..so_far.len()], so_far);
        assert!(
            so_far.iter().all(|datum| !datum.dimensions.is_empty()),
            "what is of the run comes at its end"
        );
    }

    #[test]
    fn latencies_go_in_pieces_of_150_values_and_none_is_lost() {
        let mut latencies = Histogram::default();
        for ms in 1..=301 {
            latencies.record(Duration::from_millis(ms));
            latencies.record(Duration::from_millis(ms));
        }
        let datum = latency_data("ConnectLatency", &[], DateTime::UNIX_EPOCH, &latencies).unwrap();
        let sizes: Vec<(usize, usize)> =
            datum.pieces().map(|(values, counts)| (values.len(), counts.len())).collect();
        assert_eq!(sizes, [(150, 150), (150, 150), (1, 1)]);
        assert!(datum.counts.iter().all(|count| (count - 2.0).abs() < 0.1));
        assert_eq!(latency_data("ConnectLatency", &[], DateTime::UNIX_EPOCH, &Histogram::default()), None);
    }

    #[test]
    fn what_is_unknown_or_no_number_is_not_there() {
        for value in [None, Some(f64::NAN), Some(f64::INFINITY)] {
            assert_eq!(single("x", vec![], DateTime::UNIX_EPOCH, Unit::None, value), None);
        }
    }
}
