//! One escape a format: what came from the network or from a record must not act on the screen that shows it.

use std::fmt::Write;

/// Whether a character is invisible, or moves what is around it: controls (ESC among them), bidirectional overrides
/// and isolates, zero-width characters, line and paragraph separators, tags, noncharacters at the end of the BMP.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{ffff}'
            | '\u{e0000}'..='\u{e007f}')
}

/// For a terminal: whatever acts becomes visible, `\u{1b}` for ESC; the rest stays as it is. Doing it twice changes
/// nothing.
pub fn terminal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// For HTML text and quoted attributes.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if acts(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// For a JSON document that may be read on a terminal: what `serde_json` leaves bare becomes `\u202e`. Outside of
/// strings such characters do not occur, but for the line breaks of the layout.
pub fn json(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    let mut rest = document;
    // Nearly all of a document is plain ASCII, of which whole pieces are taken.
    while let Some(at) = rest.bytes().position(|byte| !is_plain(byte)) {
        let (plain, other) = rest.split_at(at);
        out.push_str(plain);
        let mut others = other.chars();
        match others.next() {
            Some(c) if acts(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a String can't fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.extend(c),
        }
        rest = others.as_str();
    }
    out + rest
}

/// Whether a byte is a character of its own that does not act, or ends a line.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\n')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOSTILE: &str = "a\u{1b}[2J\u{202e}\u{9b}\n<script>alert('x')</script>\u{e0041}ä日";

    #[test]
    fn what_acts_becomes_visible() {
        assert_eq!(
            terminal(HOSTILE),
            r"a\u{1b}[2J\u{202e}\u{9b}\u{a}<script>alert('x')</script>\u{e0041}ä日"
        );
        assert_eq!(
            html(HOSTILE),
            r"a\u{1b}[2J\u{202e}\u{9b}\u{a}&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\u{e0041}ä日"
        );
    }

    proptest! {
        #[test]
        fn nothing_acts_afterwards(text in any::<String>()) {
            prop_assert!(!terminal(&text).chars().any(acts));
            prop_assert_eq!(terminal(&terminal(&text)), terminal(&text));
            let html = html(&text);
            prop_assert!(!html.chars().any(|c| acts(c) || "<>\"'".contains(c)));
        }

        #[test]
        fn json_keeps_its_meaning(text in any::<String>()) {
            let plain = serde_json::to_string(&text).unwrap();
            let escaped = json(&plain);
            prop_assert!(!escaped.chars().any(acts));
            prop_assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text);
        }
    }
}
