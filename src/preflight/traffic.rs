//! What others do on the same load balancer: what breaks for us breaks for them.

use std::collections::BTreeMap;

use super::wording::{pass, skip, warn};
use super::{Check, Forcing, Known};
use crate::facts::{Finding, MetricsAnswer, Period, Point, metric};
use crate::plan::quantity::plural;

const NAME: &str = "traffic";

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Allowed, look };

fn look(known: &Known<'_>) -> Finding {
    let Some(cloudwatch) = &known.plan.cloudwatch else {
        return skip(NAME, "not asked for: --no-aws");
    };
    let MetricsAnswer::Readable(points) = known.metrics else {
        return skip(NAME, "CloudWatch was not read");
    };
    let Some(active) = typical(points, metric::ACTIVE_CONNECTIONS) else {
        return skip(NAME, "CloudWatch does not tell what is there without us");
    };
    let requests = typical(points, metric::REQUESTS).map_or(0, |sum| a_minute(sum, cloudwatch.period));
    let active = count(active);
    if active == 0 && requests == 0 {
        return pass(NAME, "none of others", "");
    }
    warn(
        NAME,
        format!(
            "{} of others (both legs), {} a minute",
            plural(active, "TCP connection"),
            plural(requests, "request")
        ),
        "others use this ALB: a load that it does not bear is felt by them too",
        "test an ALB of its own, or at a quiet time",
    )
}

/// The median over the periods that an always-reported metric has; where the other has no point, it is zero
/// (aws-facts.md §2).
fn typical(points: &BTreeMap<String, Vec<Point>>, name: &str) -> Option<f64> {
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
            (&[LCUS, (active, &[500.0])], Status::Pass, "none of others"),
            (&[LCUS], Status::Skip, ""),
            (&[(active, &[5.0])], Status::Skip, ""),
            (&[(metric::CONSUMED_LCUS, &[]), (active, &[5.0])], Status::Skip, ""),
        ] {
            let finding = look(&Case { metrics: before_load(told), ..case() }.known());
            assert_eq!((finding.status, finding.found.as_str()), (status, found));
        }
        let unasked = Case { metrics: MetricsAnswer::NotAsked, ..case() };
        assert_eq!(look(&unasked.known()).status, Status::Skip);
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
