//! The thread that writes and syncs a record, and detects the loss of its file.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use chrono::Utc;

use super::consumer::Consumer;
use super::record_file::RecordFile;
use super::{Event, JournalError, Loss, RecordLoss, RecordPath, Run, Stamped, snapshot};

/// Longest time between an event and its being safe on disk.
const SYNC_EVERY: Duration = Duration::from_millis(900);

/// How often the file is looked after.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Limits the files that continue a record: a program that removes every one of them must not fill the disk.
const MOST_RECOVERIES: u32 = 10;

/// What the writing thread is asked for.
pub(super) enum WriterCommand {
    /// A line of an event that the run has learned; whether it is to be safe at once.
    Line(String, bool),
    /// A line that the run in memory need not know. It is to be safe at once, and written again where the file is lost.
    Note(String),
    /// A word when all that came before is safe.
    Tell(Sender<()>),
    /// A look at the file now, and then a word.
    Check(Sender<()>),
    /// The run so far, in place of a file that was truncated.
    Restart(Box<Run>),
    /// Ends the thread, even while an `Entry` can still send.
    End,
}

/// What the writing thread tells of the file.
pub(super) enum WriterEvent {
    /// It was lost, and this is what came of it.
    Lost(RecordLoss),
    /// It was truncated: an [`WriterCommand::Restart`] is awaited.
    NeedsRun,
}

/// Where lines go.
pub(super) enum RecordSink {
    File(RecordFile),
    Stdout(BufWriter<io::Stdout>),
}

impl RecordSink {
    fn write(&mut self, line: &str) -> io::Result<()> {
        match self {
            RecordSink::File(file) => file.write(line.as_bytes()),
            RecordSink::Stdout(stdout) => stdout.write_all(line.as_bytes()),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        match self {
            RecordSink::File(file) => file.sync(),
            RecordSink::Stdout(stdout) => stdout.flush(),
        }
    }
}

/// What the thread has.
pub(super) struct Writer {
    output: RecordSink,
    consumer: Arc<Consumer>,
    news: Sender<WriterEvent>,
    path: RecordPath,
    /// The record's path at first.
    first: PathBuf,
    unsynced: Option<Instant>,
    checked: Instant,
    /// All notes, for a file that begins anew.
    notes: Vec<String>,
    /// Whether the run is awaited.
    awaits_run: bool,
    recoveries: u32,
    /// Why the record is lost for good.
    lost: Option<JournalError>,
}

impl Writer {
    pub(super) fn new(
        output: RecordSink,
        path: RecordPath,
        consumer: Arc<Consumer>,
        news: Sender<WriterEvent>,
    ) -> Writer {
        Writer {
            output,
            consumer,
            news,
            first: path.get(),
            path,
            unsynced: None,
            checked: Instant::now(),
            notes: Vec::new(),
            awaits_run: false,
            recoveries: 0,
            lost: None,
        }
    }

    /// Follows orders until the end.
    ///
    /// # Errors
    /// [`JournalError::Write`] when nothing more can be written; [`JournalError::Lost`] at the end of a record that is not
    /// there any more.
    pub(super) fn run(&mut self, queue: &Receiver<WriterCommand>) -> Result<(), JournalError> {
        loop {
            self.consumer.takes();
            let order = match queue.recv_timeout(self.next_work()) {
                Ok(order) => Some(order),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => Some(WriterCommand::End),
            };
            let ends = matches!(order, Some(WriterCommand::End));
            self.follow(order).map_err(JournalError::Write)?;
            if ends {
                return self.lost.take().map_or(Ok(()), Err);
            }
        }
    }

    /// Time until the next sync or check is due.
    fn next_work(&self) -> Duration {
        let until_sync = self.unsynced.map(|since| SYNC_EVERY.saturating_sub(since.elapsed()));
        let until_check = CHECK_EVERY.saturating_sub(self.checked.elapsed());
        until_sync.map_or(until_check, |until_sync| until_sync.min(until_check))
    }

    fn follow(&mut self, order: Option<WriterCommand>) -> io::Result<()> {
        let mut sync_now = false;
        match order {
            None => {}
            Some(WriterCommand::Line(line, now)) => {
                self.write(&line)?;
                sync_now = now;
            }
            Some(WriterCommand::Note(line)) => {
                self.write(&line)?;
                self.notes.push(line);
                sync_now = true;
            }
            Some(WriterCommand::Tell(tell)) => {
                self.sync()?;
                let _ = tell.send(());
            }
            Some(WriterCommand::Check(tell)) => {
                self.check()?;
                let _ = tell.send(());
            }
            Some(WriterCommand::Restart(run)) => self.restart(&run),
            Some(WriterCommand::End) => sync_now = true,
        }
        if sync_now || self.unsynced.is_some_and(|since| since.elapsed() >= SYNC_EVERY) {
            self.sync()?;
        }
        if self.checked.elapsed() >= CHECK_EVERY {
            self.check()?;
        }
        Ok(())
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        self.output.write(line)?;
        self.unsynced.get_or_insert_with(Instant::now);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.unsynced = None;
        self.output.sync()
    }

    /// Looks whether the file is still there, and goes on in another one where it is not.
    fn check(&mut self) -> io::Result<()> {
        self.checked = Instant::now();
        let may_recover = self.may_recover();
        let RecordSink::File(file) = &mut self.output else { return Ok(()) };
        if self.awaits_run || self.lost.is_some() {
            return Ok(());
        }
        match file.loss()? {
            None => {}
            // What was in it is in memory only, and not in this thread's.
            Some(Loss::Truncated) => {
                self.awaits_run = true;
                let _ = self.news.send(WriterEvent::NeedsRun);
            }
            Some(loss) => {
                let copied = if may_recover {
                    file.copied(&self.first, self.recoveries + 1)
                } else {
                    Err(too_often())
                };
                self.go_on_in(loss, copied);
            }
        }
        Ok(())
    }

    /// Begins anew with what the run in memory tells, where the file was truncated.
    fn restart(&mut self, run: &Run) {
        if !std::mem::take(&mut self.awaits_run) {
            return;
        }
        let begun = if self.may_recover() { self.begun_anew(run) } else { Err(too_often()) };
        self.go_on_in(Loss::Truncated, begun);
    }

    fn begun_anew(&self, run: &Run) -> io::Result<RecordFile> {
        let mut file = RecordFile::recovered(&self.first, self.recoveries + 1)?;
        let recovered = Stamped::new(Utc::now(), Event::Recovered { lost: Loss::Truncated });
        let written = snapshot::events(run, &recovered, &mut |event| file.write(to_line(event).as_bytes()))
            .and_then(|()| self.notes.iter().try_for_each(|note| file.write(note.as_bytes())))
            .and_then(|()| file.sync());
        match written {
            Ok(()) => Ok(file),
            Err(error) => {
                file.discard();
                Err(error)
            }
        }
    }

    fn may_recover(&self) -> bool {
        self.recoveries < MOST_RECOVERIES
    }

    fn go_on_in(&mut self, loss: Loss, file: io::Result<RecordFile>) {
        self.recoveries += 1;
        let path = self.path.get();
        let outcome = match file {
            Ok(file) => {
                let to = file.path().to_owned();
                self.path.set(to.clone());
                self.output = RecordSink::File(file);
                Ok(to)
            }
            Err(error) => {
                self.path.set_lost();
                self.lost = Some(JournalError::Lost(path.clone()));
                Err(error)
            }
        };
        let _ = self.news.send(WriterEvent::Lost(RecordLoss { path, loss, outcome }));
    }
}

fn too_often() -> io::Error {
    io::Error::other(format!("it was already saved {MOST_RECOVERIES} times"))
}

/// An event as its line in a record.
pub(super) fn to_line(event: &Stamped) -> String {
    let mut line = serde_json::to_string(event).expect("events hold nothing that JSON can't");
    line.push('\n');
    line
}
