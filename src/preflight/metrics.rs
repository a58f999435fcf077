//! Whether CloudWatch has anything to say of this load balancer: an always-reported metric is asked for.

use super::wording::{in_seconds, pass, skip, warn};
use super::{Check, Forcing, Known};
use crate::facts::{Finding, MetricsAnswer, metric};
use crate::plan::quantity::plural;

const NAME: &str = "metrics";

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Allowed, look };

fn look(known: &Known<'_>) -> Finding {
    let Some(cloudwatch) = &known.plan.cloudwatch else {
        return skip(NAME, "not asked for: --no-aws");
    };
    let points = match known.metrics {
        MetricsAnswer::Readable(points) => points.get(metric::CONSUMED_LCUS),
        MetricsAnswer::NotAsked => return skip(NAME, "CloudWatch was not asked"),
        MetricsAnswer::Denied(_) | MetricsAnswer::Unavailable(_) => {
            return skip(NAME, "CloudWatch could not be asked");
        }
    };
    match points {
        None => skip(NAME, "CloudWatch did not complete its answer"),
        // aws-facts.md §0.7.
        Some(points) if points.is_empty() => warn(
            NAME,
            "silent",
            format!(
                "CloudWatch has no {} in the time before this run, though it is always reported: it is late, or the \
                 ALB is new or quiet; metrics that are missing during a hold can't be judged",
                metric::CONSUMED_LCUS
            ),
            "let a plain request every few seconds run beside the test",
        ),
        Some(points) => pass(
            NAME,
            format!(
                "{} of {}",
                plural(points.len() as u64, "period"),
                in_seconds(cloudwatch.period.length())
            ),
            "",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::examples::{Case, before_load, case, denied, plan};
    use super::*;
    use crate::facts::Status;

    #[test]
    fn silence_is_warned_about_and_never_refused() {
        for (metrics, status, found) in [
            (before_load(&[(metric::CONSUMED_LCUS, &[0.1, 0.2])]), Status::Pass, "2 periods of 60 s"),
            (before_load(&[(metric::CONSUMED_LCUS, &[])]), Status::Warn, "silent"),
            (before_load(&[]), Status::Skip, ""),
            (MetricsAnswer::NotAsked, Status::Skip, ""),
            (MetricsAnswer::Denied(denied()), Status::Skip, ""),
            (MetricsAnswer::Unavailable(denied()), Status::Skip, ""),
        ] {
            let finding = look(&Case { metrics, ..case() }.known());
            assert_eq!((finding.status, finding.found.as_str()), (status, found));
        }
        let alone = plan(|plan| plan.cloudwatch = None);
        assert_eq!(look(&Case { plan: alone, ..case() }.known()).status, Status::Skip);
    }
}
