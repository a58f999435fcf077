//! A WebSocket from its first frame to its end.

use super::fate;
use super::frame::{self, Opcode};
use super::target::{Step, Target};
use crate::sim::alb::connection::Ending;
use crate::sim::alb::patience::{Expired, Patience};
use crate::sim::alb::wire::{Gone, Wire};

/// Greets the client, answers it, beginning with what it sent right behind its request, and lets
/// happen to the connection what is to happen, until it ends.
pub(in crate::sim::alb) async fn hold(
    wire: &mut Wire,
    patience: &mut Patience,
    mut early: Vec<u8>,
) -> Ending {
    wire.greet();
    let mut target = Target::default();
    let mut step = target.take(&mut early, wire.outbox());
    drop(early);
    while step == Step::Open {
        step = match wire.receive(patience, |bytes, out| target.take(bytes, out)).await {
            Ok(step) => step,
            Err(Gone::Expired(Expired::Doomed(doom))) => {
                match fate::meet(doom, wire, patience, &mut target) {
                    Some(ending) => return ending,
                    None => Step::Open,
                }
            }
            Err(gone) => return gone.into(),
        };
    }
    Ending::Finish
}

/// The frames of text messages.
pub(in crate::sim::alb) fn greeting(texts: &[String]) -> Vec<u8> {
    let mut frames = Vec::new();
    for text in texts {
        frame::write(&mut frames, Opcode::Text, text.as_bytes());
    }
    frames
}
