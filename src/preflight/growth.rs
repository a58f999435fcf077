//! Whether the levels grow faster than a load balancer is said to scale (aws-facts.md §3, "Scaling").

use std::time::Duration;

use super::wording::{in_seconds, info, pass, skip, warn};
use super::{Check, Forcing, Known};
use crate::facts::{Finding, LoadBalancerAnswer};
use crate::plan::quantity::show_count;
use crate::plan::{Mode, Plan};

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
    let steep: Vec<Step> = steps(known.plan).into_iter().filter(|step| step.excess > 1.0).collect();
    // What grows large is what matters, however steep it began.
    let large = Step::steepest(steep.iter().filter(|step| step.next >= LARGE));
    let Some(step) = large.or(Step::steepest(steep.iter())) else {
        return pass(NAME, gentle(known.plan), "");
    };
    let step = step.shown();
    let reserved = known
        .load_balancer
        .facts()
        .and_then(|facts| facts.details.reservation.as_ref())
        .is_some_and(|reservation| reservation.is_provisioned());
    let detail = "faster than the half in five minutes that AWS's older guidance allows";
    if reserved {
        return info(NAME, step, format!("{detail}, on reserved capacity"), "");
    }
    if large.is_none() {
        return info(NAME, step, format!("{detail}; it matters for large loads"), "");
    }
    warn(
        NAME,
        step,
        format!("{detail}: the limit that is found may be that of an ALB that was still scaling"),
        "add levels in between, hold them longer (--duration), or reserve capacity units before the test",
    )
}

/// From one number of connections to the next.
#[derive(Clone, Copy)]
struct Step {
    before: u32,
    next: u32,
    between: Duration,
    /// How many times what is allowed it comes to.
    excess: f64,
}

impl Step {
    fn new(before: u32, next: u32, between: Duration) -> Step {
        // From nothing, any ALB bears what is not large.
        let start = if before == 0 { LARGE - 1 } else { before };
        let allowed = f64::from(start) * FACTOR.powf(between.as_secs_f64() / STEP.as_secs_f64());
        Step { before, next, between, excess: f64::from(next) / allowed }
    }

    fn steepest<'a>(steps: impl Iterator<Item = &'a Step>) -> Option<Step> {
        steps.copied().max_by(|a, b| a.excess.total_cmp(&b.excess))
    }

    /// `200 to 500 in 125 s`.
    fn shown(self) -> String {
        let took = match self.between {
            Duration::ZERO => "at once".to_owned(),
            between => format!("in {}", in_seconds(between)),
        };
        format!("{} to {} {took}", show_count(self.before.into()), show_count(self.next.into()))
    }
}

/// The first level from nothing, and each from the one before it.
fn steps(plan: &Plan) -> Vec<Step> {
    let listed = plan.schedule.listed();
    // A search doubles, and its last step is its steepest in connections.
    let doubled = plan.schedule.search().map(|search| (search.max() / 2, search.max()));
    let held = plan.hold.shortest(plan.cloudwatch.map(|cloudwatch| cloudwatch.period));
    let held = held.saturating_add(plan.pace.pause);
    let opening = |next: u32| plan.pace.rate.map_or(Duration::ZERO, |rate| rate.intervals(next.into()));
    let first = listed.first().map(|first| Step::new(0, *first, opening(*first)));
    let pairs = listed.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?)));
    let opened = |before: u32, next: u32| match plan.mode {
        Mode::Fresh => next,
        Mode::Cumulative => next.saturating_sub(before),
    };
    let later = pairs
        .chain(doubled)
        .map(|(before, next)| Step::new(before, next, held.saturating_add(opening(opened(before, next)))));
    first.into_iter().chain(later).collect()
}

/// What is said where no step is too steep.
fn gentle(plan: &Plan) -> String {
    const GENTLE: &str = "at most half more in five minutes";
    match plan.schedule.listed() {
        [] => GENTLE.to_owned(),
        [only] => format!("first level {}", show_count((*only).into())),
        [first, ..] => format!("first level {}, then {GENTLE}", show_count((*first).into())),
    }
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
            ("50", 1, false, Status::Pass, "first level 50"),
            ("24999", 1, false, Status::Pass, "first level 24,999"),
            (
                "1000,1500",
                300,
                false,
                Status::Pass,
                "first level 1,000, then at most half more in five minutes",
            ),
            ("1000,1501", 300, false, Status::Info, "1,000 to 1,501 in 300 s"),
            (
                "1000,2250",
                600,
                false,
                Status::Pass,
                "first level 1,000, then at most half more in five minutes",
            ),
            ("50,100,1000", 120, false, Status::Info, "100 to 1,000 in 120 s"),
            (
                "20k,26k",
                300,
                false,
                Status::Pass,
                "first level 20,000, then at most half more in five minutes",
            ),
            ("10k,24999", 60, false, Status::Info, "10,000 to 24,999 in 60 s"),
            ("10k,25k", 60, false, Status::Warn, "10,000 to 25,000 in 60 s"),
            ("10k,25k", 60, true, Status::Info, "10,000 to 25,000 in 60 s"),
            ("25k", 60, false, Status::Warn, "0 to 25,000 at once"),
            // The steepest of those that grow large; none is where only small ones are steep.
            ("10,1000,20k,60k", 60, false, Status::Warn, "20,000 to 60,000 in 60 s"),
            ("10,1000,20k,26k", 300, false, Status::Info, "10 to 1,000 in 300 s"),
            ("30k,90k", 60, false, Status::Warn, "30,000 to 90,000 in 60 s"),
        ] {
            let finding = look_at(levels, hold, reserved);
            assert_eq!((finding.status, finding.found.as_str()), (status, found), "{levels} {hold}");
        }
    }

    #[test]
    fn a_hold_counts_as_long_as_its_periods_make_it() {
        for (periods, found) in
            [(0, "1,000 to 1,200 in 30 s"), (2, "first level 1,000, then at most half more in five minutes")]
        {
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
    fn a_rate_stretches_the_first_level_too() {
        for (levels, mode, rate, status, found) in [
            ("30k", Mode::Fresh, "10", Status::Pass, "first level 30,000"),
            ("30k", Mode::Fresh, "1000", Status::Warn, "0 to 30,000 in 30 s"),
            ("30k,300k", Mode::Fresh, "1000", Status::Warn, "30,000 to 300,000 in 300 s"),
            // Only what is missing is opened.
            ("30k,300k", Mode::Cumulative, "1000", Status::Warn, "30,000 to 300,000 in 270 s"),
        ] {
            let case = Case {
                plan: plan(|plan| {
                    plan.schedule = Schedule::Levels(levels.parse().unwrap());
                    plan.hold = Hold { duration: Duration::ZERO, periods: 0 };
                    plan.pace.pause = Duration::ZERO;
                    plan.pace.rate = Some(rate.parse().unwrap());
                    plan.mode = mode;
                }),
                ..case()
            };
            let finding = look(&case.known());
            assert_eq!((finding.status, finding.found.as_str()), (status, found), "{levels} {rate}");
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
