//! Whether this machine's clock is AWS's: periods are AWS's, and holds are ours.

use std::time::Duration;

use chrono::TimeDelta;

use super::wording::{pass, skip, warn};
use super::{Check, Forcing, Known};
use crate::facts::{Finding, LoadBalancerAnswer};

const NAME: &str = Finding::CLOCK;

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Allowed, look };

/// Half of what a judged period has to spare at each end.
const NOTABLE_S: f64 = 5.0;
/// As exact as it can be told: AWS's `Date` has whole seconds.
const EXACT_S: f64 = 1.0;

fn look(known: &Known<'_>) -> Finding {
    let Some(ahead) = known.clock_offset_s else {
        return match known.load_balancer {
            LoadBalancerAnswer::NotAsked => skip(NAME, "not asked for: --no-aws"),
            _ => skip(NAME, "AWS did not tell the time"),
        };
    };
    if ahead.abs() <= EXACT_S {
        return pass(NAME, "within 1 s of AWS's", "");
    }
    let found = format!("{:.1} s {} AWS's", ahead.abs(), if ahead > 0.0 { "ahead of" } else { "behind" });
    if ahead.abs() <= NOTABLE_S {
        return pass(NAME, found, "");
    }
    warn(
        NAME,
        found,
        "CloudWatch's periods are taken by AWS's clock, not by this one",
        "set the clock (chrony, systemd-timesyncd)",
    )
}

/// What is found where this machine's clock went on by `shown` while `passed` went by, by the clock that nobody can set.
pub fn clock_was_set(shown: TimeDelta, passed: Duration) -> Option<Finding> {
    let by = shown.as_seconds_f64() - passed.as_secs_f64();
    (by.abs() > EXACT_S).then(|| {
        warn(
            NAME,
            format!("{:.1} s {}", by.abs(), if by > 0.0 { "forward" } else { "back" }),
            "this machine's clock was set during a hold, or the machine slept: times before and after do not fit together, \
             nor CloudWatch's periods with them",
            "run again when the clock is right (chrony, systemd-timesyncd)",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::examples::{Case, case};
    use super::*;
    use crate::facts::Status;

    #[test]
    fn more_than_five_seconds_are_told() {
        for (offset, status, found) in [
            (Some(0.0), Status::Pass, "within 1 s of AWS's"),
            (Some(-1.0), Status::Pass, "within 1 s of AWS's"),
            (Some(1.1), Status::Pass, "1.1 s ahead of AWS's"),
            (Some(-5.0), Status::Pass, "5.0 s behind AWS's"),
            (Some(5.1), Status::Warn, "5.1 s ahead of AWS's"),
            (Some(-90.0), Status::Warn, "90.0 s behind AWS's"),
            (None, Status::Skip, ""),
        ] {
            let finding = look(&Case { clock_offset_s: offset, ..case() }.known());
            assert_eq!((finding.status, finding.found.as_str()), (status, found));
        }
        let alone = Case { clock_offset_s: None, load_balancer: LoadBalancerAnswer::NotAsked, ..case() };
        assert!(look(&alone.known()).detail.contains("--no-aws"));
    }

    #[test]
    fn a_clock_that_was_set_is_told_beyond_a_second() {
        let passed = Duration::from_secs(120);
        for (shown_ms, found) in [
            (120_000, None),
            (121_000, None),
            (119_000, None),
            (121_100, Some("1.1 s forward")),
            (300_000, Some("180.0 s forward")),
            (-3_480_000, Some("3600.0 s back")),
        ] {
            let finding = clock_was_set(TimeDelta::milliseconds(shown_ms), passed);
            assert!(finding.iter().all(|finding| finding.status == Status::Warn && finding.check == NAME));
            assert_eq!(finding.map(|finding| finding.found).as_deref(), found);
        }
    }
}
