//! One connection's life: TLS, then HTTP until it is upgraded, then WebSocket until it ends.

use std::io;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::counters::Count;
use super::patience::{Expired, Patience};
use super::state::Client;
use super::wire::{Gone, Transport, Wire};
use super::{http, websocket};

/// How a connection ends once nothing more is to be received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// What waits is sent, FIN, and the client's FIN awaited.
    Finish,
    /// FIN at once: silent for too long.
    Close,
    /// Reset.
    Reset,
    /// Nothing is done any more for as long as the idle timeout.
    Freeze,
    /// There is nothing left to end.
    Lost,
}

impl From<Gone> for Ending {
    fn from(gone: Gone) -> Self {
        match gone {
            Gone::Finished => Self::Finish,
            Gone::Broken => Self::Lost,
            Gone::Expired(Expired::Silent) => Self::Close,
            Gone::Expired(Expired::Doomed(_)) => Self::Reset,
        }
    }
}

/// Lives through a connection that was let in.
///
/// What is short is boxed, so that a connection that is held takes no room for it.
pub(super) async fn live(stream: TcpStream, client: Client, tls: Option<TlsAcceptor>) {
    let transport = match tls {
        None => Transport::Plain(stream),
        Some(acceptor) => match Box::pin(secure(stream, &client, acceptor)).await {
            Some(transport) => transport,
            None => return,
        },
    };
    let mut patience = Patience::new(client.alb().idle_timeout);
    let mut wire = Wire::new(transport, client);
    let ending = match Box::pin(http::answer(&mut wire, &mut patience)).await {
        Ok(early) => {
            if let Some((after, doom)) = wire.client.alb().faults.doom() {
                patience.doom(Instant::now() + after, doom);
            }
            websocket::hold(&mut wire, &mut patience, early).await
        }
        Err(ending) => ending,
    };
    match ending {
        Ending::Finish => Box::pin(wire.finish()).await,
        Ending::Close => Box::pin(wire.close()).await,
        Ending::Reset => wire.reset(),
        Ending::Freeze => sleep(wire.client.alb().idle_timeout).await,
        Ending::Lost => {}
    }
}

/// Does the TLS handshake, within the idle timeout.
async fn secure(stream: TcpStream, client: &Client, acceptor: TlsAcceptor) -> Option<Transport> {
    match timeout(client.alb().idle_timeout, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some(Transport::Tls(Box::new(stream))),
        Ok(Err(error)) => {
            // rustls' own errors come as invalid data; the others are the network's
            if error.kind() == io::ErrorKind::InvalidData {
                client.count(Count::ClientTlsErrors, 1);
            }
            None
        }
        Err(_) => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::ErrorKind;
    use std::time::Duration;

    use futures_util::{SinkExt, StreamExt};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

    use super::super::counters::Legs;
    use super::super::stage::{PING, PONG, Stage};
    use super::*;
    use crate::sim::Options;

    /// What a busy machine may add to a time that is awaited.
    const LATE: Duration = Duration::from_millis(250);

    #[tokio::test]
    async fn a_client_that_nobody_here_wrote_is_upgraded_answered_and_closed() {
        let stage = Stage::open(Options::default());
        let mut client = stage.client(0).await;
        assert_eq!(stage.legs(0), Legs { client: 1, target: 1 });

        client.send(Message::Ping("beat".into())).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), Message::Pong("beat".into()));
        client.send(Message::binary(vec![0; 70_000])).await.unwrap();
        client.send(Message::text("hello")).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), Message::text("hello"));

        let goodbye = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        client.close(Some(goodbye.clone())).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), Message::Close(Some(goodbye)));
        assert!(client.next().await.is_none());
        stage.until("closed", |stage| stage.legs(0) == Legs::default()).await;
    }

    #[tokio::test]
    async fn a_text_of_a_mebibyte_comes_back_whole() {
        let stage = Stage::open(Options::default());
        let mut client = stage.client(0).await;
        let long = "é".repeat(512 * 1024);
        client.send(Message::text(long.clone())).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), Message::text(long));
    }

    #[tokio::test]
    async fn frames_right_behind_the_request_are_answered() {
        let stage = Stage::open(Options::default());
        let mut client = stage.connected(0).await;
        let request = [stage.upgrade_request().as_bytes(), &PING].concat();
        client.write_all(&request).await.unwrap();
        stage.read_head(&mut client).await;
        let mut answer = [0; PONG.len()];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, PONG);
    }

    #[tokio::test]
    async fn silence_ends_with_a_fin_and_no_close_frame_and_a_heartbeat_puts_it_off() {
        let silence = Duration::from_millis(400);
        let stage = Stage::open(Options { idle_timeout: silence, ..Options::default() });
        let mut client = stage.upgraded(0).await;
        sleep(silence / 2).await;
        client.write_all(&PING).await.unwrap();
        client.read_exact(&mut [0; PONG.len()]).await.unwrap();

        let last_byte = Instant::now();
        assert_eq!(client.read(&mut [0; 16]).await.unwrap(), 0);
        let silent = last_byte.elapsed();
        assert!((silence - Duration::from_millis(5)..silence + LATE).contains(&silent), "{silent:?}");
        stage.until("closed", |stage| stage.legs(0) == Legs::default()).await;
    }

    #[tokio::test]
    async fn silence_ends_a_connection_that_was_never_upgraded() {
        let stage = Stage::open(Options { idle_timeout: Duration::from_millis(50), ..Options::default() });
        let mut client = stage.connected(0).await;
        assert_eq!(client.read(&mut [0; 16]).await.unwrap(), 0);
        assert_eq!(stage.totals(0).of(Count::Elb4xx), 0);
    }

    #[tokio::test]
    async fn a_busy_connection_is_cut_at_its_appointed_time() {
        let lifetime = Duration::from_millis(200);
        let stage = Stage::open(Options { kill_after: Some(lifetime), ..Options::default() });
        let mut client = stage.upgraded(0).await;
        let upgraded = Instant::now();
        let error = loop {
            let beat = async {
                client.write_all(&PING).await?;
                client.read_exact(&mut [0; PONG.len()]).await
            };
            if let Err(error) = beat.await {
                break error;
            }
        };
        let lived = upgraded.elapsed();
        assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
        assert!((lifetime - Duration::from_millis(50)..lifetime + LATE).contains(&lived), "{lived:?}");
        stage.until("closed", |stage| stage.legs(0) == Legs::default()).await;
    }

    #[tokio::test]
    async fn a_protocol_error_is_answered_with_1002_and_a_fin() {
        let stage = Stage::open(Options::default());
        let mut client = stage.upgraded(0).await;
        client.write_all(b"\x89\x04beat").await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, [0x88, 0x02, 0x03, 0xEA]);
    }

    #[tokio::test]
    async fn bytes_are_those_of_http_and_frames() {
        let stage = Stage::open(Options::default());
        let mut client = stage.connected(0).await;
        client.write_all(stage.upgrade_request().as_bytes()).await.unwrap();
        let head = stage.read_head(&mut client).await;
        for _ in 0..3 {
            client.write_all(&PING).await.unwrap();
            client.read_exact(&mut [0; PONG.len()]).await.unwrap();
        }
        let expected = stage.upgrade_request().len() + head.len() + 3 * (PING.len() + PONG.len());
        stage
            .until("all counted", |stage| stage.totals(0).of(Count::ProcessedBytes) == expected as u64)
            .await;
    }

    #[tokio::test]
    async fn over_tls_the_same_is_answered_and_counted() {
        let stage = Stage::open(Options { tls: true, ..Options::default() });
        let mut client = stage.secured(0).await;
        assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        client.write_all(stage.upgrade_request().as_bytes()).await.unwrap();
        let head = stage.read_head(&mut client).await;
        client.write_all(&PING).await.unwrap();
        let mut answer = [0; PONG.len()];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, PONG);
        let expected = stage.upgrade_request().len() + head.len() + PING.len() + PONG.len();
        stage
            .until("all counted", |stage| stage.totals(0).of(Count::ProcessedBytes) == expected as u64)
            .await;

        let (mut client, _) =
            tokio_tungstenite::client_async("wss://127.0.0.1/", stage.secured(0).await).await.unwrap();
        client.send(Message::text("secret")).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), Message::text("secret"));
        client.close(None).await.unwrap();
        assert!(matches!(client.next().await.unwrap().unwrap(), Message::Close(None)));
        assert!(client.next().await.is_none());
    }

    #[tokio::test]
    async fn silence_over_tls_ends_in_good_order_too() {
        let options = Options { tls: true, idle_timeout: Duration::from_millis(200), ..Options::default() };
        let stage = Stage::open(options);
        let mut client = stage.secured(0).await;
        client.write_all(stage.upgrade_request().as_bytes()).await.unwrap();
        stage.read_head(&mut client).await;
        // without the close notice this would be an error
        assert_eq!(client.read(&mut [0; 16]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_failed_tls_handshake_is_counted_and_reaches_no_target() {
        let stage = Stage::open(Options { tls: true, ..Options::default() });
        let mut client = stage.connected(0).await;
        client.write_all(stage.upgrade_request().as_bytes()).await.unwrap();
        // an alert, perhaps, and the end
        let _ = client.read_to_end(&mut Vec::new()).await;
        stage.until("counted", |stage| stage.totals(0).of(Count::ClientTlsErrors) == 1).await;
        stage.until("closed", |stage| stage.legs(0) == Legs::default()).await;
        assert_eq!(stage.totals(0).of(Count::Requests), 0);
        assert_eq!(stage.totals(0).of(Count::NewClientLegs), 1);
    }
}
