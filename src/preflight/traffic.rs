//! What others do on the same load balancer: what breaks for us breaks for them.

use std::collections::BTreeMap;
use std::fmt;

use super::wording::{info, pass, skip, warn};
use super::{Check, Forcing, Known};
use crate::facts::{Finding, Metrics, MetricsAnswer, Period, metric};
use crate::plan::quantity::plural;
use crate::plan::{AbortRule, AlbMetric, BrakeMetric, Plan};

const NAME: &str = "traffic";

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Allowed, look };

fn look(known: &Known<'_>) -> Finding {
    let Some(cloudwatch) = &known.plan.cloudwatch else {
        return skip(NAME, "not asked for: --no-aws");
    };
    let MetricsAnswer::Readable(points) = known.metrics else {
        let brake = if known.plan.brake.by_default { "; no brake but --abort-if" } else { "" };
        return skip(NAME, format!("CloudWatch was not read{brake}"));
    };
    let brake = brake(known.plan, known.metrics);
    let Some(others) = Others::of(points, cloudwatch.period) else {
        return skip(NAME, format!("CloudWatch does not tell what is there without us; {brake}"));
    };
    let felt = format!("others use this ALB: a load that it does not bear is felt by them too; {brake}");
    let elsewhere = "test an ALB of its own, or at a quiet time";
    let Some(typical) = others.typical else {
        return warn(
            NAME,
            format!("up to {} of others", others.most),
            format!(
                "{felt}; what is usual is not told, since ConsumedLCUs, by which silence is told from absence, did not come"
            ),
            elsewhere,
        );
    };
    if others.most == Traffic::NONE {
        let rules = if known.plan.brake.rules.is_empty() { String::new() } else { brake };
        return pass(NAME, "none of others", rules);
    }
    if typical == Traffic::NONE {
        return info(
            NAME,
            format!("none of others in most periods, up to {} in some", others.most),
            format!("others use this ALB now and then; {brake}"),
            "",
        );
    }
    warn(
        NAME,
        format!("{} of others (both legs), {} a minute", typical.connections(), typical.requests()),
        felt,
        elsewhere,
    )
}

/// The rules of the brake that hold for the run: those that were given; and where others use the ALB, unless that was
/// forbidden or a rule of the user's own is on that metric, that no more targets may fail their health checks than did
/// before.
pub fn rules_in_force(plan: &Plan, metrics: &MetricsAnswer) -> Vec<AbortRule> {
    let own = plan.brake.has_rule_on(BrakeMetric::LoadBalancer(AlbMetric::UNHEALTHY_HOSTS));
    let default = match metrics {
        MetricsAnswer::Readable(points) if plan.brake.by_default && !own && others_are_there(points) => {
            most(points, metric::UNHEALTHY_HOSTS).and_then(AbortRule::unhealthy_hosts_above)
        }
        _ => None,
    };
    plan.brake.rules.iter().copied().chain(default).collect()
}

/// The brake does not see the load balancer, and why.
pub fn blind_brake(cause: &str, remedy: &str) -> Finding {
    warn(
        NAME,
        "",
        format!("the brake does not see what CloudWatch says of the load balancer: {cause}"),
        remedy.to_owned(),
    )
}

/// `brake: UnHealthyHostCount > 0`.
fn brake(plan: &Plan, metrics: &MetricsAnswer) -> String {
    let rules: Vec<String> = rules_in_force(plan, metrics).iter().map(AbortRule::to_string).collect();
    match rules.as_slice() {
        [] if plan.brake.by_default && !known_before(metrics, metric::UNHEALTHY_HOSTS) => {
            format!("no brake, since CloudWatch has no {} from before", metric::UNHEALTHY_HOSTS)
        }
        [] if plan.brake.by_default => "no brake but --abort-if".to_owned(),
        [] => "no brake (--no-abort)".to_owned(),
        rules => format!("brake: {}", rules.join(", ")),
    }
}

fn known_before(metrics: &MetricsAnswer, name: &str) -> bool {
    matches!(metrics, MetricsAnswer::Readable(points) if most(points, name).is_some())
}

/// Whether anything shows that others use the load balancer: for the brake it is enough, whatever else is not told.
fn others_are_there(points: &Metrics) -> bool {
    [metric::ACTIVE_CONNECTIONS, metric::REQUESTS]
        .into_iter()
        .any(|name| most(points, name).is_some_and(|most| most > 0.0))
}

/// What is there without us.
struct Others {
    /// The median of all periods; `None` where those can't be told in which nothing was there.
    typical: Option<Traffic>,
    /// The most of any period.
    most: Traffic,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Traffic {
    /// TCP connections, of both legs.
    active: u64,
    /// Requests a minute.
    requests: u64,
}

impl Traffic {
    const NONE: Traffic = Traffic { active: 0, requests: 0 };

    fn connections(self) -> String {
        plural(self.active, "TCP connection")
    }

    fn requests(self) -> String {
        plural(self.requests, "request")
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {} a minute", self.connections(), self.requests())
    }
}

impl Others {
    /// `None` where CloudWatch does not tell.
    fn of(points: &Metrics, period: Period) -> Option<Others> {
        let traffic = |active: f64, requests: Option<f64>| Traffic {
            active: count(active),
            requests: requests.map_or(0, |sum| a_minute(sum, period)),
        };
        let typical = typical(points, metric::ACTIVE_CONNECTIONS)
            .map(|active| traffic(active, typical(points, metric::REQUESTS)));
        let most_active = most(points, metric::ACTIVE_CONNECTIONS).unwrap_or(0.0);
        let most = traffic(most_active, most(points, metric::REQUESTS));
        (typical.is_some() || others_are_there(points)).then_some(Others { typical, most })
    }
}

/// The most of all periods, where there is any.
fn most(points: &Metrics, name: &str) -> Option<f64> {
    points.get(name)?.iter().map(|point| point.value).reduce(f64::max)
}

/// The median over the periods that an always-reported metric has; where the other has no point, it is zero
/// (aws-facts.md §2).
fn typical(points: &Metrics, name: &str) -> Option<f64> {
    let reported = points.get(metric::CONSUMED_LCUS)?;
    let of_metric: BTreeMap<_, f64> = points.get(name)?.iter().map(|p| (p.at, p.value)).collect();
    let mut values: Vec<f64> =
        reported.iter().map(|point| of_metric.get(&point.at).copied().unwrap_or(0.0)).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn a_minute(sum: f64, period: Period) -> u64 {
    count(sum * 60.0 / f64::from(period.seconds()))
}

// Rounded and not negative; what is larger than any count becomes the largest.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn count(value: f64) -> u64 {
    value.round().max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::examples::{Case, before_load, case, plan};
    use super::*;
    use crate::facts::Status;
    use crate::plan::Brake;

    const LCUS: (&str, &[f64]) = (metric::CONSUMED_LCUS, &[0.1, 0.1, 0.1]);

    #[test]
    fn the_median_of_what_others_do() {
        let (active, requests) = (metric::ACTIVE_CONNECTIONS, metric::REQUESTS);
        for (told, status, found) in [
            (&[LCUS, (active, &[]), (requests, &[])][..], Status::Pass, "none of others"),
            (
                &[LCUS, (active, &[210.0, 900.0, 200.0])],
                Status::Warn,
                "210 TCP connections of others (both legs), 0 requests a minute",
            ),
            (
                &[LCUS, (active, &[]), (requests, &[1.0, 1.0, 1.0])],
                Status::Warn,
                "0 TCP connections of others (both legs), 1 request a minute",
            ),
            // One period of three: the other two, of which the always-reported metric knows, were quiet.
            (
                &[LCUS, (active, &[500.0])],
                Status::Info,
                "none of others in most periods, up to 500 TCP connections and 0 requests a minute in some",
            ),
            (&[LCUS], Status::Skip, ""),
            (&[(active, &[])], Status::Skip, ""),
            // What is there is there, though nothing tells how often it is not.
            (
                &[(active, &[5.0, 9.0])],
                Status::Warn,
                "up to 9 TCP connections and 0 requests a minute of others",
            ),
            (
                &[(metric::CONSUMED_LCUS, &[]), (active, &[5.0])],
                Status::Warn,
                "up to 5 TCP connections and 0 requests a minute of others",
            ),
            (
                &[LCUS, (requests, &[3.0])],
                Status::Warn,
                "up to 0 TCP connections and 3 requests a minute of others",
            ),
        ] {
            let finding = look(&Case { metrics: before_load(told), ..case() }.known());
            assert_eq!((finding.status, finding.found.as_str()), (status, found));
        }
        let unasked = Case { metrics: MetricsAnswer::NotAsked, ..case() };
        assert_eq!(look(&unasked.known()).status, Status::Skip);
    }

    #[test]
    fn where_others_are_no_more_targets_may_fail_than_before() {
        let (active, unhealthy) = (metric::ACTIVE_CONNECTIONS, metric::UNHEALTHY_HOSTS);
        let others: &[_] = &[LCUS, (active, &[20.0, 20.0, 20.0]), (unhealthy, &[0.0, 2.0, 1.0])];
        let unknown: &[_] = &[LCUS, (active, &[20.0, 20.0, 20.0]), (unhealthy, &[])];
        let partly: &[(&str, &[f64])] = &[(active, &[900.0]), (unhealthy, &[1.0])];
        let untold: &[(&str, &[f64])] = &[(unhealthy, &[1.0])];
        let alone: &[_] = &[LCUS, (active, &[]), (unhealthy, &[0.0, 0.0, 0.0])];
        let by_default = |rules: &[&str]| Brake {
            rules: rules.iter().map(|rule| rule.parse().expect("a rule")).collect(),
            by_default: true,
        };
        let never = |rules: &[&str]| Brake { by_default: false, ..by_default(rules) };
        let clients = "client.http_5xx > 9";
        let hosts = "UnHealthyHostCount > 5";
        for (brake, told, in_force, says) in [
            (by_default(&[]), others, &["UnHealthyHostCount > 2"][..], "; brake: UnHealthyHostCount > 2"),
            (
                by_default(&[clients]),
                others,
                &[clients, "UnHealthyHostCount > 2"],
                "9, UnHealthyHostCount > 2",
            ),
            (by_default(&[hosts]), others, &[hosts], "; brake: UnHealthyHostCount > 5"),
            (never(&[]), others, &[], "; no brake (--no-abort)"),
            (never(&[clients]), others, &[clients], "; brake: client.http_5xx > 9"),
            (
                by_default(&[]),
                unknown,
                &[],
                "; no brake, since CloudWatch has no UnHealthyHostCount from before",
            ),
            (
                by_default(&[]),
                partly,
                &["UnHealthyHostCount > 1"],
                "; brake: UnHealthyHostCount > 1; what is usual is not told, since ConsumedLCUs, by which silence is told \
                 from absence, did not come",
            ),
            (by_default(&[]), untold, &[], "without us; no brake but --abort-if"),
            (by_default(&[]), alone, &[], ""),
            (by_default(&[clients]), alone, &[clients], "brake: client.http_5xx > 9"),
        ] {
            let case = Case { plan: plan(|plan| plan.brake = brake), metrics: before_load(told), ..case() };
            let rules = rules_in_force(&case.plan, &case.metrics);
            assert_eq!(rules.iter().map(AbortRule::to_string).collect::<Vec<_>>(), in_force);
            let detail = look(&case.known()).detail;
            assert!(detail.ends_with(says), "{says}: {detail}");
        }
    }

    #[test]
    fn requests_are_told_a_minute_whatever_the_period() {
        let told =
            [LCUS, (metric::ACTIVE_CONNECTIONS, &[2.0, 2.0, 2.0]), (metric::REQUESTS, &[3.0, 3.0, 3.0])];
        let case = Case {
            plan: plan(|plan| {
                if let Some(cloudwatch) = &mut plan.cloudwatch {
                    cloudwatch.period = Period::new(Duration::from_secs(1)).expect("a period");
                }
            }),
            metrics: before_load(&told),
            ..case()
        };
        assert!(look(&case.known()).found.ends_with("180 requests a minute"));
    }
}
