//! Ctrl-C and SIGTERM: the first asks to stop, the second leaves at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::{Complaint, Exit};
use crate::conduct::Interrupt;

const SIGINT: u8 = 2;
#[cfg(unix)]
const SIGTERM: u8 = 15;

/// What was asked for by signals so far.
#[derive(Clone)]
pub(super) struct Signals(Arc<AtomicU8>);

impl Signals {
    /// Listens from now on; the interrupt is set by the first signal.
    pub(super) fn listen() -> Result<(Signals, Interrupt), Complaint> {
        let (sender, interrupt) = Interrupt::new();
        let signals = Signals(Arc::new(AtomicU8::new(0)));
        let seen = signals.clone();
        let mut incoming = Incoming::new()
            .map_err(|error| Complaint::failed(format!("signals can't be listened to: {error}"), ""))?;
        tokio::spawn(async move {
            let first = incoming.next().await;
            tracing::info!("signal {first}: stopping; a second one leaves at once");
            seen.0.store(first, Ordering::Release);
            sender.send_replace(true);
            let second = incoming.next().await;
            // What is recorded is on disk but for the last second; whoever asks twice does not want to wait for it.
            #[allow(clippy::exit)]
            std::process::exit(i32::from(Exit::Signal(second).code()));
        });
        Ok((signals, interrupt))
    }

    /// The exit that a signal asked for.
    pub(super) fn exit(&self) -> Option<Exit> {
        match self.0.load(Ordering::Acquire) {
            0 => None,
            number => Some(Exit::Signal(number)),
        }
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
