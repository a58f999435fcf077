//! Text that came over the network, made fit for one line of a terminal.

/// Bytes that are kept at most.
const MOST: usize = 200;

/// The text on one line, without control characters (a terminal would obey them) or characters that turn the
/// direction of writing, cut to 200 bytes.
pub(super) fn foreign_text(text: &str) -> String {
    let mut kept = String::with_capacity(text.len().min(MOST));
    for c in text.trim().chars() {
        match c {
            '\n' | '\r' | '\t' => kept.push(' '),
            c if c.is_control() || turns_direction(c) => kept.extend(c.escape_unicode()),
            c => kept.push(c),
        }
        if kept.len() > MOST {
            kept.truncate(kept.floor_char_boundary(MOST));
            break;
        }
    }
    kept
}

/// Unicode's explicit bidirectional formatting characters (UAX #9 §2).
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_terminal_finds_nothing_to_obey() {
        assert_eq!(foreign_text("a\u{1b}[31m\nb\u{202e}c\u{9b}"), "a\\u{1b}[31m b\\u{202e}c\\u{9b}");
        assert_eq!(foreign_text("  plain text\r\n"), "plain text");
    }

    proptest! {
        #[test]
        fn it_is_short_and_on_one_line(text in any::<String>()) {
            let kept = foreign_text(&text.repeat(20));
            prop_assert!(kept.len() <= 200);
            prop_assert!(!kept.chars().any(char::is_control));
        }
    }
}
