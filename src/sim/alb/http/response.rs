//! Writes the answers: the target's, and those that a load balancer makes itself.

use super::request::Upgrade;
use crate::sim::alb::fault::UpgradeAnswer;

/// What a target says to a plain request.
const TARGET_BODY: &str = "albcap simulated target\n";

/// An answer to nobody's key.
const WRONG_ACCEPT: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// The target's 101 (RFC 6455 §4.2.2), or what is to pass for it.
pub(super) fn switching_protocols(out: &mut Vec<u8>, upgrade: &Upgrade, how: UpgradeAnswer) {
    let connection = if how == UpgradeAnswer::KeepAlive { "keep-alive, Upgrade" } else { "Upgrade" };
    let accept = if how == UpgradeAnswer::WrongAccept { WRONG_ACCEPT } else { &upgrade.accept };
    out.extend_from_slice(
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: {connection}\r\n\
             Sec-WebSocket-Accept: {accept}\r\n"
        )
        .as_bytes(),
    );
    if let Some(subprotocol) = &upgrade.subprotocol {
        out.extend_from_slice(format!("Sec-WebSocket-Protocol: {subprotocol}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// A whole answer to be written.
pub(super) struct Answer {
    status: u16,
    server: &'static str,
    content_type: &'static str,
    extra: &'static str,
    body: String,
    keep_alive: bool,
    head_only: bool,
}

impl Answer {
    /// A target's answer; a 426 has the version it would take.
    pub(super) fn of_target(status: u16, keep_alive: bool, head_only: bool) -> Self {
        Self {
            status,
            server: "albcap-target",
            content_type: "text/plain",
            extra: if status == 426 { "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" } else { "" },
            body: TARGET_BODY.to_owned(),
            keep_alive,
            head_only,
        }
    }

    /// An answer that no target has seen, looking as an ALB's does.
    pub(super) fn of_load_balancer(status: u16, keep_alive: bool) -> Self {
        let title = format!("{status} {}", reason(status));
        Self {
            status,
            server: "awselb/2.0",
            content_type: "text/html",
            extra: "",
            body: format!(
                "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
            ),
            keep_alive,
            head_only: false,
        }
    }

    /// Appends it as bytes.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let head = format!(
            "HTTP/1.1 {} {}\r\nServer: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: {}\r\n{}\r\n",
            self.status,
            reason(self.status),
            self.server,
            self.content_type,
            self.body.len(),
            if self.keep_alive { "keep-alive" } else { "close" },
            self.extra,
        );
        out.extend_from_slice(head.as_bytes());
        if !self.head_only {
            out.extend_from_slice(self.body.as_bytes());
        }
    }
}

/// The reason phrases of the codes that an ALB makes (aws-facts.md §3) and its targets here.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        _ => "Unknown",
    }
}
