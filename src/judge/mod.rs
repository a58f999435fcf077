//! What to make of a run: [`judge`] turns it into [`Judged`]. Pure, total, without a clock.
//!
//! `level`, `capacity`, `safe_load` and `search` judge the clients' side alone, `pattern` what deaths have in common,
//! `strain` and `lateness` this machine; `clock`, `window`, `alignment`, `server` and `baseline` lay both sides on one grid;
//! `correlation` compares them and `verdict` draws the outcome; `reached` tells which target groups took the load;
//! `diagnosis` names causes, a file a rule.
//! `brake` alone is asked while the load is there: whether what is seen so far breaks a rule.
//! `wording` is how numbers are written in all sentences, here and in the reports.

mod alignment;
mod baseline;
mod brake;
mod capacity;
mod clock;
mod correlation;
mod diagnosis;
mod failures;
mod judged;
mod kind;
mod lateness;
mod level;
mod pattern;
mod reached;
mod robust;
mod safe_load;
mod search;
mod server;
mod strain;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod verdict;
mod wilson;
mod window;
pub mod wording;

pub use baseline::Baseline;
pub use brake::{broken, broken_by_clients, broken_by_load_balancer};
pub use capacity::{Capacity, Limit};
pub use correlation::{
    ActiveConnections, AddressShare, Arrival, Correlation, Legs, LevelFit, Others, Saturation, Spread, Total,
    ZoneShare,
};
pub use diagnosis::Diagnosis;
pub use failures::Failures;
pub use judged::{Judged, judge};
pub use kind::Kind;
pub use level::JudgedLevel;
pub use pattern::{Pattern, Stretch};
pub use safe_load::SafeLoad;
pub use search::{SearchEnd, Searched};
pub use strain::Strain;
pub use verdict::{Outcome, Verdict};
pub use wilson::wilson_low95;

// What a judged run is made of, for reports to name.
pub use crate::facts::{Finding, SeriesStatus, Status, metric};
pub use crate::prices::{Dimension, show_dollars};
