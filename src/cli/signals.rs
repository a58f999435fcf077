//! Ctrl-C and SIGTERM: the first asks to stop, the second leaves at once.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use super::{Complaint, Exit, output};
use crate::conduct::Interrupt;

const SIGINT: u8 = 2;
#[cfg(unix)]
const SIGTERM: u8 = 15;

/// How long a last word may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// What was asked for by signals so far, and where the record is that a second one leaves behind.
#[derive(Clone, Default)]
pub(super) struct Signals {
    first: Arc<AtomicU8>,
    record: Arc<OnceLock<String>>,
}

impl Signals {
    /// Listens from now on; the interrupt is set by the first signal.
    pub(super) fn listen() -> Result<(Signals, Interrupt), Complaint> {
        let (sender, interrupt) = Interrupt::new();
        let signals = Signals::default();
        let seen = signals.clone();
        let mut incoming = Incoming::new()
            .map_err(|error| Complaint::failed(format!("signals can't be listened to: {error}"), ""))?;
        tokio::spawn(async move {
            let first = incoming.next().await;
            tracing::info!("signal {first}: stopping; a second one leaves at once");
            seen.first.store(first, Ordering::Release);
            sender.send_replace(true);
            let second = incoming.next().await;
            if let Some(record) = seen.record.get() {
                last_word(format!("interrupted; the record is {record}"));
            }
            // What is recorded is on disk but for the last second; whoever asks twice does not want to wait for it.
            #[allow(clippy::exit)]
            std::process::exit(i32::from(Exit::Signal(second).code()));
        });
        Ok((signals, interrupt))
    }

    /// From now on there is a record, which the second signal names.
    pub(super) fn record_is(&self, path: &Path) {
        let _ = self.record.set(output::shown(path));
    }

    /// The exit where a signal came before any load, which is said.
    pub(super) fn before_the_load(&self) -> Exit {
        output::warn("interrupted; nothing was opened");
        self.exit().unwrap_or(Exit::Failed)
    }

    /// The exit that a signal asked for.
    pub(super) fn exit(&self) -> Option<Exit> {
        match self.first.load(Ordering::Acquire) {
            0 => None,
            number => Some(Exit::Signal(number)),
        }
    }
}

/// Says one thing more, in a thread of its own: standard error may be taken by whoever waits for a reader that reads no
/// more, and whoever asked twice wants to be gone.
fn last_word(text: String) {
    let (said, done) = mpsc::channel();
    let speaker = std::thread::Builder::new().spawn(move || {
        let mut stderr = std::io::stderr();
        if stderr.is_terminal() {
            // In place of the progress, which nobody takes away now.
            let _ = stderr.write_all(b"\r\x1b[K");
        }
        output::warn(&text);
        let _ = said.send(());
    });
    if speaker.is_ok() {
        let _ = done.recv_timeout(PATIENCE);
    }
}

#[cfg(unix)]
struct Incoming {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Incoming {
    fn new() -> std::io::Result<Incoming> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Incoming {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => SIGINT,
            _ = self.terminate.recv() => SIGTERM,
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
