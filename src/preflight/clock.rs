//! Whether this machine's clock is AWS's: periods are AWS's, and holds are ours.

use super::wording::{pass, skip, warn};
use super::{Check, Forcing, Known};
use crate::facts::{Finding, LoadBalancerAnswer};

const NAME: &str = "clock";

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
}
