//! Whether reserved capacity units pay (aws-facts.md §4).

use crate::judge::Judged;
use crate::prices::{Carried, Use};

/// The fewest units that can be reserved.
const LEAST_UNITS: u32 = 100;
/// What stands in the way at first (aws-facts.md §4).
pub(super) const QUOTA: &str = "AWS's quota of reserved units is 0 a Region until it is raised";
/// Within so many seconds all clients are back when all were cut at once.
const RETURN_S: f64 = 60.0;

/// What reserved units would cost, and whether they pay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reservation {
    /// The connections that it is for.
    pub connections: u32,
    /// Units that these use while they are held.
    pub held_lcus: f64,
    /// Units that they use in a minute in which all of them come back.
    pub returning_lcus: f64,
    /// Units to reserve: what is used while they are held, and no fewer than AWS reserves.
    pub units: u32,
    /// Whether all of those are used anyway: only then nothing is paid for that is not used.
    pub pays: bool,
    /// US dollars an hour for the reserved units.
    pub dollars_an_hour: f64,
    /// US dollars an hour of that for units that the connections don't use.
    pub unused_dollars_an_hour: f64,
    /// Units that are reserved already.
    pub reserved_now: Option<u32>,
}

impl Reservation {
    /// Whether as many units are reserved already.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.reserved_now.is_some_and(|now| now >= self.units)
    }

    /// Whether to reserve them: it pays, and takes nothing away from what is reserved.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.pays && !self.is_there()
    }
}

/// The reservation for so many connections that talk as those of the run did; `None` where the run does not tell how
/// much that is.
pub(super) fn reservation(judged: &Judged<'_>, wished: u32) -> Option<Reservation> {
    let load = judged.safe_load.as_ref()?;
    let facts = judged.run.facts.as_ref()?;
    let at_safe_limit = load.lcus.iter().map(|(_, units)| *units).fold(0.0, f64::max);
    let held_lcus = at_safe_limit * f64::from(wished) / f64::from(load.connections);
    let hours = RETURN_S / 3_600.0;
    let returning = Carried { opened: f64::from(wished), ..Carried::default() }.lcu_hours().0 / hours;
    // Within u32 where it is below 2^32, and at its end otherwise.
    let units = (held_lcus.ceil() as u32).max(LEAST_UNITS);
    let dollars = |units: f64| facts.prices.cost(&Use { lcu_hours: units, ..Use::default() }).lcus;
    Some(Reservation {
        connections: wished,
        held_lcus,
        returning_lcus: returning.max(held_lcus),
        units,
        pays: held_lcus >= f64::from(LEAST_UNITS),
        dollars_an_hour: dollars(f64::from(units)),
        unused_dollars_an_hour: dollars((f64::from(units) - held_lcus).max(0.0)),
        reserved_now: facts
            .load_balancer
            .as_ref()
            .and_then(|balancer| balancer.details.reservation.as_ref())
            .and_then(|reservation| reservation.reserved_lcus),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::judge::judge;
    use crate::judge::testing::Scenario;

    fn of(wished: u32) -> Reservation {
        let run = Scenario { levels: vec![15_000], ..Scenario::default() }.run();
        reservation(&judge(&run), wished).unwrap()
    }

    #[test]
    fn it_pays_from_the_fewest_units_on_that_can_be_reserved() {
        // 3,000 connections a unit.
        let few = of(12_000);
        assert_eq!((few.held_lcus, few.units, few.pays), (4.0, 100, false));
        assert!(
            (few.dollars_an_hour - 0.8).abs() < 1e-9 && (few.unused_dollars_an_hour - 0.768).abs() < 1e-9
        );
        // 12,000 within a minute are 200 a second, 25 a unit.
        assert!((few.returning_lcus - 8.0).abs() < 1e-9);
        let many = of(310_000);
        assert_eq!((many.units, many.pays), (104, true));
        assert!(many.unused_dollars_an_hour < 0.01);
        assert!(!of(299_999).pays && of(300_000).pays);
    }

    #[test]
    fn what_is_reserved_already_is_never_made_less() {
        let many = of(310_000);
        for (now, due) in
            [(None, true), (Some(0), true), (Some(103), true), (Some(104), false), (Some(500), false)]
        {
            let reservation = Reservation { reserved_now: now, ..many };
            assert_eq!(reservation.is_due(), due, "{now:?}");
        }
    }

    #[test]
    fn without_a_load_balancer_there_is_none() {
        let run = Scenario { aws: false, series: None, ..Scenario::default() }.run();
        assert_eq!(reservation(&judge(&run), 1), None);
    }
}
