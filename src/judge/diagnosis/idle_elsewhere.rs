//! Something ended connections that had been silent for one time, and it was not the load balancer's idle timeout.

use super::case::durations;
use super::held::{after_one_silence, cut, stretch};
use super::{Case, Diagnosis};
use crate::judge::wording::{plural, span};

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(after_one_silence)?;
    let stretch = stretch(&concern)?;
    let silence = stretch.silences.0;
    let count = plural(u64::from(concern.count), "connection");
    let (whose, where_to) = if concern.groups.iter().all(|group| cut(group)) {
        ("Another idle timeout on the path", "a proxy, a firewall, NAT or the target itself")
    } else {
        ("The target's own idle timeout", "the server's settings")
    };
    let timeouts = case.idle_timeouts(after_one_silence);
    let balancers = match timeouts[..] {
        [] => "the load balancer's own idle timeout is not known".to_owned(),
        _ => format!("the load balancer's own idle timeout is {}", durations(&timeouts)),
    };
    Some(Diagnosis {
        cause: format!(
            "{whose} closed {count} that had been silent for about {:.0} s ({}).",
            silence.as_secs_f64(),
            concern.kinds()
        ),
        evidence: [
            format!("silence at death: {}, at ages of {}", span(stretch.silences), span(stretch.ages)),
            concern.evidence(),
            balancers,
        ]
        .into_iter()
        .chain(case.about_idle_timeout())
        .collect(),
        remedy: format!(
            "Send heartbeats at most every {:.1} s (--heartbeat), or raise that timeout: look at {where_to}.",
            silence.as_secs_f64() / 2.0
        ),
        explains: after_one_silence,
    })
}
