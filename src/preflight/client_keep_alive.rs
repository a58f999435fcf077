//! The load balancer's client keep-alive: shown, since nobody has documented what it does to a WebSocket.

use super::wording::{in_seconds, info, skip};
use super::{Check, Forcing, Known};
use crate::facts::Finding;
use crate::plan::Mode;

const NAME: &str = "client_keep_alive";

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Allowed, look };

/// aws-facts.md §3: whether it cuts upgraded connections is an open question.
const OPEN_QUESTION: &str = "whether it cuts upgraded connections is not documented";

fn look(known: &Known<'_>) -> Finding {
    let facts = match known.load_balancer_or_skip(NAME) {
        Ok(facts) => facts,
        Err(skipped) => return skipped,
    };
    if facts.attributes_unavailable.is_some() {
        return skip(NAME, "could not be read");
    }
    let Some(keep_alive) = facts.client_keep_alive else {
        return info(NAME, "not told", format!("AWS's default is 3600 s; {OPEN_QUESTION}"), "");
    };
    let plan = known.plan;
    // In cumulative mode the first connections live through all levels and the pauses between.
    let (what, longest) = match plan.mode {
        Mode::Fresh => ("a hold", plan.hold.longest(plan.cloudwatch.map(|c| c.period))),
        Mode::Cumulative => ("a load", plan.longest_load()),
    };
    let detail = if longest > keep_alive {
        format!("{what} of up to {} outlasts it; {OPEN_QUESTION}", in_seconds(longest))
    } else {
        OPEN_QUESTION.to_owned()
    };
    info(NAME, in_seconds(keep_alive), detail, "")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::examples::{Case, answer, case, denied, plan};
    use super::*;
    use crate::facts::{LoadBalancerAnswer, Status};

    #[test]
    fn it_is_shown_and_a_longer_hold_is_pointed_out() {
        for (keep_alive, duration, found, says) in [
            (Some(3_600), 120, "3600 s", "whether"),
            (Some(3_600), 3_601, "3600 s", "a hold of up to 3601 s outlasts it"),
            // Extended to two whole minutes, a hold of 120 s may take 200 s.
            (Some(150), 120, "150 s", "a hold of up to 200 s outlasts it"),
            (None, 120, "not told", "AWS's default is 3600 s"),
        ] {
            let case = Case {
                plan: plan(|plan| plan.hold.duration = Duration::from_secs(duration)),
                load_balancer: answer(|lb| {
                    lb.client_keep_alive = keep_alive.map(Duration::from_secs);
                }),
                ..case()
            };
            let finding = look(&case.known());
            assert_eq!((finding.status, finding.found.as_str()), (Status::Info, found));
            assert!(finding.detail.starts_with(says), "{finding:?}");
            assert!(finding.detail.ends_with(OPEN_QUESTION), "{finding:?}");
        }
    }

    #[test]
    fn connections_that_live_on_live_as_long_as_the_load() {
        // Two holds of up to 200 s and a pause of 5 s.
        for (mode, says) in
            [(Mode::Fresh, OPEN_QUESTION), (Mode::Cumulative, "a load of up to 405 s outlasts it")]
        {
            let case = Case {
                plan: plan(|plan| plan.mode = mode),
                load_balancer: answer(|lb| lb.client_keep_alive = Some(Duration::from_secs(400))),
                ..case()
            };
            let finding = look(&case.known());
            assert!(finding.detail.starts_with(says), "{mode:?}: {finding:?}");
        }
    }

    #[test]
    fn what_could_not_be_read_is_skipped() {
        for load_balancer in
            [answer(|lb| lb.attributes_unavailable = Some(denied())), LoadBalancerAnswer::NotAsked]
        {
            let case = Case { load_balancer, ..case() };
            assert_eq!(look(&case.known()).status, Status::Skip);
        }
    }
}
