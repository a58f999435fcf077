//! What a count was while all was well: the most in any minute before the first level that failed.

use chrono::{DateTime, TimeDelta, Utc};

use super::alarm::MINUTE_S;
use crate::judge::Judged;

/// The most that a metric of the load balancer had in any whole minute of what CloudWatch was asked for, up to the first
/// level that failed; 0 where it had nothing, `None` where nothing was read.
pub(super) fn most_in_a_minute(judged: &Judged<'_>, metric: &str) -> Option<u32> {
    let series = judged.run.series.as_ref()?;
    // One that could not be read is not there; one that had no point is, empty.
    let points = series.metrics.get(metric)?;
    // A longer period holds its minutes: none of them had more.
    let bin_s = i64::from(series.period.seconds().max(MINUTE_S));
    let until = failed_from(judged);
    let mut most = 0.0_f64;
    let mut bin: Option<(i64, f64)> = None;
    for point in points.iter().filter(|point| point.value.is_finite()) {
        let start = point.at.timestamp().div_euclid(bin_s) * bin_s;
        let over = DateTime::from_timestamp(start.saturating_add(bin_s), 0);
        if until.zip(over).is_some_and(|(until, over)| over > until) {
            continue;
        }
        let sum = match bin {
            Some((of, sum)) if of == start => sum + point.value,
            _ => point.value,
        };
        bin = Some((start, sum));
        most = most.max(sum);
    }
    // Within u32 where it is below 2^32, and at its end otherwise.
    Some(most.ceil() as u32)
}

/// When, by AWS's clock, the first level that failed was started.
pub(super) fn failed_from(judged: &Judged<'_>) -> Option<DateTime<Utc>> {
    let failed = judged.levels.iter().find(|level| level.passed == Some(false))?;
    let ahead = judged.run.clock_ahead().unwrap_or(TimeDelta::zero());
    failed.run.started_at.checked_sub_signed(ahead)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::judge::judge;
    use crate::judge::testing::example;
    use crate::record::Run;

    /// Puts points of a metric: seconds from a whole minute on, and values.
    fn put(run: &mut Run, name: &str, from: DateTime<Utc>, points: &[(i64, f64)]) {
        let minute = from.timestamp().div_euclid(60) * 60;
        let at = |second: i64| DateTime::from_timestamp(minute + second, 0).unwrap();
        let points: Vec<_> =
            points.iter().map(|(second, value)| json!({"at": at(*second), "value": value})).collect();
        let series = run.series.as_mut().unwrap();
        series.metrics.insert(name.into(), serde_json::from_value(json!(points)).unwrap());
    }

    #[test]
    fn minutes_of_a_failing_level_are_none_of_it() {
        let mut run = example().run();
        let (failed, name) = (run.levels[5].started_at, "HTTPCode_ELB_5XX_Count");
        put(&mut run, name, failed, &[(-540, 3.0), (-120, 7.0), (0, 900.0)]);
        assert_eq!(most_in_a_minute(&judge(&run), name), Some(7));
        assert_eq!(most_in_a_minute(&judge(&run), "Unread"), None);
        put(&mut run, "Quiet", failed, &[]);
        assert_eq!(most_in_a_minute(&judge(&run), "Quiet"), Some(0));
        run.levels.truncate(5);
        assert_eq!(most_in_a_minute(&judge(&run), name), Some(900), "no level failed");
        run.series = None;
        assert_eq!(most_in_a_minute(&judge(&run), name), None);
    }

    #[test]
    fn shorter_periods_add_up_to_a_minute() {
        let mut run = example().run();
        run.levels.truncate(5);
        run.series.as_mut().unwrap().period = serde_json::from_value(json!(10)).unwrap();
        let from = run.series.as_ref().unwrap().from;
        put(&mut run, "X", from, &[(0, 1.0), (50, 2.0), (60, 2.5), (130, 1.0)]);
        assert_eq!(most_in_a_minute(&judge(&run), "X"), Some(3));
    }
}
