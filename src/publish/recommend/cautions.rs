//! What a reader must know before relying on a recommendation: a sentence each.

use super::basis::{Basis, FactorSource, plain};
use crate::judge::Judged;
use crate::judge::wording::{factor, show_count};
use crate::record::HowEnded;

/// All of them, the gravest first.
pub(super) fn cautions(judged: &Judged<'_>, basis: &Basis) -> Vec<String> {
    [ended(judged), machine(judged), of_factor(judged, basis), own_traffic(basis), at_least(judged, basis)]
        .into_iter()
        .flatten()
        .collect()
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
        cautions(&judged, &Basis::of(&judged).unwrap())
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
