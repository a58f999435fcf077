//! HTTP/1.1 in front of the account: accepts, bounds what a client may send, and hands whole requests on.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::account::Account;
use super::body;
use super::dispatch::execute;
use super::error::AwsError;
use super::reply::{self, Reply};
use super::route::{Protocol, Route, route};
use super::trouble::{SLOW, TroubleKind};

/// Connections open at once; further ones wait in the listener's queue.
const MAX_CONNECTIONS: usize = 1024;

/// How long a client may take to send a request's head; also how long it may leave its connection idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// How long to wait before accepting again when the process is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Too many open files, in this process (`EMFILE`) or in the system (`ENFILE`); the numbers are the same on Linux,
/// macOS and the BSDs.
const OUT_OF_DESCRIPTORS: [i32; 2] = [24, 23];

/// Serves the account on `listener` until the task is dropped or aborted; its connections end with it.
///
/// # Errors
/// Only when the listener itself fails; what a client does wrong is answered, not returned.
pub async fn serve(listener: TcpListener, account: Arc<Account>) -> io::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(attend(stream, account.clone()));
                }
                Err(error) if passing(&error) => tokio::time::sleep(ACCEPT_PAUSE).await,
                Err(error) => return Err(error),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Whether an error of `accept` concerns one client, or goes away by itself.
fn passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    ) || error.raw_os_error().is_some_and(|code| OUT_OF_DESCRIPTORS.contains(&code))
}

async fn attend(stream: TcpStream, account: Arc<Account>) {
    // Answers are single writes; waiting to fill a segment would only delay them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let account = account.clone();
        async move { respond(request, &account).await.ok_or(Cut) }
    });
    // An error here is the client's going away; there is nobody left to tell.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// There is no answer: the connection is cut in its place.
#[derive(Debug, thiserror::Error)]
#[error("cut as it was asked for")]
struct Cut;

/// The answer to a request; `None` cuts the connection.
async fn respond(request: Request<Incoming>, account: &Account) -> Option<Response<Full<Bytes>>> {
    let request_id = request_id();
    let (parts, body) = request.into_parts();
    let reply = match find_route(&parts) {
        Err(error) => reply::refusal(Protocol::Json10, &request_id, &error, false),
        Ok(route) => {
            let outcome = match body::receive(body).await {
                Ok(body) => execute(&route, &parts.headers, &body, account),
                Err(error) => Err(error),
            };
            match outcome {
                Ok(executed) => {
                    match executed.trouble {
                        Some(TroubleKind::Cut) => return None,
                        Some(TroubleKind::Hang) => std::future::pending().await,
                        Some(TroubleKind::Slow) => tokio::time::sleep(SLOW).await,
                        _ => {}
                    }
                    reply::answer(route.protocol, executed.operation, &request_id, executed.output)
                }
                Err(error) => {
                    let query_mode =
                        parts.headers.get("x-amzn-query-mode").is_some_and(|mode| mode == "true");
                    reply::refusal(route.protocol, &request_id, &error, query_mode)
                }
            }
        }
    };
    Some(http_response(reply, &request_id, account.settings().now()))
}

fn find_route(parts: &Parts) -> Result<Route, AwsError> {
    let found = if parts.method == Method::POST { route(parts.uri.path(), &parts.headers) } else { None };
    found.ok_or_else(|| {
        AwsError::new("UnknownOperationException", "No service of this endpoint knows this request")
            .status(404)
    })
}

/// A random (version 4) UUID.
fn request_id() -> String {
    let id = fastrand::u128(..);
    let id = id & !(0xf << 76) | (0x4 << 76);
    let id = id & !(0x3 << 62) | (0x2 << 62);
    let hex = format!("{id:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Hyper adds `Content-Length`; `Date` (RFC 9110 §5.6.7) is by the endpoint's own clock.
fn http_response(reply: Reply, request_id: &str, now: DateTime<Utc>) -> Response<Full<Bytes>> {
    let mut response = Response::builder()
        .status(reply.status)
        .header("x-amzn-RequestId", request_id)
        .header("date", now.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response
        .body(Full::new(Bytes::from(reply.body)))
        .expect("statuses and header values come from constants of this module's siblings")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_version_4_uuids() {
        let id = request_id();
        let parts: Vec<&str> = id.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(parts[2].starts_with('4'), "{id}");
        assert!(matches!(parts[3].as_bytes()[0], b'8' | b'9' | b'a' | b'b'), "{id}");
        assert_ne!(id, request_id());
    }

    #[test]
    fn errors_of_accept_that_pass_are_told_from_those_that_stay() {
        assert!(passing(&io::Error::from_raw_os_error(24)));
        assert!(passing(&io::ErrorKind::ConnectionAborted.into()));
        assert!(!passing(&io::ErrorKind::InvalidInput.into()));
    }
}
