//! The story for those who want to read it as it goes: `-v` its turns, `-vv` every failure.

use crate::judge::broken;
use crate::record::{Event, HowEnded};

/// Logs an event. What the network said is left to the record, which escapes and cuts it.
pub(super) fn told(event: &Event) {
    match event {
        Event::Tokens(tokens) => {
            let (level, took) = (tokens.level + 1, tokens.took.as_secs_f64());
            let (had, wanted) = (tokens.obtained, tokens.wanted);
            tracing::info!("level {level}: {had} of {wanted} tokens obtained in {took:.1} s");
        }
        Event::LevelStarted(level) => {
            let opening = level.connections.saturating_sub(level.alive);
            match level.alive {
                0 => tracing::info!("level {}: opening {opening} connections", level.level + 1),
                alive => tracing::info!(
                    "level {}: opening {opening} connections beside {alive} that live on",
                    level.level + 1
                ),
            }
        }
        Event::HoldStarted { level } => {
            tracing::info!("level {}: every attempt has settled, holding", level + 1)
        }
        Event::HoldEnded { level } => tracing::info!("level {}: the hold is over", level + 1),
        Event::LevelEnded(ended) => tracing::info!(
            "level {}: over, {} opened, {} held, {} failed",
            ended.level + 1,
            ended.counts.opened,
            ended.held,
            ended.counts.failed
        ),
        Event::Failure(failure) => tracing::debug!(
            "level {}: a connection failed at {:?} by {:?}: {}",
            failure.level + 1,
            failure.phase,
            failure.by,
            String::from(failure.kind)
        ),
        Event::Brake(braked) => tracing::info!("the brake stops the load: {}", broken(braked)),
        Event::ServerSeries(series) => {
            tracing::info!("CloudWatch's numbers are {:?}, as read at {}", series.status, series.read_at);
        }
        Event::Ended(ended) => tracing::info!(
            "the load is over: {}",
            match ended.how {
                HowEnded::Finished => "finished",
                HowEnded::Interrupted => "interrupted",
                HowEnded::Aborted => "stopped by the brake",
            }
        ),
        _ => {}
    }
}
