//! 504 of the load balancer: a target was too slow, to accept or to answer.

use super::status_source::status_of;
use super::{Case, Diagnosis, load_balancers_answer};
use crate::facts::metric::{TARGET_CONNECTION_ERRORS, TARGET_RESPONSE_TIME};
use crate::judge::wording::ms;

const STATUS: u16 = 504;

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let (concern, mut evidence) = load_balancers_answer::with(case, STATUS)?;
    let (what, remedy) = if case.rise_for(TARGET_CONNECTION_ERRORS, concern.count).is_some() {
        (
            "targets did not accept its connections within 10 s",
            "Look at the targets' security group and routes, and at their accept queues; add targets, or open more \
             slowly with --rate.",
        )
    } else {
        (
            "targets accepted, but did not answer within the idle timeout",
            "Add targets or make them faster: look at their processors, and at what they wait for before they answer \
             an upgrade.",
        )
    };
    evidence.extend(case.rose_or_not_known(TARGET_CONNECTION_ERRORS));
    evidence.extend(case.in_target_groups(TARGET_CONNECTION_ERRORS));
    let slowest = case.highest(TARGET_RESPONSE_TIME);
    evidence.extend(slowest.map(|s| format!("{TARGET_RESPONSE_TIME} was up to {} ms", ms(s * 1_000.0))));
    Some(Diagnosis {
        cause: format!("The load balancer itself answered upgrades with {STATUS}: {what}."),
        evidence,
        remedy: remedy.into(),
        explains: |failure| status_of(failure) == Some(STATUS),
    })
}
