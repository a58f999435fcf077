//! The byte stream under the frames: plain, or TLS.

use std::io::{self, ErrorKind, Read, Write};

use mio::net::TcpStream;

use crate::load::tls_session::{TlsSession, TlsState};

/// What one read takes at most, and a record of TLS fits into.
const READ_SIZE: usize = 64 * 1024;
/// What may wait for a peer that reads nothing, before it counts as gone.
const MOST_UNSENT: usize = 256 * 1024;

/// Buffers that all connections of a thread share: between two events they hold nothing.
pub(in crate::load) struct Buffers {
    incoming: Box<[u8]>,
    plaintext: Vec<u8>,
    outgoing: Vec<u8>,
}

impl Default for Buffers {
    fn default() -> Buffers {
        Buffers { incoming: vec![0; READ_SIZE].into(), plaintext: Vec::new(), outgoing: Vec::new() }
    }
}

/// What a read brought.
pub(in crate::load) struct Chunk<'a> {
    /// The bytes above TLS.
    pub(super) bytes: &'a [u8],
    /// Whether the socket may hold more.
    pub(super) more: bool,
    /// Whether the peer has ended its session of TLS with them, and TCP's stream goes on.
    pub(super) last: bool,
}

/// A byte stream that never blocks.
pub(in crate::load) trait Wire: Send + Sized + 'static {
    /// The socket, to be registered.
    fn socket(&mut self) -> &mut TcpStream;

    /// What has come; `None` at the end of TCP's stream, `WouldBlock` when nothing has.
    fn read<'b>(&mut self, buffers: &'b mut Buffers) -> io::Result<Option<Chunk<'b>>>;

    /// Sends, or keeps what the socket does not take now.
    fn write(&mut self, bytes: &[u8], buffers: &mut Buffers) -> io::Result<()>;

    /// Sends what was kept.
    fn flush(&mut self) -> io::Result<()>;

    /// Sends TLS's `close_notify`, if there is TLS, and leaves TCP open. Some peers close TCP only after it.
    fn end(&mut self, _buffers: &mut Buffers) -> io::Result<()> {
        Ok(())
    }
}

/// What waits until the socket takes more; nearly always nothing, and then without an allocation.
/// Boxed once more, since nothing then takes 8 bytes a connection and not 24.
#[derive(Default)]
#[allow(clippy::box_collection)]
struct Unsent(Option<Box<Vec<u8>>>);

impl Unsent {
    fn send(&mut self, socket: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
        let sent = if self.0.is_some() { 0 } else { write_some(socket, bytes)? };
        if sent < bytes.len() {
            let waiting = self.0.get_or_insert_default();
            waiting.extend_from_slice(&bytes[sent..]);
            if waiting.len() > MOST_UNSENT {
                return Err(io::Error::new(ErrorKind::TimedOut, "the peer reads nothing"));
            }
        }
        Ok(())
    }

    fn flush(&mut self, socket: &mut TcpStream) -> io::Result<()> {
        if let Some(mut waiting) = self.0.take() {
            let sent = write_some(socket, &waiting)?;
            if sent < waiting.len() {
                waiting.drain(..sent);
                self.0 = Some(waiting);
            }
        }
        Ok(())
    }
}

/// Writes until all is sent or the socket takes no more; how much was sent.
fn write_some(socket: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        match socket.write(&bytes[sent..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => sent += written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}

fn read_some(socket: &mut TcpStream, room: &mut [u8]) -> io::Result<usize> {
    loop {
        match socket.read(room) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// TCP alone.
pub(in crate::load) struct Plain {
    socket: TcpStream,
    unsent: Unsent,
}

impl Plain {
    pub(in crate::load) fn new(socket: TcpStream) -> Plain {
        Plain { socket, unsent: Unsent::default() }
    }
}

impl Wire for Plain {
    fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    fn read<'b>(&mut self, buffers: &'b mut Buffers) -> io::Result<Option<Chunk<'b>>> {
        match read_some(&mut self.socket, &mut buffers.incoming)? {
            0 => Ok(None),
            read => {
                let more = read == buffers.incoming.len();
                Ok(Some(Chunk { bytes: &buffers.incoming[..read], more, last: false }))
            }
        }
    }

    fn write(&mut self, bytes: &[u8], _buffers: &mut Buffers) -> io::Result<()> {
        self.unsent.send(&mut self.socket, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unsent.flush(&mut self.socket)
    }
}

/// TLS over TCP.
pub(in crate::load) struct Tls {
    socket: TcpStream,
    unsent: Unsent,
    session: Box<TlsSession>,
    /// The beginning of a record whose rest has not come.
    torn: Vec<u8>,
    closed: bool,
}

impl Tls {
    /// `torn` is ciphertext that came with the handshake and was not used up by it.
    pub(in crate::load) fn new(socket: TcpStream, session: Box<TlsSession>, torn: Vec<u8>) -> Tls {
        Tls { socket, unsent: Unsent::default(), session, torn, closed: false }
    }
}

/// Refuses a handshake message of the server's that fills the whole buffer and is not at its end: rustls leaves its
/// records there until it is, and a read into no room would pass for the stream's end.
fn check_room(torn: usize) -> io::Result<()> {
    if torn < READ_SIZE {
        return Ok(());
    }
    Err(io::Error::new(
        ErrorKind::InvalidData,
        format!("a TLS handshake message of more than {READ_SIZE} bytes"),
    ))
}

impl Wire for Tls {
    fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    fn read<'b>(&mut self, buffers: &'b mut Buffers) -> io::Result<Option<Chunk<'b>>> {
        let torn = self.torn.len();
        check_room(torn)?;
        buffers.incoming[..torn].copy_from_slice(&self.torn);
        let read = read_some(&mut self.socket, &mut buffers.incoming[torn..])?;
        if read == 0 {
            return Ok(None);
        }
        let more = torn + read == buffers.incoming.len();
        buffers.plaintext.clear();
        if self.closed {
            // Whatever it is, TLS's session does not vouch for it (RFC 8446 §6.1).
            return Ok(Some(Chunk { bytes: &[], more, last: true }));
        }
        buffers.outgoing.clear();
        let ciphertext = &mut buffers.incoming[..torn + read];
        let (used, state) = self
            .session
            .receive(ciphertext, &mut buffers.plaintext, &mut buffers.outgoing)
            .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        self.closed = state == TlsState::Closed;
        self.torn = if self.closed { Vec::new() } else { ciphertext[used..].to_vec() };
        self.unsent.send(&mut self.socket, &buffers.outgoing)?;
        Ok(Some(Chunk { bytes: &buffers.plaintext, more, last: self.closed }))
    }

    fn write(&mut self, bytes: &[u8], buffers: &mut Buffers) -> io::Result<()> {
        buffers.outgoing.clear();
        self.session
            .send(bytes, &mut buffers.outgoing)
            .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        self.unsent.send(&mut self.socket, &buffers.outgoing)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unsent.flush(&mut self.socket)
    }

    fn end(&mut self, buffers: &mut Buffers) -> io::Result<()> {
        buffers.outgoing.clear();
        self.session
            .end(&mut buffers.outgoing)
            .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        self.unsent.send(&mut self.socket, &buffers.outgoing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_without_room_is_an_error_of_the_peers_and_no_end_of_the_stream() {
        assert!(check_room(0).is_ok() && check_room(READ_SIZE - 1).is_ok());
        for torn in [READ_SIZE, READ_SIZE + 1_454] {
            assert_eq!(check_room(torn).map_err(|error| error.kind()), Err(ErrorKind::InvalidData));
        }
    }
}
