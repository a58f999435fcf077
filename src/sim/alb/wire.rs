//! The client's leg: bytes in and out, over TCP or TLS, every one counted and timed.
//!
//! A connection that waits owns no read buffer: each read goes to a buffer on the stack and is
//! handed on at once. Only what could not be sent yet is kept.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::server::TlsStream;

use super::counters::Count;
use super::patience::{Expired, Patience};
use super::state::Client;
use super::websocket::Torrent;

/// Size of the buffer on the stack that one read fills at most.
const READ_BYTES: usize = 16 * 1024;

/// How long the client's own FIN is awaited after ours: long enough that what it still sends does
/// not turn our FIN into a reset, short enough that a dead client is not counted for long.
const LINGER: Duration = Duration::from_secs(1);

/// What carries the bytes.
pub(super) enum Transport {
    /// TCP alone.
    Plain(TcpStream),
    /// TLS over TCP; boxed, since it is far larger.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Why nothing more will be received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    /// The client sent its FIN.
    Finished,
    /// The connection broke.
    Broken,
    /// Its time was up.
    Expired(Expired),
}

/// One client's connection.
pub(super) struct Wire {
    transport: Transport,
    /// Its place in the counters.
    pub(super) client: Client,
    last_byte: Instant,
    outbox: Vec<u8>,
    sent: usize,
    unflushed: bool,
    torrent: Option<Torrent>,
}

impl Wire {
    pub(super) fn new(transport: Transport, client: Client) -> Self {
        Self {
            transport,
            client,
            last_byte: Instant::now(),
            outbox: Vec::new(),
            sent: 0,
            unflushed: false,
            torrent: None,
        }
    }

    /// Where to put what shall be sent: it goes out with the next [`Wire::receive`] or
    /// [`Wire::finish`].
    pub(super) fn outbox(&mut self) -> &mut Vec<u8> {
        &mut self.outbox
    }

    /// Puts the load balancer's greeting behind what waits, so that both go out in one write.
    pub(super) fn greet(&mut self) {
        self.outbox.extend_from_slice(&self.client.alb().greeting);
    }

    /// From now on sends this too, whenever nothing else waits.
    pub(super) fn flood(&mut self, torrent: Torrent) {
        self.torrent = Some(torrent);
    }

    /// Sends what waits, then reads once and hands the bytes and the outbox to `take`.
    ///
    /// A client that does not read what it is sent is not read from either, so what waits for it
    /// stays bounded by the answers to one read.
    pub(super) async fn receive<R>(
        &mut self,
        patience: &mut Patience,
        mut take: impl FnMut(&mut [u8], &mut Vec<u8>) -> R,
    ) -> Result<R, Gone> {
        poll_fn(|cx| {
            loop {
                let expired = patience.poll(self.last_byte, cx).map(|expired| Err(Gone::Expired(expired)));
                if let Poll::Ready(Err(Gone::Expired(Expired::Doomed(_)))) = expired {
                    return expired;
                }
                match self.poll_send(cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(Gone::Broken)),
                    Poll::Pending => return expired,
                }
                if !self.torrent.as_ref().is_some_and(Torrent::is_within_a_frame)
                    && let Poll::Ready(received) = self.poll_receive(cx, &mut take)
                {
                    return Poll::Ready(received);
                }
                if !self.pour() {
                    // silent only if nothing has come by now
                    return expired;
                }
            }
        })
        .await
    }

    /// Sends what waits and closes in good order: FIN (with TLS its close notice before), then the
    /// client's FIN is awaited for a moment. What it still sends is dropped, uncounted.
    pub(super) async fn finish(mut self) {
        let farewell = async {
            poll_fn(|cx| self.poll_send(cx)).await?;
            poll_fn(|cx| self.transport.poll_shutdown(cx)).await?;
            while poll_fn(|cx| self.poll_drop_read(cx)).await? > 0 {}
            io::Result::Ok(())
        };
        // a client that is gone already, or never answers, needs no farewell
        let _ = timeout(LINGER, farewell).await;
    }

    /// Closes with a plain FIN (with TLS its close notice before) and nothing else, at once.
    pub(super) async fn close(mut self) {
        let shutdown = poll_fn(|cx| self.transport.poll_shutdown(cx));
        let _ = timeout(LINGER, shutdown).await;
    }

    /// Cuts the connection with a reset.
    pub(super) fn reset(self) {
        reset(self.transport.tcp());
    }

    /// Time of the last byte in either direction, and the count of it.
    fn moved(&mut self, bytes: usize) {
        self.last_byte = Instant::now();
        self.client.count(Count::ProcessedBytes, bytes as u64);
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.outbox.len() {
            let sent = ready!(self.transport.poll_write(cx, &self.outbox[self.sent..]))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += sent;
            self.unflushed = true;
            self.moved(sent);
        }
        if self.sent > 0 {
            self.outbox = Vec::new();
            self.sent = 0;
        }
        if self.unflushed {
            ready!(self.transport.poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once, and hands on what has come.
    fn poll_receive<R>(
        &mut self,
        cx: &mut Context<'_>,
        take: &mut impl FnMut(&mut [u8], &mut Vec<u8>) -> R,
    ) -> Poll<Result<R, Gone>> {
        let mut space = [const { MaybeUninit::uninit() }; READ_BYTES];
        let mut buffer = ReadBuf::uninit(&mut space);
        Poll::Ready(match ready!(self.transport.poll_read(cx, &mut buffer)) {
            Ok(()) if buffer.filled().is_empty() => Err(Gone::Finished),
            Ok(()) => {
                self.moved(buffer.filled().len());
                Ok(take(buffer.filled_mut(), &mut self.outbox))
            }
            Err(_) => Err(Gone::Broken),
        })
    }

    /// Puts the flood's next chunk into the outbox; false when there is none.
    fn pour(&mut self) -> bool {
        let poured = self.torrent.as_mut().is_some_and(|torrent| torrent.pour(&mut self.outbox));
        if !poured {
            self.torrent = None;
        }
        poured
    }

    fn poll_drop_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [const { MaybeUninit::uninit() }; READ_BYTES];
        let mut buffer = ReadBuf::uninit(&mut space);
        ready!(self.transport.poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

/// Makes the coming close of a socket a reset.
pub(super) fn reset(socket: &TcpStream) {
    // it fails only for a socket that is closed already, which is what is wanted
    let _ = socket.set_zero_linger();
}

impl Transport {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
