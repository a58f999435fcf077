//! From what was asked for to a conversation.

use thiserror::Error;

use super::{Beat, Conversation, Pattern, Reply, TextBeat};
use crate::plan::{HeartbeatKind, Template};

/// What is asked of a conversation, as far as it was said.
#[derive(Clone, Default)]
pub struct Script {
    /// `--heartbeat-kind`.
    pub kind: Option<HeartbeatKind>,
    /// `--heartbeat-message`.
    pub message: Option<String>,
    /// `--heartbeat-expect`.
    pub expect: Option<Pattern>,
    /// `--on-open`.
    pub on_open: Option<Template>,
    /// `--ready`.
    pub ready: Option<Pattern>,
    /// `--reply`, in order.
    pub replies: Vec<Reply>,
}

/// Why a script makes no conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ScriptError {
    /// A text heartbeat without a text.
    #[error("--heartbeat-kind text needs the text that is sent")]
    NoMessage,
    /// A flag of text heartbeats, though there are none.
    #[error("{0} is for text heartbeats, and these are none")]
    NotText(&'static str),
}

impl Script {
    /// What this one leaves open is taken from another; of its replies, those that come first are tried first.
    pub fn or(mut self, other: Script) -> Script {
        let kind = self.kind.or(other.kind);
        if kind == Some(HeartbeatKind::Text) {
            self.message = self.message.or(other.message);
            self.expect = self.expect.or(other.expect);
        }
        self.replies.extend(other.replies);
        Script { kind, on_open: self.on_open.or(other.on_open), ready: self.ready.or(other.ready), ..self }
    }

    /// Makes the conversation.
    pub fn conversation(self) -> Result<Conversation, ScriptError> {
        let beat = match (self.kind.unwrap_or_default(), self.message, self.expect) {
            (HeartbeatKind::Text, Some(message), expect) => Beat::Text(TextBeat { message, expect }),
            (HeartbeatKind::Text, None, _) => return Err(ScriptError::NoMessage),
            (_, Some(_), _) => return Err(ScriptError::NotText("--heartbeat-message")),
            (_, None, Some(_)) => return Err(ScriptError::NotText("--heartbeat-expect")),
            (HeartbeatKind::Ping, None, None) => Beat::Ping,
            (HeartbeatKind::None, None, None) => Beat::None,
        };
        Ok(Conversation { on_open: self.on_open, ready: self.ready, replies: self.replies, beat })
    }
}

impl ScriptError {
    /// What to do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            ScriptError::NoMessage => "give it by --heartbeat-message",
            ScriptError::NotText(_) => "add --heartbeat-kind text, or leave it out",
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn text() -> Script {
        Script {
            kind: Some(HeartbeatKind::Text),
            message: Some("beat".into()),
            expect: "^b".parse().ok(),
            replies: vec!["2=>3".parse().unwrap()],
            ..Script::default()
        }
    }

    #[test]
    fn what_was_said_first_wins() {
        let own = Script { replies: vec!["2=>own".parse().unwrap()], ..Script::default() };
        let conversation = own.or(text()).conversation().unwrap();
        assert!(matches!(&conversation.beat, Beat::Text(beat) if beat.message == "beat"));
        let answers: Vec<&str> = conversation.replies.iter().map(|reply| reply.message.as_str()).collect();
        assert_eq!(answers, ["own", "3"]);
        for (kind, beat) in [(HeartbeatKind::Ping, "Ping"), (HeartbeatKind::None, "None")] {
            let own = Script { kind: Some(kind), ..Script::default() };
            let conversation = own.or(text()).conversation().unwrap();
            assert_eq!(format!("{:?}", conversation.beat), beat, "the other's text goes with its kind");
        }
        let own = Script { message: Some("own".into()), ..Script::default() };
        let conversation = own.or(text()).conversation().unwrap();
        assert!(
            matches!(&conversation.beat, Beat::Text(beat) if beat.message == "own" && beat.expect.is_some())
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let error = |script: Script| script.conversation().unwrap_err();
        assert_eq!(error(Script { message: None, ..text() }), ScriptError::NoMessage);
        let ping = |script| Script { kind: Some(HeartbeatKind::Ping), ..script };
        assert_eq!(error(ping(text())), ScriptError::NotText("--heartbeat-message"));
        let expecting = Script { message: None, ..text() };
        assert_eq!(error(ping(expecting)), ScriptError::NotText("--heartbeat-expect"));
        let unsaid = Script { kind: None, ..text() };
        assert_eq!(error(unsaid), ScriptError::NotText("--heartbeat-message"));
    }
}
