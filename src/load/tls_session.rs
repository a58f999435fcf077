//! One TLS connection without buffers of its own: ciphertext and plaintext pass through its caller's.
//!
//! rustls' unbuffered connection keeps nothing but its keys and the peer's certificates, which is what makes thousands of
//! held connections small. The same session serves the handshake (where a task drives it) and the hold.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::pki_types::ServerName;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus, WriteTraffic};

/// The keys of one connection.
pub(super) struct TlsSession(UnbufferedClientConnection);

/// How far a session has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TlsState {
    /// More must come before anything can be sent.
    Handshaking,
    /// Data can be sent and received.
    Open,
    /// The peer will send no more.
    Closed,
}

impl TlsSession {
    pub(super) fn new(
        config: &Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<TlsSession, rustls::Error> {
        UnbufferedClientConnection::new(Arc::clone(config), name).map(TlsSession)
    }

    /// Works through `ciphertext`, appends what it holds to `plaintext` and what must be sent to `outgoing`. Returns how
    /// many bytes were used up; the others are the beginning of a record and must come again.
    pub(super) fn receive(
        &mut self,
        ciphertext: &mut [u8],
        plaintext: &mut Vec<u8>,
        outgoing: &mut Vec<u8>,
    ) -> Result<(usize, TlsState), rustls::Error> {
        let mut used = 0;
        loop {
            let UnbufferedStatus { mut discard, state } = self.0.process_tls_records(&mut ciphertext[used..]);
            let mut reached = None;
            match state? {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record?;
                        discard += record.discard;
                        plaintext.extend_from_slice(record.payload);
                    }
                    // Nothing is left to look at, which saves a round; what is to be sent goes before the next message.
                    if used + discard == ciphertext.len() {
                        reached = Some(TlsState::Open);
                    }
                }
                ConnectionState::EncodeTlsData(mut data) => encode(outgoing, |room| data.encode(room))?,
                // The caller sends `outgoing` before anything else.
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::WriteTraffic(_) => reached = Some(TlsState::Open),
                ConnectionState::PeerClosed | ConnectionState::Closed => reached = Some(TlsState::Closed),
                _ => reached = Some(TlsState::Handshaking),
            }
            used += discard;
            if let Some(state) = reached {
                return Ok((used, state));
            }
        }
    }

    /// Encrypts a message and appends it to `outgoing`.
    pub(super) fn send(&mut self, plaintext: &[u8], outgoing: &mut Vec<u8>) -> Result<(), rustls::Error> {
        self.write(outgoing, plaintext.len(), |traffic, room| traffic.encrypt(plaintext, room))
    }

    /// Appends our `close_notify` to `outgoing` (RFC 8446 §6.1): nothing more is sent.
    pub(super) fn end(&mut self, outgoing: &mut Vec<u8>) -> Result<(), rustls::Error> {
        self.write(outgoing, 0, |traffic, room| traffic.queue_close_notify(room))
    }

    fn write(
        &mut self,
        outgoing: &mut Vec<u8>,
        length: usize,
        mut write: impl FnMut(
            &mut WriteTraffic<'_, ClientConnectionData>,
            &mut [u8],
        ) -> Result<usize, EncryptError>,
    ) -> Result<(), rustls::Error> {
        loop {
            let UnbufferedStatus { state, .. } = self.0.process_tls_records(&mut []);
            match state? {
                ConnectionState::WriteTraffic(mut traffic) => {
                    return encrypt(outgoing, length, |room| write(&mut traffic, room));
                }
                ConnectionState::EncodeTlsData(mut data) => encode(outgoing, |room| data.encode(room))?,
                ConnectionState::TransmitTlsData(data) => data.done(),
                _ => return Err(rustls::Error::HandshakeNotComplete),
            }
        }
    }
}

/// A handshake message that is sent alone fits nearly always.
const HANDSHAKE_ROOM: usize = 1_024;
/// What a record adds to its payload at most: header, explicit nonce, type and tag.
const RECORD_OVERHEAD: usize = 64;

fn encode(
    outgoing: &mut Vec<u8>,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, EncodeError>,
) -> Result<(), rustls::Error> {
    grow(outgoing, HANDSHAKE_ROOM, |room| match write(room) {
        Ok(written) => Ok(Ok(written)),
        Err(EncodeError::InsufficientSize(needed)) => Ok(Err(needed.required_size)),
        Err(other) => Err(rustls::Error::General(other.to_string())),
    })
}

fn encrypt(
    outgoing: &mut Vec<u8>,
    length: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, EncryptError>,
) -> Result<(), rustls::Error> {
    grow(outgoing, length + RECORD_OVERHEAD, |room| match write(room) {
        Ok(written) => Ok(Ok(written)),
        Err(EncryptError::InsufficientSize(needed)) => Ok(Err(needed.required_size)),
        Err(other) => Err(rustls::Error::General(other.to_string())),
    })
}

/// Gives `write` room behind what is there, more of it where it asks for more.
fn grow(
    outgoing: &mut Vec<u8>,
    mut room: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<Result<usize, usize>, rustls::Error>,
) -> Result<(), rustls::Error> {
    let start = outgoing.len();
    loop {
        outgoing.resize(start + room, 0);
        match write(&mut outgoing[start..]) {
            Ok(Ok(written)) => {
                outgoing.truncate(start + written);
                return Ok(());
            }
            Ok(Err(needed)) => room = needed,
            Err(error) => {
                outgoing.truncate(start);
                return Err(error);
            }
        }
    }
}
