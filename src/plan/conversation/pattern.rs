//! A regular expression over the beginning of a message.

use thiserror::Error;

/// A regular expression, as `regex` understands it. It sees the first [`Pattern::SEES`] bytes of a text message. Its
/// debug form hides it, as those of a conversation's other texts do: they may hold credentials.
#[derive(Clone)]
pub struct Pattern(regex::bytes::Regex);

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatternError {
    /// It can't be read.
    #[error("{what}, at character {at} of the pattern")]
    Syntax {
        /// Where, from 1.
        at: usize,
        /// What is wrong there.
        what: String,
    },
    /// It would take too much memory.
    #[error("the pattern is too large: a repetition within it unfolds to more than 1 MiB")]
    TooLarge,
}

impl Pattern {
    /// Bytes of a message that are looked at, at most: what a connection may have to keep of an unfinished one.
    pub const SEES: usize = 4 * 1024;

    /// A pattern's program takes no more than this.
    const LARGEST: usize = 1024 * 1024;
    /// What a thread keeps at most of the states that it has met.
    const LARGEST_CACHE: usize = 256 * 1024;

    /// Whether it occurs in a message's beginning.
    pub fn matches(&self, beginning: &[u8]) -> bool {
        self.0.is_match(beginning)
    }
}

impl std::str::FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Pattern, PatternError> {
        // Read once more than is needed to run it, since only the parser tells the place.
        regex_syntax::ParserBuilder::new()
            .utf8(false)
            .build()
            .parse(text)
            .map_err(|error| syntax(text, &error))?;
        regex::bytes::RegexBuilder::new(text)
            .size_limit(Pattern::LARGEST)
            .dfa_size_limit(Pattern::LARGEST_CACHE)
            .build()
            .map(Pattern)
            .map_err(|_| PatternError::TooLarge)
    }
}

fn syntax(text: &str, error: &regex_syntax::Error) -> PatternError {
    use regex_syntax::Error as E;
    let (offset, what) = match error {
        E::Parse(error) => (error.span().start.offset, error.kind().to_string()),
        E::Translate(error) => (error.span().start.offset, error.kind().to_string()),
        other => (0, other.to_string()),
    };
    let at = text.get(..offset).map_or(0, |before| before.chars().count()) + 1;
    PatternError::Syntax { at, what }
}

impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pattern(***)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().unwrap()
    }

    #[test]
    fn it_occurs_anywhere_unless_it_is_anchored() {
        assert!(pattern("ack").matches(br#"{"type":"ack"}"#));
        assert!(!pattern("^ack").matches(br#"{"type":"ack"}"#));
        assert!(pattern("(?i)^ÄCK\\s").matches("äck ".as_bytes()));
        assert!(
            pattern("^.{3}").matches(&[b'a', b'b', b'c', 0xC3]),
            "a character cut in two disturbs nothing"
        );
    }

    #[test]
    fn what_can_not_be_read_is_told_with_its_place() {
        for (text, said) in [
            ("^40(", "unclosed group, at character 4 of the pattern"),
            ("ä[b-a]", "invalid character class range"),
            ("*", "repetition operator missing expression, at character 1 of the pattern"),
            (r"\p{Nothing}", "at character 1 of the pattern"),
            ("(a{1000}){1000}", "the pattern is too large"),
        ] {
            let error = text.parse::<Pattern>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
        let wrong_class = "ä[b-a]".parse::<Pattern>().unwrap_err();
        assert!(matches!(wrong_class, PatternError::Syntax { at: 3, .. }), "{wrong_class:?}");
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "\\PC{0,20}") {
            let _ = text.parse::<Pattern>();
        }
    }
}
