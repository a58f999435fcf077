//! A shell command that prints tokens, a line each.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout_at};

use super::last_words::LastWords;
use super::{Missing, Obtained};
use crate::plan::{Token, TokenError, TokenPlace};

/// How long a command that has printed enough may take to end by itself.
const FAREWELL: Duration = Duration::from_secs(2);

/// The variable that hands the line to the shell. The arguments of a process can be read by every user of the machine, its
/// environment by its owner only (proc(5)).
const LINE: &str = "ALBCAP_TOKEN_CMD";
/// Runs the line; the variable is gone by then, so that no child inherits it.
const RUN_LINE: &str = "eval \"unset ALBCAP_TOKEN_CMD\n$ALBCAP_TOKEN_CMD\"";

pub(super) struct TokenCommand {
    line: String,
    timeout: Duration,
}

/// How a command came to its end.
enum End {
    /// It printed a line for every connection.
    Enough,
    Exited(ExitStatus),
    TimedOut,
}

impl TokenCommand {
    pub(super) fn new(line: String, timeout: Duration) -> TokenCommand {
        TokenCommand { line, timeout }
    }

    /// Runs it once. The lines that it printed before it failed count; a last line that does not end counts only when
    /// the command ended well.
    pub(super) async fn obtain(
        &self,
        connections: impl ExactSizeIterator<Item = u32>,
        place: &TokenPlace,
    ) -> Vec<Obtained> {
        let wanted = connections.len();
        let mut printed: Vec<Obtained> = Vec::new();
        let (end, said) = match Running::start(&self.line, wanted) {
            Ok(mut running) => {
                let end = running.collect(wanted, place, self.timeout, &mut printed).await;
                let said = match end {
                    Ok(End::Enough) => return printed,
                    _ => running.last_words.heard(&self.line, &printed).await,
                };
                (end, said)
            }
            Err(error) => (Err(error), String::new()),
        };
        let had = printed.len();
        let reason = match end {
            Err(error) => format!("the token command can't be run: {error}"),
            Ok(End::TimedOut) => {
                let after = self.timeout.as_secs_f64();
                format!("the token command was stopped after {after} s, with {had} of {wanted} lines printed")
            }
            Ok(End::Exited(status)) if !status.success() => {
                format!("the token command failed ({status}) with {had} of {wanted} lines printed")
            }
            Ok(_) => format!("the token command printed {had} of {wanted} lines"),
        };
        let missing = Missing::because(if said.is_empty() { reason } else { format!("{reason}: {said}") });
        printed.resize_with(wanted, || Err(missing.clone()));
        printed
    }
}

/// A command under way. Dropping it ends it, and whatever it started that is still in its process group.
struct Running {
    child: Child,
    last_words: LastWords,
}

impl Running {
    fn start(line: &str, wanted: usize) -> io::Result<Running> {
        let mut command = Command::new("sh");
        // Settings of the run may be secrets that the command has no use for.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ALBCAP_"))
        {
            command.env_remove(name);
        }
        command
            .args(["-c", RUN_LINE])
            .env(LINE, line)
            .env("ALBCAP_COUNT", wanted.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // A group of its own, so that it can be ended with its children; Ctrl-C reaches it by way of the run.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        let last_words = LastWords::of(child.stderr.take());
        Ok(Running { child, last_words })
    }

    async fn collect(
        &mut self,
        wanted: usize,
        place: &TokenPlace,
        allowed: Duration,
        printed: &mut Vec<Obtained>,
    ) -> io::Result<End> {
        let deadline = Instant::now() + allowed;
        let Some(output) = self.child.stdout.take() else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let mut lines = Lines { reader: BufReader::new(output), number: 0 };
        while printed.len() < wanted {
            let Ok(line) = timeout_at(deadline, lines.next(place)).await else { return Ok(End::TimedOut) };
            match line? {
                Line::Whole(obtained) => printed.push(obtained),
                Line::Last(obtained) => {
                    let Ok(status) = timeout_at(deadline, self.child.wait()).await else {
                        return Ok(End::TimedOut);
                    };
                    let status = status?;
                    printed.extend(obtained.filter(|_| status.success()));
                    return Ok(if printed.len() < wanted { End::Exited(status) } else { End::Enough });
                }
            }
        }
        // A command that goes on printing meets a closed pipe.
        drop(lines);
        let _ = timeout_at(deadline.min(Instant::now() + FAREWELL), self.child.wait()).await;
        Ok(End::Enough)
    }
}

#[cfg(unix)]
impl Drop for Running {
    fn drop(&mut self) {
        // While the child has not been waited for, its id is nobody else's.
        let id =
            self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(group) = id {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

/// Output in lines, as many bytes of each as a token may have.
struct Lines<R> {
    reader: R,
    number: usize,
}

enum Line {
    Whole(Obtained),
    /// The output's end, and what stood behind its last line break.
    Last(Option<Obtained>),
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    /// The next line that is not empty.
    async fn next(&mut self, place: &TokenPlace) -> io::Result<Line> {
        loop {
            self.number += 1;
            let mut bytes = Vec::new();
            let ended = self.fill(&mut bytes).await?;
            let blank = bytes.trim_ascii().is_empty();
            match (ended, blank) {
                (true, true) => {}
                (true, false) => return Ok(Line::Whole(self.token(&bytes, place))),
                (false, true) => return Ok(Line::Last(None)),
                (false, false) => return Ok(Line::Last(Some(self.token(&bytes, place)))),
            }
        }
    }

    /// Reads up to a line break; false at the output's end. Of a line that is too long only enough to tell is kept.
    async fn fill(&mut self, bytes: &mut Vec<u8>) -> io::Result<bool> {
        loop {
            let chunk = self.reader.fill_buf().await?;
            if chunk.is_empty() {
                return Ok(false);
            }
            let line_break = chunk.iter().position(|byte| *byte == b'\n');
            let length = line_break.map_or(chunk.len(), |at| at + 1);
            let room = (2 * Token::LONGEST).saturating_sub(bytes.len());
            bytes.extend_from_slice(&chunk[..length.min(room)]);
            self.reader.consume(length);
            if line_break.is_some() {
                return Ok(true);
            }
        }
    }

    fn token(&self, bytes: &[u8], place: &TokenPlace) -> Obtained {
        std::str::from_utf8(bytes)
            .map_err(|_| TokenError::NotPrintable)
            .and_then(|text| place.token(text))
            .map_err(|error| {
                Missing::because(format!("line {} of the token command can't be used: {error}", self.number))
            })
    }
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The tokens, or why there are none.
    async fn obtained(line: &str, count: u32, allowed: Duration) -> Vec<Result<String, String>> {
        let command = TokenCommand::new(line.into(), allowed);
        let tokens = command.obtain(0..count, &"header:X".parse().unwrap()).await;
        tokens
            .into_iter()
            .map(|token| token.map(|t| t.as_str().to_owned()).map_err(|Missing(reason)| reason.to_string()))
            .collect()
    }

    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_line_is_a_token_and_the_count_is_in_the_environment() {
        let tokens = obtained("for i in $(seq $ALBCAP_COUNT); do echo t-$i; done", 3, LONG).await;
        assert_eq!(tokens, ["t-1", "t-2", "t-3"].map(|t| Ok(t.to_owned())));
        let unended = obtained("printf 'a\\n\\n b\\r\\nc'", 3, LONG).await;
        assert_eq!(unended, ["a", "b", "c"].map(|t| Ok(t.to_owned())));
        let endless = obtained("yes token", 2, LONG).await;
        assert_eq!(endless, ["token", "token"].map(|t| Ok(t.to_owned())), "what is too much is not read");
    }

    /// Where Linux shows every user the arguments of every process.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_line_is_neither_in_the_arguments_nor_inherited() {
        // The pattern does not match itself.
        let line =
            "env; cat /proc/$$/cmdline /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -c '[m]arker-in-the-line'
            : marker-in-the-line";
        let printed = obtained(line, 1_000, LONG).await;
        let lines: Vec<&str> = printed.iter().filter_map(|line| line.as_deref().ok()).collect();
        assert_eq!(lines.last(), Some(&"0"), "in the arguments of none: {lines:?}");
        let own = lines.iter().filter(|line| line.starts_with("ALBCAP_"));
        assert_eq!(own.collect::<Vec<_>>(), [&"ALBCAP_COUNT=1000"]);
    }

    #[tokio::test]
    async fn the_line_is_any_shell_text() {
        let tokens = obtained(
            "# first\nif true; then\n  echo \"a'b\"\nfi; (exit 0) && echo $((1 + 1)) # last",
            2,
            LONG,
        )
        .await;
        assert_eq!(tokens, ["a'b", "2"].map(|token| Ok(token.to_owned())));
        let broken = obtained("echo 'never ended", 1, LONG).await;
        assert!(broken[0].is_err(), "{broken:?}");
    }

    #[tokio::test]
    async fn what_it_could_not_print_is_missing_and_what_it_printed_counts() {
        let failed = obtained("echo one-token; printf tw; echo no joy >&2; exit 3", 3, LONG).await;
        assert_eq!(failed[0], Ok("one-token".into()));
        for missing in &failed[1..] {
            let reason = missing.as_ref().unwrap_err();
            assert!(reason.contains("exit status: 3") && reason.contains("1 of 3 lines"), "{reason}");
            assert!(reason.ends_with(": no joy"), "{reason}");
        }
        let few = obtained("echo a", 2, LONG).await;
        assert!(few[1].as_ref().unwrap_err().contains("printed 1 of 2 lines"), "{few:?}");
        let garbage = obtained("printf 'good\\nb\\033[2Jad\\n\\377\\n'", 3, LONG).await;
        assert_eq!(garbage[0], Ok("good".into()));
        for (at, line) in [(1, "line 2"), (2, "line 3")] {
            assert!(garbage[at].as_ref().unwrap_err().contains(line), "{garbage:?}");
        }
        let long = obtained("head -c 100000 /dev/zero | tr '\\0' x; echo", 1, LONG).await;
        assert!(long[0].as_ref().unwrap_err().contains("longer than 16 KiB"), "{long:?}");
    }

    #[tokio::test]
    async fn one_that_hangs_is_ended_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let line = format!("echo a-token; printf half; sleep 300 & echo $! > {}; wait", pid.display());
        let hung = obtained(&line, 2, Duration::from_millis(500)).await;
        assert_eq!(hung[0], Ok("a-token".into()));
        assert!(hung[1].as_ref().unwrap_err().contains("stopped after 0.5 s, with 1 of 2"), "{hung:?}");
        let pid = std::fs::read_to_string(pid).unwrap().trim().parse().unwrap();
        let sleeper = rustix::process::Pid::from_raw(pid).unwrap();
        let is_gone = || match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
            // A zombie waits for its parent, and does nothing more.
            Ok(stat) => stat.contains(") Z "),
            Err(_) => rustix::process::test_kill_process(sleeper).is_err(),
        };
        let until = Instant::now() + LONG;
        while !is_gone() {
            assert!(Instant::now() < until, "the command's child lives on");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
