//! What may be kept of a text from the network, and what must be struck out of it first.

mod escapes;

use std::collections::BTreeSet;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Token;
use escapes::DecodedText;

/// A text from the network, at most [`Redacted::MOST`] bytes, with every known secret struck out. It may still hold
/// control characters: code that displays it must escape them.
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

/// The secrets of a run, such as query values and header values. They can't be read out, only searched for, in all
/// usual encodings.
#[derive(Clone, Default)]
pub struct Secrets(Vec<Vec<u8>>);

impl Secrets {
    /// Shorter ones are not struck out: `1` or `ws` would tear every text apart, and are no secrets.
    const SHORTEST: usize = 4;
    /// How much of a text is searched first, in bytes. Most texts have what is kept at their beginning, and an answer may
    /// have thousands of bytes of HTML.
    const FIRST_WINDOW: usize = 512;
    /// What the end of a window may hide, in bytes: the first three characters of a secret, each escaped several times.
    const UNSURE: usize = 128;
    /// How much of a text is searched, in bytes: more than is ever read of an answer that refuses an upgrade.
    const SEARCHED: usize = 8 * 1024;

    /// Collects what is long enough to be a secret.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Secrets {
        Secrets::within(usize::MAX, secrets)
    }

    /// The same for a text of `length` bytes: of a secret that is longer only the beginning can stand there, cut off by
    /// the text's end. A token may have 16 KiB, and the reason of a close frame has 123 bytes.
    fn within(length: usize, secrets: impl IntoIterator<Item = String>) -> Secrets {
        // The last characters of a Base64 form depend on what follows, up to a group of three bytes.
        let most = length.saturating_add(4);
        let secrets: BTreeSet<String> =
            secrets.into_iter().filter(|secret| secret.len() >= Secrets::SHORTEST).collect();
        let mut needles: Vec<Vec<u8>> = secrets.iter().flat_map(|secret| needles(secret, most)).collect();
        needles.retain(|needle| needle.len() >= Secrets::SHORTEST);
        needles.sort_unstable();
        needles.dedup();
        Secrets(needles)
    }

    /// Strikes out the secrets and cuts the rest to [`Redacted::MOST`] bytes, at a character's border.
    pub fn redact(&self, text: &str) -> Redacted {
        self.redact_with(text, None)
    }

    /// The same for what one connection heard: its own token is struck out too. Only its own: a run may have thousands,
    /// and a connection's peer was told only one.
    pub fn redact_with(&self, text: &str, token: Option<&Token>) -> Redacted {
        if text.is_empty() {
            return Redacted::default();
        }
        let text = &text[..text.floor_char_boundary(Secrets::SEARCHED)];
        let mut length = Secrets::FIRST_WINDOW;
        loop {
            let window = &text[..text.floor_char_boundary(length)];
            let token = token.map(|token| Secrets::within(window.len(), token.forms())).unwrap_or_default();
            let (mut kept, sure) = strike_out(window, &[self, &token]);
            if window.len() == text.len() || sure >= Redacted::MOST + Secrets::UNSURE {
                kept.truncate(kept.floor_char_boundary(Redacted::MOST));
                return Redacted(kept);
            }
            length = length.saturating_mul(4);
        }
    }
}

/// A text without the secrets, and how much of it does not depend on what follows the text.
fn strike_out(text: &str, secrets: &[&Secrets]) -> (String, usize) {
    let mut kept = String::with_capacity(text.len());
    let (mut from, mut sure) = (0, 0);
    for found in found_in(text, secrets) {
        kept.push_str(&text[from..found.start]);
        sure = kept.len();
        kept.push_str("***");
        from = found.end;
    }
    if from < text.len() {
        kept.push_str(&text[from..]);
        sure = kept.len();
    }
    (kept, sure)
}

/// Where secrets stand in a text, in order and apart from each other: those that overlap are struck out as one, so that
/// of none a piece is left.
fn found_in(text: &str, secrets: &[&Secrets]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for level in DecodedText::levels(text) {
        let bytes = plus_as_space(&level.bytes);
        let complete = level.complete().len();
        let needles = || secrets.iter().flat_map(|secrets| &secrets.0);
        for needle in needles() {
            for at in occurrences(&bytes, needle) {
                let source = level.source(at..at + needle.len());
                // Of an escape that the end cuts, nothing is left.
                let end = if at + needle.len() > complete { text.len() } else { source.end };
                found.push(source.start..end);
            }
        }
        let begun = cut_off(&bytes[..complete], needles());
        found.extend(begun.map(|at| level.source(at..at + 1).start..text.len()));
    }
    // The bytes of a secret may begin or end within a character: `%A4` is the second half of an `ä`.
    for range in &mut found {
        *range = text.floor_char_boundary(range.start)..text.ceil_char_boundary(range.end);
    }
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

/// Every place at which a needle stands, places that overlap included.
fn occurrences<'a>(text: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    (0..text.len()).filter(move |at| text[*at..].starts_with(needle))
}

/// Where the end of the text is the beginning of a secret: what the network said may have been cut there. A character
/// that was cut in two reads as U+FFFD.
fn cut_off<'a>(text: &[u8], needles: impl Iterator<Item = &'a Vec<u8>>) -> Option<usize> {
    let mut said = text;
    while let Some(shorter) = said.strip_suffix("\u{fffd}".as_bytes()) {
        said = shorter;
    }
    let begun = |needle: &Vec<u8>| {
        let lengths = (Secrets::SHORTEST..=needle.len().min(said.len())).rev();
        lengths.into_iter().find(|length| said.ends_with(&needle[..*length]))
    };
    needles.filter_map(begun).max().map(|length| said.len() - length)
}

/// The byte strings by which a secret is found in a text whose escapes are undone: itself, with its own escapes undone,
/// and each of these in Base64 and in hexadecimal digits; and with its marks escaped, in Base64. Each is cut to `most` bytes before it is encoded.
fn needles(secret: &str, most: usize) -> Vec<Vec<u8>> {
    // Undoing escapes makes a text shorter, so that one without any can be cut before.
    let secret = match secret.contains(['\\', '%', '&']) {
        true => secret,
        false => &secret[..secret.floor_char_boundary(most)],
    };
    let levels: Vec<Vec<u8>> = DecodedText::levels(secret)
        .map(|mut level| {
            level.bytes.truncate(most);
            level.bytes
        })
        .collect();
    let escaped =
        [secret.replace('/', r"\/"), url::form_urlencoded::byte_serialize(secret.as_bytes()).collect()];
    let escaped = escaped.iter().filter(|escaped| *escaped != secret).map(String::as_bytes);
    let encoded = levels.iter().map(Vec::as_slice).chain(escaped).flat_map(base64_forms);
    let digits = levels.iter().flat_map(|bytes| [hex(bytes), hex(bytes).to_uppercase()]);
    let encoded = encoded.chain(digits).map(String::into_bytes);
    levels.iter().cloned().chain(encoded).map(|bytes| plus_as_space(&bytes)).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A form's `+` is a space, and elsewhere it is a plus (URL Standard §5.1): both are taken for the same.
fn plus_as_space(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect()
}

/// How a secret looks in Base64 (RFC 4648 §4 and §5), at each of the three places in a group of three bytes at which it may
/// begin: the characters that hold nothing but its bits, and the same to the end with and without padding. What stands
/// around it decides the characters at the borders.
fn base64_forms(secret: &[u8]) -> Vec<String> {
    let mut forms = Vec::new();
    for (padded, unpadded) in [(STANDARD, STANDARD_NO_PAD), (URL_SAFE, URL_SAFE_NO_PAD)] {
        for (before, first) in [(0, 0), (1, 2), (2, 3)] {
            let bytes = [&[0; 2][..before], secret].concat();
            let whole = unpadded.encode(&bytes);
            forms.push(whole[first..bytes.len() * 8 / 6].to_owned());
            forms.push(padded.encode(&bytes)[first..].to_owned());
            forms.push(whole[first..].to_owned());
        }
    }
    forms
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(***)")
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

    #[test]
    fn every_encoding_of_a_secret_is_struck_out() {
        let secrets = Secrets::new(["s3c/r+t\"=&".to_owned()]);
        for said in [
            r#"s3c\/r+t\"=&"#,
            r"s3c\u002Fr\u002bt\u0022=\u0026",
            r"\u0073\u0033\u0063\u002f\u0072\u002b\u0074\u0022\u003d\u0026",
            "s3c%2Fr%2Bt%22%3D%26",
            "s3c%2fr+t%22=%26",
            "%73%33%63/r%2bt\"=&",
            "s3c%252Fr%252Bt%2522%253D%2526",
            "s3c/r+t&quot;=&amp;",
            "s3c&#47;r&#x2B;t&#34;&equals;&#38;",
            r"s3c\x2fr+t\x22=\u{26}",
            "czNjL3IrdCI9Jg==",
            "czNjL3IrdCI9Jg",
            "czNjL3IrdCI9Jg%3D%3D",
            // Base64 of s3c\/r+t"=& and of s3c%2Fr%2Bt%22%3D%26.
            "czNjXC9yK3QiPSY=",
            "czNjJTJGciUyQnQlMjIlM0QlMjY=",
            "7333632f722b74223d26",
            "7333632F722B74223D26",
            "%u0073%u0033c%u002Fr+t%u0022=&",
        ] {
            assert_eq!(secrets.redact(&format!("<{said}>")).as_str(), "<***>", "{said}");
        }
        // Within other data, the characters at the borders belong to both.
        for before in ["u:", "ab:", "abc:"] {
            for engine in [STANDARD, URL_SAFE] {
                let said = engine.encode(format!("{before}s3c/r+t\"=&, and so on"));
                let kept = secrets.redact(&said);
                assert!(kept.as_str().contains("***"), "{before} {said}");
                let core = &base64_forms(b"s3c/r+t\"=&")[3 * (before.len() % 3)];
                assert!(said.contains(core) && !kept.as_str().contains(core), "{said}: {kept:?}");
            }
        }
    }

    #[test]
    fn a_secret_that_the_texts_end_cuts_in_an_escape_leaves_nothing_behind() {
        let secrets = Secrets::new(["s3cret/+word".to_owned()]);
        for said in [
            "s3cret%",
            "s3cret%2",
            r"s3cret\",
            r"s3cret\u00",
            r"s3cret\/\u",
            "s3cret&#4",
            "s3cret%252",
            "s3cret%2F%",
        ] {
            assert_eq!(secrets.redact(&format!("<{said}")).as_str(), "<***", "{said}");
        }
    }

    #[test]
    fn a_token_that_is_longer_than_the_text_leaves_no_piece_of_itself() {
        // No two of its pieces are alike.
        let token: Token = (0..1_000).map(|n| format!("{n:04x}-")).collect::<String>().parse().unwrap();
        let encoded = STANDARD.encode(token.as_str());
        let percent: String = token.as_str().bytes().map(|byte| format!("%{byte:02x}")).collect();
        for said in [token.as_str(), &encoded, &percent] {
            for length in [20, 43, 44, 45, 46, 47, 120, 123] {
                let kept = Secrets::default().redact_with(&said[..length], Some(&token));
                assert_eq!(kept.as_str(), "***", "{length} of {said:.20}");
            }
        }
    }

    #[test]
    fn a_secret_that_is_no_text_takes_whole_characters_with_it() {
        for (secret, said) in
            [("%A4bcd", "äbcd"), ("%A4bcde", "äbcd"), ("bcd%C3", "bcdä"), (r"bcd\xC3", "bcdä")]
        {
            assert_eq!(Secrets::new([secret.to_owned()]).redact(said).as_str(), "***", "{secret}");
        }
    }

    #[test]
    fn a_secret_is_struck_out_wherever_a_window_ends() {
        let secret = "s3cret-word-9876543210";
        let secrets = Secrets::new([secret.to_owned()]);
        let escaped: String = secret.bytes().map(|byte| format!("&#x{byte:04x};")).collect();
        for said in [secret, &escaped] {
            for before in 1..300 {
                // Secrets in front, so that what is kept comes from the window's end.
                let text = format!("{}{}{said}{}", escaped.repeat(2), "-".repeat(before), "=".repeat(3_000));
                let expected = format!("***{}***{}", "-".repeat(before), "=".repeat(200));
                let kept = secrets.redact(&text);
                assert_eq!(kept.as_str(), &expected[..Redacted::MOST], "{before}");
            }
        }
    }

    #[test]
    fn a_long_text_costs_no_more_than_a_short_one() {
        let secrets = Secrets::new(["s3cret".to_owned()]);
        let kept = secrets.redact(&"%73%33cre%74".repeat(100_000));
        assert_eq!(kept.as_str(), "***");
    }

    /// How a server may write a character that needs no escape; what needs one gets one.
    fn escaped(c: char, scheme: usize, style: usize) -> String {
        let code = u32::from(c);
        let styles = match scheme {
            0 => [format!("\\u{code:04x}"), format!("\\u{code:04X}"), format!("\\x{code:02x}")],
            1 => [format!("%{code:02x}"), format!("%{code:02X}"), format!("%{code:02x}")],
            _ => [format!("&#{code};"), format!("&#x{code:x};"), format!("&#X{code:X};")],
        };
        let must = ["\\\"", "%+&", "&<>\""][scheme];
        match style {
            3.. if !must.contains(c) => c.to_string(),
            style => styles[style % 3].clone(),
        }
    }

    proptest! {
        #[test]
        fn no_encoding_lets_a_secret_through(
            secret in "[!-~]{4,12}", schemes in prop::collection::vec(0..3_usize, 0..3),
            styles in prop::collection::vec(0..6_usize, 64), cut in 0..40_usize,
        ) {
            // A secret whose own escapes stand for fewer than four bytes is short.
            prop_assume!(DecodedText::levels(&secret).all(|level| level.bytes.len() >= Secrets::SHORTEST));
            let secrets = Secrets::new([secret.clone()]);
            let mut said = secret.clone();
            for (layer, scheme) in schemes.iter().enumerate() {
                // One encoder alone may escape any character in any style; one of several all of them, or all marks.
                let style = |at: usize, c: char| match (schemes.len(), styles[layer]) {
                    (1, _) => styles[at % styles.len()],
                    (_, 3..) if c.is_ascii_alphanumeric() => 3,
                    (_, style) => style % 3,
                };
                let place = |(at, c)| escaped(c, *scheme, style(at, c));
                said = said.chars().enumerate().map(place).collect();
            }
            let kept = secrets.redact(&format!("(\u{7f}{said}\u{7f})"));
            prop_assert_eq!(kept.as_str(), "(\u{7f}***\u{7f})", "{}", said);
            // At most the three characters that are too short to tell are left of what is cut.
            let cut = &said[..said.len().saturating_sub(cut)];
            let kept = secrets.redact(&format!("(\u{7f}{cut}"));
            let left = DecodedText::levels(kept.as_str()).last().unwrap();
            let left = &left.complete()[2..];
            prop_assert!(left.len() < 4 || left.ends_with(b"***"), "{}: {:?}", cut, kept);
        }

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
