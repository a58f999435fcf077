//! Capacity units reserved for the load balancer: whether there are any, and whether they are there yet.

use super::listener::listener_of;
use super::wording::{info, pass, skip, warn};
use super::{Check, Forcing, Known};
use crate::facts::{Finding, ReservationFacts};
use crate::plan::quantity::{plural, show_count};
use crate::prices::Carried;

const NAME: &str = "capacity_reservation";

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Allowed, look };

fn look(known: &Known<'_>) -> Finding {
    let facts = match known.load_balancer_or_skip(NAME) {
        Ok(facts) => facts,
        Err(skipped) => return skipped,
    };
    let Some(reservation) = &facts.details.reservation else {
        return skip(NAME, known.unread("DescribeCapacityReservation"));
    };
    let Some(reserved) = reservation.reserved_lcus else { return pass(NAME, "none", "") };
    let found = format!("{} LCUs", show_count(reserved.into()));
    if !reservation.is_provisioned() {
        return not_yet(found, reservation);
    }
    let largest = known.plan.schedule.largest();
    let needed = lcus_held(known, largest);
    if needed > f64::from(reserved) {
        return info(
            NAME,
            found,
            format!("{} need about {needed:.0}", plural(largest.into(), "held connection")),
            "",
        );
    }
    pass(NAME, found, "")
}

fn not_yet(found: String, reservation: &ReservationFacts) -> Finding {
    let detail = match reservation.states.as_slice() {
        [] => "no zone tells of the reservation".to_owned(),
        states => {
            let states = states.join(" and ");
            format!("the reservation is {states}: {:.0} LCUs are there now", reservation.effective_lcus)
        }
    };
    let remedy = match reservation.has_failed() {
        true => "request it again, or fewer units",
        false => "wait until every zone's reservation is provisioned",
    };
    warn(NAME, found, detail, remedy)
}

/// Units in use while so many connections are held.
fn lcus_held(known: &Known<'_>, connections: u32) -> f64 {
    let mutual_tls = listener_of(known).is_some_and(|listener| listener.wants_certificate());
    let an_hour = Carried { connection_hours: connections.into(), mutual_tls, ..Carried::default() };
    an_hour.lcu_hours().0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::examples::{Case, answer, case, plan, unread};
    use super::*;
    use crate::facts::{LoadBalancerAnswer, Status};
    use crate::plan::Schedule;

    #[test]
    fn reserved_pending_too_small_and_none() {
        let reservation = |reserved, states: &[&str]| ReservationFacts {
            reserved_lcus: reserved,
            effective_lcus: 40.0,
            states: states.iter().map(|s| (*s).to_owned()).collect(),
        };
        for (reservation, largest, status, found, remedy) in [
            (reservation(None, &[]), 5_000, Status::Pass, "none", ""),
            (reservation(Some(100), &["provisioned"]), 300_000, Status::Pass, "100 LCUs", ""),
            (reservation(Some(100), &["provisioned"]), 300_001, Status::Info, "100 LCUs", ""),
            (
                reservation(Some(1_500), &["pending", "provisioned"]),
                5_000,
                Status::Warn,
                "1,500 LCUs",
                "wait",
            ),
            (reservation(Some(100), &[]), 5_000, Status::Warn, "100 LCUs", "wait"),
            (reservation(Some(100), &["failed"]), 5_000, Status::Warn, "100 LCUs", "request it again"),
            (
                reservation(Some(100), &["failed", "pending"]),
                5_000,
                Status::Warn,
                "100 LCUs",
                "request it again",
            ),
        ] {
            let levels = vec![largest].try_into().unwrap();
            let case = Case {
                plan: plan(|plan| plan.schedule = Schedule::Levels(levels)),
                load_balancer: answer(|lb| lb.details.reservation = Some(reservation)),
                ..case()
            };
            let finding = look(&case.known());
            assert_eq!((finding.status, finding.found.as_str()), (status, found));
            assert!(finding.remedy.starts_with(remedy), "{finding:?}");
        }
    }

    #[test]
    fn what_could_not_be_read_is_skipped_with_the_reason() {
        let unreadable = answer(|lb| {
            lb.details.reservation = None;
            lb.details.unread = vec![unread("elasticloadbalancing:DescribeCapacityReservation", false)];
        });
        let finding = look(&Case { load_balancer: unreadable, ..case() }.known());
        assert_eq!(finding.status, Status::Skip);
        assert!(finding.detail.contains("DescribeCapacityReservation"), "{finding:?}");
        let without = Case { load_balancer: LoadBalancerAnswer::NotAsked, ..case() };
        assert_eq!(look(&without.known()).status, Status::Skip);
    }
}
