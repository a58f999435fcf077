//! Standard output and standard error, each written by a thread of its own.
//!
//! A terminal under Ctrl-S, an unread pipe or a stuck log collector can block a write indefinitely.
//! Only these two threads wait for them: a run that waited would stop its heartbeats, its samples and its abort rules.
//! Each text is queued. Progress and log lines are dropped, and counted, once [`MOST_LINES`] bytes wait; results are
//! never dropped, and [`drain`] waits for their reader when the command is over.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes of progress and log lines that may wait for a stream.
const MOST_LINES: usize = 256 * 1024;
/// Bytes that may wait, lines included, before a warning or an error is dropped too.
const MOST_NOTICES: usize = 2 * MOST_LINES;
/// A stream that has not finished a write for this long does not make the other one wait for its turn.
const STUCK: Duration = Duration::from_millis(250);
/// How long the end of a command waits for a standard error that takes nothing, and, after a signal, for a reader of
/// the results.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// How often a wait looks whether a signal came: a signal can't notify a condition variable.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long a thread with nothing to write sleeps; each new text wakes it.
const IDLE: Duration = Duration::from_secs(3_600);
/// Bytes per write: what a slow reader takes shows as progress.
const CHUNK: usize = 4 * 1024;

/// Moves to the beginning of the line and erases it.
const ERASE: &str = "\r\x1b[K";

/// One of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// How long a text is kept while its stream is blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Priority {
    /// Kept: the command ends only when it is written, or by a signal.
    Result,
    /// A warning or an error: dropped above [`MOST_NOTICES`].
    Notice,
    /// Progress or a log line: dropped above [`MOST_LINES`].
    Line,
}

/// How the wait for the readers ended.
#[derive(Debug)]
pub(super) enum Drained {
    /// All results were written, or their reader closed the pipe.
    Written,
    /// A result could not be written.
    Failed(io::Error),
    /// A signal ended the wait: results are left that no reader took.
    Interrupted,
}

/// Queues a text.
pub(super) fn write(stream: Stream, priority: Priority, text: impl Into<String>) {
    CONSOLE.push(stream, priority, text.into());
}

/// Shows a line at the bottom of the terminal that each further one replaces; `None` removes it. While the
/// terminal is blocked, only the newest one is kept.
pub(super) fn status_line(line: Option<String>) {
    CONSOLE.set_status_line(line);
}

/// Waits until all results are written, and at most [`PATIENCE`] for a standard error that takes nothing. Once `signal`
/// says that the user wants the process to end, results too wait only as long as their reader takes something.
pub(super) fn drain(signal: impl Fn() -> bool) -> Drained {
    CONSOLE.drain(signal)
}

/// Waits until standard error has taken what is queued, for `patience` at most.
pub(super) fn flush_errors(patience: Duration) {
    CONSOLE.flush_errors(patience);
}

static CONSOLE: LazyLock<Console> = LazyLock::new(|| {
    let is_one_file = identity(io::stdout()).is_some_and(|out| identity(io::stderr()) == Some(out));
    let threaded = [Stream::Out, Stream::Err].into_iter().all(|stream| {
        let name = if stream == Stream::Out { "stdout" } else { "stderr" };
        let spawned = std::thread::Builder::new().name(name.into()).spawn(move || CONSOLE.serve(stream));
        spawned.is_ok()
    });
    let state = State { is_one_file, ..State::default() };
    Console { threaded, state: Mutex::new(state), ..Console::default() }
});

#[derive(Default)]
struct Console {
    state: Mutex<State>,
    changed: Condvar,
    /// False where no thread could be started: texts are then written by the thread that has them.
    threaded: bool,
}

#[derive(Default)]
struct State {
    /// Order of the texts over both streams, which may be one terminal.
    next: u64,
    /// True if both streams lead to the same terminal, pipe or file (`2>&1`). They then block together, so neither
    /// overtakes the other.
    is_one_file: bool,
    out: Queue,
    err: Queue,
    status: StatusLine,
}

#[derive(Default)]
struct Queue {
    texts: VecDeque<Text>,
    /// Bytes of `texts` that may be dropped.
    droppable: usize,
    /// Texts dropped since the last one that was queued.
    dropped: u64,
    /// The text that is being written.
    writing: Option<(u64, Priority)>,
    /// When the stream last took something, or had nothing to take.
    progress: Option<Instant>,
    /// Its reader is gone, or it can't be written: the rest is discarded.
    closed: bool,
    failure: Option<io::Error>,
}

struct Text {
    order: u64,
    priority: Priority,
    text: String,
}

/// The line at the bottom of the terminal.
#[derive(Default)]
struct StatusLine {
    wanted: Option<String>,
    shown: bool,
    changed: bool,
}

impl Queue {
    /// Takes a text, or drops it.
    fn push(&mut self, next: &mut u64, priority: Priority, text: String) {
        let most = match priority {
            Priority::Result => usize::MAX,
            Priority::Notice => MOST_NOTICES,
            Priority::Line => MOST_LINES,
        };
        if self.closed {
            return;
        }
        if self.droppable.saturating_add(text.len()) > most {
            self.dropped += 1;
            return;
        }
        self.tell_dropped(next);
        self.append(next, priority, text);
    }

    /// Says where texts are missing.
    fn tell_dropped(&mut self, next: &mut u64) {
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            let lines = if dropped == 1 { "1 line is".to_owned() } else { format!("{dropped} lines are") };
            let text = format!("albcap: {lines} missing here: standard error was blocked\n");
            self.append(next, Priority::Notice, text);
        }
    }

    fn append(&mut self, next: &mut u64, priority: Priority, text: String) {
        if self.is_idle() {
            self.progress = Some(Instant::now());
        }
        if priority != Priority::Result {
            self.droppable += text.len();
        }
        self.texts.push_back(Text { order: *next, priority, text });
        *next += 1;
    }

    fn is_idle(&self) -> bool {
        self.writing.is_none() && self.texts.is_empty()
    }

    /// The first text that is not written.
    fn first(&self) -> Option<u64> {
        self.writing.map(|(order, _)| order).or_else(|| self.texts.front().map(|text| text.order))
    }

    fn has_results(&self) -> bool {
        let writing = self.writing.is_some_and(|(_, priority)| priority == Priority::Result);
        writing || self.texts.iter().any(|text| text.priority == Priority::Result)
    }

    /// Whether it has taken nothing for that long, though something waits.
    fn is_stuck(&self, patience: Duration) -> bool {
        !self.is_idle() && self.progress.is_some_and(|progress| progress.elapsed() >= patience)
    }

    /// Discards the rest. A reader that has seen enough (`| head`) ends the output, and nothing is wrong.
    fn close(&mut self, error: io::Error) {
        if self.has_results() && error.kind() != ErrorKind::BrokenPipe {
            self.failure = Some(error);
        }
        self.closed = true;
        self.texts.clear();
        self.droppable = 0;
    }
}

impl State {
    fn queue(&mut self, stream: Stream) -> &mut Queue {
        match stream {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        }
    }

    /// The next text of a stream, once the other stream has written all before it or is stuck.
    fn take(&mut self, stream: Stream) -> Option<String> {
        let (own, other) = match stream {
            Stream::Out => (&mut self.out, &self.err),
            Stream::Err => (&mut self.err, &self.out),
        };
        let Some(order) = own.texts.front().map(|text| text.order) else {
            return (stream == Stream::Err).then(|| self.status.take()).flatten();
        };
        let may_overtake = !self.is_one_file && other.is_stuck(STUCK);
        if other.first().is_some_and(|first| first < order) && !may_overtake {
            return None;
        }
        let text = own.texts.pop_front()?;
        if text.priority != Priority::Result {
            own.droppable -= text.text.len();
        }
        own.writing = Some((text.order, text.priority));
        let erase = if stream == Stream::Err { self.status.give_way() } else { "" };
        Some(format!("{erase}{}", text.text))
    }
}

impl StatusLine {
    /// What shows the newest line.
    fn take(&mut self) -> Option<String> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let erase = if std::mem::take(&mut self.shown) { ERASE } else { "" };
        self.shown = self.wanted.is_some();
        Some(format!("{erase}{}", self.wanted.as_deref().unwrap_or_default()))
    }

    /// Makes room for a line above it, behind which it is shown again.
    fn give_way(&mut self) -> &'static str {
        let shown = std::mem::take(&mut self.shown);
        self.changed |= self.wanted.is_some();
        if shown { ERASE } else { "" }
    }
}

impl Console {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, stream: Stream, priority: Priority, text: String) {
        if !self.threaded {
            let _ = write_all(&mut handle(stream), text.as_bytes());
            return;
        }
        let state = &mut *self.lock();
        let queue = match stream {
            Stream::Out => &mut state.out,
            Stream::Err => &mut state.err,
        };
        queue.push(&mut state.next, priority, text);
        self.changed.notify_all();
    }

    fn set_status_line(&self, line: Option<String>) {
        let mut state = self.lock();
        state.status.changed |= state.status.wanted != line;
        state.status.wanted = line;
        if state.status.wanted.is_none() {
            // Texts on standard output that are queued after this wait until it is gone.
            drop(state);
            return self.push(Stream::Err, Priority::Notice, String::new());
        }
        self.changed.notify_all();
    }

    /// A writing thread: for as long as the process lives.
    fn serve(&self, stream: Stream) {
        let mut handle = handle(stream);
        let mut state = self.lock();
        loop {
            let Some(text) = state.take(stream) else {
                // Only the other stream's standstill comes without a notification.
                let patience = if state.queue(stream).texts.is_empty() { IDLE } else { STUCK };
                state = self.wait(state, patience);
                continue;
            };
            drop(state);
            let written = text.as_bytes().chunks(CHUNK).try_for_each(|chunk| {
                write_all(&mut handle, chunk)?;
                self.lock().queue(stream).progress = Some(Instant::now());
                Ok(())
            });
            state = self.lock();
            let queue = state.queue(stream);
            if let Err(error) = written {
                queue.close(error);
            }
            queue.writing = None;
            queue.progress = Some(Instant::now());
            self.changed.notify_all();
        }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, patience: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner).0
    }

    fn drain(&self, signal: impl Fn() -> bool) -> Drained {
        let began = Instant::now();
        let mut state = self.lock();
        let State { next, err, .. } = &mut *state;
        err.tell_dropped(next);
        self.changed.notify_all();
        loop {
            let results = state.out.has_results() || state.err.has_results();
            let unread = |queue: &Queue| queue.has_results() && queue.is_stuck(PATIENCE);
            if (unread(&state.out) || unread(&state.err)) && signal() {
                return Drained::Interrupted;
            }
            let gives_up = began.elapsed() >= PATIENCE && state.err.is_stuck(PATIENCE);
            if !results && (state.err.is_idle() || gives_up) {
                let failure = state.out.failure.take().or_else(|| state.err.failure.take());
                return failure.map_or(Drained::Written, Drained::Failed);
            }
            state = self.wait(state, LOOK_EVERY);
        }
    }

    fn flush_errors(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut state = self.lock();
        while !state.err.is_idle() && Instant::now() < until {
            state = self.wait(state, LOOK_EVERY);
        }
    }
}

/// The stream without the standard library's buffer and lock: what is written is written at once, and a write that
/// blocks holds nothing that another thread could want.
fn handle(stream: Stream) -> Box<dyn Write> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        let copied = match stream {
            Stream::Out => io::stdout().as_fd().try_clone_to_owned(),
            Stream::Err => io::stderr().as_fd().try_clone_to_owned(),
        };
        if let Ok(copied) = copied {
            return Box::new(std::fs::File::from(copied));
        }
    }
    match stream {
        Stream::Out => Box::new(io::stdout()),
        Stream::Err => Box::new(io::stderr()),
    }
}

/// What tells a file, terminal or pipe from every other one; `None` where that can't be told.
#[cfg(unix)]
fn identity(stream: impl std::os::fd::AsFd) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let file = std::fs::File::from(stream.as_fd().try_clone_to_owned().ok()?);
    file.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity<S>(_: S) -> Option<(u64, u64)> {
    None
}

/// Writes all of it, also where another process has made the stream non-blocking.
fn write_all(to: &mut dyn Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(LOOK_EVERY),
            Err(error) => return Err(error),
        }
    }
    to.flush()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Queues as [`Console::push`] does.
    fn push(state: &mut State, stream: Stream, priority: Priority, text: &str) {
        let State { next, out, err, .. } = state;
        let queue = if stream == Stream::Out { out } else { err };
        queue.push(next, priority, text.to_owned());
    }

    /// Takes a text and finishes its write at once.
    fn write_next(state: &mut State, stream: Stream) -> Option<String> {
        let text = state.take(stream);
        state.queue(stream).writing = None;
        text
    }

    #[test]
    fn lines_are_dropped_and_counted_and_results_never() {
        let mut state = State::default();
        let line = "x".repeat(MOST_LINES / 4);
        (0..6).for_each(|_| push(&mut state, Stream::Err, Priority::Line, &line));
        assert_eq!((state.err.texts.len(), state.err.dropped), (4, 2));
        push(&mut state, Stream::Err, Priority::Result, &line);
        push(&mut state, Stream::Err, Priority::Line, &line);
        assert_eq!(state.err.dropped, 1, "the first two were told before the result");
        push(&mut state, Stream::Err, Priority::Notice, "an error\n");
        let texts: Vec<String> = std::iter::from_fn(|| write_next(&mut state, Stream::Err)).collect();
        assert_eq!(texts.len(), 8);
        assert!(texts[4].contains(" 2 lines are ") && texts[6].contains(" 1 line is "), "{texts:?}");
        assert_eq!(texts[7], "an error\n");
        assert_eq!((state.err.droppable, state.err.dropped), (0, 0));
    }

    #[test]
    fn the_streams_keep_their_order_until_one_is_stuck() {
        let mut state = State::default();
        push(&mut state, Stream::Err, Priority::Notice, "first");
        push(&mut state, Stream::Out, Priority::Result, "second");
        assert_eq!(state.take(Stream::Out), None);
        assert_eq!(state.take(Stream::Err).as_deref(), Some("first"));
        assert_eq!(state.take(Stream::Out), None, "the first is not written yet");
        state.err.progress = Instant::now().checked_sub(STUCK);
        state.is_one_file = true;
        assert_eq!(state.take(Stream::Out), None, "what waits for the same reader keeps its order");
        state.is_one_file = false;
        assert_eq!(state.take(Stream::Out).as_deref(), Some("second"));
    }

    #[test]
    fn a_line_goes_above_the_status_line() {
        let mut state = State::default();
        let show = |state: &mut State, line: Option<&str>| {
            state.status.wanted = line.map(str::to_owned);
            state.status.changed = true;
        };
        show(&mut state, Some("10 open"));
        show(&mut state, Some("11 open"));
        assert_eq!(write_next(&mut state, Stream::Err).as_deref(), Some("11 open"), "only the newest");
        show(&mut state, Some("12 open"));
        assert_eq!(write_next(&mut state, Stream::Err).as_deref(), Some("\r\x1b[K12 open"));
        push(&mut state, Stream::Err, Priority::Notice, "a warning\n");
        assert_eq!(write_next(&mut state, Stream::Err).as_deref(), Some("\r\x1b[Ka warning\n"));
        assert_eq!(write_next(&mut state, Stream::Err).as_deref(), Some("12 open"));
        show(&mut state, None);
        assert_eq!(write_next(&mut state, Stream::Err).as_deref(), Some("\r\x1b[K"));
        assert_eq!(write_next(&mut state, Stream::Err), None);
    }

    #[test]
    fn a_reader_that_has_seen_enough_is_no_failure() {
        let mut queue = Queue::default();
        queue.push(&mut 0, Priority::Result, "table".to_owned());
        queue.close(ErrorKind::BrokenPipe.into());
        queue.push(&mut 1, Priority::Result, "more".to_owned());
        assert!(queue.is_idle() && queue.failure.is_none());
        let mut full = Queue::default();
        full.push(&mut 0, Priority::Result, "table".to_owned());
        full.close(ErrorKind::StorageFull.into());
        assert_eq!(full.failure.unwrap().kind(), ErrorKind::StorageFull);
    }
}
