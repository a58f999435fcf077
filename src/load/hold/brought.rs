//! What a read brought: gathered while its frames are read, acted on afterwards.

use super::frame::Received;
use crate::plan::{Beat, Conversation, Heard};

/// How many heartbeats of a connection were sent, and how many of them answered; the others are due.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::load) struct Beats {
    pub(super) sent: u32,
    pub(super) answered: u32,
    /// The last of those sent, which only kept the connection alive while it waited to be closed: no number tells of them.
    pub(super) while_closing: u32,
}

impl Beats {
    /// Whether an answer is due.
    pub(super) fn is_awaiting(self) -> bool {
        self.answered < self.sent
    }

    /// Which heartbeats count where those up to `sequence` are answered: after the first, up to the second.
    pub(super) fn counted(self, sequence: u32) -> Option<(u32, u32)> {
        let latest = sequence.min(self.sent - self.while_closing);
        (self.answered < latest).then_some((self.answered, latest))
    }

    /// The heartbeat that a pong answers: its sequence, if it is one that is due. It answers all before it too
    /// (RFC 6455 §5.5.3).
    fn answered_by(self, payload: &[u8]) -> Option<u32> {
        let sequence = u32::from_be_bytes(payload.try_into().ok()?);
        (self.answered < sequence && sequence <= self.sent).then_some(sequence)
    }
}

/// What one read brought, as far as somebody must act on it.
#[derive(Debug, Default)]
pub(in crate::load) struct Brought {
    pub(in crate::load) bytes: usize,
    /// Data messages that were neither an answer to our heartbeat nor the server's own.
    pub(in crate::load) messages: u64,
    /// What the server waits for, in order.
    pub(in crate::load) owed: Vec<Owed>,
    /// The last of our heartbeats that was answered.
    pub(super) answered: Option<u32>,
    /// A close frame: code and reason.
    pub(in crate::load) closed: Option<(u16, String)>,
}

/// Something that the server waits for.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::load) enum Owed {
    /// To a ping of that payload.
    Pong(Vec<u8>),
    /// To its own heartbeat: the index of our reply.
    Reply(usize),
}

impl Brought {
    /// Takes the next thing that came; false when nothing behind it counts.
    pub(in crate::load) fn take(
        &mut self,
        received: &Received<'_>,
        conversation: &Conversation,
        beats: Beats,
    ) -> bool {
        match received {
            Received::Ping(payload) => self.owe_pong(payload),
            Received::Pong(payload) if matches!(conversation.beat, Beat::Ping) => {
                self.answered = beats.answered_by(payload).max(self.answered);
            }
            Received::Pong(_) => {}
            Received::Text(beginning) => {
                let answered = self.answered.unwrap_or(beats.answered);
                match conversation.hear(beginning, answered < beats.sent) {
                    Heard::Answer => self.answered = Some(answered + 1),
                    Heard::Heartbeat(reply) => self.owed.push(Owed::Reply(reply)),
                    Heard::Message => self.messages += 1,
                }
            }
            Received::Binary => self.messages += 1,
            Received::Close(code, reason) => {
                self.closed = Some((*code, (*reason).to_owned()));
                return false;
            }
        }
        true
    }

    /// Of pings one after the other only the last is answered, which answers all before it (RFC 6455 §5.5.3): a server that
    /// sends nothing but pings costs no more than what it sends.
    fn owe_pong(&mut self, payload: &[u8]) {
        match self.owed.last_mut() {
            Some(Owed::Pong(last)) => {
                last.clear();
                last.extend_from_slice(payload);
            }
            _ => self.owed.push(Owed::Pong(payload.to_vec())),
        }
    }

    /// What is to be sent back: nothing once the server has closed, since nobody listens any more.
    pub(in crate::load) fn still_owed(&self) -> &[Owed] {
        if self.closed.is_some() { &[] } else { &self.owed }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::plan::TextBeat;

    fn brought(beat: Beat, beats: Beats, all: &[Received<'_>]) -> Brought {
        let replies = vec!["^2$=>3".parse().unwrap()];
        let conversation = Conversation { beat, replies, ..Conversation::default() };
        let mut brought = Brought::default();
        assert!(all.iter().all(|received| brought.take(received, &conversation, beats)));
        brought
    }

    #[test]
    fn a_pong_answers_all_before_it_and_only_what_was_sent() {
        let beats = Beats { sent: 5, answered: 2, ..Beats::default() };
        for (payload, answered) in
            [(5, Some(5)), (3, Some(3)), (2, None), (6, None), (u32::MAX, None), (0, None)]
        {
            let pong = Received::Pong(&u32::to_be_bytes(payload));
            assert_eq!(brought(Beat::Ping, beats, &[pong]).answered, answered, "{payload}");
        }
        let odd = [Received::Pong(b""), Received::Pong(b"12345")];
        assert_eq!(brought(Beat::Ping, beats, &odd).answered, None);
        let two = [Received::Pong(&[0, 0, 0, 5]), Received::Pong(&[0, 0, 0, 3])];
        assert_eq!(brought(Beat::Ping, beats, &two).answered, Some(5));
    }

    #[test]
    fn a_text_answers_the_oldest_heartbeat_that_is_due_and_then_is_a_message() {
        let beats = Beats { sent: 5, answered: 3, ..Beats::default() };
        let text = || Beat::Text(TextBeat { message: "x".into(), expect: "^pong".parse().ok() });
        let all = [b"pong".as_slice(), b"news", b"2", b"pong", b"pong"].map(Received::Text);
        let found = brought(text(), beats, &all);
        assert_eq!((found.answered, found.messages), (Some(5), 2), "{found:?}");
        assert_eq!(found.owed, [Owed::Reply(0)]);
        let stray = brought(text(), beats, &[Received::Pong(&[0, 0, 0, 5]), Received::Binary]);
        assert_eq!((stray.answered, stray.messages), (None, 1), "no ping was sent that it could answer");
    }

    #[test]
    fn what_the_server_waits_for_keeps_its_order() {
        let all = [Received::Text(b"2"), Received::Ping(b"a"), Received::Text(b"2")];
        let found = brought(Beat::None, Beats::default(), &all);
        assert_eq!(found.owed, [Owed::Reply(0), Owed::Pong(b"a".to_vec()), Owed::Reply(0)]);
        assert_eq!(found.messages, 0, "heartbeats are no messages");
    }

    #[test]
    fn of_pings_in_a_row_the_last_is_answered_and_none_behind_a_close() {
        let all = [Received::Ping(b"a"), Received::Ping(b""), Received::Ping(b"bc")];
        let found = brought(Beat::None, Beats::default(), &all);
        assert_eq!(found.still_owed(), [Owed::Pong(b"bc".to_vec())]);
        let mut closed = Brought::default();
        closed.take(&Received::Ping(b"a"), &Conversation::default(), Beats::default());
        assert!(!closed.take(&Received::Close(1001, "bye"), &Conversation::default(), Beats::default()));
        assert_eq!((closed.still_owed(), &closed.closed), (&[][..], &Some((1001, "bye".into()))));
    }
}
