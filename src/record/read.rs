//! Reading a record back.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use thiserror::Error;

use super::{Event, Run, SCHEMA, Stamped, line};

/// Longest line that is read: a histogram is a few kilobytes, a series of 15 days some megabytes.
const LONGEST_LINE: usize = 256 * 1024 * 1024;

/// What a thread takes apart at a time: with what comes of it, it fits into a core's cache.
const BLOCK: usize = 256 * 1024;

/// Blocks that are taken apart together: enough that threads are not started for too little.
const ROUND: usize = 8;

/// Bytes of a sample or of a second of this machine, of which nearly all of a record consists.
const USUAL_LINE: usize = 220;

/// Why a record can't be used; each text says what is wrong with which file.
#[derive(Debug, Error)]
pub enum RecordError {
    /// It can't be opened or read.
    #[error("the record {path} can't be read: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nothing in it.
    #[error("the record {0} is empty")]
    Empty(PathBuf),
    /// No header line.
    #[error("{0} is not a record of albcap: its first line is no header")]
    NotARecord(PathBuf),
    /// A later version wrote it.
    #[error("the record {path} has schema {found}, and this version knows up to {SCHEMA}")]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u32,
    },
    /// A line that is no event before the last one.
    #[error("the record {path} is damaged in line {line}: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
}

impl RecordError {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            RecordError::Io { .. } => "give the path of a .jsonl file that a run has written",
            RecordError::Empty(_) | RecordError::NotARecord(_) => {
                "a record is the .jsonl file that a run names at its end, by default under albcap-runs/"
            }
            RecordError::NewerSchema { .. } => "use the version that wrote it, or a later one",
            RecordError::Damaged { .. } => {
                "take that line away (or restore the file from a copy) and try again"
            }
        }
    }
}

#[derive(Deserialize)]
struct AnyHeader {
    r#type: String,
    schema: u32,
}

/// Folds a record. A last line that was torn (the process was killed while writing) is passed over; a line that was
/// torn and then appended to is told by the line break that follows at once.
///
/// Most of the time goes into taking lines apart, which several threads do for a block each; the events are then folded
/// in their order.
pub fn read(path: &Path) -> Result<Run, RecordError> {
    let io = |source| RecordError::Io { path: path.to_owned(), source };
    let mut blocks = Blocks::new(File::open(path).map_err(io)?);
    let mut first = blocks.next().map_err(io)?.ok_or_else(|| RecordError::Empty(path.to_owned()))?;
    let header_ends = first.iter().position(|byte| *byte == b'\n').map_or(first.len(), |end| end + 1);
    let mut fold = Fold::begin(path, first[..header_ends].trim_ascii_end())?;
    first.drain(..header_ends);

    let mut round = vec![first];
    let mut parsed = Vec::new();
    while !round.is_empty() {
        let (next, folded) =
            parse_together(&mut round, || parsed.drain(..).try_for_each(|lines| fold.take(lines)));
        folded?;
        parsed = next;
        round = blocks.round().map_err(io)?;
    }
    parsed.into_iter().try_for_each(|lines| fold.take(lines))?;
    Ok(fold.run)
}

/// The file in pieces of about [`BLOCK`] bytes that end where a line does.
struct Blocks {
    file: File,
    /// The beginning of the line that the piece before could not end with.
    rest: Vec<u8>,
}

impl Blocks {
    fn new(file: File) -> Blocks {
        Blocks { file, rest: Vec::new() }
    }

    /// As many as are taken apart together; none at the end.
    fn round(&mut self) -> io::Result<Vec<Vec<u8>>> {
        (0..ROUND).map_while(|_| self.next().transpose()).collect()
    }

    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut block = std::mem::take(&mut self.rest);
        loop {
            let had = block.len();
            block.reserve(BLOCK);
            let read = self.file.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
            if let Some(end) = block[had..].iter().rposition(|byte| *byte == b'\n') {
                self.rest = block.split_off(had + end + 1);
                return Ok(Some(block));
            }
            if read == 0 || block.len() > LONGEST_LINE {
                return Ok(Some(block).filter(|block| !block.is_empty()));
            }
        }
    }
}

/// The lines of a block: how many, and what each says that is not blank, with its place among them from 0.
#[derive(Default)]
struct Lines {
    count: usize,
    events: Vec<(usize, Result<Stamped, serde_json::Error>)>,
}

/// The lines of each block, taken apart by as many threads as this machine has cores, this one among them once it has done
/// what it has to do meanwhile. Where no other thread can be had, it does all.
fn parse_together<T>(blocks: &mut [Vec<u8>], meanwhile: impl FnOnce() -> T) -> (Vec<Lines>, T) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let helpers = (blocks.len() - 1).min(cores - 1);
    let mut parsed: Vec<Lines> = blocks.iter().map(|_| Lines::default()).collect();
    let queue = Mutex::new(blocks.iter_mut().zip(&mut parsed));
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some((block, lines)) = next() {
            *lines = Lines::parse(block);
        }
    };
    let done = std::thread::scope(|scope| {
        for _ in 0..helpers {
            let _ = std::thread::Builder::new().spawn_scoped(scope, work);
        }
        let done = meanwhile();
        work();
        done
    });
    (parsed, done)
}

impl Lines {
    fn parse(block: &mut [u8]) -> Lines {
        let mut lines = Lines { count: 0, events: Vec::with_capacity(block.len() / USUAL_LINE) };
        for line in block.split_inclusive_mut(|byte| *byte == b'\n') {
            let length = line.trim_ascii_end().len();
            if length > 0 {
                lines.events.push((lines.count, line::parse(&mut line[..length])));
            }
            lines.count += 1;
        }
        lines
    }
}

/// A record as far as it has been read.
struct Fold<'a> {
    path: &'a Path,
    run: Run,
    /// Lines so far.
    lines: usize,
    /// A damaged line is forgiven when nothing, or only what a later command appended, comes after it.
    damaged: Option<RecordError>,
}

impl Fold<'_> {
    /// From the first line.
    fn begin<'a>(path: &'a Path, line: &[u8]) -> Result<Fold<'a>, RecordError> {
        let not_a_record = || RecordError::NotARecord(path.to_owned());
        let known: AnyHeader = serde_json::from_slice(line).map_err(|_| not_a_record())?;
        if known.r#type != "header" {
            return Err(not_a_record());
        }
        if known.schema > SCHEMA {
            return Err(RecordError::NewerSchema { path: path.to_owned(), found: known.schema });
        }
        let header: Stamped = serde_json::from_slice(line).map_err(|error| damaged(path, 1, &error))?;
        let Event::Header(event) = header.event else {
            return Err(not_a_record());
        };
        Ok(Fold { path, run: Run::new(header.at, *event), lines: 1, damaged: None })
    }

    fn take(&mut self, lines: Lines) -> Result<(), RecordError> {
        for (place, event) in lines.events {
            match event {
                Ok(event) => {
                    // Receipts are written during a run too, so that one of them does not prove that it was over.
                    if !is_of_a_later_command(&event.event)
                        && let Some(error) = self.damaged.take()
                    {
                        return Err(error);
                    }
                    self.run.apply(&event);
                }
                // A line that ends is not torn: it says what can't be, such as a name that AWS does not give.
                Err(error) if error.is_data() => {
                    return Err(damaged(self.path, self.lines + place + 1, &error));
                }
                Err(error) => {
                    let error = damaged(self.path, self.lines + place + 1, &error);
                    if let Some(earlier) = self.damaged.replace(error) {
                        return Err(earlier);
                    }
                }
            }
        }
        self.lines += lines.count;
        Ok(())
    }
}

fn damaged(path: &Path, line: usize, error: &serde_json::Error) -> RecordError {
    RecordError::Damaged { path: path.to_owned(), line, reason: error.to_string() }
}

/// What `analyze` and `publish` append, to a record that may have ended in the middle of a line.
fn is_of_a_later_command(event: &Event) -> bool {
    matches!(event, Event::Facts(_) | Event::ServerSeries(_) | Event::Receipt(_) | Event::Unknown)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::DateTime;

    use super::super::Sample;
    use super::super::run::tests::{header_line, lines_of_a_run};
    use super::*;

    fn written(text: &str) -> Result<Run, RecordError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read(file.path())
    }

    #[test]
    fn what_is_no_record_is_told_apart() {
        assert!(matches!(read(Path::new("/does/not/exist")), Err(RecordError::Io { .. })));
        assert!(matches!(written(""), Err(RecordError::Empty(_))));
        assert!(matches!(written("hello\n"), Err(RecordError::NotARecord(_))));
        assert!(matches!(written("{\"type\":\"sample\",\"schema\":1}\n"), Err(RecordError::NotARecord(_))));
        let newer = header_line().replace("\"schema\":1", "\"schema\":99");
        assert!(matches!(written(&newer), Err(RecordError::NewerSchema { found: 99, .. })));
    }

    #[test]
    fn a_torn_last_line_is_passed_over_and_a_damaged_middle_is_not() {
        let lines = lines_of_a_run();
        let whole = lines.join("\n");
        let torn = &whole[..whole.len() - 5];
        assert_eq!(written(torn).unwrap().levels.len(), 1);
        let mut middle = lines.clone();
        middle[2].truncate(10);
        assert!(matches!(written(&middle.join("\n")), Err(RecordError::Damaged { line: 3, .. })));
    }

    #[test]
    fn a_torn_line_with_an_appended_series_after_it_is_passed_over() {
        let lines = lines_of_a_run();
        let series = r#"{"at":"2026-11-24T14:00:00.000Z","type":"server_series","load_balancer":"app/a/1","period_s":60,"from":"2026-11-24T12:00:00Z","until":"2026-11-24T13:30:00Z","read_at":"2026-11-24T14:00:00Z","status":"final","metrics":{}}"#;
        let text = format!("{}\n{}\n{series}\n", lines[..3].join("\n"), &lines[3][..20]);
        assert!(written(&text).unwrap().series.is_some());
    }

    /// The last line too: it is whole, and what it says is refused.
    #[test]
    fn a_name_that_aws_does_not_give_is_refused_with_its_line() {
        let arn =
            "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/NAME/50dc6c495c0c9188";
        let facts = format!(
            r#"{{"at":"2026-11-24T14:00:00.000Z","type":"facts","machine":{{"os":"linux","cores":1,"descriptors":null,"descriptors_used":0}},"load_balancer":{{"arn":"{arn}","dns_name":"DNS","state":"active","scheme":null,"zones":["ZONE"],"idle_timeout_s":60,"client_keep_alive_s":null,"targets":null,"listeners":[{{"port":80,"protocol":"HTTP","forwards_to":["GROUP"]}}],"target_groups":[{{"name":"TITLE","dimension":"GROUP"}}]}}}}"#
        );
        let series = r#"{"at":"2026-11-24T14:00:00.000Z","type":"server_series","load_balancer":"app/NAME/1","period_s":60,"from":"2026-11-24T12:00:00Z","until":"2026-11-24T13:30:00Z","read_at":"2026-11-24T14:00:00Z","status":"final","metrics":{},"zones":{"ZONE":{}},"target_groups":{"GROUP":{}}}"#;
        let good =
            [("NAME", "prod"), ("DNS", "h"), ("ZONE", "a1"), ("GROUP", "targetgroup/a/1"), ("TITLE", "a")];
        let with = |bad: Option<(&str, &str)>| {
            let mut lines = [lines_of_a_run(), vec![facts.clone(), series.to_owned()]].concat().join("\n");
            for (place, value) in bad.into_iter().chain(good) {
                let quoted = serde_json::to_string(value).unwrap();
                lines = lines.replace(place, quoted.trim_matches('"'));
            }
            written(&lines)
        };
        assert!(with(None).is_ok());
        for (place, _) in good {
            for name in crate::plan::aws_name::HOSTILE {
                let refused = with(Some((place, name))).err();
                let line = lines_of_a_run().len() + 1;
                assert!(
                    matches!(&refused, Some(RecordError::Damaged { line: found, .. }) if *found == line),
                    "{place} {name}: {refused:?}"
                );
            }
        }
    }

    #[test]
    fn a_damaged_line_before_a_receipt_of_the_run_itself_is_not_passed_over() {
        let mut lines = lines_of_a_run();
        let of_a_later_version = r#"{"at":"2026-11-24T13:00:00.000Z","type":"of_tomorrow"}"#;
        lines[1].truncate(20);
        lines.insert(2, of_a_later_version.into());
        assert!(matches!(written(&lines.join("\n")), Err(RecordError::Damaged { line: 2, .. })));
        assert!(written(&lines[..3].join("\n")).is_ok());
    }

    /// As many threads as there may be take blocks of it apart; what they find is put together in the lines' order.
    #[test]
    fn a_record_of_many_blocks_is_read_in_its_order() {
        let mut text = header_line() + "\n";
        let started = r#"{"at":"2026-11-24T13:00:00.000Z","type":"level_started","level":0,"connections":9}"#;
        text.push_str(started);
        let count = u32::try_from(3 * ROUND * BLOCK / USUAL_LINE).unwrap();
        for open in 0..count {
            // One blank line in a hundred, so that places and lines differ.
            text.push_str(if open % 100 == 0 { "\n\n" } else { "\n" });
            let at = DateTime::from_timestamp_millis(1_800_000_000_000 + i64::from(open)).unwrap();
            let sample = Sample { level: Some(0), open, opened: open, ..Sample::default() };
            text.push_str(&serde_json::to_string(&Stamped::new(at, Event::Sample(sample))).unwrap());
        }
        let run = written(&text).unwrap();
        assert!(run.samples.iter().map(|(_, sample)| sample.open).eq(0..count));
        assert_eq!(run.levels[0].counts.open, count - 1);

        let damaged_at = text.len() * 5 / 6;
        let line = text[..damaged_at].lines().count();
        let damaged = format!("{}!{}", &text[..damaged_at], &text[damaged_at + 1..]);
        assert!(matches!(written(&damaged), Err(RecordError::Damaged { line: found, .. }) if found == line));
    }

    #[test]
    fn a_line_longer_than_a_block_is_one_line() {
        let mut lines = lines_of_a_run();
        let long = format!(
            r#"{{"at":"2026-11-24T13:00:00.000Z","type":"of_tomorrow","text":"{}"}}"#,
            "x".repeat(3 * BLOCK)
        );
        lines.insert(1, long);
        assert_eq!(
            written(&lines.join("\n")).unwrap().levels.len(),
            written(&lines_of_a_run().join("\n")).unwrap().levels.len()
        );
    }
}
