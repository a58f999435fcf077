//! A WebSocket server of a thread a connection that does what a test tells it to.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

/// The server's side of one connection.
pub(crate) type Socket = WebSocket<TcpStream>;

/// A server; it ends with its process.
pub(crate) struct Talker {
    port: u16,
}

impl Talker {
    /// Lets `talk` have every connection that was upgraded.
    pub(crate) fn start(talk: impl Fn(&mut Socket) + Send + Sync + 'static) -> Talker {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let talk = Arc::new(talk);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let talk = Arc::clone(&talk);
                std::thread::spawn(move || {
                    if let Ok(mut socket) = tungstenite::accept(stream.unwrap()) {
                        talk(&mut socket);
                    }
                });
            }
        });
        Talker { port }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/", self.port)
    }
}

/// Reads to the connection's end, pings answered, and hands each text to `hear`.
pub(crate) fn listen(socket: &mut Socket, mut hear: impl FnMut(&mut Socket, &str)) {
    while let Ok(message) = socket.read() {
        if let Message::Text(text) = message {
            hear(socket, &text);
        }
    }
}

/// Sends a text; whether the client is still there.
pub(crate) fn say(socket: &mut Socket, text: &str) -> bool {
    socket.send(Message::text(text)).is_ok()
}

/// Speaks TLS for a server, with a certificate of its own.
pub(crate) fn tls_acceptor() -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}
