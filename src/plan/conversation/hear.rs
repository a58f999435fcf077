//! What is said, and what a message that comes means. Pure.

use super::{Pattern, Reply};
use crate::plan::{HeartbeatKind, Template};

/// Everything that is said over a connection.
#[derive(Debug, Clone, Default)]
pub struct Conversation {
    /// Sent when the upgrade is through.
    pub on_open: Option<Template>,
    /// The connection counts as open only when a message matches.
    pub ready: Option<Pattern>,
    /// Answers to the server's own heartbeats; the first that matches is given.
    pub replies: Vec<Reply>,
    /// Our heartbeat.
    pub beat: Beat,
}

/// What a heartbeat is.
#[derive(Debug, Clone, Default)]
pub enum Beat {
    /// A ping, answered by its pong (RFC 6455 §5.5.2).
    #[default]
    Ping,
    /// A text message.
    Text(TextBeat),
    /// None is sent.
    None,
}

/// A text heartbeat.
#[derive(Clone)]
pub struct TextBeat {
    /// What is sent.
    pub message: String,
    /// What its answer must match; without it any text is one that is not the server's own heartbeat.
    pub expect: Option<Pattern>,
}

/// What a text message means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// An answer to the oldest of our heartbeats that is due.
    Answer,
    /// The server's own heartbeat, to be answered by the reply of that index.
    Heartbeat(usize),
    /// Anything else.
    Message,
}

impl Conversation {
    /// The texts that are sent, without the places that differ between connections.
    pub(in crate::plan) fn sent_texts(&self) -> impl Iterator<Item = &str> {
        let beat = match &self.beat {
            Beat::Text(beat) => Some(beat.message.as_str()),
            Beat::Ping | Beat::None => None,
        };
        let replies = self.replies.iter().map(|reply| reply.message.as_str());
        self.on_open.iter().flat_map(Template::texts).chain(beat).chain(replies)
    }

    /// What a text message means, by its beginning. `due` tells whether an answer to one of our heartbeats is: what
    /// nobody waits for is a message.
    pub fn hear(&self, beginning: &[u8], due: bool) -> Heard {
        let beat = match &self.beat {
            Beat::Text(beat) if due => Some(beat),
            _ => None,
        };
        let expected = beat.and_then(|beat| beat.expect.as_ref());
        if expected.is_some_and(|expected| expected.matches(beginning)) {
            return Heard::Answer;
        }
        if let Some(reply) = self.replies.iter().position(|reply| reply.pattern.matches(beginning)) {
            return Heard::Heartbeat(reply);
        }
        match beat {
            Some(beat) if beat.expect.is_none() => Heard::Answer,
            _ => Heard::Message,
        }
    }

    /// Bytes of a text message that [`Conversation::hear`] must be shown.
    pub fn keep(&self) -> usize {
        let expects = matches!(&self.beat, Beat::Text(TextBeat { expect: Some(_), .. }));
        if expects || !self.replies.is_empty() { Pattern::SEES } else { 0 }
    }
}

impl Beat {
    /// Its name in the plan.
    pub fn kind(&self) -> HeartbeatKind {
        match self {
            Beat::Ping => HeartbeatKind::Ping,
            Beat::Text(_) => HeartbeatKind::Text,
            Beat::None => HeartbeatKind::None,
        }
    }
}

impl std::fmt::Debug for TextBeat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TextBeat(***)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn text(expect: Option<&str>, replies: &[&str]) -> Conversation {
        let expect = expect.map(|expect| expect.parse().unwrap());
        let beat = Beat::Text(TextBeat { message: "beat".into(), expect });
        let replies = replies.iter().map(|reply| reply.parse().unwrap()).collect();
        Conversation { beat, replies, ..Conversation::default() }
    }

    #[test]
    fn a_message_means_what_it_matches() {
        use Heard::{Answer, Heartbeat, Message};
        let expecting = || text(Some("^pong$"), &["^2$=>3", "^(2|x)$=>4"]);
        let any = || text(None, &["^2$=>3"]);
        let by_ping = Conversation { beat: Beat::Ping, ..text(None, &["^2$=>3"]) };
        for (conversation, said, due, heard) in [
            (expecting(), "pong", true, Answer),
            (expecting(), "pong", false, Message),
            (expecting(), "pang", true, Message),
            (expecting(), "2", true, Heartbeat(0)),
            (expecting(), "x", false, Heartbeat(1)),
            (text(Some("hb"), &["hb=>hb"]), "hb", true, Answer),
            (text(Some("hb"), &["hb=>hb"]), "hb", false, Heartbeat(0)),
            (any(), "whatever", true, Answer),
            (any(), "", true, Answer),
            (any(), "whatever", false, Message),
            (any(), "2", true, Heartbeat(0)),
            (by_ping.clone(), "2", true, Heartbeat(0)),
            (by_ping, "pong", true, Message),
            (Conversation::default(), "2", true, Message),
        ] {
            assert_eq!(conversation.hear(said.as_bytes(), due), heard, "{said} {due} {conversation:?}");
        }
    }

    #[test]
    fn nothing_is_kept_of_messages_that_nobody_looks_at() {
        assert_eq!(Conversation::default().keep(), 0);
        assert_eq!(text(None, &[]).keep(), 0);
        assert_eq!(text(Some("x"), &[]).keep(), Pattern::SEES);
        assert_eq!(text(None, &["x=>y"]).keep(), Pattern::SEES);
    }
}
