//! What is shown of a judged run: pure, a file a format, an escape a format.
//!
//! [`table()`] is for a terminal (with [`preflight()`] and [`plan()`], which a run prints before its load), [`json()`] for
//! programs, [`html()`] for a browser; [`section()`] lays out what others have to say; [`schema`] describes record and report. All text from the network or from a
//! record passes through `escape` on its way out.

mod escape;
mod grid;
mod html;
mod json;
mod layout;
mod preflight;
pub mod schema;
mod section;
mod sentences;
mod table;
#[cfg(test)]
mod tests;

pub use escape::{json as escaped_json, terminal as visible};
pub use html::html;
pub use json::{
    CapacityPart, CorrelationPart, DiagnosisPart, EndedPart, FailurePart, Report, VerdictPart, document, json,
};
pub use layout::Layout;
pub use preflight::{heading, plan, preflight};
pub use section::section;
pub use table::{results, table};
