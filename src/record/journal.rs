//! Writing the record: appended as things happen, on a thread of its own so that a slow disk slows no connection,
//! and synced at least once per second.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::{Event, Stamped};

/// Longest time between an event and its being safe on disk.
const SYNC_EVERY: Duration = Duration::from_millis(900);
/// How long the reader of a streamed record may take nothing once the user wants the process to end.
const UNREAD: Duration = Duration::from_secs(1);
/// How often a wait for that reader looks whether the user wants the process to end.
const LOOK_EVERY: Duration = Duration::from_millis(20);

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
    /// It is streamed, its reader takes nothing, and the user wants the process to end.
    #[error("the record's reader took nothing any more, and its end is lost")]
    Unread,
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
    /// Disconnected when the writer ends.
    ended: Receiver<()>,
    reader: Arc<Reader>,
    /// What ended the writing before its time.
    failed: Option<JournalError>,
    /// Whether the level that started last has a sample yet.
    has_sample: bool,
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
        Journal::start(Builder::new(), Output::File(BufWriter::new(file)), || false).inspect_err(|_| {
            // Nothing will ever be written to it.
            let _ = std::fs::remove_file(path);
        })
    }

    /// Streams the record to standard output. Whatever waits for its reader gives up ([`JournalError::Unread`]) where
    /// that takes nothing and `is_to_end` says that the user wants the process to end.
    pub fn stdout(is_to_end: fn() -> bool) -> Result<Journal, JournalError> {
        Journal::start(Builder::new(), Output::Stdout(BufWriter::new(io::stdout())), is_to_end)
    }

    fn start(thread: Builder, mut output: Output, is_to_end: fn() -> bool) -> Result<Journal, JournalError> {
        let (lines, queue) = channel::<Order>();
        let reader = Arc::new(Reader { is_to_end, took: Mutex::new(Instant::now()) });
        let (alive, ended) = channel();
        let told = Arc::clone(&reader);
        let writer = thread.name("journal".into()).spawn(move || {
            let _alive: Sender<()> = alive;
            write_all(&queue, &mut output, &told)
        });
        let writer = writer.map_err(JournalError::NoThread)?;
        Ok(Journal {
            lines: Some(lines),
            writer: Some(writer),
            ended,
            reader,
            failed: None,
            has_sample: false,
        })
    }

    /// Appends one event. An error of the disk does not stop the load, which goes on without it: it comes from
    /// [`Journal::new_failure`] and from [`Journal::finish`].
    pub fn append(&mut self, event: &Stamped) {
        // At each level's start, first sample and end, so that a run that is killed in the first second leaves a record
        // that can be read.
        let now = match event.event {
            Event::LevelStarted(_) => {
                self.has_sample = false;
                true
            }
            Event::Sample(_) => !std::mem::replace(&mut self.has_sample, true),
            Event::LevelEnded(_) | Event::Ended(_) => true,
            _ => false,
        };
        if let Some(lines) = &self.lines {
            let _ = lines.send(Order::Line(to_line(event), now));
        }
    }

    /// Another way into the same record, for what must be safe before anything else happens.
    pub fn entry(&self) -> Entry {
        Entry { lines: self.lines.clone(), reader: Arc::clone(&self.reader) }
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
        if self.reader.wait(&self.ended) == Err(Silent::Unread) {
            // The thread stays behind in its write.
            self.writer = None;
            return Err(JournalError::Unread);
        }
        match self.writer.take().map(JoinHandle::join) {
            Some(Ok(result)) => result.map_err(JournalError::Write),
            _ => Err(JournalError::Write(io::Error::other("the writer stopped"))),
        }
    }
}

impl Drop for Journal {
    /// Where a panic ends the run, what was recorded until then is on disk all the same.
    fn drop(&mut self) {
        if self.writer.is_some() {
            let _ = self.join();
        }
    }
}

/// Who reads what is written: a disk, or another process.
struct Reader {
    is_to_end: fn() -> bool,
    /// When it last took something.
    took: Mutex<Instant>,
}

impl Reader {
    fn takes(&self) {
        *self.took.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn is_given_up(&self) -> bool {
        let took = *self.took.lock().unwrap_or_else(PoisonError::into_inner);
        took.elapsed() >= UNREAD && (self.is_to_end)()
    }

    /// What the writer says; why it says nothing.
    fn wait<T>(&self, writer: &Receiver<T>) -> Result<T, Silent> {
        loop {
            match writer.recv_timeout(LOOK_EVERY) {
                Ok(told) => return Ok(told),
                Err(RecvTimeoutError::Disconnected) => return Err(Silent::Ended),
                Err(RecvTimeoutError::Timeout) if self.is_given_up() => return Err(Silent::Unread),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

/// Why the writer says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silent {
    Ended,
    Unread,
}

/// A way into a record that is open elsewhere.
#[derive(Clone)]
pub struct Entry {
    lines: Option<Sender<Order>>,
    reader: Arc<Reader>,
}

impl Entry {
    /// Appends one event, and waits until it is safe.
    ///
    /// # Errors
    /// [`JournalError::Write`] when the record can't be written any more, [`JournalError::Unread`] when its reader is
    /// given up.
    pub fn append_now(&self, event: &Stamped) -> Result<(), JournalError> {
        let ended = || JournalError::Write(io::Error::other("the record is not written any more"));
        let lines = self.lines.as_ref().ok_or_else(ended)?;
        let (tell, told) = channel();
        let sent = lines.send(Order::Line(to_line(event), true)).and_then(|()| lines.send(Order::Tell(tell)));
        sent.map_err(|_| ended())?;
        self.reader.wait(&told).map_err(|silent| match silent {
            Silent::Ended => ended(),
            Silent::Unread => JournalError::Unread,
        })
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

fn write_all(queue: &Receiver<Order>, output: &mut Output, reader: &Reader) -> io::Result<()> {
    let mut unsynced: Option<Instant> = None;
    loop {
        let wait = unsynced.map_or(Duration::MAX, |since| SYNC_EVERY.saturating_sub(since.elapsed()));
        reader.takes();
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
    fn a_panic_leaves_a_whole_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let mut journal = Journal::create(&path).unwrap();
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            (0..1_000).for_each(|level| journal.append(&event(level)));
            panic!("as the test wants it");
        }));
        assert!(ended.is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1_000);
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
        let output = Output::Stdout(BufWriter::new(io::stdout()));
        let started = Journal::start(too_large, output, || false);
        assert!(matches!(started.err(), Some(JournalError::NoThread(_))));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_failure_is_told_once_in_between_and_again_at_the_end() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = Output::File(BufWriter::new(full));
        let mut journal = Journal::start(Builder::new(), output, || false).unwrap();
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
