//! For tests: a load balancer that listens, clients for it, and a look at its counters.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;

use super::{Alb, CaFile, Legs, Opened, Totals, open};
use crate::sim::Options;

/// A ping of four bytes under a mask of zeros, and its answer.
pub(super) const PING: [u8; 10] = *b"\x89\x84\0\0\0\0beat";
pub(super) const PONG: [u8; 6] = *b"\x8a\x04beat";

/// How long a condition is awaited.
const PATIENCE: Duration = Duration::from_secs(10);

/// The load balancer; its connections end with it.
pub(crate) struct Stage {
    alb: Arc<Alb>,
    port: u16,
    ca_file: Option<CaFile>,
    _doors: JoinSet<()>,
}

#[allow(clippy::unwrap_used)]
impl Stage {
    /// Opens it on free ports.
    pub(crate) fn open(options: Options) -> Self {
        let Opened { alb, port, doors, ca_file } = open(&options).unwrap();
        let mut served = JoinSet::new();
        for door in doors {
            served.spawn(door.serve());
        }
        Self { alb, port, ca_file, _doors: served }
    }

    pub(crate) fn alb(&self) -> &Arc<Alb> {
        &self.alb
    }

    /// Where a node listens.
    pub(super) fn address(&self, node: u8) -> SocketAddr {
        (Ipv4Addr::new(127, 0, 0, 1 + node), self.port).into()
    }

    pub(super) fn totals(&self, node: usize) -> Totals {
        self.alb.nodes()[node].counters.totals()
    }

    pub(super) fn legs(&self, node: usize) -> Legs {
        self.alb.nodes()[node].counters.legs()
    }

    /// Waits until a condition holds.
    pub(super) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(Instant::now() < deadline, "never came to be: {what}");
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// The request that [`Stage::upgraded`] sends.
    pub(super) fn upgrade_request(&self) -> String {
        format!(
            "GET / HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
            self.port
        )
    }

    /// A bare connection.
    pub(super) async fn connected(&self, node: u8) -> TcpStream {
        TcpStream::connect(self.address(node)).await.unwrap()
    }

    /// A connection that was upgraded, to be spoken to in bytes.
    pub(crate) async fn upgraded(&self, node: u8) -> TcpStream {
        let mut stream = self.connected(node).await;
        stream.write_all(self.upgrade_request().as_bytes()).await.unwrap();
        assert!(self.read_head(&mut stream).await.starts_with("HTTP/1.1 101 "));
        stream
    }

    /// Reads up to the end of an answer's head, not further.
    pub(super) async fn read_head(&self, stream: &mut (impl AsyncRead + Unpin)) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    /// An independent WebSocket client.
    pub(super) async fn client(&self, node: u8) -> WebSocketStream<TcpStream> {
        let url = format!("ws://{}/", self.address(node));
        let (client, _) = tokio_tungstenite::client_async(url, self.connected(node).await).await.unwrap();
        client
    }

    /// A connection with TLS, whose certificate was verified against the announced file.
    pub(super) async fn secured(&self, node: u8) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.ca_file.as_ref().unwrap().path()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let address = self.address(node);
        let name = ServerName::from(address.ip());
        TlsConnector::from(Arc::new(config)).connect(name, self.connected(node).await).await.unwrap()
    }
}
