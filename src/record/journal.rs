//! Writing the record: appended as things happen, on a thread of its own so that a slow disk slows no connection,
//! synced at least once per second, and continued in another file where another program takes its own away.

use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use thiserror::Error;

use super::consumer::{Consumer, NoAnswer};
use super::record_file::RecordFile;
use super::writer::{RecordSink, Writer, WriterCommand, WriterEvent, to_line};
use super::{Event, RecordLoss, RecordPath, Run, Stamped};

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
    /// It is streamed, its consumer takes nothing, and the user wants the process to end.
    #[error("the record's consumer stopped reading, and the end of the record is lost")]
    Unread,
    /// Its file was taken away while it was written, and could not be saved.
    #[error("the record {0} is lost: its file was removed, replaced or truncated by another program")]
    Lost(PathBuf),
}

/// An open record.
pub struct Journal {
    lines: Option<Sender<WriterCommand>>,
    writer: Option<JoinHandle<Result<(), JournalError>>>,
    /// Disconnected when the writer ends.
    ended: Receiver<()>,
    consumer: Arc<Consumer>,
    news: Receiver<WriterEvent>,
    path: RecordPath,
    /// What ended the writing before its time.
    failed: Option<JournalError>,
    /// Whether the level that started last has a sample yet.
    has_sample: bool,
}

impl Journal {
    /// Makes a new record, readable by its owner only, and its folder; an existing file is never touched.
    pub fn create(path: &Path) -> Result<Journal, JournalError> {
        let file = RecordFile::create(path)?;
        Journal::start(Builder::new(), RecordSink::File(file), path, Consumer::file()).inspect_err(|_| {
            // Nothing will ever be written to it.
            let _ = std::fs::remove_file(path);
        })
    }

    /// Streams the record to standard output. If the consumer blocks after `is_shutting_down` has become true (the user wants
    /// the process to end), the wait for it ends with [`JournalError::Unread`].
    pub fn stdout(is_shutting_down: fn() -> bool) -> Result<Journal, JournalError> {
        let output = RecordSink::Stdout(BufWriter::new(io::stdout()));
        Journal::start(Builder::new(), output, Path::new("-"), Consumer::of_stream(is_shutting_down))
    }

    fn start(
        thread: Builder,
        output: RecordSink,
        path: &Path,
        consumer: Consumer,
    ) -> Result<Journal, JournalError> {
        let (lines, queue) = channel::<WriterCommand>();
        let (told, news) = channel();
        let path = RecordPath::new(path.to_owned());
        let (alive, ended) = channel();
        let consumer = Arc::new(consumer);
        let mut writer = Writer::new(output, path.clone(), Arc::clone(&consumer), told);
        let writer = thread.name("journal".into()).spawn(move || {
            let _alive: Sender<()> = alive;
            writer.run(&queue)
        });
        let writer = Some(writer.map_err(JournalError::NoThread)?);
        let lines = Some(lines);
        Ok(Journal { lines, writer, ended, consumer, news, path, failed: None, has_sample: false })
    }

    /// Where the record is; `-` where it is streamed.
    pub fn path(&self) -> &RecordPath {
        &self.path
    }

    /// What happened to the record's file since the last call. Called about once per second with the run so far, out of
    /// which a truncated record begins anew.
    pub fn losses(&mut self, run: &Run) -> Vec<RecordLoss> {
        let mut losses = Vec::new();
        while let Ok(news) = self.news.try_recv() {
            match news {
                WriterEvent::Lost(loss) => losses.push(loss),
                WriterEvent::NeedsRun => self.order(WriterCommand::Restart(Box::new(run.clone()))),
            }
        }
        losses
    }

    /// The same for what happened up to now, which is waited for.
    pub fn losses_now(&mut self, run: &Run) -> Vec<RecordLoss> {
        self.wait_for(WriterCommand::Check);
        let mut losses = self.losses(run);
        // Of a record that began anew the outcome comes now.
        self.wait_for(WriterCommand::Check);
        losses.extend(self.losses(run));
        losses
    }

    fn order(&self, order: WriterCommand) {
        if let Some(lines) = &self.lines {
            let _ = lines.send(order);
        }
    }

    /// Waits until that is done; not for the consumer of a stream, which has no file to be looked after.
    fn wait_for(&self, order: impl FnOnce(Sender<()>) -> WriterCommand) {
        if self.consumer.is_stream() {
            return;
        }
        let (tell, told) = channel();
        self.order(order(tell));
        let _ = told.recv();
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
        self.order(WriterCommand::Line(to_line(event), now));
    }

    /// Another way into the same record, for what must be safe before anything else happens, and the run need not know.
    pub fn entry(&self) -> Entry {
        Entry { lines: self.lines.clone(), consumer: Arc::clone(&self.consumer) }
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
            let _ = lines.send(WriterCommand::End);
        }
        if self.consumer.wait(&self.ended) == Err(NoAnswer::Unread) {
            // The thread stays behind in its write.
            self.writer = None;
            return Err(JournalError::Unread);
        }
        match self.writer.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            _ => Err(JournalError::Write(io::Error::other("the writer stopped"))),
        }
    }
}

impl Drop for Journal {
    /// Syncs what was recorded, also when a panic unwinds.
    fn drop(&mut self) {
        if self.writer.is_some() {
            let _ = self.join();
        }
    }
}

/// A way into a record that is open elsewhere.
#[derive(Clone)]
pub struct Entry {
    lines: Option<Sender<WriterCommand>>,
    consumer: Arc<Consumer>,
}

impl Entry {
    /// Appends one event, and waits until it is safe.
    ///
    /// # Errors
    /// [`JournalError::Write`] when the record can't be written any more, [`JournalError::Unread`] when its consumer is
    /// given up.
    pub fn append_now(&self, event: &Stamped) -> Result<(), JournalError> {
        let ended = || JournalError::Write(io::Error::other("the record is not written any more"));
        let lines = self.lines.as_ref().ok_or_else(ended)?;
        let (tell, told) = channel();
        let sent = lines
            .send(WriterCommand::Note(to_line(event)))
            .and_then(|()| lines.send(WriterCommand::Tell(tell)));
        sent.map_err(|_| ended())?;
        self.consumer.wait(&told).map_err(|silent| match silent {
            NoAnswer::Ended => ended(),
            NoAnswer::Unread => JournalError::Unread,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::time::{Duration, Instant};

    use super::super::{Loss, Reopened};
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

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_that_can_not_be_started_is_an_error() {
        // More than a process can address.
        let too_large = Builder::new().stack_size(1 << 48);
        let output = RecordSink::Stdout(BufWriter::new(io::stdout()));
        let started = Journal::start(too_large, output, Path::new("-"), Consumer::of_stream(|| false));
        assert!(matches!(started.err(), Some(JournalError::NoThread(_))));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_failure_is_told_once_in_between_and_again_at_the_end() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let path = Path::new("/dev/full");
        let output = RecordSink::File(RecordFile::over(full, path));
        let mut journal = Journal::start(Builder::new(), output, path, Consumer::file()).unwrap();
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

    /// A journal with a header in it, and the run that it began.
    fn begun(path: &Path) -> (Journal, Run) {
        let header: Stamped = serde_json::from_str(&super::super::run::tests::header_line()).unwrap();
        let mut journal = Journal::create(path).unwrap();
        journal.append(&header);
        let Event::Header(of_run) = header.event else { panic!("a header comes first") };
        (journal, Run::new(header.at, *of_run))
    }

    fn lines(path: &Path) -> Vec<String> {
        std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
    }

    #[cfg(unix)]
    #[test]
    fn a_record_that_can_not_be_saved_is_told_and_bounds_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs/a.jsonl");
        let (mut journal, run) = begun(&path);
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
        // No folder can be made there any more.
        std::fs::write(path.parent().unwrap(), "").unwrap();
        let losses = journal.losses_now(&run);
        assert!(
            matches!(&losses[..], [RecordLoss { loss: Loss::Removed, outcome: Err(_), .. }]),
            "{losses:?}"
        );
        journal.append(&event(0));
        assert!(journal.new_failure().is_none() && journal.losses_now(&run).is_empty(), "it is told once");
        assert!(matches!(journal.finish(), Err(JournalError::Lost(lost)) if lost == path));
    }

    #[cfg(unix)]
    #[test]
    fn a_record_that_is_taken_away_again_and_again_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let (mut journal, run) = begun(&path);
        let mut saved = 0;
        let last = loop {
            std::fs::remove_file(journal.path().get()).unwrap();
            match &journal.losses_now(&run)[..] {
                [RecordLoss { outcome: Ok(to), .. }] => {
                    saved += 1;
                    assert_eq!((to, lines(to).len()), (&journal.path().get(), 1));
                }
                [RecordLoss { outcome: Err(error), .. }] => break error.to_string(),
                losses => panic!("{losses:?}"),
            }
            assert!(saved < 100, "it would fill the disk");
        };
        assert!(saved >= 5 && last.contains("times"), "{saved}: {last}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn notes_are_written_again_where_a_record_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let (mut journal, run) = begun(&path);
        journal.entry().append_now(&event(7)).unwrap();
        drop(File::create(&path).unwrap());
        // While the run is awaited, a note is safe nowhere else.
        assert!(journal.losses(&run).is_empty());
        journal.entry().append_now(&event(8)).unwrap();
        let losses = journal.losses_now(&run);
        let [RecordLoss { loss: Loss::Truncated, outcome: Ok(to), .. }] = &losses[..] else {
            panic!("{losses:?}")
        };
        journal.append(&event(9));
        journal.finish().unwrap();
        let kinds = lines(to);
        for level in 7..=9 {
            let wanted = format!("\"level\":{level}");
            assert_eq!(kinds.iter().filter(|line| line.contains(&wanted)).count(), 1, "{kinds:?}");
        }
        assert!(kinds[0].contains("\"header\"") && kinds[1].contains("\"recovered\""), "{kinds:?}");
        assert!(super::super::read(to).unwrap().recovered_at.is_some());
    }
}
