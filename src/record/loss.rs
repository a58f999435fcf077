//! What may happen to a record while it is written, and where the record is from then on.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What another program did to the file of a record that is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// It was removed or renamed.
    Removed,
    /// Another file has its name.
    Replaced,
    /// It was truncated or overwritten: what had been written is gone.
    Truncated,
}

/// A loss, and what came of the attempt to go on in a file of its own.
#[derive(Debug)]
pub struct RecordLoss {
    /// Where the record was.
    pub path: PathBuf,
    /// What happened to it.
    pub loss: Loss,
    /// Where it continues, or why it does not.
    pub outcome: io::Result<PathBuf>,
}

impl std::fmt::Display for RecordLoss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let happened = match self.loss {
            Loss::Removed => "was removed",
            Loss::Replaced => "was replaced by another file",
            Loss::Truncated => "was truncated",
        };
        write!(f, "the record {} {happened} during the run; ", self.path.display())?;
        match (&self.outcome, self.loss) {
            (Ok(to), Loss::Removed | Loss::Replaced) => write!(f, "it continues in {}", to.display()),
            (Ok(to), Loss::Truncated) => {
                write!(f, "it continues in {}, which was rebuilt from memory", to.display())
            }
            (Err(error), _) => write!(f, "it could not be saved ({error}), and the run goes on without it"),
        }
    }
}

/// Where a record is, for all that name it: it changes when the file is lost. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RecordPath(Arc<Mutex<Location>>);

#[derive(Debug)]
struct Location {
    path: PathBuf,
    is_lost: bool,
}

impl RecordPath {
    pub(super) fn new(path: PathBuf) -> RecordPath {
        RecordPath(Arc::new(Mutex::new(Location { path, is_lost: false })))
    }

    /// Where it is now; of one that is lost, where it was.
    pub fn get(&self) -> PathBuf {
        self.location().path.clone()
    }

    /// Whether nothing of it is there any more.
    pub fn is_lost(&self) -> bool {
        self.location().is_lost
    }

    pub(super) fn set(&self, path: PathBuf) {
        self.location().path = path;
    }

    pub(super) fn set_lost(&self) {
        self.location().is_lost = true;
    }

    fn location(&self) -> MutexGuard<'_, Location> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
