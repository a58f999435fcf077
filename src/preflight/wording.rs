//! How findings and their values are put into words.

use std::time::Duration;

use crate::facts::{Finding, Status};

pub(super) fn pass(check: &str, found: impl Into<String>, detail: impl Into<String>) -> Finding {
    finding(check, Status::Pass, found, detail, String::new())
}

pub(super) fn info(
    check: &str,
    found: impl Into<String>,
    detail: impl Into<String>,
    remedy: impl Into<String>,
) -> Finding {
    finding(check, Status::Info, found, detail, remedy.into())
}

pub(super) fn skip(check: &str, detail: impl Into<String>) -> Finding {
    finding(check, Status::Skip, "", detail, String::new())
}

pub(super) fn warn(
    check: &str,
    found: impl Into<String>,
    detail: impl Into<String>,
    remedy: impl Into<String>,
) -> Finding {
    finding(check, Status::Warn, found, detail, remedy.into())
}

/// The remedy ends with what every refusal has in common.
pub(super) fn refuse(
    check: &str,
    found: impl Into<String>,
    detail: impl Into<String>,
    remedy: impl Into<String>,
) -> Finding {
    let remedy = format!("{}; nothing was opened", remedy.into());
    finding(check, Status::Refuse, found, detail, remedy)
}

fn finding(
    check: &str,
    status: Status,
    found: impl Into<String>,
    detail: impl Into<String>,
    remedy: String,
) -> Finding {
    Finding { check: check.to_owned(), status, found: found.into(), detail: detail.into(), remedy }
}

/// `60 s`, `0.5 s`: AWS's attributes are seconds, and are compared as such.
pub(super) fn in_seconds(duration: Duration) -> String {
    let milliseconds = (duration.as_secs_f64() * 1_000.0).round();
    format!("{} s", milliseconds / 1_000.0)
}

/// `a; b`, or `none`.
pub(super) fn listed(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { "none".to_owned() } else { items.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_as_people_read_them() {
        assert_eq!(in_seconds(Duration::from_secs(3_600)), "3600 s");
        assert_eq!(in_seconds(Duration::from_millis(500)), "0.5 s");
        assert_eq!(in_seconds(Duration::from_micros(1_500)), "0.002 s");
    }
}
