//! Appending to a finished record.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::record_file::{lock, loss_of_name};
use super::writer::to_line;
use super::{JournalError, Stamped};

/// A finished record, locked until this is dropped: nobody else appends in between.
pub struct Reopened {
    path: PathBuf,
    file: File,
    writable: bool,
}

impl Reopened {
    /// Opens and locks a record. One that may only be read is locked too, and [`Reopened::is_read_only`].
    pub fn open(path: &Path) -> Result<Reopened, JournalError> {
        use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        let failed = |source| JournalError::Open { path: path.to_owned(), source };
        let (file, writable) = match OpenOptions::new().read(true).append(true).open(path) {
            Ok(file) => (file, true),
            Err(error) if matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem) => {
                (File::open(path).map_err(failed)?, false)
            }
            Err(error) => return Err(failed(error)),
        };
        lock(&file, path, failed)?;
        Ok(Reopened { path: path.to_owned(), file, writable })
    }

    /// Whether nothing can be appended.
    pub fn is_read_only(&self) -> bool {
        !self.writable
    }

    /// Appends events. A torn last line is ended first, so that it stays alone.
    ///
    /// # Errors
    /// [`JournalError::Write`]; [`JournalError::Lost`] where the file is no longer at its path, so that what was appended
    /// is not found there.
    pub fn append(&self, events: &[Stamped]) -> Result<(), JournalError> {
        let mut text = String::new();
        if !ends_with_line_break(&self.file).map_err(JournalError::Write)? {
            text.push('\n');
        }
        events.iter().for_each(|event| text.push_str(&to_line(event)));
        let length = self.file.metadata().map_err(JournalError::Write)?.len();
        let written = (&self.file).write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|error| {
            // Half a line would stand in the way of all that is appended later.
            let _ = self.file.set_len(length);
            JournalError::Write(error)
        })?;
        let own = self.file.metadata().map_err(JournalError::Write)?;
        match loss_of_name(&own, &self.path) {
            Some(_) => Err(JournalError::Lost(self.path.clone())),
            None => Ok(()),
        }
    }
}

fn ends_with_line_break(mut file: &File) -> io::Result<bool> {
    use std::io::{Read, Seek, SeekFrom};
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0_u8; 1];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::record::Event;

    fn event(level: u32) -> Stamped {
        Stamped { at: "2026-11-24T13:00:00Z".parse().unwrap(), event: Event::HoldStarted { level } }
    }

    #[test]
    fn appending_leaves_a_torn_line_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        std::fs::write(&path, "{\"at\":\"2026-").unwrap();
        Reopened::open(&path).unwrap().append(&[event(1), event(2)]).unwrap();
        let lines: Vec<String> = std::fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[2].contains("\"level\":2"));
    }

    #[test]
    fn a_reopened_record_is_locked_until_it_is_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        assert!(matches!(Reopened::open(&path), Err(JournalError::Open { .. })));
        std::fs::write(&path, "{}\n").unwrap();
        let held = Reopened::open(&path).unwrap();
        assert!(!held.is_read_only());
        assert!(matches!(Reopened::open(&path), Err(JournalError::InUse(_))));
        drop(held);
        let held = Reopened::open(&path).unwrap();
        assert!(held.append(&[event(1)]).is_ok());
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(held.append(&[event(1)]), Err(JournalError::Lost(lost)) if lost == path));
    }
}
