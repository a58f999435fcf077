//! Undoes escapes in a text and maps every decoded byte back to its source: JSON and JavaScript escapes, percent-encoding
//! (RFC 3986 §2.1) and HTML character references, in any mix.

use std::ops::Range;

/// Encodings on top of each other that are undone: a server may escape what a proxy or template has escaped before.
pub(super) const MAX_DEPTH: usize = 3;

/// Named HTML character references of the characters that occur in credentials and JSON.
const NAMED: [(&[u8], u8); 8] = [
    (b"&amp;", b'&'),
    (b"&lt;", b'<'),
    (b"&gt;", b'>'),
    (b"&quot;", b'"'),
    (b"&apos;", b'\''),
    (b"&sol;", b'/'),
    (b"&plus;", b'+'),
    (b"&equals;", b'='),
];
/// Bytes after `&#` or `&#x` that a reference to any character has at most, leading zeros aside.
const LONGEST_REFERENCE: usize = 8;

/// A text after some decoding, with the source range of each byte.
pub(super) struct DecodedText {
    pub(super) bytes: Vec<u8>,
    sources: Vec<Range<usize>>,
    /// Length without the incomplete escape at the end.
    complete: usize,
}

/// What stands at the beginning of a byte string.
enum Escape {
    /// A byte, and the length of its escape.
    Byte(u8, usize),
    /// A character, and the length of its escape.
    Char(char, usize),
    /// The text ends within an escape.
    Incomplete,
}

impl DecodedText {
    /// The text as it is.
    pub(super) fn of(text: &str) -> DecodedText {
        let sources = (0..text.len()).map(|at| at..at + 1).collect();
        DecodedText { bytes: text.as_bytes().to_vec(), sources, complete: text.len() }
    }

    /// The text as it is, then with one level of escapes undone at a time, for as long as there are any.
    pub(super) fn levels(text: &str) -> impl Iterator<Item = DecodedText> {
        let mut next = Some(DecodedText::of(text));
        let mut depth = 0;
        std::iter::from_fn(move || {
            let level = next.take()?;
            if depth < MAX_DEPTH {
                depth += 1;
                next = level.decode();
            }
            Some(level)
        })
    }

    /// The bytes before an incomplete escape at the end.
    pub(super) fn complete(&self) -> &[u8] {
        &self.bytes[..self.complete]
    }

    /// Where decoded bytes stand in the source.
    pub(super) fn source(&self, decoded: Range<usize>) -> Range<usize> {
        self.sources[decoded.start].start..self.sources[decoded.end - 1].end
    }

    /// One level of escapes undone; `None` where there is none. What another level has left incomplete stays as it is.
    fn decode(&self) -> Option<DecodedText> {
        let complete = self.complete();
        if !complete.iter().any(|byte| b"\\%&".contains(byte)) {
            return None;
        }
        let mut decoded = DecodedText { bytes: Vec::new(), sources: Vec::new(), complete: 0 };
        let mut any = false;
        let mut at = 0;
        while at < complete.len() {
            let escape = escape(&complete[at..]);
            any |= escape.is_some();
            let length = match escape {
                None => decoded.push(&complete[at..=at], self.source(at..at + 1)),
                Some(Escape::Incomplete) => break,
                Some(Escape::Byte(byte, length)) => {
                    decoded.push(&[byte], self.source(at..at + length));
                    length
                }
                Some(Escape::Char(c, length)) => {
                    decoded.push(c.encode_utf8(&mut [0; 4]).as_bytes(), self.source(at..at + length));
                    length
                }
            };
            at += length;
        }
        decoded.complete = decoded.bytes.len();
        decoded.bytes.extend_from_slice(&self.bytes[at..]);
        decoded.sources.extend_from_slice(&self.sources[at..]);
        any.then_some(decoded)
    }

    /// Appends bytes that come from one place of the source; the number of them.
    fn push(&mut self, bytes: &[u8], source: Range<usize>) -> usize {
        self.bytes.extend_from_slice(bytes);
        self.sources.extend(std::iter::repeat_n(source, bytes.len()));
        bytes.len()
    }
}

fn escape(text: &[u8]) -> Option<Escape> {
    match text {
        [b'%', b'u', digits @ ..] => utf16(digits),
        [b'%', digits @ ..] => byte(digits, 1),
        [b'\\', b'x', digits @ ..] => byte(digits, 2),
        [b'\\', b'u', b'{', digits @ ..] => braced(digits),
        [b'\\', b'u', digits @ ..] => utf16(digits),
        [b'\\', letter, ..] => Some(Escape::Byte(short_escape(*letter)?, 2)),
        [b'\\'] => Some(Escape::Incomplete),
        [b'&', ..] => reference(text),
        _ => None,
    }
}

/// What a backslash and one letter or mark mean (RFC 8259 §7; the apostrophe in JavaScript).
fn short_escape(letter: u8) -> Option<u8> {
    match letter {
        b'b' => Some(8),
        b't' => Some(b'\t'),
        b'n' => Some(b'\n'),
        b'f' => Some(12),
        b'r' => Some(b'\r'),
        b'"' | b'\\' | b'/' | b'\'' => Some(letter),
        _ => None,
    }
}

/// A number at the beginning of a text.
enum Number {
    Whole(u32),
    /// The text ends before its last digit.
    Incomplete,
}

/// A number of exactly `count` hexadecimal digits.
fn hex(text: &[u8], count: usize) -> Option<Number> {
    let digits = &text[..text.len().min(count)];
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    if digits.len() < count {
        return Some(Number::Incomplete);
    }
    number(digits, 16).map(Number::Whole)
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()
}

/// `%XX` and `\xXX`, whose digits come after a prefix.
fn byte(digits: &[u8], prefix: usize) -> Option<Escape> {
    match hex(digits, 2)? {
        Number::Whole(number) => Some(Escape::Byte(u8::try_from(number).ok()?, prefix + 2)),
        Number::Incomplete => Some(Escape::Incomplete),
    }
}

/// `\uXXXX`, and `%uXXXX` of JavaScript's old `escape`; a character beyond the Basic Multilingual Plane is two of them (RFC 8259 §7).
fn utf16(digits: &[u8]) -> Option<Escape> {
    let Number::Whole(first) = hex(digits, 4)? else { return Some(Escape::Incomplete) };
    if let Some(c) = char::from_u32(first) {
        return Some(Escape::Char(c, 6));
    }
    let second = match &digits[4..] {
        [] | [b'\\'] => Number::Incomplete,
        [b'\\', b'u', digits @ ..] => hex(digits, 4)?,
        _ => return None,
    };
    let Number::Whole(second) = second else { return Some(Escape::Incomplete) };
    let units = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
    let c = char::decode_utf16(units).next()?.ok()?;
    Some(Escape::Char(c, 12))
}

/// `\u{X…}`, of JavaScript and Rust.
fn braced(text: &[u8]) -> Option<Escape> {
    let digits = digits(text, u8::is_ascii_hexdigit);
    match text.get(digits.len()) {
        None => Some(Escape::Incomplete),
        Some(b'}') => Some(Escape::Char(char::from_u32(number(digits, 16)?)?, digits.len() + 4)),
        Some(_) => None,
    }
}

/// The digits at the beginning of a text.
fn digits(text: &[u8], is_digit: impl Fn(&u8) -> bool) -> &[u8] {
    let count = text.iter().take(LONGEST_REFERENCE).take_while(|byte| is_digit(byte)).count();
    &text[..count]
}

/// `&amp;`, `&#43;` and `&#x2b;`.
fn reference(text: &[u8]) -> Option<Escape> {
    if let Some((name, meant)) = NAMED.iter().find(|(name, _)| text.starts_with(name)) {
        return Some(Escape::Byte(*meant, name.len()));
    }
    if NAMED.iter().any(|(name, _)| name.starts_with(text)) || text == b"&#" {
        return Some(Escape::Incomplete);
    }
    let (prefix, digits, radix) = match text {
        [b'&', b'#', b'x' | b'X', rest @ ..] => (3, digits(rest, u8::is_ascii_hexdigit), 16),
        [b'&', b'#', rest @ ..] => (2, digits(rest, u8::is_ascii_digit), 10),
        _ => return None,
    };
    match text.get(prefix + digits.len()) {
        None => Some(Escape::Incomplete),
        Some(b';') => Some(Escape::Char(char::from_u32(number(digits, radix)?)?, prefix + digits.len() + 1)),
        Some(_) => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn last_level(text: &str) -> DecodedText {
        DecodedText::levels(text).last().unwrap()
    }

    #[test]
    fn every_escape_is_undone_whatever_its_case_and_mix() {
        for text in [
            "a+/\"ä",
            r#"a\u002B\/\"\u00e4"#,
            "a%2B%2f%22%C3%a4",
            "a&#43;&#x2F;&quot;&#228;",
            r"a&plus;%2f\x22\u{e4}",
            r"a%5Cu002b\u0025\x32f&amp;#34;%25C3%25A4",
        ] {
            let decoded = last_level(text);
            assert_eq!(String::from_utf8_lossy(&decoded.bytes), "a+/\"ä", "{text}");
            assert_eq!(decoded.source(0..decoded.bytes.len()), 0..text.len(), "{text}");
        }
        assert_eq!(last_level(r"\ud83d\ude00").bytes, "😀".as_bytes());
    }

    #[test]
    fn what_is_no_escape_stays() {
        for text in ["100 % sure", "%zz", r"\d+ \ud83dx", "&nothing; &#; &#x; & b", r"\u{} \u{110000}"] {
            let levels: Vec<Vec<u8>> = DecodedText::levels(text).map(|level| level.bytes).collect();
            assert_eq!(levels, [text.as_bytes()], "{text}");
        }
    }

    #[test]
    fn an_escape_that_the_end_cuts_is_left_out() {
        for cut in [
            "%",
            "%2",
            "\\",
            r"\u",
            r"\u00",
            r"\x2",
            r"\u{2",
            r"\ud83d",
            r"\ud83d\u",
            "&",
            "&am",
            "&#",
            "&#4",
            "&#x2",
        ] {
            let decoded = last_level(&format!("abc{cut}"));
            assert_eq!(decoded.complete(), b"abc", "{cut}");
        }
        assert_eq!(last_level("a%252").complete(), b"a", "below another level too");
    }
}
