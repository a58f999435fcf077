//! One connection's life after its upgrade: heartbeats, answers, and the ways in which it can end.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use super::counters::Counters;
use super::dial::Socket;
use super::failed::{Failed, of_io};
use crate::plan::Heartbeat;
use crate::record::{FailureKind, Initiator, Phase};

/// How long the peer may take to answer our close frame; the level's numbers are in by then.
const CLOSE_PATIENCE: Duration = Duration::from_secs(3);

/// What a level's connections are meant to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Stay open, with heartbeats.
    Hold,
    /// Send no more heartbeats; await the answers due.
    Quiet,
    /// Close.
    Close,
}

/// A connection that is held.
pub(super) struct Held<'a> {
    socket: Socket,
    peer: SocketAddr,
    heartbeat: Heartbeat,
    counters: &'a Counters,
    stage: watch::Receiver<Stage>,
    beats: Beats,
    /// When the last byte went or came, to a frame's precision.
    active: Instant,
}

/// Heartbeats sent and not yet answered, oldest first.
struct Beats {
    next: Instant,
    sequence: u64,
    due: VecDeque<(u64, Instant)>,
}

enum Wake {
    Message(Option<Result<Message, Error>>),
    Timer,
    Stage(Stage),
}

impl<'a> Held<'a> {
    pub(super) fn new(
        socket: Socket,
        peer: SocketAddr,
        heartbeat: Heartbeat,
        counters: &'a Counters,
        stage: watch::Receiver<Stage>,
    ) -> Held<'a> {
        let now = Instant::now();
        let beats = Beats { next: now + heartbeat.interval, sequence: 0, due: VecDeque::new() };
        Held { socket, peer, heartbeat, counters, stage, beats, active: now }
    }

    /// Time since the last byte.
    pub(super) fn silence(&self) -> Duration {
        self.active.elapsed()
    }

    /// Holds until the hold ended well (every answer due has come) or the connection failed.
    pub(super) async fn hold(&mut self) -> Result<(), Failed> {
        let mut stage = *self.stage.borrow_and_update();
        loop {
            if stage == Stage::Close || (stage == Stage::Quiet && self.beats.due.is_empty()) {
                return Ok(());
            }
            match self.wake(stage).await {
                Wake::Stage(next) => stage = next,
                Wake::Message(message) => self.take(message)?,
                Wake::Timer => self.tick(stage).await?,
            }
        }
    }

    /// Stays open until it is to be closed, whatever the peer does: the numbers are in.
    pub(super) async fn rest(&mut self) {
        while *self.stage.borrow_and_update() != Stage::Close {
            tokio::select! {
                message = self.socket.next() => if matches!(message, None | Some(Err(_))) { return },
                changed = self.stage.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Closes with a frame (RFC 6455 §7.1.2) and waits a little for the peer's.
    pub(super) async fn close(mut self) {
        let farewell = async {
            if self.socket.close(None).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        let _ = timeout(CLOSE_PATIENCE, farewell).await;
    }

    async fn wake(&mut self, stage: Stage) -> Wake {
        let overdue = self.beats.due.front().map(|(_, sent)| *sent + self.heartbeat.pong_timeout);
        let beat = (stage == Stage::Hold).then_some(self.beats.next);
        let timer = [overdue, beat].into_iter().flatten().min();
        tokio::select! {
            message = self.socket.next() => Wake::Message(message),
            () = async { match timer { Some(at) => sleep_until(at).await, None => std::future::pending().await } } => Wake::Timer,
            changed = self.stage.changed() => match changed {
                Ok(()) => Wake::Stage(*self.stage.borrow_and_update()),
                // The level is gone: nobody is left to be told.
                Err(_) => Wake::Stage(Stage::Close),
            },
        }
    }

    async fn tick(&mut self, stage: Stage) -> Result<(), Failed> {
        let now = Instant::now();
        if let Some((_, sent)) = self.beats.due.front()
            && now >= *sent + self.heartbeat.pong_timeout
        {
            let example = format!("no pong within {} s", self.heartbeat.pong_timeout.as_secs_f64());
            return Err(self.failed(FailureKind::PongTimeout, Initiator::Network, example));
        }
        if stage == Stage::Hold && now >= self.beats.next {
            self.beats.sequence += 1;
            self.beats.due.push_back((self.beats.sequence, now));
            self.beats.next += self.heartbeat.interval;
            let payload = Bytes::copy_from_slice(&self.beats.sequence.to_be_bytes());
            self.active = now;
            self.socket.send(Message::Ping(payload)).await.map_err(|error| self.failed_by(&error))?;
            self.counters.heartbeats_sent.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn take(&mut self, message: Option<Result<Message, Error>>) -> Result<(), Failed> {
        let now = Instant::now();
        match message {
            Some(Ok(Message::Pong(payload))) => self.answered(&payload, now),
            Some(Ok(Message::Text(_) | Message::Binary(_))) => {
                self.counters.messages_received.fetch_add(1, Ordering::Relaxed);
            }
            Some(Ok(Message::Close(frame))) => {
                // RFC 6455 §7.1.5: no code in the frame reads as 1005.
                let (code, reason) =
                    frame.map_or((CloseCode::Status, String::new()), |f| (f.code, f.reason.to_string()));
                return Err(self.failed(FailureKind::Closed(code.into()), Initiator::Peer, reason));
            }
            Some(Ok(Message::Ping(_) | Message::Frame(_))) => {}
            Some(Err(error)) => return Err(self.failed_by(&error)),
            None => return Err(self.failed(FailureKind::Eof, Initiator::Peer, String::new())),
        }
        self.active = now;
        Ok(())
    }

    /// A pong answers its ping and all before it (RFC 6455 §5.5.3); one that was never asked for answers nothing.
    fn answered(&mut self, payload: &[u8], now: Instant) {
        let Ok(sequence) = <[u8; 8]>::try_from(payload).map(u64::from_be_bytes) else { return };
        let Some(position) = self.beats.due.iter().position(|(sent, _)| *sent == sequence) else { return };
        self.counters.heartbeat(now - self.beats.due[position].1);
        self.beats.due.drain(..=position);
        self.counters.heartbeats_answered.fetch_add(position as u64 + 1, Ordering::Relaxed);
    }

    fn failed(&self, kind: FailureKind, by: Initiator, example: String) -> Failed {
        Failed { phase: Phase::Hold, kind, by, peer: Some(self.peer), example }
    }

    fn failed_by(&self, error: &Error) -> Failed {
        let (kind, by) = match error {
            Error::Io(error) => of_io(error),
            Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                (FailureKind::Eof, Initiator::Peer)
            }
            Error::Tls(_) => (FailureKind::Tls, Initiator::Peer),
            _ => (FailureKind::Protocol, Initiator::Peer),
        };
        let example = if kind == FailureKind::Eof { String::new() } else { error.to_string() };
        self.failed(kind, by, example)
    }
}
