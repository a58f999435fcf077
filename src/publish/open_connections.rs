//! The connections that were open over time, for CloudWatch to lay beside `ActiveConnectionCount`.

use std::collections::BTreeMap;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

use super::metrics::{Datum, Unit};
use super::{Extent, by_aws};
use crate::record::Run;

/// The metric's name.
const NAME: &str = "OpenConnections";

/// How many connections the samples found open, by the minute or by the second: in each the different numbers, and how
/// often each was seen, so that CloudWatch has their minimum, mean and maximum. Stamped with the beginning, as
/// CloudWatch's own periods are (aws-facts.md §2), of `clock_ahead`'s correction. Of a run that still goes on the minute
/// (second) that is not over is left out.
pub(super) fn open_connections(
    run: &Run,
    clock_ahead: TimeDelta,
    high_resolution: bool,
    extent: Extent,
) -> Vec<Datum> {
    let covers = if high_resolution { TimeDelta::seconds(1) } else { TimeDelta::minutes(1) };
    // A time that can't be rounded lies centuries away: it is no time of a run.
    let begins =
        |at: DateTime<Utc>| by_aws(at, clock_ahead).duration_trunc(covers).unwrap_or(DateTime::UNIX_EPOCH);
    let mut seen: BTreeMap<DateTime<Utc>, BTreeMap<u32, u32>> = BTreeMap::new();
    for (at, sample) in &run.samples {
        *seen.entry(begins(*at)).or_default().entry(sample.open).or_default() += 1;
    }
    if extent == Extent::SoFar {
        let under_way = begins(run.last_at);
        seen.retain(|begin, _| *begin < under_way);
    }
    seen.into_iter()
        .map(|(at, open)| Datum {
            name: NAME,
            dimensions: Vec::new(),
            at,
            covers,
            unit: Unit::Count,
            values: open.keys().copied().map(f64::from).collect(),
            counts: open.values().copied().map(f64::from).collect(),
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::judge::testing::example;
    use crate::record::Sample;

    /// A run with so many connections open at the given seconds after 13:00:00.
    fn run(samples: &[(i64, u32)]) -> Run {
        let mut run = example().run();
        let start: DateTime<Utc> = "2026-11-24T13:00:00Z".parse().unwrap();
        run.samples = samples
            .iter()
            .map(|(second, open)| {
                (start + TimeDelta::seconds(*second), Sample { open: *open, ..Sample::default() })
            })
            .collect();
        run.last_at = run.samples.last().unwrap().0;
        run
    }

    fn seen(data: &[Datum]) -> Vec<(String, Vec<f64>, Vec<f64>)> {
        data.iter()
            .map(|datum| (datum.at.format("%T").to_string(), datum.values.clone(), datum.counts.clone()))
            .collect()
    }

    #[test]
    fn a_minute_holds_all_that_was_seen_in_it() {
        let run = run(&[(0, 0), (1, 50), (2, 50), (59, 49), (60, 48)]);
        let data = open_connections(&run, TimeDelta::zero(), false, Extent::Whole);
        assert_eq!(
            seen(&data),
            [
                ("13:00:00".to_owned(), vec![0.0, 49.0, 50.0], vec![1.0, 1.0, 2.0]),
                ("13:01:00".to_owned(), vec![48.0], vec![1.0])
            ]
        );
        assert_eq!(data[0].resolution_s(), 60);
        assert_eq!(data[0].until().format("%T%.3f").to_string(), "13:00:59.999");
        let so_far = open_connections(&run, TimeDelta::zero(), false, Extent::SoFar);
        assert_eq!(so_far, data[..1], "the second minute is not over");
    }

    #[test]
    fn a_second_is_kept_as_one() {
        let data = open_connections(&run(&[(0, 0), (1, 50)]), TimeDelta::zero(), true, Extent::Whole);
        assert_eq!(data.iter().map(Datum::resolution_s).collect::<Vec<_>>(), [1, 1]);
        assert_eq!(data[1].until().format("%T%.3f").to_string(), "13:00:01.999");
    }

    #[test]
    fn minutes_are_aws_s() {
        let data =
            open_connections(&run(&[(30, 50), (31, 50)]), TimeDelta::seconds(31), false, Extent::Whole);
        let begins: Vec<String> = data.iter().map(|datum| datum.at.format("%T").to_string()).collect();
        assert_eq!(begins, ["12:59:00", "13:00:00"]);
    }
}
