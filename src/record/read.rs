//! Reading a record back.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use super::{Event, Run, SCHEMA, Stamped, line};

/// Longest line that is read: a histogram is a few kilobytes, a series of 15 days some megabytes.
const LONGEST_LINE: u64 = 256 * 1024 * 1024;

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
pub fn read(path: &Path) -> Result<Run, RecordError> {
    let io = |source| RecordError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io)?;
    let mut lines = Lines { reader: BufReader::with_capacity(64 * 1024, file), line: Vec::new(), number: 0 };
    let first = lines.next().map_err(io)?.ok_or_else(|| RecordError::Empty(path.to_owned()))?;
    let known: AnyHeader =
        serde_json::from_slice(first).map_err(|_| RecordError::NotARecord(path.to_owned()))?;
    if known.r#type != "header" {
        return Err(RecordError::NotARecord(path.to_owned()));
    }
    if known.schema > SCHEMA {
        return Err(RecordError::NewerSchema { path: path.to_owned(), found: known.schema });
    }
    let header: Stamped = parse(path, 1, first)?;
    let Event::Header(header_event) = header.event else {
        return Err(RecordError::NotARecord(path.to_owned()));
    };
    let mut run = Run::new(header.at, *header_event);

    // A damaged line is forgiven when nothing, or only what a later command appended, comes after it.
    let mut damaged: Option<RecordError> = None;
    while let Some(line) = lines.next().map_err(io)? {
        match line::parse(line) {
            Ok(event) => {
                if let Some(error) = damaged.take()
                    && !is_of_a_later_command(&event.event)
                {
                    return Err(error);
                }
                run.apply(&event);
            }
            Err(_) if line.is_empty() => {}
            Err(error) => {
                let error = RecordError::Damaged {
                    path: path.to_owned(),
                    line: lines.number,
                    reason: error.to_string(),
                };
                if let Some(earlier) = damaged.replace(error) {
                    return Err(earlier);
                }
            }
        }
    }
    Ok(run)
}

/// What `analyze` and `publish` append.
fn is_of_a_later_command(event: &Event) -> bool {
    matches!(event, Event::Facts(_) | Event::ServerSeries(_) | Event::Receipt(_) | Event::Unknown)
}

fn parse(path: &Path, line: usize, bytes: &[u8]) -> Result<Stamped, RecordError> {
    serde_json::from_slice(bytes).map_err(|error| RecordError::Damaged {
        path: path.to_owned(),
        line,
        reason: error.to_string(),
    })
}

struct Lines {
    reader: BufReader<File>,
    line: Vec<u8>,
    number: usize,
}

impl Lines {
    fn next(&mut self) -> io::Result<Option<&mut [u8]>> {
        use std::io::Read;
        self.line.clear();
        let read = self.reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let length = self.line.trim_ascii_end().len();
        Ok(Some(&mut self.line[..length]))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
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
}
