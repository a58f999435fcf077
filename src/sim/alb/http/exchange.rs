//! Requests and answers on one connection, until it is upgraded or ends.

use tokio::time::Instant;

use super::http2;
use super::request::{self, Head, Request, Upgrade, Wish};
use super::response::{self, Answer};
use crate::sim::alb::connection::Ending;
use crate::sim::alb::counters::Count;
use crate::sim::alb::fault::{RejectedBy, RejectedFor, UpgradeAnswer};
use crate::sim::alb::patience::{Expired, Patience};
use crate::sim::alb::wire::{Gone, Wire};

/// Answers requests until one is upgraded. Gives what the client sent behind that one already, or
/// how the connection ends.
pub(in crate::sim::alb) async fn answer(wire: &mut Wire, patience: &mut Patience) -> Result<Vec<u8>, Ending> {
    if wire.client.alb().http2_only {
        return Err(http2::send_away(wire, patience).await);
    }
    let opened = Instant::now();
    let mut unread = Vec::new();
    loop {
        let (length, request) = next_request(wire, patience, &mut unread).await?;
        unread.drain(..length);
        let aged = opened.elapsed() >= wire.client.alb().client_keep_alive;
        match respond(wire, &request, !aged) {
            Then::Upgraded => return Ok(unread),
            Then::HangUp => return Err(Ending::Close),
            Then::Http => {}
        }
        let Some(body) = request.body.filter(|_| request.keep_alive && !aged) else {
            return Err(Ending::Finish);
        };
        skip_body(wire, patience, &mut unread, body).await?;
    }
}

/// Waits for a whole head; one that is malformed, or does not come, gets the load balancer's own
/// answer (400, 408). A connection that never said anything is closed without one.
async fn next_request(
    wire: &mut Wire,
    patience: &mut Patience,
    unread: &mut Vec<u8>,
) -> Result<(usize, Request), Ending> {
    loop {
        match request::read(unread) {
            Head::Whole(length, request) => return Ok((length, request)),
            Head::Malformed => {
                refuse(wire, 400, false);
                return Err(Ending::Finish);
            }
            Head::Partial => {}
        }
        match wire.receive(patience, |bytes, _| unread.extend_from_slice(bytes)).await {
            Ok(()) => {}
            Err(Gone::Expired(Expired::Silent)) if !unread.is_empty() => {
                refuse(wire, 408, false);
                return Err(Ending::Finish);
            }
            Err(gone) => return Err(gone.into()),
        }
    }
}

/// Whether HTTP goes on.
enum Then {
    Http,
    Upgraded,
    HangUp,
}

/// Puts the answer to a request into the outbox and counts it.
fn respond(wire: &mut Wire, request: &Request, young: bool) -> Then {
    let keep_alive = request.keep_alive && request.body.is_some() && young;
    let (status, count) = match &request.wish {
        Wish::Upgrade(upgrade) => match wire.client.alb().faults.refuse_upgrade() {
            None => return switch(wire, upgrade),
            Some(rejection) if rejection.by == RejectedBy::LoadBalancer => {
                if let Some(reason) = rejection.reason {
                    wire.client.count(counted_as(reason), 1);
                }
                refuse(wire, rejection.status, keep_alive);
                return Then::Http;
            }
            Some(rejection) if rejection.status < 500 => (rejection.status, Count::Target4xx),
            Some(rejection) => (rejection.status, Count::Target5xx),
        },
        Wish::Plain => (200, Count::Target2xx),
        Wish::OtherVersion => (426, Count::Target4xx),
        Wish::BadUpgrade => (400, Count::Target4xx),
    };
    wire.client.forward();
    wire.client.count(count, 1);
    Answer::of_target(status, keep_alive, request.head_only).write(wire.outbox());
    Then::Http
}

/// The count beside that of the answer.
fn counted_as(reason: RejectedFor) -> Count {
    match reason {
        RejectedFor::ConnectionError => Count::TargetConnectionErrors,
        RejectedFor::TlsError => Count::TargetTlsErrors,
        RejectedFor::LowReputation => Count::LowReputationDenied,
    }
}

/// Lets the target answer an upgrade, as it is set to.
fn switch(wire: &mut Wire, upgrade: &Upgrade) -> Then {
    wire.client.forward();
    match wire.client.alb().upgrade_answer {
        UpgradeAnswer::Never => return Then::Http,
        UpgradeAnswer::HangUp => return Then::HangUp,
        answer => response::switching_protocols(wire.outbox(), upgrade, answer),
    }
    // a 101 is in none of the families that are counted (aws-facts.md §1)
    Then::Upgraded
}

/// Answers as the load balancer itself, and counts it as such.
fn refuse(wire: &mut Wire, status: u16, keep_alive: bool) {
    wire.client.count(if status < 500 { Count::Elb4xx } else { Count::Elb5xx }, 1);
    let single = match status {
        500 => Some(Count::Elb500),
        502 => Some(Count::Elb502),
        503 => Some(Count::Elb503),
        504 => Some(Count::Elb504),
        _ => None,
    };
    if let Some(count) = single {
        wire.client.count(count, 1);
    }
    Answer::of_load_balancer(status, keep_alive).write(wire.outbox());
}

/// Reads a request's body and forgets it.
async fn skip_body(
    wire: &mut Wire,
    patience: &mut Patience,
    unread: &mut Vec<u8>,
    mut left: u64,
) -> Result<(), Ending> {
    loop {
        let skipped = unread.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        unread.drain(..skipped);
        left -= skipped as u64;
        if left == 0 {
            return Ok(());
        }
        wire.receive(patience, |bytes, _| unread.extend_from_slice(bytes)).await?;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::super::request::MAX_HEAD;
    use super::*;
    use crate::sim::alb::counters::Legs;
    use crate::sim::alb::stage::Stage;
    use crate::sim::{Options, Rejection};

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    /// Sends a request and reads all of the answer.
    async fn ask(client: &mut TcpStream, request: &str) -> String {
        client.write_all(request.as_bytes()).await.unwrap();
        read_answer(client).await
    }

    async fn read_answer(client: &mut TcpStream) -> String {
        let mut answer = Vec::new();
        loop {
            answer.push(client.read_u8().await.unwrap());
            let text = String::from_utf8_lossy(&answer);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length =
                    head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap_or("0");
                if body.len() == length.parse::<usize>().unwrap() {
                    return text.into_owned();
                }
            }
        }
    }

    async fn at_end(client: &mut TcpStream) -> bool {
        client.read(&mut [0; 16]).await.unwrap() == 0
    }

    #[tokio::test]
    async fn plain_requests_are_answered_on_one_connection_to_one_target() {
        let stage = Stage::open(Options::default());
        let mut client = stage.connected(0).await;
        stage.until("connected", |stage| stage.legs(0) == Legs { client: 1, target: 0 }).await;
        let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
        for request in [GET, post, GET] {
            assert!(ask(&mut client, request).await.starts_with("HTTP/1.1 200 OK\r\n"));
        }
        let totals = stage.totals(0);
        assert_eq!((totals.of(Count::Requests), totals.of(Count::Target2xx)), (3, 3));
        assert_eq!((totals.of(Count::NewClientLegs), totals.of(Count::NewTargetLegs)), (1, 1));
        assert_eq!(stage.legs(0), Legs { client: 1, target: 1 });
        let last = ask(&mut client, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert!(last.contains("\r\nConnection: close\r\n"));
        assert!(at_end(&mut client).await);
    }

    #[tokio::test]
    async fn the_refused_share_of_upgrades_is_exact_and_its_connections_go_on() {
        let stage = Stage::open(Options { reject_rate: 0.25, ..Options::default() });
        let mut refused = Vec::new();
        for _ in 0..20 {
            let mut client = stage.connected(0).await;
            let answer = ask(&mut client, &stage.upgrade_request()).await;
            match answer.split(' ').nth(1).unwrap() {
                "101" => {}
                "503" => refused.push(client),
                other => panic!("{other}"),
            }
        }
        assert_eq!(refused.len(), 5);
        let totals = stage.totals(0);
        assert_eq!((totals.of(Count::Elb5xx), totals.of(Count::Elb503)), (5, 5));
        assert_eq!((totals.of(Count::Requests), totals.of(Count::NewTargetLegs)), (15, 15));
        assert_eq!(totals.of(Count::NewClientLegs), 20);
        // a plain request is never refused
        assert!(ask(&mut refused[0], GET).await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn a_rejection_is_counted_for_who_made_it() {
        for (by, status, server, counts) in [
            (RejectedBy::LoadBalancer, 502, "awselb/2.0", [Count::Elb5xx, Count::Elb502]),
            (RejectedBy::LoadBalancer, 504, "awselb/2.0", [Count::Elb5xx, Count::Elb504]),
            (RejectedBy::Target, 401, "albcap-target", [Count::Requests, Count::Target4xx]),
            (RejectedBy::Target, 503, "albcap-target", [Count::Requests, Count::Target5xx]),
        ] {
            let rejection = Rejection { status, by, reason: None };
            let stage = Stage::open(Options { reject_rate: 1.0, rejection, ..Options::default() });
            let mut client = stage.connected(0).await;
            let answer = ask(&mut client, &stage.upgrade_request()).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
            assert!(answer.contains(&format!("\r\nServer: {server}\r\n")), "{answer}");
            let totals = stage.totals(0);
            assert_eq!(counts.map(|count| totals.of(count)), [1, 1], "{rejection:?}");
            assert_eq!(totals.of(Count::Elb503), 0);
        }
    }

    #[tokio::test]
    async fn the_reason_of_a_rejection_is_counted_beside_the_load_balancers_answer() {
        for (reason, status, count, family) in [
            (RejectedFor::ConnectionError, 502, Count::TargetConnectionErrors, Count::Elb502),
            (RejectedFor::TlsError, 502, Count::TargetTlsErrors, Count::Elb502),
            (RejectedFor::LowReputation, 403, Count::LowReputationDenied, Count::Elb4xx),
        ] {
            let rejection = Rejection { status, reason: Some(reason), ..Rejection::default() };
            let stage = Stage::open(Options { reject_rate: 1.0, rejection, ..Options::default() });
            let mut client = stage.connected(0).await;
            let answer = ask(&mut client, &stage.upgrade_request()).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
            let totals = stage.totals(0);
            assert_eq!((totals.of(count), totals.of(family)), (1, 1), "{reason:?}");
            assert_eq!(totals.of(Count::Requests), 0);
        }
    }

    #[tokio::test]
    async fn upgrades_are_answered_as_the_target_is_set_to() {
        let stage = |upgrade_answer| Stage::open(Options { upgrade_answer, ..Options::default() });
        for (how, line) in [
            (UpgradeAnswer::KeepAlive, "\r\nConnection: keep-alive, Upgrade\r\n"),
            (UpgradeAnswer::WrongAccept, "\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n"),
        ] {
            let stage = stage(how);
            let answer = ask(&mut stage.connected(0).await, &stage.upgrade_request()).await;
            assert!(answer.starts_with("HTTP/1.1 101 ") && answer.contains(line), "{answer}");
        }
        let hung_up = stage(UpgradeAnswer::HangUp);
        let mut client = hung_up.connected(0).await;
        client.write_all(hung_up.upgrade_request().as_bytes()).await.unwrap();
        assert!(at_end(&mut client).await);
        let silent = Stage::open(Options {
            upgrade_answer: UpgradeAnswer::Never,
            idle_timeout: Duration::from_millis(50),
            ..Options::default()
        });
        let mut client = silent.connected(0).await;
        client.write_all(silent.upgrade_request().as_bytes()).await.unwrap();
        assert!(at_end(&mut client).await, "the idle timeout ends it");
        assert_eq!(silent.totals(0).of(Count::Requests), 1);
    }

    #[tokio::test]
    async fn a_greeting_is_in_the_same_write_as_the_101() {
        let greeting = vec!["hello".to_owned(), "you".to_owned()];
        let stage = Stage::open(Options { greeting, ..Options::default() });
        let mut client = stage.connected(0).await;
        client.write_all(stage.upgrade_request().as_bytes()).await.unwrap();
        let mut bytes = [0; 1024];
        let read = client.read(&mut bytes).await.unwrap();
        assert!(bytes[..read].ends_with(b"\r\n\r\n\x81\x05hello\x81\x03you"));
    }

    #[tokio::test]
    async fn who_speaks_http2_alone_sends_everybody_else_away() {
        let stage = Stage::open(Options { http2_only: true, ..Options::default() });
        let mut client = stage.connected(0).await;
        client.write_all(stage.upgrade_request().as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        // the types of the two frames (RFC 9113 §4.1)
        assert_eq!((answer.len(), answer[3], answer[9 + 3]), (26, 0x4, 0x7));
    }

    #[tokio::test]
    async fn a_malformed_or_oversized_head_gets_the_load_balancers_400() {
        let stage = Stage::open(Options::default());
        let oversized = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(MAX_HEAD));
        for request in ["nonsense\r\n\r\n", &oversized] {
            let mut client = stage.connected(0).await;
            let answer = ask(&mut client, request).await;
            assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\nServer: awselb/2.0\r\n"), "{answer}");
            assert!(at_end(&mut client).await);
        }
        let totals = stage.totals(0);
        assert_eq!((totals.of(Count::Elb4xx), totals.of(Count::Requests)), (2, 0));
    }

    #[tokio::test]
    async fn a_request_that_stops_halfway_gets_408() {
        let stage = Stage::open(Options { idle_timeout: Duration::from_millis(50), ..Options::default() });
        let mut client = stage.connected(0).await;
        assert!(ask(&mut client, "GET / HTTP/1.1\r\nHo").await.starts_with("HTTP/1.1 408 "));
        assert!(at_end(&mut client).await);
        assert_eq!(stage.totals(0).of(Count::Elb4xx), 1);
    }

    #[tokio::test]
    async fn a_bad_upgrade_gets_the_targets_answer() {
        let stage = Stage::open(Options::default());
        let mut client = stage.connected(0).await;
        let old = stage.upgrade_request().replace("Version: 13", "Version: 8");
        let answer = ask(&mut client, &old).await;
        assert!(answer.starts_with("HTTP/1.1 426 ") && answer.contains("\r\nSec-WebSocket-Version: 13\r\n"));
        let keyless = stage.upgrade_request().replace("Sec-WebSocket-Key", "X");
        assert!(ask(&mut client, &keyless).await.starts_with("HTTP/1.1 400 "));
        let totals = stage.totals(0);
        assert_eq!(
            (totals.of(Count::Target4xx), totals.of(Count::Requests), totals.of(Count::Elb4xx)),
            (2, 2, 0)
        );
    }

    #[tokio::test]
    async fn the_first_subprotocol_offered_is_taken() {
        let stage = Stage::open(Options::default());
        let mut client = stage.connected(0).await;
        let offer =
            stage.upgrade_request().replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: one, two\r\n\r\n");
        assert!(ask(&mut client, &offer).await.contains("\r\nSec-WebSocket-Protocol: one\r\n"));
    }

    #[tokio::test]
    async fn a_connection_past_its_age_gets_one_more_answer() {
        let stage =
            Stage::open(Options { client_keep_alive: Duration::from_millis(30), ..Options::default() });
        let mut client = stage.connected(0).await;
        let mut answers = 0;
        while ask(&mut client, GET).await.contains("\r\nConnection: keep-alive\r\n") {
            answers += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(answers >= 1);
        assert!(at_end(&mut client).await);
    }
}
