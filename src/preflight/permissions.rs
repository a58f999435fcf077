//! Whether CloudWatch may be read: what is denied shows before the load, and not after half an hour of it.

use super::wording::{pass, refuse, skip, warn};
use super::{Check, Forcing, Known};
use crate::facts::{Finding, LoadBalancerAnswer, LoadBalancerFacts, MetricsAnswer};

const NAME: &str = "permissions";

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Allowed, look };

/// The one action without which there is no verdict.
const GET_METRIC_DATA: &str = "cloudwatch:GetMetricData";

fn look(known: &Known<'_>) -> Finding {
    let Some(cloudwatch) = &known.plan.cloudwatch else {
        return skip(NAME, "not asked for: --no-aws");
    };
    match (known.metrics, known.load_balancer) {
        (MetricsAnswer::Readable(_), LoadBalancerAnswer::Found(facts)) => dispensable(facts),
        (MetricsAnswer::Readable(_), _) => pass(NAME, GET_METRIC_DATA, ""),
        (MetricsAnswer::Denied(why), _) if cloudwatch.settle.is_zero() => {
            warn(NAME, "", format!("{}; analyze will need it", why.cause), &why.remedy)
        }
        (MetricsAnswer::Denied(why), _) => refuse(NAME, "", &why.cause, &why.remedy),
        (MetricsAnswer::Unavailable(why), _) => {
            warn(NAME, "", format!("CloudWatch could not be tried: {}", why.cause), &why.remedy)
        }
        (MetricsAnswer::NotAsked, LoadBalancerAnswer::Found(_)) => skip(NAME, "CloudWatch was not asked"),
        (MetricsAnswer::NotAsked, _) => skip(NAME, "the load balancer is not known"),
    }
}

/// What the run can go on without is warned about where it is denied.
fn dispensable(facts: &LoadBalancerFacts) -> Finding {
    let denied: Vec<&str> = facts
        .details
        .unread
        .iter()
        .filter(|unread| unread.denied)
        .map(|unread| unread.action.as_str())
        .collect();
    if denied.is_empty() {
        return pass(NAME, format!("elbv2's reads, {GET_METRIC_DATA}"), "");
    }
    let denied = denied.join(", ");
    warn(
        NAME,
        GET_METRIC_DATA,
        format!("AWS denies {denied}: what they would tell is not checked"),
        format!("allow {denied} in the IAM policy"),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::examples::{Case, answer, before_load, case, denied, plan, unread};
    use super::*;
    use crate::facts::Status;

    #[test]
    fn what_is_denied_is_refused_and_what_fails_otherwise_is_told() {
        for (metrics, status, says) in [
            (before_load(&[]), Status::Pass, ""),
            (MetricsAnswer::Denied(denied()), Status::Refuse, "AWS denies"),
            (MetricsAnswer::Unavailable(denied()), Status::Warn, "CloudWatch could not be tried: AWS denies"),
            (MetricsAnswer::NotAsked, Status::Skip, "CloudWatch was not asked"),
        ] {
            let finding = look(&Case { metrics, ..case() }.known());
            assert_eq!(finding.status, status);
            assert!(finding.detail.starts_with(says), "{finding:?}");
            if status >= Status::Warn {
                assert!(finding.remedy.starts_with(&denied().remedy), "{finding:?}");
            }
        }
    }

    #[test]
    fn denied_actions_are_named_and_failed_ones_are_not() {
        let case = Case {
            load_balancer: answer(|lb| {
                lb.details.unread = vec![
                    unread("elasticloadbalancing:DescribeListeners", true),
                    unread("elasticloadbalancing:DescribeTargetGroups", false),
                    unread("elasticloadbalancing:DescribeCapacityReservation", true),
                ];
            }),
            ..case()
        };
        let finding = look(&case.known());
        assert_eq!(finding.status, Status::Warn);
        let named =
            "elasticloadbalancing:DescribeListeners, elasticloadbalancing:DescribeCapacityReservation";
        assert!(finding.detail.starts_with(&format!("AWS denies {named}: ")), "{finding:?}");
        assert_eq!(finding.remedy, format!("allow {named} in the IAM policy"));
    }

    #[test]
    fn a_run_that_reads_no_cloudwatch_is_refused_no_permission() {
        let quiet = plan(|plan| plan.cloudwatch = None);
        let unsettled = plan(|plan| {
            if let Some(cloudwatch) = &mut plan.cloudwatch {
                cloudwatch.settle = Duration::ZERO;
            }
        });
        for (plan, status, says) in
            [(quiet, Status::Skip, "--no-aws"), (unsettled, Status::Warn, "; analyze will need it")]
        {
            let finding = look(&Case { plan, metrics: MetricsAnswer::Denied(denied()), ..case() }.known());
            assert_eq!(finding.status, status);
            assert!(finding.detail.contains(says), "{finding:?}");
        }
    }
}
