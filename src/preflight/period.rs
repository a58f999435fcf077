//! Whether the holds contain whole CloudWatch periods: only those can be judged.

use std::time::Duration;

use super::wording::{in_seconds, info, pass, skip, warn};
use super::{Check, Forcing, Known};
use crate::facts::{Finding, Period};
use crate::plan::Hold;

const NAME: &str = "period";

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Allowed, look };

/// What AWS publishes an ALB's metrics at (aws-facts.md §1).
const ALBS_PERIOD_S: u32 = 60;

fn look(known: &Known<'_>) -> Finding {
    let Some(cloudwatch) = &known.plan.cloudwatch else {
        return skip(NAME, "not asked for: --no-aws");
    };
    let (period, hold) = (cloudwatch.period, &known.plan.hold);
    let certain = certain_periods(hold.duration, period);
    let at_least = certain.max(u64::from(hold.periods));
    let found = match at_least {
        0 => format!("no whole {} for sure", in_seconds(period.length())),
        1 => format!("1 whole {} a hold", in_seconds(period.length())),
        n => format!("{n} x {} a hold", in_seconds(period.length())),
    };
    if period.seconds() > ALBS_PERIOD_S {
        // aws-facts.md §0: the Sum of a count that is taken each minute adds up over longer periods.
        return warn(
            NAME,
            found,
            format!(
                "AWS takes an ALB's connections each minute, so their sum over {} is several times too large",
                in_seconds(period.length())
            ),
            "use --period 60s",
        );
    }
    if at_least == 0 {
        return warn(
            NAME,
            found,
            format!(
                "a hold of {} may contain no whole period with {} to spare, and then nothing is judged",
                in_seconds(hold.duration),
                in_seconds(period.spare())
            ),
            "use --periods 2, or a longer --duration",
        );
    }
    let mut remarks: Vec<String> = extension(hold, period).into_iter().collect();
    if period.seconds() < ALBS_PERIOD_S {
        remarks.push("AWS itself publishes an ALB's metrics every 60 s only".to_owned());
    }
    if remarks.is_empty() { pass(NAME, found, "") } else { info(NAME, found, remarks.join("; "), "") }
}

/// What is said of holds that may be extended.
fn extension(hold: &Hold, period: Period) -> Option<String> {
    let longest = hold.longest(Some(period));
    (longest > hold.duration).then(|| {
        format!(
            "holds of {} are extended for it, to {} at most",
            in_seconds(hold.duration),
            in_seconds(longest)
        )
    })
}

/// Whole periods that a hold of that length contains whatever the second at which it begins.
fn certain_periods(duration: Duration, period: Period) -> u64 {
    let inside = duration.saturating_sub(period.spare() * 2);
    // One is lost to the two ends, which together make up less than a period only by chance.
    let whole = inside.as_millis() / period.length().as_millis();
    u64::try_from(whole.saturating_sub(1)).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::super::examples::{Case, case, plan};
    use super::*;
    use crate::facts::Status;

    fn look_at(duration: u64, periods: u32, period: u64) -> Finding {
        let case = Case {
            plan: plan(|plan| {
                plan.hold.duration = Duration::from_secs(duration);
                plan.hold.periods = periods;
                if let Some(cloudwatch) = &mut plan.cloudwatch {
                    cloudwatch.period = Period::new(Duration::from_secs(period)).unwrap();
                }
            }),
            ..case()
        };
        look(&case.known())
    }

    #[test]
    fn holds_and_their_periods() {
        for (duration, periods, period, status, found) in [
            (120, 2, 60, Status::Info, "2 x 60 s a hold"),
            (200, 2, 60, Status::Pass, "2 x 60 s a hold"),
            (199, 2, 60, Status::Info, "2 x 60 s a hold"),
            (120, 1, 60, Status::Info, "1 whole 60 s a hold"),
            (600, 2, 60, Status::Pass, "8 x 60 s a hold"),
            (140, 0, 60, Status::Pass, "1 whole 60 s a hold"),
            (139, 0, 60, Status::Warn, "no whole 60 s for sure"),
            (5, 2, 5, Status::Info, "2 x 5 s a hold"),
            (60, 2, 5, Status::Info, "10 x 5 s a hold"),
            (600, 2, 300, Status::Warn, "2 x 300 s a hold"),
        ] {
            let finding = look_at(duration, periods, period);
            assert_eq!(
                (finding.status, finding.found.as_str()),
                (status, found),
                "{duration} {periods} {period}"
            );
        }
        let extended = look_at(120, 2, 60).detail;
        assert_eq!(extended, "holds of 120 s are extended for it, to 200 s at most");
        assert!(look_at(60, 2, 5).detail.starts_with("AWS itself"));
    }

    proptest! {
        #[test]
        fn no_hold_contains_fewer_periods_than_said(
            millis in 0_i64..3_600_000, duration in 0_u64..1_000_000,
            length in prop::sample::select(vec![1_u64, 5, 10, 30, 60, 300]),
        ) {
            let period = Period::new(Duration::from_secs(length)).unwrap();
            let duration = Duration::from_millis(duration);
            let from = DateTime::from_timestamp_millis(1_764_000_000_000 + millis).unwrap();
            let whole = period.whole_within(from, from + duration).count();
            let certain = usize::try_from(certain_periods(duration, period)).unwrap();
            prop_assert!((certain..=certain + 2).contains(&whole), "{whole} {certain}");
        }
    }
}
