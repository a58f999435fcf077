//! The byte stream of a handshake, plain or TLS, driven by a task; afterwards it becomes a holder's wire.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::hold::{Plain, Tls};
use super::tls_session::{TlsSession, TlsState};

/// What one read takes at most: an answer's head, or some records of a handshake.
const READ_SIZE: usize = 4_096;

pub(super) struct Stream {
    tcp: TcpStream,
    tls: Option<Secured>,
}

/// The keys, and ciphertext that was not used up.
struct Secured {
    session: Box<TlsSession>,
    ciphertext: Vec<u8>,
}

impl Stream {
    pub(super) fn plain(tcp: TcpStream) -> Stream {
        Stream { tcp, tls: None }
    }

    /// Speaks TLS's handshake.
    pub(super) async fn secured(
        mut self,
        config: &Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<Stream> {
        let session = Box::new(TlsSession::new(config, name).map_err(broken)?);
        let mut secured = Secured { session, ciphertext: Vec::with_capacity(READ_SIZE) };
        let (mut plaintext, mut outgoing) = (Vec::new(), Vec::new());
        loop {
            let received = secured.session.receive(&mut secured.ciphertext, &mut plaintext, &mut outgoing);
            // An alert that tells the peer why must go out before the error is told here.
            self.tcp.write_all(&outgoing).await?;
            outgoing.clear();
            let (used, state) = received.map_err(broken)?;
            secured.ciphertext.drain(..used);
            match state {
                TlsState::Open => break,
                TlsState::Closed => return Err(ErrorKind::UnexpectedEof.into()),
                TlsState::Handshaking => {
                    if self.tcp.read_buf(&mut secured.ciphertext).await? == 0 {
                        return Err(io::Error::new(
                            ErrorKind::UnexpectedEof,
                            "the peer hung up during TLS's handshake",
                        ));
                    }
                }
            }
        }
        self.tls = Some(secured);
        Ok(self)
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            None => self.tcp.write_all(bytes).await,
            Some(secured) => {
                let mut outgoing = Vec::new();
                secured.session.send(bytes, &mut outgoing).map_err(broken)?;
                self.tcp.write_all(&outgoing).await
            }
        }
    }

    /// Appends what comes next to `bytes`; 0 at the stream's end.
    pub(super) async fn receive(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        let Some(secured) = &mut self.tls else {
            bytes.reserve(READ_SIZE);
            return self.tcp.read_buf(bytes).await;
        };
        let before = bytes.len();
        loop {
            let mut outgoing = Vec::new();
            let (used, state) =
                secured.session.receive(&mut secured.ciphertext, bytes, &mut outgoing).map_err(broken)?;
            secured.ciphertext.drain(..used);
            self.tcp.write_all(&outgoing).await?;
            if bytes.len() > before || state == TlsState::Closed {
                return Ok(bytes.len() - before);
            }
            secured.ciphertext.reserve(READ_SIZE);
            if self.tcp.read_buf(&mut secured.ciphertext).await? == 0 {
                return Ok(0);
            }
        }
    }

    /// Says that nothing more will be sent, and drops what still comes until the peer has ended TCP's stream.
    pub(super) async fn await_end(&mut self) -> io::Result<()> {
        if let Some(secured) = &mut self.tls {
            let mut outgoing = Vec::new();
            secured.session.end(&mut outgoing).map_err(broken)?;
            self.tcp.write_all(&outgoing).await?;
        }
        let mut dropped = vec![0; READ_SIZE];
        while self.tcp.read(&mut dropped).await? > 0 {}
        Ok(())
    }

    /// The wire of a plain stream, for a holder.
    pub(super) fn into_plain(self) -> io::Result<Plain> {
        Ok(Plain::new(mio::net::TcpStream::from_std(self.tcp.into_std()?)))
    }

    /// The wire of a secured stream, for a holder.
    pub(super) fn into_tls(self) -> io::Result<Tls> {
        let secured = self.tls.ok_or(ErrorKind::NotConnected)?;
        let socket = mio::net::TcpStream::from_std(self.tcp.into_std()?);
        // What is kept for long is kept no larger than it is.
        Ok(Tls::new(socket, secured.session, secured.ciphertext.as_slice().to_vec()))
    }
}

fn broken(error: rustls::Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}
