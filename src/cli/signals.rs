//! SIGINT, SIGTERM and SIGHUP: the first asks to stop, the second leaves at once.
//!
//! Signals belong to the process, and so does what is known of them here. A signal is stored before anything is said
//! about it: a terminal that takes nothing must not keep it from taking effect.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use super::{Complaint, Exit, console, output};
use crate::conduct::Interrupt;
use crate::machine::{Children, kill_children};
use crate::record::RecordPath;

const SIGINT: u8 = 2;
#[cfg(unix)]
const SIGHUP: u8 = 1;
#[cfg(unix)]
const SIGTERM: u8 = 15;

/// How long the last line of a process that leaves at once may take.
const LAST_LINE: Duration = Duration::from_millis(500);

/// The first signal; 0 for none.
static FIRST: AtomicU8 = AtomicU8::new(0);
/// The record that is being written.
static RECORD: OnceLock<RecordPath> = OnceLock::new();

/// Listens from now on, on the runtime that calls; the interrupt is set by the first signal.
pub(super) fn listen() -> Result<Interrupt, Complaint> {
    let (sender, interrupt) = Interrupt::new();
    let mut incoming = Incoming::new()
        .map_err(|error| Complaint::failed(format!("can't listen for signals: {error}"), ""))?;
    tokio::spawn(async move {
        let first = incoming.next().await;
        FIRST.store(first, Ordering::Release);
        sender.send_replace(true);
        tracing::info!("signal {first}: stopping; a second one exits at once");
        let second = incoming.next().await;
        console::status_line(None);
        if let Some(record) = record() {
            output::warn(&format!("interrupted; the record is {record}"));
        }
        console::flush_errors(LAST_LINE);
        kill_children(Children::All);
        // The record is on disk but for its last second, and a second signal means that the user will not wait for it.
        #[allow(clippy::exit)]
        std::process::exit(i32::from(Exit::Signal(second).code()));
    });
    Ok(interrupt)
}

/// From now on there is a record, which the second signal and a panic name.
pub(super) fn set_record(path: &RecordPath) {
    let _ = RECORD.set(path.clone());
}

/// The record that is being written, as it can be shown.
pub(super) fn record() -> Option<String> {
    RECORD.get().filter(|record| !record.is_lost()).map(|record| output::shown(&record.get()))
}

/// Whether the user wants the process to end.
pub(super) fn received() -> bool {
    exit().is_some()
}

/// The exit that a signal asked for.
pub(super) fn exit() -> Option<Exit> {
    match FIRST.load(Ordering::Acquire) {
        0 => None,
        number => Some(Exit::Signal(number)),
    }
}

/// The exit where a signal came before any load, which is said.
pub(super) fn before_the_load() -> Exit {
    output::warn("interrupted; nothing was opened");
    exit().unwrap_or(Exit::Failed)
}

#[cfg(unix)]
struct Incoming {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// `None` where the process was started with SIGHUP ignored, as by `nohup`: then it stays ignored.
    hang_up: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Incoming {
    fn new() -> std::io::Result<Incoming> {
        use tokio::signal::unix::{SignalKind, signal};
        let hang_up =
            (!crate::machine::ignores_hang_up()).then(|| signal(SignalKind::hangup())).transpose()?;
        Ok(Incoming {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up,
        })
    }

    async fn next(&mut self) -> u8 {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => SIGINT,
            _ = self.terminate.recv() => SIGTERM,
            _ = hang_up => SIGHUP,
        }
    }
}

#[cfg(not(unix))]
struct Incoming;

#[cfg(not(unix))]
impl Incoming {
    fn new() -> std::io::Result<Incoming> {
        Ok(Incoming)
    }

    async fn next(&mut self) -> u8 {
        let _ = tokio::signal::ctrl_c().await;
        SIGINT
    }
}
