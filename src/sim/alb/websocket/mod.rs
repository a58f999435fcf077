//! A connection after its upgrade: the target's side of the WebSocket protocol (RFC 6455).
//!
//! `frame` cuts bytes into frames and writes frames (pure), `target` decides what is answered to
//! them (pure), and [`hold`] keeps the connection until it ends.

mod frame;
mod target;

use self::target::{Step, Target};
use super::connection::Ending;
use super::patience::Patience;
use super::wire::Wire;

/// Answers the client, beginning with what it sent right behind its request, until the connection
/// ends.
pub(super) async fn hold(wire: &mut Wire, patience: &mut Patience, mut early: Vec<u8>) -> Ending {
    let mut target = Target::default();
    let mut step = target.take(&mut early, wire.outbox());
    drop(early);
    while step == Step::Open {
        step = match wire.receive(patience, |bytes, out| target.take(bytes, out)).await {
            Ok(step) => step,
            Err(gone) => return gone.into(),
        };
    }
    Ending::Finish
}
