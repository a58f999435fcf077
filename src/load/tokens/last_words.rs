//! What a command that failed said last on its error output: often the whole explanation, and sometimes a secret.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::ChildStderr;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Obtained;
use crate::plan::{Secrets, Token};

/// Bytes that are kept, from the end.
const KEPT: usize = 4096;
/// How long to wait for what is still on its way; a child that it left behind may hold the output open for ever.
const STRAGGLERS: Duration = Duration::from_millis(300);
/// From this length on a word without a slash may be a token.
const SHORTEST_TOKEN: usize = 24;

/// The error output of a command, read so that it never blocks, and kept from the end.
pub(super) struct LastWords {
    kept: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl LastWords {
    /// Listens from now on.
    pub(super) fn of(stderr: Option<ChildStderr>) -> LastWords {
        let kept: Arc<Mutex<Vec<u8>>> = Arc::default();
        let keep = Arc::clone(&kept);
        let reader = tokio::spawn(async move {
            let Some(mut stderr) = stderr else { return };
            let mut bytes = [0; KEPT];
            while let Ok(read @ 1..) = stderr.read(&mut bytes).await {
                let mut kept = keep.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&bytes[..read]);
                let surplus = kept.len().saturating_sub(KEPT);
                kept.drain(..surplus);
            }
        });
        LastWords { kept, reader }
    }

    /// The last line, with every token, every argument of the command and whatever may be a token struck out.
    pub(super) async fn heard(&mut self, command: &str, printed: &[Obtained]) -> String {
        let _ = timeout(STRAGGLERS, &mut self.reader).await;
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        last_line(&String::from_utf8_lossy(&kept), command, printed)
    }
}

impl Drop for LastWords {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// A line of `set -x` repeats a command with its secrets, and is passed over.
fn last_line(text: &str, command: &str, printed: &[Obtained]) -> String {
    let told = |line: &&str| !line.is_empty() && !line.starts_with('+');
    let line = text.lines().map(str::trim).rfind(told).unwrap_or_default();
    let arguments = Secrets::new(arguments(command));
    let line = arguments.redact(line);
    let redacted =
        |line: String, token: &Token| Secrets::default().redact_with(&line, Some(token)).as_str().to_owned();
    let line = printed.iter().flatten().fold(line.as_str().to_owned(), redacted);
    let may_be_a_token = |word: &str| word.len() >= SHORTEST_TOKEN && !word.contains('/');
    let words: Vec<&str> =
        line.split_whitespace().map(|word| if may_be_a_token(word) { "***" } else { word }).collect();
    words.join(" ")
}

/// The words of a shell command that may hold a password, whole and in parts: all but the names of commands, and paths.
fn arguments(command: &str) -> Vec<String> {
    // What stands between quotes is one argument, whatever it holds.
    let mut arguments: Vec<String> =
        command.split(['\'', '"']).skip(1).step_by(2).map(str::to_owned).collect();
    for simple in command.split([';', '|', '&', '(', ')', '\n', '`']) {
        let words =
            simple.split(|c: char| c.is_whitespace() || "'\"<>$".contains(c)).filter(|w| !w.is_empty());
        let mut command_is_named = false;
        for word in words {
            // Assignments may come before it.
            let is_command = !command_is_named && !word.contains('=');
            command_is_named |= is_command;
            let is_path = ["/", "./", "../", "~/"].iter().any(|start| word.starts_with(start));
            if !is_command && !is_path {
                arguments.push(word.to_owned());
                arguments.extend(word.split(['=', ':', ',']).map(str::to_owned));
            }
        }
    }
    arguments
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_told_without_what_may_be_a_token() {
        let printed = [Ok("tok-1".parse().unwrap())];
        for (text, told) in [
            ("", ""),
            ("first\nsh: 1: get-token: not found\n\n", "sh: 1: get-token: not found"),
            ("no luck with tok-1", "no luck with ***"),
            ("{\"access_token\":\"eyJhbGciOiJIUzI1NiJ9\"} failed", "*** failed"),
            (
                "/usr/local/lib/python3.11/token.py: denied\n+ curl -u me:pw",
                "/usr/local/lib/python3.11/token.py: denied",
            ),
        ] {
            assert_eq!(last_line(text, "get-token", &printed), told);
        }
    }

    #[test]
    fn the_commands_arguments_are_not_repeated_but_its_name_and_paths_are() {
        let command = "PW=hunter2 get-token -u me:pa55 --key='k3y-1' 'pa;ss word' /etc/realm | tail; curl https://u:sw0rd@h/";
        for (text, told) in [
            ("get-token: /etc/realm: denied", "get-token: /etc/realm: denied"),
            ("hunter2, pa55 and me:pa55 are wrong", "***, *** and *** are wrong"),
            ("no pa;ss word", "no ***"),
            ("no k3y-1 in %6B3y-1", "no *** in ***"),
            ("can't reach https://u:sw0rd@h/", "can't reach ***"),
        ] {
            assert_eq!(last_line(text, command, &[]), told);
        }
    }
}
