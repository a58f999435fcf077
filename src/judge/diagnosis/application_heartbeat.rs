//! The application ended each connection at the same age: it waited for something that the clients never said.

use super::held::{at_one_age, stretch};
use super::{Case, Diagnosis, client_keep_alive};
use crate::judge::wording::{plural, show_count, span};
use crate::plan::HeartbeatKind;

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern =
        case.concern(|failure| at_one_age(failure) && !client_keep_alive::explains_in(case, failure))?;
    let stretch = stretch(&concern)?;
    let counts = |of: fn(&crate::record::Sample) -> u64| {
        case.levels.iter().map(|level| of(&level.run.counts)).sum::<u64>()
    };
    let (messages, replies) = (counts(|c| c.messages_received), counts(|c| c.replies_sent));
    let said = (messages > 0).then(|| {
        format!("the server sent {}, to which {} were sent", plural(messages, "message"), show_count(replies))
    });
    let pings = (case.run.header.plan.heartbeat.kind == HeartbeatKind::Ping)
        .then(|| "the clients' heartbeats are WebSocket pings, which an application may not see".to_owned());
    let count = plural(u64::from(concern.count), "held connection");
    Some(Diagnosis {
        cause: format!(
            "The application's own heartbeat went unanswered: {count} ended at the same age ({}).",
            concern.kinds()
        ),
        evidence: [concern.evidence(), format!("at ages of {}, whenever they were opened", span(stretch.ages))]
            .into_iter()
            .chain(said.map(|said| format!("{said} in reply")))
            .chain(pings)
            .chain(concern.example())
            .collect(),
        remedy: "Let the clients speak the application's protocol with --protocol, or answer its messages with --reply; \
                 if it knows no heartbeat, look for a maximum age of connections, or of the token that they came with."
            .into(),
        explains: at_one_age,
    })
}
