//! The file that a record is written to, and whether it is still there: another program (`rm`, `logrotate`, an editor)
//! may take it away while the run goes on.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{JournalError, Loss};

/// Bytes at the file's beginning that are compared: a header's run id and time are among them.
const HEAD: usize = 256;

/// Names that are tried for a file that continues a record.
const MOST_NAMES: u32 = 1_000;

/// An open, locked file to which lines are appended.
pub(super) struct RecordFile {
    path: PathBuf,
    writer: BufWriter<File>,
    /// Bytes that were given to it.
    written: u64,
    /// The first of them.
    head: Vec<u8>,
}

impl RecordFile {
    /// Makes a new file, readable by its owner only, and its folder; an existing file is never touched.
    pub(super) fn create(path: &Path) -> Result<RecordFile, JournalError> {
        let failed = |source| JournalError::Create { path: path.to_owned(), source };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        // Read access for a copy, where the name is taken away.
        let opened = private(OpenOptions::new().read(true).append(true).create_new(true)).open(path);
        let file = opened.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => JournalError::Exists(path.to_owned()),
            _ => failed(source),
        })?;
        lock(&file, path, failed)?;
        Ok(RecordFile::over(file, path))
    }

    /// A file that is open already.
    pub(super) fn over(file: File, path: &Path) -> RecordFile {
        RecordFile { path: path.to_owned(), writer: BufWriter::new(file), written: 0, head: Vec::new() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let of_head = HEAD.saturating_sub(self.head.len()).min(line.len());
        self.head.extend_from_slice(&line[..of_head]);
        self.written += line.len() as u64;
        self.writer.write_all(line)
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.writer.flush()?;
        self.writer.get_ref().sync_data()
    }

    /// How the file was lost; `None` if it was not, or if that can't be determined. Truncation is checked first: a
    /// truncated file can't be copied.
    ///
    /// # Errors
    /// The buffered lines could not be written.
    pub(super) fn loss(&mut self) -> io::Result<Option<Loss>> {
        self.writer.flush()?;
        let Ok(own) = self.writer.get_ref().metadata() else { return Ok(None) };
        if !own.is_file() {
            return Ok(None);
        }
        if own.len() < self.written || self.begins_otherwise() {
            return Ok(Some(Loss::Truncated));
        }
        Ok(loss_of_name(&own, &self.path))
    }

    fn begins_otherwise(&self) -> bool {
        let mut file = self.writer.get_ref();
        let mut found = vec![0_u8; self.head.len()];
        // Where lines are appended, the place at which it is read does not matter.
        let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_exact(&mut found));
        read.is_ok() && found != self.head
    }

    /// Copies it to a file that continues the record `first` for the `nth` time.
    pub(super) fn copied(&mut self, first: &Path, nth: u32) -> io::Result<RecordFile> {
        self.writer.flush()?;
        let mut copy = RecordFile::recovered(first, nth)?;
        let mut from = self.writer.get_ref();
        let copying = from
            .seek(SeekFrom::Start(0))
            .and_then(|_| io::copy(&mut from, &mut copy.writer))
            .and_then(|_| copy.sync());
        if let Err(error) = copying {
            copy.discard();
            return Err(error);
        }
        copy.written = self.written;
        copy.head.clone_from(&self.head);
        Ok(copy)
    }

    /// A new file that continues the record `first` for the `nth` time, from 1: beside it, by a name of its own.
    pub(super) fn recovered(first: &Path, nth: u32) -> io::Result<RecordFile> {
        for number in nth..nth.saturating_add(MOST_NAMES) {
            match RecordFile::create(&recovered_path(first, number)) {
                Ok(file) => return Ok(file),
                Err(JournalError::Exists(_) | JournalError::InUse(_)) => {}
                Err(JournalError::Create { source, .. }) => return Err(source),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Err(io::Error::other("all names for it are taken"))
    }

    /// Takes away a file that was made in vain.
    pub(super) fn discard(self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// `a.recovered.jsonl` for `a.jsonl`, then `a.recovered-2.jsonl` and so on.
fn recovered_path(first: &Path, number: u32) -> PathBuf {
    let bare = if first.extension().is_some_and(|ending| ending == "jsonl") {
        first.with_extension("")
    } else {
        first.to_owned()
    };
    let mut name = OsString::from(bare);
    name.push(if number == 1 { ".recovered.jsonl".to_owned() } else { format!(".recovered-{number}.jsonl") });
    PathBuf::from(name)
}

/// Whether a path leads no more to the file whose metadata these are.
pub(super) fn loss_of_name(own: &Metadata, path: &Path) -> Option<Loss> {
    use io::ErrorKind::{NotADirectory, NotFound};
    match std::fs::metadata(path) {
        Ok(there) => (!is_same(own, &there)).then_some(Loss::Replaced),
        // Whatever else fails may pass, as on a network's file system.
        Err(error) => matches!(error.kind(), NotFound | NotADirectory).then_some(Loss::Removed),
    }
}

#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Elsewhere a file that is open can't be replaced, and the standard library does not tell one from another.
#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}

/// Locks a record: one writer at a time.
pub(super) fn lock(
    file: &File,
    path: &Path,
    failed: impl Fn(io::Error) -> JournalError,
) -> Result<(), JournalError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What another program does to a file.
    type Lose = fn(&Path);

    #[test]
    fn every_loss_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let fresh = || {
            let _ = std::fs::remove_file(&path);
            let mut file = RecordFile::create(&path).unwrap();
            file.write(b"{\"type\":\"header\"}\n").unwrap();
            assert_eq!(file.loss().unwrap(), None);
            file
        };
        let removed = |path: &Path| std::fs::remove_file(path).unwrap();
        let renamed = |path: &Path| std::fs::rename(path, path.with_extension("old")).unwrap();
        let replaced = |path: &Path| {
            std::fs::write(path.with_extension("new"), "{\"type\":\"header\"}\n").unwrap();
            std::fs::rename(path.with_extension("new"), path).unwrap();
        };
        let truncated = |path: &Path| drop(File::create(path).unwrap());
        let overwritten = |path: &Path| std::fs::write(path, "x".repeat(100)).unwrap();
        let truncated_and_removed = |path: &Path| {
            drop(File::create(path).unwrap());
            std::fs::remove_file(path).unwrap();
        };
        let cases: [(Lose, Loss); 6] = [
            (removed, Loss::Removed),
            (renamed, Loss::Removed),
            (replaced, Loss::Replaced),
            (truncated, Loss::Truncated),
            (overwritten, Loss::Truncated),
            (truncated_and_removed, Loss::Truncated),
        ];
        for (case, (lose, loss)) in cases.into_iter().enumerate() {
            let mut file = fresh();
            lose(&path);
            let found = file.loss().unwrap();
            assert!(found == Some(loss) || !cfg!(unix), "{case}: {found:?}");
            file.write(b"{\"more\":1}\n").unwrap();
            let found = file.loss().unwrap();
            assert!(found == Some(loss) || !cfg!(unix), "{case}, and later: {found:?}");
        }
    }

    #[test]
    fn a_copy_has_all_and_takes_no_ones_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs/a.jsonl");
        let mut file = RecordFile::create(&path).unwrap();
        file.write(b"one\n").unwrap();
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
        let mut copy = file.copied(&path, 1).unwrap();
        assert_eq!(copy.path(), folder.path().join("runs/a.recovered.jsonl"));
        copy.write(b"two\n").unwrap();
        copy.sync().unwrap();
        assert_eq!(copy.loss().unwrap(), None);
        assert_eq!(std::fs::read_to_string(copy.path()).unwrap(), "one\ntwo\n");
        let second = copy.copied(&path, 1).unwrap();
        assert_eq!(second.path(), folder.path().join("runs/a.recovered-2.jsonl"));
        assert_eq!(recovered_path(Path::new("b"), 1), Path::new("b.recovered.jsonl"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(second.path()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
