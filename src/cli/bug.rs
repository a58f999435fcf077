//! A panic is a bug in albcap. It is reported in one line, the terminal stays usable, and the record is complete up to
//! that moment: its own thread writes it, and unwinding closes it.

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};

use super::console::{self, Priority, Stream};
use super::{Complaint, Exit, signals};
use crate::report::visible;

/// From now on each panic is told where all warnings are, by one line without a backtrace.
pub(super) fn report_panics() {
    set_hook(Box::new(|panic| {
        console::status_line(None);
        console::write(Stream::Err, Priority::Notice, format!("albcap: {}\n", told(panic)));
    }));
}

/// Runs a command and turns a panic into an error.
pub(super) fn guard(command: impl FnOnce() -> Result<Exit, Complaint>) -> Result<Exit, Complaint> {
    catch_unwind(AssertUnwindSafe(command)).unwrap_or_else(|_| Err(complaint(signals::record())))
}

fn told(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map(|place| format!(" at {}:{}", place.file(), place.line()));
    let message = panic.payload_as_str().unwrap_or("no message");
    visible(&format!("a bug in albcap {}{}: {message}", env!("CARGO_PKG_VERSION"), place.unwrap_or_default()))
}

fn complaint(record: Option<String>) -> Complaint {
    let kept = record.map(|record| format!("; the record {record} is safe: albcap report {record} shows it"));
    Complaint::failed(
        "albcap stopped because of the bug shown above",
        format!("report the bug with that line{}", kept.unwrap_or_default()),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_failure_that_names_the_record() {
        let failed = guard(|| panic!("as the test wants it")).unwrap_err();
        assert_eq!(failed.exit, Exit::Failed);
        assert_eq!(guard(|| Ok(Exit::Unmet)).unwrap(), Exit::Unmet);
        assert!(complaint(Some("runs/a.jsonl".to_owned())).remedy.contains("albcap report runs/a.jsonl"));
    }
}
