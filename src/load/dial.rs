//! The way to an open WebSocket: name, TCP, TLS, upgrade, greeting, each a phase of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::counters::Counters;
use super::failed::{Failed, of_io, said_by};
use super::greet::{Leaving, Unready, greet};
use super::hold::frame::FrameReader;
use super::random::random_bytes;
use super::route::{NotTaken, Router};
use super::stream::Stream;
use super::tls::{TlsError, client_config};
use super::tokens::Mint;
use super::upgrade::{Answer, LONGEST_HEAD, Request};
use super::uuid;
use crate::plan::{Conversation, Route, Secrets, Target, Token};
use crate::record::{FailureKind, Initiator, Phase};

/// How long the rest of a refusal is awaited: the answer is known by then, this is for its text alone.
const REFUSAL_PATIENCE: Duration = Duration::from_millis(250);

/// Why no dialer can be made.
#[derive(Debug, Error)]
pub enum DialerError {
    /// TLS.
    #[error(transparent)]
    Tls(TlsError),
    /// TLS with the token endpoint.
    #[error("the token endpoint: {0}")]
    TokenTls(TlsError),
    /// The host can't be a certificate's name.
    #[error("'{0}' can't be a server's name in TLS")]
    ServerName(String),
}

/// Knows the way to the target; shared by all connections.
pub struct Dialer {
    router: Router,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    request: Request,
    mint: Option<Mint>,
    conversation: Arc<Conversation>,
    connect_timeout: Duration,
    secrets: Secrets,
}

/// An open WebSocket.
pub(super) struct Dialed {
    /// The stream under it.
    pub(super) stream: Stream,
    /// Where its frames' reader stands.
    pub(super) reader: FrameReader,
    /// What that reader has not seen yet of what came behind the answer's head.
    pub(super) tail: Vec<u8>,
    /// The other end.
    pub(super) peer: SocketAddr,
}

/// A connection that failed.
pub(super) struct NotOpen {
    pub(super) failed: Failed,
    /// The WebSocket that it was, where it was one but did not become ready.
    pub(super) leaving: Option<Leaving>,
}

impl From<Failed> for NotOpen {
    fn from(failed: Failed) -> NotOpen {
        NotOpen { failed, leaving: None }
    }
}

/// How far a connection has come, for the case that time runs out.
pub(super) struct Progress {
    phase: Phase,
    peer: Option<SocketAddr>,
    /// The last message that did not show the server to be ready, its beginning.
    pub(super) unready: Option<String>,
    /// How the upgrade was refused, while the rest of what is said is awaited.
    refused: Option<Failed>,
}

impl Dialer {
    /// Reads the certificates and prepares the request. `connect_timeout` spans name to ready.
    pub fn new(target: &Target, route: &Route, connect_timeout: Duration) -> Result<Dialer, DialerError> {
        let host = target.url.host();
        let tls = if target.url.is_tls() {
            let name =
                ServerName::try_from(host.clone()).map_err(|_| DialerError::ServerName(host.clone()))?;
            Some((client_config(&target.tls).map_err(DialerError::Tls)?, name))
        } else {
            None
        };
        Ok(Dialer {
            router: Router::new(route, &host, target.url.port(), connect_timeout),
            tls,
            request: Request::new(target),
            mint: target.tokens.as_ref().map(Mint::new).transpose().map_err(DialerError::TokenTls)?,
            conversation: Arc::new(target.conversation.clone()),
            connect_timeout,
            secrets: target.secrets(),
        })
    }

    /// What makes the connections' tokens, where they are to have any.
    pub fn mint(&self) -> Option<&Mint> {
        self.mint.as_ref()
    }

    /// Whether TLS is spoken.
    pub(super) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    pub(super) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// What is said over every open connection.
    pub(super) fn conversation(&self) -> &Arc<Conversation> {
        &self.conversation
    }

    /// Opens one connection, the `ordinal`-th of its level, with its token.
    pub(super) async fn dial(
        &self,
        counters: &Counters,
        ordinal: u32,
        token: Option<&Token>,
    ) -> Result<Dialed, NotOpen> {
        let mut progress = Progress { phase: Phase::Dns, peer: None, unready: None, refused: None };
        let began = Instant::now();
        let walked = timeout(self.connect_timeout, self.walk(&mut progress, counters, token)).await;
        let (mut stream, peer, tail) = walked.map_err(|_| progress.out_of_time(self.connect_timeout))??;
        progress.phase = Phase::Ready;
        let opening = self
            .conversation
            .on_open
            .as_ref()
            .map(|opening| opening.fill_with(ordinal, &uuid::fresh(), token.map(Token::as_str)));
        let left = self.connect_timeout.saturating_sub(began.elapsed());
        let greeting = greet(&self.conversation, opening, &mut stream, tail, &mut progress, counters);
        let greeted = match timeout(left, greeting).await {
            Ok(greeted) => greeted,
            Err(_) => Err(Unready::out_of_time(progress.out_of_time(self.connect_timeout))),
        };
        match greeted {
            Ok((reader, tail)) => Ok(Dialed { stream, reader, tail, peer }),
            Err(unready) => {
                let (failed, leaving) = unready.with(stream);
                Err(NotOpen { failed, leaving: Some(leaving) })
            }
        }
    }

    /// From the name to the WebSocket: its stream, the other end, and what came behind the answer's head.
    async fn walk(
        &self,
        progress: &mut Progress,
        counters: &Counters,
        token: Option<&Token>,
    ) -> Result<(Stream, SocketAddr, Vec<u8>), Failed> {
        let (tcp, peer) = self.connect(progress, counters).await?;
        let mut stream = Stream::plain(tcp);
        if let Some((config, name)) = &self.tls {
            progress.phase = Phase::Tls;
            stream = Box::pin(stream.secured(config, name.clone()))
                .await
                .map_err(|error| progress.failed_by(&error))?;
        }
        progress.phase = Phase::Upgrade;
        let tail = self.upgrade(&mut stream, token, progress, counters).await?;
        Ok((stream, peer, tail))
    }

    async fn connect(
        &self,
        progress: &mut Progress,
        counters: &Counters,
    ) -> Result<(TcpStream, SocketAddr), Failed> {
        let (first, other) = self.router.next().await?;
        progress.phase = Phase::Connect;
        progress.peer = Some(first.to);
        let (connected, peer) = match other {
            None => (first.connect().await, first.to),
            Some(other) => match self.router.connect_first(&first).await {
                Ok(stream) => (Ok(stream), first.to),
                Err(NotTaken::Failed(error)) => (Err(error), first.to),
                Err(NotTaken::PassOver) => {
                    progress.peer = Some(other.to);
                    let connected = other.connect().await;
                    if connected.is_ok() {
                        counters.passed_over(first.to.ip());
                    }
                    (connected, other.to)
                }
            },
        };
        let stream = connected.map_err(|error| progress.failed_by(&error))?;
        // Heartbeats are small and timed: Nagle's algorithm would hold them back.
        stream.set_nodelay(true).map_err(|error| progress.failed_by(&error))?;
        Ok((stream, peer))
    }

    /// Speaks the handshake; returns what came behind the answer's head.
    async fn upgrade(
        &self,
        stream: &mut Stream,
        token: Option<&Token>,
        progress: &mut Progress,
        counters: &Counters,
    ) -> Result<Vec<u8>, Failed> {
        let nonce = random_bytes::<16>().map_err(|error| progress.failed_by(&error))?;
        let key = STANDARD.encode(nonce);
        let request = self.request.filled(token, &key);
        stream.send(request.as_bytes()).await.map_err(|error| progress.failed_by(&error))?;
        let mut bytes = Vec::new();
        let mut is_answered = false;
        loop {
            let read = stream.receive(&mut bytes).await.map_err(|error| progress.failed_by(&error))?;
            if read == 0 {
                let example = String::from_utf8_lossy(&bytes).into_owned();
                return Err(progress.failed(FailureKind::Eof, Initiator::Peer, example));
            }
            if !is_answered {
                // Of a request that nobody answers nobody can say that it arrived: a load balancer that is full counts no
                // byte of it.
                counters.sent(request.len());
                is_answered = true;
            }
            match self.request.check(token, &key, &bytes) {
                Answer::Open { head } => {
                    // The tail's bytes are counted when they are read as frames.
                    counters.received(head, 0);
                    return Ok(bytes.split_off(head));
                }
                Answer::Refused { kind, example, whole } => {
                    let mut failed = progress.failed(kind, Initiator::Peer, example);
                    if !whole {
                        // Should the connect timeout pass meanwhile, this is still what happened.
                        progress.refused = Some(failed.clone());
                        failed.example =
                            self.hear_out(stream, token, &key, &mut bytes).await.unwrap_or(failed.example);
                    }
                    counters.received(bytes.len(), 0);
                    return Err(failed);
                }
                Answer::Incomplete => debug_assert!(bytes.len() < LONGEST_HEAD),
            }
        }
    }

    /// Reads the rest of a refusal, as far as it comes soon; `None` where nothing more came.
    async fn hear_out(
        &self,
        stream: &mut Stream,
        token: Option<&Token>,
        key: &str,
        bytes: &mut Vec<u8>,
    ) -> Option<String> {
        let until = Instant::now() + REFUSAL_PATIENCE;
        let mut said = None;
        while let Ok(Ok(1..)) = timeout_at(until, stream.receive(bytes)).await {
            if let Answer::Refused { example, whole, .. } = self.request.check(token, key, bytes) {
                said = Some(example);
                if whole {
                    break;
                }
            }
        }
        said
    }
}

impl Progress {
    /// Whoever upgrades, and is then silent or says other things, is not ready; who was refused, was refused.
    fn out_of_time(&mut self, connect_timeout: Duration) -> Failed {
        if let Some(refused) = self.refused.take() {
            return refused;
        }
        if self.phase == Phase::Ready {
            let example = self.unready.as_ref().map(|last| format!("the last message was: {last}"));
            return self.failed(FailureKind::NotReady, Initiator::Network, example.unwrap_or_default());
        }
        let example = format!("not done within {} s", connect_timeout.as_secs_f64());
        self.failed(FailureKind::Timeout, Initiator::Network, example)
    }

    pub(super) fn failed(&self, kind: FailureKind, by: Initiator, example: String) -> Failed {
        Failed { phase: self.phase, kind, by, peer: self.peer, example }
    }

    pub(super) fn failed_by(&self, error: &std::io::Error) -> Failed {
        let (kind, by) = match (self.phase, of_io(error)) {
            // A peer that hangs up in mid-handshake did not speak TLS.
            (Phase::Tls, (FailureKind::Eof, by)) => (FailureKind::Tls, by),
            // Under TLS 1.3 this side is done before the peer has seen the client's certificate: that it is missing or not
            // believed comes where the answer to the upgrade is awaited (RFC 8446 §4.4.2.4, §6.2).
            (Phase::Upgrade, (FailureKind::Tls, by)) => {
                return Failed { phase: Phase::Tls, ..self.failed(FailureKind::Tls, by, said_by(error)) };
            }
            // What Linux says of an address whose route is a black hole.
            (Phase::Connect, (FailureKind::Io, _)) if error.kind() == std::io::ErrorKind::InvalidInput => {
                (FailureKind::Unreachable, Initiator::Network)
            }
            (_, of_io) => of_io,
        };
        self.failed(kind, by, said_by(error))
    }
}
