//! `REGEX=>MESSAGE`: what the server's own heartbeats are answered with.

use thiserror::Error;

use super::{Pattern, PatternError};

/// An answer to every message that matches.
#[derive(Clone)]
pub struct Reply {
    /// What is answered.
    pub pattern: Pattern,
    /// The answer, a text.
    pub message: String,
}

/// Why a text is no reply.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReplyError {
    /// Nothing separates the two.
    #[error("a reply is written REGEX=>MESSAGE, such as '^2$=>3'")]
    Form,
    /// The part before `=>` is no pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

impl std::str::FromStr for Reply {
    type Err = ReplyError;

    /// The first `=>` separates; within a pattern it is written `=\x3E`.
    fn from_str(text: &str) -> Result<Reply, ReplyError> {
        let (pattern, message) = text.split_once("=>").ok_or(ReplyError::Form)?;
        Ok(Reply { pattern: pattern.parse()?, message: message.to_owned() })
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reply(***)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_first_arrow_separates() {
        let reply: Reply = r"^a=\x3Eb$=>c=>d".parse().unwrap();
        assert!(reply.pattern.matches(b"a=>b"));
        assert_eq!(reply.message, "c=>d");
        assert_eq!("^2$=>".parse::<Reply>().unwrap().message, "", "an empty message is one");
    }

    #[test]
    fn what_is_none_is_refused() {
        assert_eq!("^2$".parse::<Reply>().unwrap_err(), ReplyError::Form);
        assert!(matches!("(=>3".parse::<Reply>().unwrap_err(), ReplyError::Pattern(_)));
    }
}
