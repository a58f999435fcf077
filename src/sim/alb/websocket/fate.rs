//! What befalls a connection whose time has come: what `--kill-by` says, or the end of its target.

use super::frame::{self, Opcode};
use super::target::Target;
use super::torrent::Torrent;
use crate::sim::alb::connection::Ending;
use crate::sim::alb::fault::Doom;
use crate::sim::alb::patience::Patience;
use crate::sim::alb::wire::Wire;

/// Lets it happen; `None` where the connection lives on with it.
pub(super) fn meet(
    doom: Doom,
    wire: &mut Wire,
    patience: &mut Patience,
    target: &mut Target,
) -> Option<Ending> {
    patience.spare();
    match doom {
        Doom::Reset => return Some(Ending::Reset),
        Doom::HangUp => return Some(Ending::Close),
        Doom::Freeze => return Some(Ending::Freeze),
        Doom::Close(code) => {
            let payload = code.map_or_else(Vec::new, |code| code.to_be_bytes().to_vec());
            frame::write(wire.outbox(), Opcode::Close, &payload);
            return Some(Ending::Finish);
        }
        Doom::Mute => target.mute(),
        Doom::LongMessage => wire.flood(Torrent::long_message()),
        Doom::EndlessText => wire.flood(Torrent::endless_text()),
        Doom::Violation(violation) => wire.outbox().extend(violation.frame()),
    }
    None
}
