//! The way to an open WebSocket: name, TCP, TLS, upgrade, greeting, each a phase of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::counters::Counters;
use super::failed::{Failed, of_io};
use super::greet::greet;
use super::hold::frame::FrameReader;
use super::route::Router;
use super::stream::Stream;
use super::tls::{TlsError, client_config};
use super::tokens::Mint;
use super::upgrade::{Answer, LONGEST_HEAD, Request};
use super::uuid;
use crate::plan::{Conversation, Route, Secrets, Target, Token};
use crate::record::{FailureKind, Initiator, Phase};

/// Why no dialer can be made.
#[derive(Debug, Error)]
pub enum DialerError {
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
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

/// How far a connection has come, for the case that time runs out.
pub(super) struct Progress {
    phase: Phase,
    peer: Option<SocketAddr>,
    /// The last message that did not show the server to be ready, its beginning.
    pub(super) unready: Option<String>,
}

impl Dialer {
    /// Reads the certificates and prepares the request. `connect_timeout` spans name to ready.
    pub fn new(target: &Target, route: &Route, connect_timeout: Duration) -> Result<Dialer, DialerError> {
        let host = target.url.host();
        let tls = if target.url.is_tls() {
            let name =
                ServerName::try_from(host.clone()).map_err(|_| DialerError::ServerName(host.clone()))?;
            Some((client_config(&target.tls)?, name))
        } else {
            None
        };
        Ok(Dialer {
            router: Router::new(route, &host, target.url.port()),
            tls,
            request: Request::new(target),
            mint: target.tokens.as_ref().map(|tokens| Mint::new(tokens, &target.tls)).transpose()?,
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
    ) -> Result<Dialed, Failed> {
        let mut progress = Progress { phase: Phase::Dns, peer: None, unready: None };
        match timeout(self.connect_timeout, self.walk(&mut progress, counters, ordinal, token)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(progress.out_of_time()),
        }
    }

    async fn walk(
        &self,
        progress: &mut Progress,
        counters: &Counters,
        ordinal: u32,
        token: Option<&Token>,
    ) -> Result<Dialed, Failed> {
        let (tcp, peer) = self.connect(progress).await?;
        let mut stream = Stream::plain(tcp);
        if let Some((config, name)) = &self.tls {
            progress.phase = Phase::Tls;
            stream = Box::pin(stream.secured(config, name.clone()))
                .await
                .map_err(|error| progress.failed_by(&error))?;
        }
        progress.phase = Phase::Upgrade;
        let tail = self.upgrade(&mut stream, token, progress, counters).await?;
        progress.phase = Phase::Ready;
        let opening = self
            .conversation
            .on_open
            .as_ref()
            .map(|opening| opening.fill_with(ordinal, &uuid::fresh(), token.map(Token::as_str)));
        let (reader, tail) =
            greet(&self.conversation, opening, &mut stream, tail, progress, counters).await?;
        Ok(Dialed { stream, reader, tail, peer })
    }

    async fn connect(&self, progress: &mut Progress) -> Result<(TcpStream, SocketAddr), Failed> {
        let (first, other) = self.router.next().await?;
        progress.phase = Phase::Connect;
        progress.peer = Some(first.to);
        let (connected, peer) = match (first.connect().await, other) {
            (Err(error), Some(other))
                if matches!(of_io(&error).0, FailureKind::Refused | FailureKind::Unreachable) =>
            {
                progress.peer = Some(other.to);
                (other.connect().await, other.to)
            }
            (connected, _) => (connected, first.to),
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
        progress: &Progress,
        counters: &Counters,
    ) -> Result<Vec<u8>, Failed> {
        let (request, key) = self.request.fresh(token);
        stream.send(request.as_bytes()).await.map_err(|error| progress.failed_by(&error))?;
        counters.sent(request.len());
        let mut bytes = Vec::new();
        loop {
            let read = stream.receive(&mut bytes).await.map_err(|error| progress.failed_by(&error))?;
            if read == 0 {
                let example = String::from_utf8_lossy(&bytes).into_owned();
                return Err(progress.failed(FailureKind::Eof, Initiator::Peer, example));
            }
            match self.request.check(token, &key, &bytes) {
                Answer::Open { head } => {
                    // The tail's bytes are counted when they are read as frames.
                    counters.received(head, 0);
                    return Ok(bytes.split_off(head));
                }
                Answer::Refused { kind, example } => {
                    counters.received(bytes.len(), 0);
                    return Err(progress.failed(kind, Initiator::Peer, example));
                }
                Answer::Incomplete => debug_assert!(bytes.len() < LONGEST_HEAD),
            }
        }
    }
}

impl Progress {
    /// Whoever upgrades, and is then silent or says other things, is not ready.
    fn out_of_time(&self) -> Failed {
        let kind = if self.phase == Phase::Ready { FailureKind::NotReady } else { FailureKind::Timeout };
        let example = self.unready.as_ref().map(|last| format!("the last message was: {last}"));
        self.failed(kind, Initiator::Network, example.unwrap_or_default())
    }

    pub(super) fn failed(&self, kind: FailureKind, by: Initiator, example: String) -> Failed {
        Failed { phase: self.phase, kind, by, peer: self.peer, example }
    }

    pub(super) fn failed_by(&self, error: &std::io::Error) -> Failed {
        let (kind, by) = match (self.phase, of_io(error)) {
            // A peer that hangs up in mid-handshake did not speak TLS.
            (Phase::Tls, (FailureKind::Eof, by)) => (FailureKind::Tls, by),
            (_, of_io) => of_io,
        };
        self.failed(kind, by, error.to_string())
    }
}
