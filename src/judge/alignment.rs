//! The clients' side on CloudWatch's grid: how many connections were open in each period.

use chrono::{DateTime, TimeDelta, Utc};

use super::clock::Clock;
use crate::plan::{Period, later};
use crate::record::{OpenAt, Run};

/// How many connections the clients had open during one period. How an ALB samples within a period is not documented,
/// so all three are kept; and since what changed between two samples may have changed at any time between them, the
/// first sample after the period counts among its extremes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ClientPeriod {
    /// The fewest at any time.
    pub(super) min: f64,
    /// Weighted by time.
    pub(super) mean: f64,
    /// The most at any time.
    pub(super) max: f64,
}

/// The connections open over time, as a step function: each sample holds until the next.
pub(super) struct OpenOverTime {
    steps: Vec<OpenAt>,
}

impl ClientPeriod {
    /// Whether the count moved so little, and was so far from nothing, that the period can be compared: by no more
    /// than `tolerance` of its mean. In any other period whatever the ALB sampled would fit somewhere between the
    /// extremes, and its ratio to the mean would say nothing.
    pub(super) fn is_steady(&self, tolerance: f64) -> bool {
        self.mean > 0.0 && self.max - self.min <= tolerance * self.mean
    }
}

impl OpenOverTime {
    /// The steps of a run, by AWS's clock; nothing is open before its first sample and after its load has ended.
    pub(super) fn of(run: &Run, clock: Clock) -> OpenOverTime {
        let mut steps: Vec<OpenAt> =
            run.open.iter().map(|step| OpenAt { at: clock.by_aws(step.at), ..*step }).collect();
        // Recorded in order, but a clock can be set back in mid-run.
        steps.sort_by_key(|step| step.at);
        steps.push(OpenAt {
            at: clock.by_aws(run.load_ended_at()).max(steps.last().map_or(DateTime::UNIX_EPOCH, |s| s.at)),
            open: 0,
        });
        OpenOverTime { steps }
    }

    /// The period that starts at `at`.
    pub(super) fn period(&self, at: DateTime<Utc>, period: Period) -> ClientPeriod {
        let until = later(at, period.length());
        let (mut min, mut max, mut sum) = (u32::MAX, 0_u32, 0.0_f64);
        for (open, lasted) in self.spans(at, until) {
            min = min.min(open);
            max = max.max(open);
            sum += f64::from(open) * lasted;
        }
        if let Some(next) = self.steps.get(self.steps.partition_point(|step| step.at < until)) {
            min = min.min(next.open);
            max = max.max(next.open);
        }
        ClientPeriod { min: f64::from(min), mean: sum / f64::from(period.seconds()), max: f64::from(max) }
    }
}

impl OpenOverTime {
    /// How many were open, and for how many seconds, from `from` to `until`. What lasted no time was never there.
    fn spans(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> impl Iterator<Item = (u32, f64)> {
        let first_after = self.steps.partition_point(|step| step.at <= from);
        let before = first_after.checked_sub(1).map_or(0, |i| self.steps[i].open);
        let inside = self.steps[first_after..].iter().take_while(move |step| step.at < until);
        let end = OpenAt { at: until, open: 0 };
        let mut last = OpenAt { at: from, open: before };
        inside
            .copied()
            .chain(std::iter::once(end))
            .map(move |step| {
                let span = (last.open, seconds(step.at - last.at));
                last = step;
                span
            })
            .filter(|(_, lasted)| *lasted > 0.0)
    }

    /// Seconds for which connections were open from `from` to `until`, over all connections.
    pub(super) fn connection_seconds(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> f64 {
        self.spans(from, until).map(|(open, lasted)| f64::from(open) * lasted).sum()
    }

    /// How many were opened in a period, as far as the samples show.
    pub(super) fn opened(&self, at: DateTime<Utc>, period: Period) -> u64 {
        let until = later(at, period.length());
        let from = self.steps.partition_point(|step| step.at < at).saturating_sub(1);
        let inside =
            self.steps[from..].iter().take_while(|step| step.at < until).map(|step| u64::from(step.open));
        inside.clone().zip(inside.skip(1)).map(|(before, after)| after.saturating_sub(before)).sum()
    }

    /// The most that were open at any time from `from` to `until`, both included, and at the first sample after it.
    pub(super) fn most(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> f64 {
        let first_after = self.steps.partition_point(|step| step.at <= from);
        let before = first_after.checked_sub(1).map_or(0, |i| self.steps[i].open);
        let rest = &self.steps[first_after..];
        let inside = rest.partition_point(|step| step.at <= until);
        let seen = rest.iter().take(inside + 1).map(|step| step.open);
        f64::from(seen.chain(std::iter::once(before)).max().unwrap_or(0))
    }
}

#[allow(clippy::cast_precision_loss)]
fn seconds(delta: TimeDelta) -> f64 {
    delta.num_milliseconds() as f64 / 1_000.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn steps(list: &[(i64, u32)]) -> OpenOverTime {
        let at = |second| DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap();
        OpenOverTime {
            steps: list.iter().map(|(second, open)| OpenAt { at: at(*second), open: *open }).collect(),
        }
    }

    fn minute_at(open: &OpenOverTime, second: i64) -> (f64, f64, f64) {
        let minute = Period::new(Duration::from_secs(60)).unwrap();
        let at = DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap();
        let found = open.period(at, minute);
        (found.min, found.mean, found.max)
    }

    #[test]
    fn samples_hold_until_the_next() {
        let open = steps(&[(-10, 100), (15, 60), (45, 100), (60, 7), (61, 0)]);
        // The 7 of the next sample may have been true a moment before.
        assert_eq!(minute_at(&open, 0), (7.0, 80.0, 100.0));
        // Nothing before the first, nothing after the last.
        assert_eq!(minute_at(&open, -120).1, 0.0);
        assert_eq!(minute_at(&open, 120), (0.0, 0.0, 0.0));
        assert_eq!(minute_at(&open, -60).2, 100.0);
        // So many, for so long.
        let at = |second: i64| DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap();
        assert_eq!(open.connection_seconds(at(-20), at(61)), 2_500.0 + 1_800.0 + 1_500.0 + 7.0);
        assert_eq!(open.connection_seconds(at(61), at(-20)), 0.0);
        // What is replaced in the same instant was never there.
        let open = steps(&[(0, 0), (0, 50), (60, 50)]);
        assert_eq!(minute_at(&open, 0), (50.0, 50.0, 50.0));
    }

    #[test]
    fn steady_is_what_moved_by_the_tolerance_at_most() {
        let minute = Period::new(Duration::from_secs(60)).unwrap();
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let steady = |list: &[(i64, u32)]| steps(list).period(at, minute).is_steady(0.05);
        assert!(steady(&[(-1, 100), (70, 100)]));
        assert!(steady(&[(-1, 100), (1, 96), (70, 96)]));
        assert!(!steady(&[(-1, 100), (1, 90), (70, 90)]));
        assert!(!steady(&[(-1, 20), (30, 0), (70, 0)]), "what died within it");
        assert!(!steady(&[(-1, 20), (61, 0)]), "what may have died within it");
        assert!(!steady(&[(-1, 0), (70, 0)]), "nothing is not steady");
    }

    proptest! {
        #[test]
        fn the_mean_lies_between_the_extremes(list in prop::collection::vec((-100_i64..200, 0_u32..10_000), 0..40)) {
            let mut list = list;
            list.sort_by_key(|(second, _)| *second);
            let (min, mean, max) = minute_at(&steps(&list), 0);
            prop_assert!(min <= mean + 1e-6 && mean <= max + 1e-6, "{min} {mean} {max}");
        }
    }
}
