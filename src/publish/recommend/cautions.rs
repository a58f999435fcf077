//! What a reader must know before relying on a recommendation: a sentence each.

use super::Scaling;
use super::basis::{Basis, FactorSource, plain};
use crate::judge::Judged;
use crate::judge::wording::{factor, show_count};
use crate::record::HowEnded;

/// All of them, the gravest first.
pub(super) fn cautions(
    judged: &Judged<'_>,
    basis: &Basis,
    wished: u32,
    scaling: &Result<Scaling, String>,
) -> Vec<String> {
    [
        ended(judged),
        machine(judged),
        untested(basis, wished, scaling),
        of_factor(judged, basis),
        own_traffic(basis),
        at_least(judged, basis),
        across_zones(scaling),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn untested(basis: &Basis, wished: u32, scaling: &Result<Scaling, String>) -> Option<String> {
    let alarms = match scaling {
        Ok(_) => "alarms are held against what each target held in the run",
        Err(_) => "alarms go off at the tested limit already",
    };
    let (wish, safe) = (show_count(wished.into()), show_count(basis.safe_limit.into()));
    (wished > basis.safe_limit).then(|| {
        format!(
            "{wish} connections are more than the run showed to be safe, {safe}: {alarms}. Measure again at the wished size."
        )
    })
}

fn across_zones(scaling: &Result<Scaling, String>) -> Option<String> {
    let said = "The scaling policy divides by all healthy targets of the group: that is right only where cross-zone load \
                balancing is on for it, as it is unless it was turned off.";
    scaling.is_ok().then(|| said.to_owned())
}

fn ended(judged: &Judged<'_>) -> Option<String> {
    let what = match judged.run.ended.map(|(_, how)| how) {
        Some(HowEnded::Finished) => return None,
        Some(HowEnded::Interrupted) => "was interrupted",
        Some(HowEnded::Aborted) => "was stopped by its brake",
        None => "was killed, or still goes on",
    };
    Some(format!("The run {what}: only levels that were held to their end count, and more may be possible."))
}

fn machine(judged: &Judged<'_>) -> Option<String> {
    let limited = judged.machine_limited();
    let said = "The machine that ran the test was the limit: what it held is safe, but says nothing about where the \
                load balancer's limit lies.";
    limited.then(|| said.to_owned())
}

fn of_factor(judged: &Judged<'_>, basis: &Basis) -> Option<String> {
    let taken = plain(basis.factor);
    match basis.factor_source {
        FactorSource::Measured => None,
        FactorSource::Documented => Some(format!(
            "CloudWatch was not compared with the clients: ActiveConnectionCount is taken to count both TCP legs of a \
             connection, as AWS documents it, and is divided by {taken}. albcap analyze RECORD measures it."
        )),
        FactorSource::InDoubt(measured) => Some(format!(
            "The run's verdict is {}: {} TCP connections were counted for each of the clients'. {taken} is taken, so that \
             alarms go off early rather than late.",
            judged.outcome().name().replace('_', " "),
            factor(measured),
        )),
    }
}

fn own_traffic(basis: &Basis) -> Option<String> {
    let own = show_count(basis.own_traffic?.into());
    Some(format!(
        "The load balancer had {own} TCP connections of its own beside the run's; the alarms subtract them. Where that \
         traffic has changed, measure again."
    ))
}

fn at_least(judged: &Judged<'_>, basis: &Basis) -> Option<String> {
    let most = show_count(basis.max_reliable.into());
    let said = format!("No level failed: the limit is at least {most}, and larger levels may pass as well.");
    judged.capacity.at_least.then_some(said)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::judge::judge;
    use crate::judge::testing::Scenario;

    fn said(scenario: Scenario) -> Vec<String> {
        let run = scenario.run();
        let judged = judge(&run);
        let basis = Basis::of(&judged).unwrap();
        cautions(&judged, &basis, basis.safe_limit, &Err("nobody knows".into()))
    }

    #[test]
    fn more_than_was_tested_is_to_be_measured() {
        let recommendation = super::super::testing::recommendation();
        let said = |wished| untested(&recommendation.basis, wished, &recommendation.scaling);
        assert_eq!(said(800), None);
        let beyond = said(801).unwrap();
        assert!(
            beyond.starts_with("801 connections are more than the run showed to be safe, 800"),
            "{beyond}"
        );
        let unscaled = untested(&recommendation.basis, 801, &Err("nobody knows".into())).unwrap();
        assert!(unscaled.contains("at the tested limit already"), "{unscaled}");
    }

    #[test]
    fn what_weakens_the_limit_is_said() {
        let example = || Scenario { levels: vec![500, 1_000], ..Scenario::default() };
        for (scenario, says) in [
            (Scenario { how: Some(HowEnded::Interrupted), cut_last: true, ..example() }, "was interrupted"),
            (Scenario { how: None, cut_last: true, ..example() }, "was killed"),
            (Scenario { series: None, ..example() }, "divided by 2"),
            (Scenario { bypass: 0.4, ..example() }, "verdict is disagrees"),
            (Scenario { baseline: 900.0, ..example() }, "900 TCP connections of its own"),
            (example(), "at least 1,000"),
        ] {
            let all = said(scenario);
            assert!(all.iter().any(|sentence| sentence.contains(says)), "{says}: {all:#?}");
        }
        assert_eq!(
            said(Scenario { baseline: 0.0, ..crate::judge::testing::example() }),
            Vec::<String>::new()
        );
    }
}
