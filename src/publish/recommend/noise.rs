//! What a count was while all was well: the most in any minute before the first level that failed.

use chrono::{DateTime, TimeDelta, Utc};

use super::alarm::MINUTE_S;
use crate::judge::Judged;

/// The most that a metric of the load balancer had in any whole minute of what CloudWatch was asked for, up to the first
/// level that failed; 0 where it had nothing, or nothing was asked.
pub(super) fn most_in_a_minute(judged: &Judged<'_>, metric: &str) -> u32 {
    let Some(series) = &judged.run.series else { return 0 };
    let Some(points) = series.metrics.get(metric) else { return 0 };
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
    most.ceil() as u32
}

/// When, by AWS's clock, the first level that failed was started.
fn failed_from(judged: &Judged<'_>) -> Option<DateTime<Utc>> {
    let failed = judged.levels.iter().find(|level| level.passed == Some(false))?;
    let ahead = judged.run.clock_ahead().unwrap_or(TimeDelta::zero());
    failed.run.started_at.checked_sub_signed(ahead)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::facts::Point;
    use crate::judge::judge;
    use crate::judge::testing::example;

    #[test]
    fn minutes_of_a_failing_level_are_none_of_it() {
        let mut run = example().run();
        let failed = run.levels[5].started_at;
        let series = run.series.as_mut().unwrap();
        let minute = |minutes: i64| {
            let start = failed.timestamp().div_euclid(60) * 60;
            DateTime::from_timestamp(start + minutes * 60, 0).unwrap()
        };
        let point = |minutes, value| Point { at: minute(minutes), value };
        let name = "HTTPCode_ELB_5XX_Count";
        series.metrics.insert(name.into(), vec![point(-9, 3.0), point(-2, 7.0), point(0, 900.0)]);
        assert_eq!(most_in_a_minute(&judge(&run), name), 7);
        assert_eq!(most_in_a_minute(&judge(&run), "NoSuchMetric"), 0);
        run.levels.truncate(5);
        assert_eq!(most_in_a_minute(&judge(&run), name), 900, "no level failed");
    }

    #[test]
    fn shorter_periods_add_up_to_a_minute() {
        let mut run = example().run();
        run.levels.truncate(5);
        let series = run.series.as_mut().unwrap();
        series.period = crate::plan::Period::new(std::time::Duration::from_secs(10)).unwrap();
        let from = series.from.timestamp().div_euclid(60) * 60;
        let point =
            |second: i64, value| Point { at: DateTime::from_timestamp(from + second, 0).unwrap(), value };
        let points = vec![point(0, 1.0), point(50, 2.0), point(60, 2.5), point(110, f64::NAN)];
        series.metrics.insert("X".into(), points);
        assert_eq!(most_in_a_minute(&judge(&run), "X"), 3);
    }
}
