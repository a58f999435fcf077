//! Whether the levels grow faster than a load balancer is said to scale (aws-facts.md §3, "Scaling").

use std::time::Duration;

use super::wording::{in_seconds, info, pass, skip, warn};
use super::{Check, Forcing, Known};
use crate::facts::{Finding, LoadBalancerAnswer};
use crate::plan::Plan;
use crate::plan::quantity::show_count;

const NAME: &str = "growth";

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Allowed, look };

/// By so much a load may grow in [`STEP`], by AWS's older guidance.
const FACTOR: f64 = 1.5;
const STEP: Duration = Duration::from_secs(300);

/// Below it an ALB is hardly ever short of nodes: more than eight capacity units of held connections.
const LARGE: u32 = 25_000;

fn look(known: &Known<'_>) -> Finding {
    if matches!(known.load_balancer, LoadBalancerAnswer::NotAsked) {
        return skip(NAME, "not asked for: --no-aws");
    }
    let Some(step) = too_steep(known.plan) else {
        return pass(NAME, "at most half more in five minutes", "");
    };
    let reserved = known
        .load_balancer
        .facts()
        .and_then(|facts| facts.details.reservation.as_ref())
        .is_some_and(|reservation| reservation.is_provisioned());
    let detail = "faster than the half in five minutes that AWS's older guidance allows";
    if reserved {
        return info(NAME, step, format!("{detail}, on reserved capacity"), "");
    }
    if known.plan.schedule.largest() < LARGE {
        return info(NAME, step, format!("{detail}; it matters for large loads"), "");
    }
    warn(
        NAME,
        step,
        format!("{detail}: the limit that is found may be that of an ALB that was still scaling"),
        "add levels in between, hold them longer (--duration), or reserve capacity units before the test",
    )
}

/// The step that exceeds it most: `200 to 500 in 125 s`.
fn too_steep(plan: &Plan) -> Option<String> {
    let listed = plan.schedule.listed();
    let first = listed.first().filter(|first| **first >= LARGE);
    if let Some(first) = first {
        return Some(format!("0 to {} at once", show_count((*first).into())));
    }
    // A search doubles, and its last step is its steepest in connections.
    let doubled = plan.schedule.search().map(|search| (search.max() / 2, search.max()));
    let steps = listed.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?)));
    let held = plan.hold.shortest(plan.cloudwatch.map(|cloudwatch| cloudwatch.period));
    let judged = steps.chain(doubled).map(|(before, next)| {
        let opening = plan.pace.rate.map_or(Duration::ZERO, |rate| rate.intervals(next.into()));
        let between = held + plan.pace.pause + opening;
        let allowed = f64::from(before) * FACTOR.powf(between.as_secs_f64() / STEP.as_secs_f64());
        (f64::from(next) / allowed, before, next, between)
    });
    let steepest = judged.filter(|(excess, ..)| *excess > 1.0).max_by(|a, b| a.0.total_cmp(&b.0));
    steepest.map(|(_, before, next, between)| {
        format!("{} to {} in {}", show_count(before.into()), show_count(next.into()), in_seconds(between))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::examples::{Case, answer, case, plan};
    use super::*;
    use crate::facts::{ReservationFacts, Status};
    use crate::plan::{Hold, Schedule};

    fn look_at(levels: &str, hold: u64, reserved: bool) -> Finding {
        let case = Case {
            plan: plan(|plan| {
                plan.schedule = Schedule::Levels(levels.parse().unwrap());
                plan.hold = Hold { duration: Duration::from_secs(hold), periods: 0 };
                plan.pace.pause = Duration::ZERO;
            }),
            load_balancer: answer(|lb| {
                lb.details.reservation = Some(ReservationFacts {
                    reserved_lcus: reserved.then_some(500),
                    effective_lcus: 500.0,
                    states: vec!["provisioned".to_owned()],
                });
            }),
            ..case()
        };
        look(&case.known())
    }

    #[test]
    fn half_in_five_minutes() {
        for (levels, hold, reserved, status, found) in [
            ("50", 1, false, Status::Pass, "at most half more in five minutes"),
            ("1000,1500", 300, false, Status::Pass, "at most half more in five minutes"),
            ("1000,1501", 300, false, Status::Info, "1,000 to 1,501 in 300 s"),
            ("1000,2250", 600, false, Status::Pass, "at most half more in five minutes"),
            ("50,100,1000", 120, false, Status::Info, "100 to 1,000 in 120 s"),
            ("20k,26k", 300, false, Status::Pass, "at most half more in five minutes"),
            ("10k,24999", 60, false, Status::Info, "10,000 to 24,999 in 60 s"),
            ("10k,25k", 60, false, Status::Warn, "10,000 to 25,000 in 60 s"),
            ("10k,25k", 60, true, Status::Info, "10,000 to 25,000 in 60 s"),
            ("25k", 60, false, Status::Warn, "0 to 25,000 at once"),
        ] {
            let finding = look_at(levels, hold, reserved);
            assert_eq!((finding.status, finding.found.as_str()), (status, found), "{levels} {hold}");
        }
    }

    #[test]
    fn a_hold_counts_as_long_as_its_periods_make_it() {
        for (periods, found) in [(0, "1,000 to 1,200 in 30 s"), (2, "at most half more in five minutes")] {
            let case = Case {
                plan: plan(|plan| {
                    plan.schedule = Schedule::Levels("1000,1200".parse().unwrap());
                    plan.hold = Hold { duration: Duration::from_secs(30), periods };
                    plan.pace.pause = Duration::ZERO;
                }),
                ..case()
            };
            assert_eq!(look(&case.known()).found, found);
        }
    }

    #[test]
    fn a_rate_stretches_the_step() {
        for (rate, status) in [("6", Status::Info), ("4", Status::Pass)] {
            let case = Case {
                plan: plan(|plan| {
                    plan.schedule = Schedule::Levels("1000,1500".parse().unwrap());
                    plan.hold = Hold { duration: Duration::ZERO, periods: 0 };
                    plan.pace.pause = Duration::ZERO;
                    plan.pace.rate = Some(rate.parse().unwrap());
                }),
                ..case()
            };
            assert_eq!(look(&case.known()).status, status, "{rate}");
        }
    }

    #[test]
    fn a_search_doubles() {
        for (max, hold, status) in
            [(20_000, 60, Status::Info), (30_000, 60, Status::Warn), (30_000, 600, Status::Pass)]
        {
            let search = crate::plan::Search::new(max, crate::plan::Share::try_from(0.05).unwrap()).unwrap();
            let case = Case {
                plan: plan(|plan| {
                    plan.schedule = Schedule::Search(search);
                    plan.hold.duration = Duration::from_secs(hold);
                }),
                ..case()
            };
            assert_eq!(look(&case.known()).status, status, "{max} {hold}");
        }
    }

    #[test]
    fn without_aws_there_is_no_alb_to_scale() {
        let alone = Case { load_balancer: LoadBalancerAnswer::NotAsked, ..case() };
        assert_eq!(look(&alone.known()).status, Status::Skip);
    }
}
