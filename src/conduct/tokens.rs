//! A level's tokens, all obtained before it starts: what takes time here is no part of the level.

use std::time::Instant;

use super::levels::{between, late, ticker};
use super::stop::Stop;
use super::{Notice, Story};
use crate::load::{LevelOrder, LevelTokens, Mint, Standing};
use crate::record::{Event, TokensObtained};

/// Obtains a token for every connection that the level opens, and tells how that went; `None` when the load was stopped.
pub(super) async fn obtain(
    mint: Option<&Mint>,
    order: LevelOrder,
    standing: Option<&Standing>,
    story: &mut Story<'_>,
    stop: &mut Stop<'_>,
) -> Option<LevelTokens> {
    let Some(mint) = mint else { return Some(LevelTokens::none()) };
    let places = Standing::places(standing, order.connections);
    let (level, wanted) = (order.level, u32::try_from(places.len()).unwrap_or(u32::MAX));
    (story.sink)(Notice::ObtainingTokens(wanted));
    let began = Instant::now();
    let mut tick = ticker();
    let obtaining = mint.obtain(places.into_iter());
    tokio::pin!(obtaining);
    let tokens = loop {
        tokio::select! {
            tokens = &mut obtaining => break tokens,
            () = stop.set() => return None,
            // As in a pause: the record shows that it goes on.
            _ = tick.tick() => story.observe(between(standing), || late(standing)),
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
