//! Writing the record: appended as things happen, on a thread of its own so that a slow disk slows no connection,
//! and synced at least once a second.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::{Event, Stamped};

/// Longest time between an event and its being safe on disk.
const SYNC_EVERY: Duration = Duration::from_millis(900);

/// Why the record can't be written.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The file can't be made.
    #[error("the record {path} can't be created: {source}")]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A finished record can't be opened again.
    #[error("the record {path} can't be opened: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is there already: a run never writes over another one's record.
    #[error("the record {0} is there already")]
    Exists(PathBuf),
    /// Another process writes to it.
    #[error("the record {0} is in use by another process")]
    InUse(PathBuf),
    /// There is no thread for it.
    #[error("no thread can be started to write the record: {0}")]
    NoThread(io::Error),
    /// Writing failed in mid-run.
    #[error("the record could not be written to its end: {0}")]
    Write(io::Error),
}

/// What the writing thread is asked for.
enum Order {
    /// A line; whether it is to be safe at once.
    Line(String, bool),
    /// A word when all that came before is safe.
    Tell(Sender<()>),
    /// The end, whoever else could still write.
    End,
}

/// An open record.
pub struct Journal {
    lines: Option<Sender<Order>>,
    writer: Option<JoinHandle<io::Result<()>>>,
    /// What ended the writing before its time.
    failed: Option<JournalError>,
}

impl Journal {
    /// Makes a new record, readable by its owner only, and its folder; an existing file is never touched.
    pub fn create(path: &Path) -> Result<Journal, JournalError> {
        let failed = |source| JournalError::Create { path: path.to_owned(), source };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let file =
            private(OpenOptions::new().append(true).create_new(true)).open(path).map_err(|source| {
                if source.kind() == io::ErrorKind::AlreadyExists {
                    JournalError::Exists(path.to_owned())
                } else {
                    failed(source)
                }
            })?;
        lock(&file, path, failed)?;
        Journal::start(Builder::new(), Output::File(BufWriter::new(file))).inspect_err(|_| {
            // Nothing will ever be written to it.
            let _ = std::fs::remove_file(path);
        })
    }

    /// Streams the record to standard output.
    pub fn stdout() -> Result<Journal, JournalError> {
        Journal::start(Builder::new(), Output::Stdout(BufWriter::new(io::stdout())))
    }

    fn start(thread: Builder, mut output: Output) -> Result<Journal, JournalError> {
        let (lines, queue) = channel::<Order>();
        let writer = thread.name("journal".into()).spawn(move || write_all(&queue, &mut output));
        let writer = writer.map_err(JournalError::NoThread)?;
        Ok(Journal { lines: Some(lines), writer: Some(writer), failed: None })
    }

    /// Appends one event. An error of the disk does not stop the load, which goes on without it: it comes from
    /// [`Journal::new_failure`] and from [`Journal::finish`].
    pub fn append(&mut self, event: &Stamped) {
        // At each level's start and end, so that whoever leaves in the first second too leaves a record that can be read.
        let now = matches!(event.event, Event::LevelStarted(_) | Event::LevelEnded(_) | Event::Ended(_));
        if let Some(lines) = &self.lines {
            let _ = lines.send(Order::Line(to_line(event), now));
        }
    }

    /// Another way into the same record, for what must be safe before anything else happens.
    pub fn entry(&self) -> Entry {
        Entry(self.lines.clone())
    }

    /// What has ended the writing since the last call; `None` while all is well, and when it was told already.
    pub fn new_failure(&mut self) -> Option<&JournalError> {
        if !self.writer.as_ref().is_some_and(JoinHandle::is_finished) {
            return None;
        }
        self.failed = self.join().err();
        self.failed.as_ref()
    }

    /// Writes and syncs what is left, and tells whether all of it is safe.
    pub fn finish(mut self) -> Result<(), JournalError> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.join(),
        }
    }

    fn join(&mut self) -> Result<(), JournalError> {
        if let Some(lines) = self.lines.take() {
            let _ = lines.send(Order::End);
        }
        match self.writer.take().map(JoinHandle::join) {
            Some(Ok(result)) => result.map_err(JournalError::Write),
            _ => Err(JournalError::Write(io::Error::other("the writer stopped"))),
        }
    }
}

/// A way into a record that is open elsewhere.
#[derive(Clone)]
pub struct Entry(Option<Sender<Order>>);

impl Entry {
    /// Appends one event, and waits until it is safe.
    ///
    /// # Errors
    /// [`JournalError::Write`] when the record can't be written any more.
    pub fn append_now(&self, event: &Stamped) -> Result<(), JournalError> {
        let ended = || JournalError::Write(io::Error::other("the record is not written any more"));
        let lines = self.0.as_ref().ok_or_else(ended)?;
        let (tell, told) = channel();
        let sent = lines.send(Order::Line(to_line(event), true)).and_then(|()| lines.send(Order::Tell(tell)));
        sent.map_err(|_| ended())?;
        told.recv().map_err(|_| ended())
    }
}

enum Output {
    File(BufWriter<File>),
    Stdout(BufWriter<io::Stdout>),
}

impl Output {
    fn write(&mut self, line: &str) -> io::Result<()> {
        match self {
            Output::File(file) => file.write_all(line.as_bytes()),
            Output::Stdout(stdout) => stdout.write_all(line.as_bytes()),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        match self {
            Output::File(file) => {
                file.flush()?;
                file.get_ref().sync_data()
            }
            Output::Stdout(stdout) => stdout.flush(),
        }
    }
}

fn write_all(queue: &Receiver<Order>, output: &mut Output) -> io::Result<()> {
    let mut unsynced: Option<Instant> = None;
    loop {
        let wait = unsynced.map_or(Duration::MAX, |since| SYNC_EVERY.saturating_sub(since.elapsed()));
        let sync_now = match queue.recv_timeout(wait.min(Duration::from_secs(3_600))) {
            Ok(Order::Line(line, now)) => {
                output.write(&line)?;
                unsynced.get_or_insert_with(Instant::now);
                now
            }
            Ok(Order::Tell(tell)) => {
                output.sync()?;
                unsynced = None;
                let _ = tell.send(());
                false
            }
            Err(RecvTimeoutError::Timeout) => false,
            Ok(Order::End) | Err(RecvTimeoutError::Disconnected) => return output.sync(),
        };
        if sync_now || unsynced.is_some_and(|since| since.elapsed() >= SYNC_EVERY) {
            output.sync()?;
            unsynced = None;
        }
    }
}

fn to_line(event: &Stamped) -> String {
    let mut line = serde_json::to_string(event).expect("events hold nothing that JSON can't");
    line.push('\n');
    line
}

/// A finished record, locked until this is dropped: nobody else appends in between.
pub struct Reopened {
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
        Ok(Reopened { file, writable })
    }

    /// Whether nothing can be appended.
    pub fn is_read_only(&self) -> bool {
        !self.writable
    }

    /// Appends events. A torn last line is ended first, so that it stays alone.
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
        })
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

fn lock(file: &File, path: &Path, failed: impl Fn(io::Error) -> JournalError) -> Result<(), JournalError> {
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

    fn event(level: u32) -> Stamped {
        Stamped { at: "2026-11-24T13:00:00Z".parse().unwrap(), event: Event::HoldStarted { level } }
    }

    #[test]
    fn a_new_record_is_private_and_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs/a.jsonl");
        let mut journal = Journal::create(&path).unwrap();
        journal.append(&event(0));
        assert!(matches!(Journal::create(&path), Err(JournalError::Exists(_))));
        assert!(matches!(Reopened::open(&path), Err(JournalError::InUse(_))));
        journal.finish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn an_event_is_on_disk_without_a_finish() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let mut journal = Journal::create(&path).unwrap();
        journal.append(&event(0));
        let until = Instant::now() + Duration::from_secs(10);
        while std::fs::read_to_string(&path).unwrap().lines().count() != 1 {
            assert!(Instant::now() < until, "an event is not written within a second or so");
            std::thread::sleep(Duration::from_millis(20));
        }
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
        assert!(Reopened::open(&path).is_ok());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_that_can_not_be_started_is_an_error() {
        // More than a process can address.
        let too_large = Builder::new().stack_size(1 << 48);
        let started = Journal::start(too_large, Output::Stdout(BufWriter::new(io::stdout())));
        assert!(matches!(started.err(), Some(JournalError::NoThread(_))));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_failure_is_told_once_in_between_and_again_at_the_end() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut journal = Journal::start(Builder::new(), Output::File(BufWriter::new(full))).unwrap();
        assert!(journal.new_failure().is_none());
        journal.append(&event(0));
        let until = Instant::now() + Duration::from_secs(10);
        while journal.new_failure().is_none() {
            assert!(Instant::now() < until, "a full disk is not noticed within a second or so");
            std::thread::sleep(Duration::from_millis(20));
        }
        journal.append(&event(1));
        assert!(journal.new_failure().is_none(), "it was told");
        let Err(JournalError::Write(error)) = journal.finish() else { panic!("it was not all written") };
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
