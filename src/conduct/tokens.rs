//! A level's tokens, all obtained before it starts: what takes time here is no part of the level.

use std::time::Instant;

use super::levels::ticker;
use super::{Interrupt, Notice, Story};
use crate::load::{LevelOrder, LevelTokens, Mint};
use crate::record::{Event, Sample, TokensObtained};

/// Obtains a token for every connection of the level, and tells how that went; `None` when it was interrupted.
pub(super) async fn obtain(
    mint: Option<&Mint>,
    order: LevelOrder,
    story: &mut Story<'_>,
    interrupt: &mut Interrupt,
) -> Option<LevelTokens> {
    let Some(mint) = mint else { return Some(LevelTokens::none()) };
    let (level, wanted) = (order.level, order.connections);
    (story.sink)(Notice::ObtainingTokens(wanted));
    let began = Instant::now();
    let mut tick = ticker();
    let obtaining = mint.obtain(0..wanted);
    tokio::pin!(obtaining);
    let tokens = loop {
        tokio::select! {
            tokens = &mut obtaining => break tokens,
            () = interrupt.set() => return None,
            // As in a pause: the record shows that it goes on.
            _ = tick.tick() => story.observe(Sample::default()),
        }
    };
    story.tell(Event::Tokens(TokensObtained {
        level,
        wanted,
        obtained: tokens.obtained(),
        took: began.elapsed(),
    }));
    Some(tokens)
}
