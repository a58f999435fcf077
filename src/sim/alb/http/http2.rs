//! `--http2-only`: the listener speaks HTTP/2, and answers HTTP/1.1 as such servers do (RFC 9113 §3.4).

use crate::sim::alb::connection::Ending;
use crate::sim::alb::patience::Patience;
use crate::sim::alb::wire::Wire;

/// An empty SETTINGS frame, with which a server must begin.
const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";

/// GOAWAY: no stream was served, PROTOCOL_ERROR.
const GOAWAY: &[u8] = b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x01";

/// Waits for the client's first bytes, and sends it away: no WebSocket begins with them.
pub(super) async fn send_away(wire: &mut Wire, patience: &mut Patience) -> Ending {
    match wire.receive(patience, |_, out| out.extend_from_slice(&[SETTINGS, GOAWAY].concat())).await {
        Ok(()) => Ending::Finish,
        Err(gone) => gone.into(),
    }
}
