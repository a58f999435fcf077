//! 503 of the load balancer: it had no target that it could use. Target groups to which other listeners forward are no
//! matter of this run.

use super::status_source::status_of;
use super::{Case, Diagnosis, hosts, load_balancers_answer};

const STATUS: u16 = 503;

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let (_, mut evidence) = load_balancers_answer::with(case, STATUS)?;
    let groups = hosts::of(case);
    let none_healthy = !groups.is_empty() && groups.iter().any(|group| group.fewest_healthy < 1.0);
    let what = if none_healthy {
        "it had no healthy target"
    } else {
        "it had no registered target that it could use"
    };
    evidence.extend(groups.iter().map(hosts::Hosts::healthy));
    evidence.extend(groups.iter().filter_map(hosts::Hosts::unhealthy));
    Some(Diagnosis {
        cause: format!("The load balancer itself answered upgrades with {STATUS}: {what}."),
        evidence,
        remedy: "Register targets, or find out why they left (draining, unused, scaled in) or fail their health checks."
            .into(),
        explains: |failure| status_of(failure) == Some(STATUS),
    })
}
