//! What may be kept of a text from the network, and what must be struck out of it first.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Token;

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
        // The longest first: the suffix of a text is held against the one that explains most of it.
        secrets.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        secrets.dedup();
        Secrets(secrets)
    }

    /// Strikes out the secrets and cuts the rest to [`Redacted::MOST`] bytes, at a character's border.
    pub fn redact(&self, text: &str) -> Redacted {
        // What begins behind the cut is not looked at.
        let longest = self.0.first().map_or(0, String::len);
        let text = &text[..text.floor_char_boundary(Redacted::MOST + longest)];
        let mut kept = String::with_capacity(text.len());
        let mut from = 0;
        for found in self.found_in(text) {
            kept.push_str(&text[from..found.start]);
            kept.push_str("***");
            from = found.end;
        }
        kept.push_str(&text[from..]);
        kept.truncate(kept.floor_char_boundary(Redacted::MOST));
        Redacted(kept)
    }

    /// The same for what one connection heard: its own token is struck out too. Only its own: a run may have thousands,
    /// and a connection's peer was told only one.
    pub fn redact_with(&self, text: &str, token: Option<&Token>) -> Redacted {
        match token {
            None => self.redact(text),
            Some(token) => Secrets::new(self.0.iter().cloned().chain(token.forms())).redact(text),
        }
    }

    /// Where secrets stand, in order and apart from each other: those that overlap are struck out as one, so that of
    /// none a piece is left.
    fn found_in(&self, text: &str) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> =
            self.0.iter().flat_map(|secret| occurrences(text, secret)).chain(self.cut_off(text)).collect();
        found.sort_unstable_by_key(|range| range.start);
        let mut apart: Vec<Range<usize>> = Vec::new();
        for range in found {
            match apart.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => apart.push(range),
            }
        }
        apart
    }

    /// The end of the text, where it is the beginning of a secret: what the network said may have been cut there. A
    /// character that was cut in two reads as U+FFFD.
    fn cut_off(&self, text: &str) -> Option<Range<usize>> {
        let said = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
        let begun = |secret: &String| {
            let lengths = (Self::SHORTEST..=secret.len().min(said.len())).rev();
            lengths.into_iter().find(|length| said.as_bytes().ends_with(&secret.as_bytes()[..*length]))
        };
        let longest = self.0.iter().filter_map(begun).max()?;
        Some(said.len() - longest..text.len())
    }
}

/// Every place at which `secret` stands in `text`, places that overlap included.
fn occurrences(text: &str, secret: &str) -> impl Iterator<Item = Range<usize>> {
    let step = secret.chars().next().map_or(1, char::len_utf8);
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + text.get(from..)?.find(secret)?;
        from = start + step;
        Some(start..start + secret.len())
    })
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

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
    fn a_connections_own_token_is_struck_out_in_every_form() {
        let secrets = Secrets::new(["other-secret".to_owned()]);
        let kept = |token: &str, text: &str| {
            secrets.redact_with(text, Some(&token.parse().unwrap())).as_str().to_owned()
        };
        for said in [
            "tok+en/1=~",
            "tok%2Ben%2F1%3D%7E",
            "tok%2ben%2f1%3d~",
            "tok en/1=~",
            "dG9rK2VuLzE9fg==",
            "dG9rK2VuLzE9fg",
            "tok+en/1",
        ] {
            let text = format!("401 {said} and other-secret");
            assert_eq!(kept("tok+en/1=~", &text), "401 *** and ***", "{said}");
        }
        assert_eq!(kept("a%2Fb%20c-d", "no a/b c-d"), "no ***");
        assert_eq!(kept("one two-2", "one%20two-2, one+two-2"), "***, ***");
        assert_eq!(kept("~~~?>?>", "fn5+Pz4/Pg and fn5-Pz4_Pg=="), "*** and ***", "both alphabets");
        assert_eq!(secrets.redact_with("other-secret", None).as_str(), "***");
    }

    #[test]
    fn a_token_that_the_texts_end_cuts_leaves_nothing_behind() {
        let token: Token = "abcdefghijkl".parse().unwrap();
        let kept = |text| Secrets::default().redact_with(text, Some(&token)).as_str().to_owned();
        assert_eq!(kept("401 token abcdefgh"), "401 token ***");
        assert_eq!(kept("401 token abc"), "401 token abc", "too short to tell");
        assert_eq!(kept("401 abcdefghijklabcdef"), "401 ***");
    }

    #[test]
    fn a_secret_across_the_cut_leaves_nothing_behind() {
        let secret = "s3cr3t-s3cr3t".to_owned();
        let text = format!("{}{secret}", "a".repeat(195));
        let kept = Secrets::new([secret]).redact(&text);
        assert!(!kept.as_str().contains("s3cr"), "{kept:?}");
    }

    #[test]
    fn a_secret_that_was_cut_with_its_text_is_struck_out() {
        let secrets =
            Secrets::new(["hunter2-hunter3".to_owned(), "pässwörd".to_owned(), "r3-xyz".to_owned()]);
        for (text, kept) in [
            ("said hunt", "said ***"),
            ("said hunter2-hunter3", "said ***"),
            ("said hunter2-hunter3-x", "said ***"),
            ("said hun", "said hun"),
            ("hunt said", "hunt said"),
            ("said päss", "said ***"),
            ("said pässw\u{fffd}", "said ***"),
            ("said \u{fffd}", "said \u{fffd}"),
        ] {
            assert_eq!(secrets.redact(text).as_str(), kept, "{text}");
        }
    }

    #[test]
    fn of_secrets_that_overlap_no_piece_is_left() {
        let secrets = Secrets::new(["abcdefgh".to_owned(), "efghijkl".to_owned(), "xyxy".to_owned()]);
        assert_eq!(secrets.redact("-abcdefghijkl-").as_str(), "-***-");
        assert_eq!(secrets.redact("-xyxyxy-").as_str(), "-***-");
        assert_eq!(secrets.redact("-abcdefghij").as_str(), "-***");
    }

    proptest! {
        #[test]
        fn whatever_the_text_no_secret_is_in_what_is_kept(
            secrets in prop::collection::vec("[abä]{4,9}", 0..4), text in "[abä ]{0,300}",
        ) {
            let kept = Secrets::new(secrets.clone()).redact(&text);
            prop_assert!(kept.as_str().len() <= Redacted::MOST);
            prop_assert!(!secrets.iter().any(|secret| kept.as_str().contains(secret)));
        }
    }
}
