//! Between upgrade and hold: the opening message, and the wait for the one that shows the server to be ready.

use super::counters::Counters;
use super::dial::Progress;
use super::failed::Failed;
use super::hold::frame::{FrameReader, Opcode, Received, write_frame};
use super::hold::{Beats, Brought, Owed};
use super::stream::Stream;
use crate::plan::{Conversation, Pattern, Redacted};
use crate::record::{FailureKind, Initiator};

/// Greets the server with an opening message, where there is to be one. Returns where the frames' reader stands then, and
/// what it has not seen of `tail`, which came with the answer to the upgrade: who waits for nothing reads nothing.
pub(super) async fn greet(
    conversation: &Conversation,
    opening: Option<String>,
    stream: &mut Stream,
    tail: Vec<u8>,
    progress: &mut Progress,
    counters: &Counters,
) -> Result<(FrameReader, Vec<u8>), Failed> {
    if let Some(text) = opening {
        counters.sent(send(stream, Opcode::Text, text.as_bytes(), progress).await?);
    }
    let mut reader = FrameReader::default();
    let Some(ready) = &conversation.ready else { return Ok((reader, tail)) };
    let mut bytes = tail;
    loop {
        let mut heard = Heard { brought: Brought::default(), is_ready: false };
        let read = heard.listen(&mut reader, &bytes, conversation, ready, progress);
        let Heard { brought, is_ready } = heard;
        counters.received(brought.bytes, brought.messages);
        for owed in brought.still_owed() {
            match owed {
                Owed::Pong(payload) => counters.sent(send(stream, Opcode::Pong, payload, progress).await?),
                Owed::Reply(reply) => {
                    let message = conversation.replies[*reply].message.as_bytes();
                    counters.sent(send(stream, Opcode::Text, message, progress).await?);
                    counters.replied(1);
                }
            }
        }
        if let Some((code, reason)) = brought.closed {
            return Err(progress.failed(FailureKind::Closed(code), Initiator::Peer, reason));
        }
        read?;
        if is_ready {
            return Ok((reader, Vec::new()));
        }
        bytes.clear();
        if stream.receive(&mut bytes).await.map_err(|error| progress.failed_by(&error))? == 0 {
            return Err(progress.failed(FailureKind::Eof, Initiator::Peer, String::new()));
        }
    }
}

async fn send(
    stream: &mut Stream,
    opcode: Opcode,
    payload: &[u8],
    progress: &Progress,
) -> Result<usize, Failed> {
    let mut frame = Vec::new();
    write_frame(&mut frame, opcode, payload, fastrand::u32(..).to_ne_bytes());
    stream.send(&frame).await.map_err(|error| progress.failed_by(&error))?;
    Ok(frame.len())
}

/// What a read brought while the server was not ready.
struct Heard {
    brought: Brought,
    is_ready: bool,
}

impl Heard {
    fn listen(
        &mut self,
        reader: &mut FrameReader,
        bytes: &[u8],
        conversation: &Conversation,
        ready: &Pattern,
        progress: &mut Progress,
    ) -> Result<(), Failed> {
        self.brought.bytes += bytes.len();
        let read = reader.feed(bytes, Pattern::SEES, &mut |received| {
            if let Received::Text(beginning) = received {
                self.is_ready |= ready.matches(beginning);
                let shown = &beginning[..beginning.len().min(Redacted::MOST)];
                progress.unready = Some(String::from_utf8_lossy(shown).into_owned());
            }
            // No heartbeat was sent yet that anything could answer.
            self.brought.take(&received, conversation, Beats::default())
        });
        read.map_err(|violation| {
            progress.failed(FailureKind::Protocol, Initiator::Peer, violation.to_string())
        })
    }
}
