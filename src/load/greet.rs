//! Between upgrade and hold: the opening message, and the wait for the one that shows the server to be ready.

use std::io;

use tokio::time::timeout;

use super::counters::Counters;
use super::dial::Progress;
use super::failed::Failed;
use super::hold::frame::{FrameReader, NORMAL_CLOSURE, Opcode, Received, close_payload, write_frame};
use super::hold::{Beats, Brought, CLOSE_PATIENCE, Owed};
use super::random::random_bytes;
use super::stream::Stream;
use crate::plan::{Conversation, Pattern, Redacted};
use crate::record::{FailureKind, Initiator};

/// Why a WebSocket did not become ready.
pub(super) struct Unready {
    failed: Failed,
    /// The code of the close frame that the server must still get; `None` where the stream is broken or at its end.
    close: Option<u16>,
}

impl From<Failed> for Unready {
    fn from(failed: Failed) -> Unready {
        Unready { failed, close: None }
    }
}

impl Unready {
    /// No message matched in time: this side starts the closing handshake.
    pub(super) fn out_of_time(failed: Failed) -> Unready {
        Unready { failed, close: Some(NORMAL_CLOSURE) }
    }

    /// The failure, and its connection.
    pub(super) fn with(self, stream: Stream) -> (Failed, Leaving) {
        (self.failed, Leaving { stream, close: self.close })
    }
}

/// A WebSocket that has failed before it was ready, and is to be closed as RFC 6455 §7.1 wants it.
pub(super) struct Leaving {
    stream: Stream,
    close: Option<u16>,
}

impl Leaving {
    /// Sends the close frame that is due and waits for the server to end the stream, [`CLOSE_PATIENCE`] at most: the port
    /// of the side that ends it first stays taken for a minute (TIME_WAIT).
    pub(super) async fn leave(mut self, counters: &Counters) {
        // The failure is counted already. An error says that there is no stream left to wait for.
        let _ = timeout(CLOSE_PATIENCE, self.close(counters)).await;
    }

    async fn close(&mut self, counters: &Counters) -> io::Result<()> {
        if let Some(code) = self.close {
            let frame = frame(Opcode::Close, &close_payload(code))?;
            self.stream.send(&frame).await?;
            counters.sent(frame.len());
        }
        self.stream.await_end().await
    }
}

/// Greets the server with an opening message, where there is to be one. Returns where the frames' reader stands then, and
/// what it has not seen of `tail`, which came with the answer to the upgrade: who waits for nothing reads nothing.
pub(super) async fn greet(
    conversation: &Conversation,
    opening: Option<String>,
    stream: &mut Stream,
    tail: Vec<u8>,
    progress: &mut Progress,
    counters: &Counters,
) -> Result<(FrameReader, Vec<u8>), Unready> {
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
            let failed = progress.failed(FailureKind::Closed(code), Initiator::Peer, reason);
            return Err(Unready { failed, close: Some(code) });
        }
        read?;
        if is_ready {
            return Ok((reader, Vec::new()));
        }
        bytes.clear();
        if stream.receive(&mut bytes).await.map_err(|error| progress.failed_by(&error))? == 0 {
            return Err(progress.failed(FailureKind::Eof, Initiator::Peer, String::new()).into());
        }
    }
}

async fn send(
    stream: &mut Stream,
    opcode: Opcode,
    payload: &[u8],
    progress: &Progress,
) -> Result<usize, Failed> {
    let failed_by = |error| progress.failed_by(&error);
    let frame = frame(opcode, payload).map_err(failed_by)?;
    stream.send(&frame).await.map_err(failed_by)?;
    Ok(frame.len())
}

fn frame(opcode: Opcode, payload: &[u8]) -> io::Result<Vec<u8>> {
    let mut frame = Vec::new();
    write_frame(&mut frame, opcode, payload, random_bytes()?);
    Ok(frame)
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
    ) -> Result<(), Unready> {
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
            let failed = progress.failed(FailureKind::Protocol, Initiator::Peer, violation.to_string());
            Unready { failed, close: Some(violation.close_code()) }
        })
    }
}
