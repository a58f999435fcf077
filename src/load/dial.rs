//! The way to an open WebSocket: name, TCP, TLS, upgrade, each a phase of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::addresses::Addresses;
use super::counters::Counters;
use super::failed::{Failed, of_io};
use super::tls::{TlsError, client_config};
use super::transport::{Stream, Transport};
use super::upgrade::{Answer, LONGEST_HEAD, Request};
use crate::plan::{Secrets, Target};
use crate::record::{FailureKind, Initiator, Phase};

/// Largest message that is taken: more would be the server's mistake, and must not become this machine's.
const LARGEST_MESSAGE: usize = 16 * 1024 * 1024;

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
    addresses: Addresses,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    request: Request,
    connect_timeout: Duration,
    secrets: Secrets,
}

/// An open WebSocket.
pub(super) type Socket = WebSocketStream<Transport>;

/// How far a connection has come, for the case that time runs out.
struct Progress {
    phase: Phase,
    peer: Option<SocketAddr>,
}

impl Dialer {
    /// Reads the certificates and prepares the request. `connect_timeout` spans name to upgrade.
    pub fn new(target: &Target, connect_timeout: Duration) -> Result<Dialer, DialerError> {
        let host = target.url.host();
        let tls = if target.url.is_tls() {
            let name =
                ServerName::try_from(host.clone()).map_err(|_| DialerError::ServerName(host.clone()))?;
            Some((TlsConnector::from(client_config(&target.tls)?), name))
        } else {
            None
        };
        Ok(Dialer {
            addresses: Addresses::new(host, target.url.port()),
            tls,
            request: Request::new(target),
            connect_timeout,
            secrets: target.secrets(),
        })
    }

    pub(super) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Opens one connection.
    pub(super) async fn dial(&self, counters: &Arc<Counters>) -> Result<(Socket, SocketAddr), Failed> {
        let mut progress = Progress { phase: Phase::Dns, peer: None };
        match timeout(self.connect_timeout, self.walk(&mut progress, counters)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(progress.failed(FailureKind::Timeout, Initiator::Network, String::new())),
        }
    }

    async fn walk(
        &self,
        progress: &mut Progress,
        counters: &Arc<Counters>,
    ) -> Result<(Socket, SocketAddr), Failed> {
        let tcp = self.connect(progress).await?;
        let peer = progress.peer.unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)));
        let stream = match &self.tls {
            None => Stream::Plain(tcp),
            Some((connector, name)) => {
                progress.phase = Phase::Tls;
                let handshake = connector.connect(name.clone(), tcp).await;
                Stream::Tls(Box::new(handshake.map_err(|error| progress.failed_by(&error))?))
            }
        };
        progress.phase = Phase::Upgrade;
        let mut transport = Transport::new(stream, Arc::clone(counters));
        let tail = self.upgrade(&mut transport, progress).await?;
        let socket =
            WebSocketStream::from_partially_read(transport, tail, Role::Client, Some(socket_config())).await;
        Ok((socket, peer))
    }

    async fn connect(&self, progress: &mut Progress) -> Result<TcpStream, Failed> {
        let (first, other) = self
            .addresses
            .next()
            .await
            .map_err(|error| progress.failed(FailureKind::Dns, Initiator::Network, error.to_string()))?;
        progress.phase = Phase::Connect;
        progress.peer = Some(first);
        let connected = match (TcpStream::connect(first).await, other) {
            (Err(error), Some(other))
                if matches!(of_io(&error).0, FailureKind::Refused | FailureKind::Unreachable) =>
            {
                progress.peer = Some(other);
                TcpStream::connect(other).await
            }
            (connected, _) => connected,
        };
        let stream = connected.map_err(|error| progress.failed_by(&error))?;
        // Heartbeats are small and timed: Nagle's algorithm would hold them back.
        stream.set_nodelay(true).map_err(|error| progress.failed_by(&error))?;
        Ok(stream)
    }

    /// Speaks the handshake; returns what came behind the answer's head.
    async fn upgrade(&self, transport: &mut Transport, progress: &Progress) -> Result<Vec<u8>, Failed> {
        let (request, key) = self.request.fresh();
        transport.write_all(request.as_bytes()).await.map_err(|error| progress.failed_by(&error))?;
        transport.flush().await.map_err(|error| progress.failed_by(&error))?;
        let mut bytes = Vec::with_capacity(1024);
        loop {
            let read = transport.read_buf(&mut bytes).await.map_err(|error| progress.failed_by(&error))?;
            if read == 0 {
                let example = String::from_utf8_lossy(&bytes).into_owned();
                return Err(progress.failed(FailureKind::Eof, Initiator::Peer, example));
            }
            match self.request.check(&key, &bytes) {
                Answer::Open { head } => return Ok(bytes.split_off(head)),
                Answer::Refused { kind, example } => {
                    return Err(progress.failed(kind, Initiator::Peer, example));
                }
                Answer::Incomplete => debug_assert!(bytes.len() < LONGEST_HEAD),
            }
        }
    }
}

impl Progress {
    fn failed(&self, kind: FailureKind, by: Initiator, example: String) -> Failed {
        Failed { phase: self.phase, kind, by, peer: self.peer, example }
    }

    fn failed_by(&self, error: &std::io::Error) -> Failed {
        let (kind, by) = match (self.phase, of_io(error)) {
            // A peer that hangs up in mid-handshake did not speak TLS.
            (Phase::Tls, (FailureKind::Eof, by)) => (FailureKind::Tls, by),
            // A certificate that this side does not accept is this side's decision, about the peer's certificate.
            (_, of_io) => of_io,
        };
        self.failed(kind, by, error.to_string())
    }
}

/// Small buffers: tungstenite fills its read buffer's whole size with zeros at every read, and keeps it.
fn socket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(1024)
        .write_buffer_size(0)
        .max_message_size(Some(LARGEST_MESSAGE))
        .max_frame_size(Some(LARGEST_MESSAGE))
}
