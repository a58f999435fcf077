//! One connection's token.

use std::sync::Arc;

use thiserror::Error;

use crate::plan::target::parts;
use crate::plan::target_url::plus_decoded;

/// One connection's token: printable ASCII, at least a character, at most [`Token::LONGEST`] bytes. It is a secret; its
/// debug form hides it. Clones share the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Arc<str>);

/// Why a text is no token, or can't stand in its place; the text is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenError {
    /// Nothing.
    #[error("it is empty")]
    Empty,
    /// Too long for any request.
    #[error("it is longer than 16 KiB")]
    TooLong,
    /// It would break the request.
    #[error("it holds a control character or is not ASCII")]
    NotPrintable,
    /// RFC 6265 §4.1.1.
    #[error("it holds a space, quote, comma, semicolon or backslash, which a cookie can't")]
    NotInCookie,
    /// RFC 6455 §4.1: a subprotocol is a token of RFC 9110 §5.6.2.
    #[error("it holds a character that a subprotocol's name can't")]
    NotASubprotocol,
}

impl Token {
    /// Longest token in bytes: an ALB takes no request line and no header beyond 16 KiB.
    pub const LONGEST: usize = 16 * 1024;

    /// The text, a secret.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What of it may come back in some encoding: the whole, its parts, and itself read as a form's value.
    pub(in crate::plan) fn forms(&self) -> impl Iterator<Item = String> {
        let text = self.as_str();
        std::iter::once(text).chain(parts(text)).map(str::to_owned).chain([plus_decoded(text)])
    }
}

impl std::str::FromStr for Token {
    type Err = TokenError;

    /// Takes a text without the white space around it.
    fn from_str(text: &str) -> Result<Token, TokenError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TokenError::Empty);
        }
        if text.len() > Token::LONGEST {
            return Err(TokenError::TooLong);
        }
        if !text.chars().all(|c| (' '..='~').contains(&c)) {
            return Err(TokenError::NotPrintable);
        }
        Ok(Token(text.into()))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(***)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_request_is_no_token() {
        assert_eq!(" abc \n".parse::<Token>().unwrap().as_str(), "abc");
        for (text, error) in [
            ("  ", TokenError::Empty),
            ("a\r\nX: y", TokenError::NotPrintable),
            ("\u{1b}[2J", TokenError::NotPrintable),
            ("schlüssel", TokenError::NotPrintable),
            (&"x".repeat(Token::LONGEST + 1), TokenError::TooLong),
        ] {
            assert_eq!(text.parse::<Token>(), Err(error));
        }
        assert!(!format!("{:?}", "hunter2".parse::<Token>()).contains("hunter2"));
    }
}
