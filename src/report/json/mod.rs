//! The report for programs: schema 1. `document` is its shape, `fill` takes it from a judged run.

mod document;
mod fill;
#[cfg(test)]
mod tests;

pub use document::{
    CapacityPart, CorrelationPart, DiagnosisPart, EndedPart, FailurePart, Report, VerdictPart,
};
pub use fill::document;

use super::escape;
use crate::judge::Judged;

/// The report as indented JSON, ending with a line break.
pub fn json(judged: &Judged<'_>) -> String {
    let document = document(judged);
    // Maps with string keys, numbers and strings: nothing in a `Report` can fail to serialize.
    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
    escape::json(&text) + "\n"
}
