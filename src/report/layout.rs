//! Lines of text on a terminal: how wide, in colour or not, wrapped between words.

use anstyle::{AnsiColor, Style};

use super::escape;

/// How a terminal report is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Columns; less than [`Layout::NARROWEST`] is taken as that.
    pub width: usize,
    /// Whether to colour. Colour never says anything that the words do not.
    pub color: bool,
}

/// Good news.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// Bad news.
pub(super) const BAD: Style = AnsiColor::Red.on_default();
/// Neither.
pub(super) const UNSURE: Style = AnsiColor::Yellow.on_default();
/// What can be passed over.
pub(super) const QUIET: Style = Style::new().dimmed();
/// What to read first.
pub(super) const STRONG: Style = Style::new().bold();
/// As it comes.
pub(super) const PLAIN: Style = Style::new();

impl Layout {
    /// The width at which reports still look good.
    pub const NARROWEST: usize = 60;
    /// Lines longer than this are hard to read, however wide the terminal is.
    pub const WIDEST: usize = 100;

    /// The columns to fill.
    pub(super) fn columns(self) -> usize {
        self.width.clamp(Self::NARROWEST, Self::WIDEST)
    }

    /// The text in that style. It must have been escaped (as all of this file's functions do).
    pub(super) fn paint(self, style: Style, text: &str) -> String {
        if self.color && style != PLAIN && !text.is_empty() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    /// A label of styled pieces and a text beside it, the text's further lines below its first. A label that reaches
    /// into the text has a line of its own.
    pub(super) fn labelled(self, label: &[(&str, Style)], indent: usize, text: &str) -> Vec<String> {
        let mut painted = String::new();
        let mut used = 0;
        for (piece, style) in label {
            let piece = cut(&escape::terminal(piece), self.columns().saturating_sub(used));
            used += columns_of(&piece);
            painted.push_str(&self.paint(*style, &piece));
        }
        let mut lines = self.indented(indent, text);
        if used >= indent {
            lines.insert(0, painted);
        } else if let Some(first) = lines.first_mut() {
            let gap = " ".repeat(indent - used);
            *first = format!("{painted}{gap}{}", first.trim_start());
        }
        lines
    }

    /// A text, wrapped and indented; one line at least.
    pub(super) fn indented(self, indent: usize, text: &str) -> Vec<String> {
        let margin = " ".repeat(indent);
        wrap(text, self.columns().saturating_sub(indent))
            .into_iter()
            .map(|line| format!("{margin}{line}"))
            .collect()
    }

    /// A text on one line, escaped and cut to what is left beside the indent.
    pub(super) fn one_line(self, indent: usize, text: &str) -> String {
        let text = cut(&escape::terminal(text), self.columns().saturating_sub(indent));
        format!("{}{text}", " ".repeat(indent))
    }
}

/// The columns that a text takes. East Asian characters and emoji, which all lie from U+1100 on, are counted as two.
pub(super) fn columns_of(text: &str) -> usize {
    text.chars().map(width_of).sum()
}

fn width_of(c: char) -> usize {
    if c < '\u{1100}' || ('\u{2010}'..='\u{2027}').contains(&c) { 1 } else { 2 }
}

/// Escapes, then breaks between words; a word that is too long for a line is broken inside.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = Vec::new();
    let mut line = String::new();
    let text = escape::terminal(text);
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut word = word;
        // Counted once and kept up, so that a long word costs no more than its length.
        let mut left = columns_of(word);
        let used = columns_of(&line);
        if used > 0 && used + 1 + left > width {
            lines.push(std::mem::take(&mut line));
        }
        while left > width {
            let (head, rest) = word.split_at(fitting(word, width).len());
            left -= columns_of(head);
            lines.push(head.to_owned());
            word = rest;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// The text, or as much of it as fits with `…` at its end.
fn cut(text: &str, width: usize) -> String {
    if columns_of(text) <= width {
        return text.to_owned();
    }
    format!("{}…", fitting(text, width.saturating_sub(1)))
}

fn fitting(text: &str, width: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += width_of(c);
        if used > width {
            return &text[..at];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_stay_whole_where_they_can() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghijkl x", 8), ["abcdefgh", "ijkl x"]);
        assert_eq!(wrap("", 8), [""]);
        let layout = Layout { width: 60, color: false };
        let lines = layout.labelled(&[("Label", STRONG)], 10, &"word ".repeat(12));
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("Label     word") && lines[1].starts_with("          word"));
    }

    /// Quadratic time took seconds for this word in a release build, minutes in this one.
    #[test]
    fn a_long_word_costs_no_more_than_its_length() {
        let word = "x".repeat(1_000_000);
        let started = std::time::Instant::now();
        assert_eq!(wrap(&word, 80).len(), 12_500);
        assert!(started.elapsed() < std::time::Duration::from_secs(4), "{:?}", started.elapsed());
    }

    #[test]
    fn colour_is_only_around_the_words() {
        let colored = Layout { width: 80, color: true };
        assert_eq!(colored.paint(GOOD, "ok"), "\u{1b}[32mok\u{1b}[0m");
        assert_eq!(colored.paint(PLAIN, "ok"), "ok");
    }

    proptest! {
        #[test]
        fn no_line_is_too_long_and_nothing_is_lost(text in any::<String>(), width in 8_usize..120) {
            let lines = wrap(&text, width);
            for line in &lines {
                prop_assert!(columns_of(line) <= width, "{line}");
            }
            let squeezed = |text: &str| text.replace(' ', "");
            prop_assert_eq!(squeezed(&lines.concat()), squeezed(&escape::terminal(&text)));
        }
    }
}
