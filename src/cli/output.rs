//! Where text goes: results to standard output, everything else to standard error, and how it looks there. Nothing here
//! waits for a reader ([`console`]); [`end`] does, when the command is over.

use std::error::Error;
use std::io::{self, IsTerminal};
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::args::{Color, OutputFlags};
use super::console::{self, Drained, Priority, Stream};
use super::{Complaint, Exit, config, signals};
use crate::live::{Live, Screen};
use crate::report::{Layout, visible};

/// How a command prints.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    color: Color,
    /// Results only.
    pub(super) quiet: bool,
    to_stderr: bool,
    /// Log lines come in between.
    verbose: bool,
}

impl Output {
    pub(super) fn new(flags: &OutputFlags) -> Output {
        Output { color: flags.color, quiet: flags.quiet, to_stderr: false, verbose: flags.verbose > 0 }
    }

    /// The same, with results on standard error: standard output is taken by the record.
    pub(super) fn beside_the_record(self) -> Output {
        Output { to_stderr: true, ..self }
    }

    /// The same for a command whose notes are its result.
    pub(super) fn never_quiet(self) -> Output {
        Output { quiet: false, ..self }
    }

    /// Prints a result, without waiting for its reader.
    pub(super) fn result(&self, text: &str) {
        let stream = if self.to_stderr { Stream::Err } else { Stream::Out };
        console::write(stream, Priority::Result, text);
    }

    /// Prints what is not the result itself, unless it was asked to be quiet.
    pub(super) fn note(&self, text: &str) {
        if !self.quiet {
            console::write(Stream::Err, Priority::Notice, text);
        }
    }

    /// The view of a run, or of a wait.
    pub(super) fn live(&self) -> Live {
        Live::new(Box::new(Progress), self.live_terminal(), !self.quiet)
    }

    /// Whether results are coloured.
    fn colored(&self) -> bool {
        let terminal = if self.to_stderr { io::stderr().is_terminal() } else { io::stdout().is_terminal() };
        self.colored_on(terminal)
    }

    /// Whether progress can be rewritten in place: log lines would be written into it.
    fn live_terminal(&self) -> bool {
        !self.verbose
            && io::stderr().is_terminal()
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    fn colored_on(&self, terminal: bool) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }

    /// How results are laid out.
    pub(super) fn layout(&self) -> Layout {
        let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        Layout { width: asked.or(terminal).unwrap_or(Layout::WIDEST), color: self.colored() }
    }
}

/// Prints a result of a command that has no settings for it.
pub(super) fn print(text: &str) -> Result<Exit, Complaint> {
    console::write(Stream::Out, Priority::Result, text);
    Ok(Exit::Done)
}

/// The end of a command: says its error, and waits for the readers of what it printed. Results that no reader took are
/// no failure of their own after a signal: the user asked for the end, and the record has them.
pub(super) fn end(result: Result<Exit, Complaint>) -> Exit {
    let exit = result.unwrap_or_else(|complaint| complain(&complaint));
    match (console::drain(signals::received), signals::exit()) {
        (Drained::Written, _) => exit,
        (Drained::Failed(_) | Drained::Interrupted, Some(signal)) => match exit {
            Exit::Failed => exit,
            _ => signal,
        },
        (Drained::Failed(error), None) => {
            let cause = format!("the output can't be written: {error}");
            let exit = complain(&Complaint::failed(cause, "redirect it to another file or disk"));
            console::flush_errors(console::PATIENCE);
            exit
        }
        // Only a signal interrupts.
        (Drained::Interrupted, None) => exit,
    }
}

/// The live view's place on standard error.
struct Progress;

impl Screen for Progress {
    fn line(&self, line: String) {
        console::write(Stream::Err, Priority::Line, line);
    }

    fn status_line(&self, line: Option<String>) {
        console::status_line(line);
    }
}

/// Says an error: what, and what to do about it. Whatever they hold (a path, an answer of AWS's), each is one line.
pub(super) fn complain(complaint: &Complaint) -> Exit {
    let mut text = format!("albcap: {}\n", visible(&complaint.cause));
    if !complaint.remedy.is_empty() {
        text.push_str(&format!("  {}\n", visible(&complaint.remedy)));
    }
    console::write(Stream::Err, Priority::Notice, text);
    complaint.exit
}

/// Says in one line what went wrong, where the command goes on; also when it was asked to be quiet.
pub(super) fn warn(text: &str) {
    console::write(Stream::Err, Priority::Notice, format!("albcap: {}\n", visible(text)));
}

/// A path as it can be shown on a terminal.
pub(super) fn shown(path: &Path) -> String {
    visible(&path.display().to_string())
}

/// Whether a record is streamed to standard output.
pub(super) fn is_streamed(record: &Path) -> bool {
    record == Path::new("-")
}

/// The same for a record in a command that works from it; one that is streamed lies wherever its reader put it.
pub(super) fn record_word(path: &Path) -> String {
    if is_streamed(path) { "RECORD".to_owned() } else { shown(path) }
}

/// Help and version are results; the rest of clap's errors are said like all others.
pub(super) fn clap_error(error: &clap::Error) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            Exit::Done
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Exit::Usage
        }
        _ => end(Err(without_secrets(error).unwrap_or_else(|| of_clap(&error.to_string())))),
    }
}

/// The errors of clap that would repeat what may be a secret: the value of such a flag, wherever it came from, and a word
/// of the command line that belongs to no flag, such as the rest of a header without quotes or a second URL.
fn without_secrets(error: &clap::Error) -> Option<Complaint> {
    let text = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let flag = text(ContextKind::InvalidArg).unwrap_or_default();
    let long = flag.strip_prefix("--").and_then(|rest| rest.split([' ', '=']).next());
    match error.kind() {
        ErrorKind::UnknownArgument if !flag.starts_with('-') => Some(Complaint::usage(
            "unexpected argument on the command line",
            "quote values with spaces, and give one URL or RECORD",
        )),
        ErrorKind::InvalidSubcommand if !text(ContextKind::InvalidSubcommand).is_some_and(is_plain_word) => {
            Some(Complaint::usage(
                "unknown command",
                "write 'albcap run URL'; albcap --help lists the commands",
            ))
        }
        _ => {
            text(ContextKind::InvalidValue)?;
            let long = long.filter(|long| config::is_secret(long))?;
            let why = error.source().map_or_else(|| "not a valid value".to_owned(), ToString::to_string);
            Some(Complaint::usage(
                format!("the value of --{long} can't be used: {why}"),
                "see albcap run --help",
            ))
        }
    }
}

fn is_plain_word(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

/// Makes two lines of clap's paragraphs: the error, and the tip, if it has one.
fn of_clap(text: &str) -> Complaint {
    let paragraphs: Vec<&str> = text.split("\n\n").map(str::trim).collect();
    let joined = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let cause = joined(paragraphs.first().copied().unwrap_or("").trim_start_matches("error:"));
    let tip = paragraphs.iter().find_map(|paragraph| paragraph.strip_prefix("tip:")).map(joined);
    // What begins with a dash and a digit is no file's name but a negative value, which no flag takes in any form.
    let negative = |tip: &str| {
        let word = tip.strip_prefix("to pass '-");
        word.is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()))
    };
    let tip = tip.filter(|tip| !negative(tip));
    Complaint::usage(
        cause,
        tip.unwrap_or_else(|| "see albcap --help, or --help behind the command".to_owned()),
    )
}

/// Log lines on standard error: this program's warnings, or more with -v. The AWS crates stay silent, since they log
/// whole requests and answers, and what a credential process was called with.
pub(super) fn start_log(flags: &OutputFlags) {
    let level = match flags.verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| LogLine)
        .with_target(false)
        .with_ansi(Output::new(flags).colored_on(io::stderr().is_terminal()));
    let ours = Targets::new().with_target("albcap", level);
    let _ = tracing_subscriber::registry().with(ours).with(lines).try_init();
}

/// Where a log line goes, which is formatted before it is written: in one piece.
struct LogLine;

impl io::Write for LogLine {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        console::write(Stream::Err, Priority::Line, String::from_utf8_lossy(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
