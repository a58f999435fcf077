//! A file of tokens, a line each.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{Missing, Obtained};
use crate::plan::{Token, TokenError, TokenPlace};

/// Largest file in bytes: 100,000 tokens of 5 KiB. What is larger is the wrong file, or has no end.
const LARGEST: u64 = 512 * 1024 * 1024;

/// Why a token file can't be used; no line is repeated.
#[derive(Debug, Error)]
pub enum TokenFileError {
    /// It can't be read.
    #[error("the token file {path} can't be read: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No end.
    #[error("the token file {0} is larger than 512 MiB")]
    TooLarge(PathBuf),
    /// Not a token, or none for this place.
    #[error("line {line} of the token file {path} can't be used: {source}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why.
        source: TokenError,
    },
}

/// Reads a file of tokens for that place; empty lines are passed over.
pub fn read_token_file(path: &Path, place: &TokenPlace) -> Result<Vec<Token>, TokenFileError> {
    let io = |source| TokenFileError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(io)?.take(LARGEST + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > LARGEST {
        return Err(TokenFileError::TooLarge(path.to_owned()));
    }
    bytes
        .split(|byte| *byte == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .map(|(at, line)| {
            std::str::from_utf8(line)
                .map_err(|_| TokenError::NotPrintable)
                .and_then(|text| place.token(text))
                .map_err(|source| TokenFileError::Line { path: path.to_owned(), line: at + 1, source })
        })
        .collect()
}

/// The lines of these connections. Preflight has seen that there are enough.
pub(super) fn take(tokens: &[Token], connections: impl ExactSizeIterator<Item = u32>) -> Vec<Obtained> {
    let token = |index: u32| usize::try_from(index).ok().and_then(|index| tokens.get(index)).cloned();
    connections
        .map(|index| token(index).ok_or_else(|| Missing::because("the token file is too short")))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], place: &str) -> Result<Vec<String>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        read_token_file(file.path(), &place.parse().unwrap())
            .map(|tokens| tokens.iter().map(|token| token.as_str().to_owned()).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_line_is_a_token_and_a_bad_one_is_named_by_its_number() {
        assert_eq!(read(b"a\r\n\n b \nc", "header:X").unwrap(), ["a", "b", "c"]);
        assert_eq!(read(b"", "header:X").unwrap(), [""; 0]);
        for (bytes, place) in [
            (&b"good\nhunter2 x\n"[..], "cookie:c"),
            (b"good\nhunter2\xff\n", "header:X"),
            (b"g\nhunter2\x1b", "query:t"),
        ] {
            let error = read(bytes, place).unwrap_err();
            assert!(error.starts_with("line 2 of the token file"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(read_token_file(Path::new("/does/not/exist"), &TokenPlace::Message).is_err());
    }

    #[test]
    fn connections_take_their_lines_in_order() {
        let tokens: Vec<Token> = ["a", "b", "c"].iter().map(|text| text.parse().unwrap()).collect();
        let taken = take(&tokens, 1..4);
        assert_eq!(taken[0].as_ref().unwrap().as_str(), "b");
        assert_eq!(taken[1].as_ref().unwrap().as_str(), "c");
        assert!(taken[2].is_err());
    }
}
