//! What may be kept of a text from the network, and what must be struck out of it first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text from the network, at most [`Redacted::MOST`] bytes, with every known secret struck out. It may still hold
/// control characters: whoever shows it escapes it for where it goes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Redacted(String);

impl Redacted {
    /// Bytes that are kept at most (contract: "at most 200 bytes").
    pub const MOST: usize = 200;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The secrets of a run: query values, userinfo and header values. They have no way out but to be looked for.
#[derive(Clone, Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// Shorter ones are not struck out: `1` or `ws` would tear every text apart, and are no secrets.
    const SHORTEST: usize = 4;

    /// Collects what is long enough to be a secret.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Secrets {
        let mut secrets: Vec<String> = secrets.into_iter().filter(|s| s.len() >= Self::SHORTEST).collect();
        // The longest first, so that one secret inside another leaves nothing of the outer one behind.
        secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
        secrets.dedup();
        Secrets(secrets)
    }

    /// Strikes out the secrets and cuts the rest to [`Redacted::MOST`] bytes, at a character's border.
    pub fn redact(&self, text: &str) -> Redacted {
        let mut text = text.to_owned();
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), "***");
            }
        }
        text.truncate(text.floor_char_boundary(Redacted::MOST));
        Redacted(text)
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_struck_out_wherever_they_stand() {
        let secrets = Secrets::new(["abcd".to_owned(), "abcdefgh".to_owned(), "x".to_owned(), String::new()]);
        assert_eq!(
            secrets.redact("token abcdefgh, again abcd, x stays").as_str(),
            "token ***, again ***, x stays"
        );
        assert!(!format!("{secrets:?}").contains("abcd"));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let text = "ä".repeat(150);
        let kept = Secrets::default().redact(&text);
        assert_eq!(kept.as_str().len(), 200);
        let text = format!("a{text}");
        assert_eq!(Secrets::default().redact(&text).as_str().len(), 199);
    }

    #[test]
    fn a_secret_across_the_cut_leaves_nothing_behind() {
        let secret = "s3cr3t-s3cr3t".to_owned();
        let text = format!("{}{secret}", "a".repeat(195));
        let kept = Secrets::new([secret]).redact(&text);
        assert!(!kept.as_str().contains("s3cr"), "{kept:?}");
    }
}
