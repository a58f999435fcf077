//! The load balancer's idle timeout cut connections that had been silent.

use super::case::durations;
use super::{Case, Diagnosis};
use crate::judge::wording::{plural, show_duration, span};
use crate::judge::{Failures, Kind};

fn explains(failure: &Failures) -> bool {
    failure.kind == Kind::IdleTimeout
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(explains)?;
    let timeouts = case.idle_timeouts(explains);
    let shortest = *timeouts.first()?;
    let heartbeat = match case.run.header.plan.heartbeat.every() {
        Some(interval) => format!("a heartbeat every {}", show_duration(interval)),
        None => "no heartbeat".to_owned(),
    };
    let silence = concern.silence().map(|silence| format!("silence at death: {}", span(silence)));
    Some(Diagnosis {
        cause: format!(
            "The load balancer's idle timeout of {} closed {}.",
            durations(&timeouts),
            plural(u64::from(concern.count), "silent connection")
        ),
        evidence: silence
            .into_iter()
            .chain([concern.evidence(), heartbeat])
            .chain(case.about_idle_timeout())
            .collect(),
        remedy: format!(
            "Send heartbeats at most every {} (--heartbeat), or raise idle_timeout.timeout_seconds of the load \
             balancer.",
            show_duration(shortest / 2)
        ),
        explains,
    })
}
