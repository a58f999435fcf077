//! Do CloudWatch and the clients tell the same story? (contract, "What the verdict means".)
//!
//! [`active`] compares ActiveConnectionCount with the open connections, level by level; [`totals`] compares what was
//! opened, asked and sent over the whole load; [`rise`] says by how much any other metric rose. The outcome of all
//! this is drawn in `verdict.rs`.

mod active;
mod expectation;
mod level_fit;
mod rise;
mod totals;

pub use active::ActiveConnections;
pub use expectation::Legs;
pub use level_fit::LevelFit;
pub(super) use rise::{Rise, rise};
pub use totals::Total;

use super::alignment::OpenOverTime;
use super::server::Server;
use super::window::Windows;
use crate::record::Run;

/// The two sides, compared. `None` where a metric was absent from the whole window, or could not be read.
#[derive(Debug, Clone)]
pub struct Correlation {
    /// ActiveConnectionCount against the connections open.
    pub active: ActiveConnections,
    /// NewConnectionCount against the connections opened.
    pub new_connections: Option<Total>,
    /// RequestCount against the upgrades that reached a target.
    pub requests: Option<Total>,
    /// ProcessedBytes against the bytes on the wire above TLS.
    pub processed_bytes: Option<Total>,
}

/// Compares both sides of a run.
pub(super) fn correlate(run: &Run, server: &Server<'_>, windows: &Windows) -> Correlation {
    let requests = totals::requests(run, server, windows);
    let arrived = requests.as_ref().and_then(Total::arrived);
    Correlation {
        active: active::active(run, server, windows, &OpenOverTime::of(run), arrived),
        new_connections: totals::new_connections(run, server, windows),
        requests,
        processed_bytes: totals::processed_bytes(run, server, windows),
    }
}
