//! What happened: a file of events, one a line, and the [`Run`] that they fold into.
//!
//! The record holds facts; kinds and verdicts are derived each time it is read. [`Event`] is the one enum, [`Journal`]
//! appends it (locked, synced, and saved where another program takes its file away), [`read`] takes it back from disk (torn tail allowed), and [`Run`] is what it all adds
//! up to, in the middle of a run as well as a year later.

mod braked;
mod consumer;
mod event;
mod histogram;
mod journal;
mod line;
mod loss;
mod machine;
mod read;
mod receipt;
mod record_file;
mod reopened;
mod run;
mod snapshot;
mod window;
mod writer;

pub use braked::{Braked, Measured};
pub use event::{
    Ended, Event, Failure, FailureKind, Header, Host, HowEnded, Initiator, LevelEnded, LevelStarted,
    PeerCount, Phase, SCHEMA, Sample, Stamped, TokensObtained,
};
pub use histogram::{Histogram, LatencySummary};
pub use journal::{Entry, Journal, JournalError};
pub use loss::{Loss, RecordLoss, RecordPath};
pub use machine::{Lag, LevelMachine, MachineSecond, Seconds};
pub use read::{RecordError, read};
pub use receipt::{Answer, Place, Receipt, Sent};
pub use reopened::Reopened;
pub use run::{Death, FailureGroup, LevelRun, OpenAt, Run};
#[cfg(test)]
pub(crate) use snapshot::events as snapshot_events;
