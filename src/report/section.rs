//! A heading with labelled sentences below it.

use super::layout::{Layout, PLAIN, STRONG, columns_of};

/// Labels up to this wide stand beside their sentences; where one is wider, each has a line of its own.
const WIDEST_LABEL: usize = 18;
/// Where labels begin.
const MARGIN: usize = 2;
/// Where sentences begin below labels.
const BELOW_LABEL: usize = 6;

/// A heading, and rows of a label and a sentence; a label may be empty.
pub fn section(title: &str, rows: &[(String, String)], layout: Layout) -> String {
    let widest = rows.iter().map(|(label, _)| columns_of(label)).max().unwrap_or(0);
    let indent = match widest {
        0 => MARGIN,
        wide if wide <= WIDEST_LABEL => MARGIN + wide + 2,
        _ => BELOW_LABEL,
    };
    let mut lines = vec![layout.paint(STRONG, title)];
    for (label, sentence) in rows {
        match label.as_str() {
            "" => lines.extend(layout.indented(indent, sentence)),
            label => lines.extend(layout.labelled(&[("  ", PLAIN), (label, PLAIN)], indent, sentence)),
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_labels_stand_beside_and_long_ones_above() {
        let row = |label: &str, sentence: &str| (label.to_owned(), sentence.to_owned());
        let layout = Layout { width: 60, color: false };
        let beside = section("Limits", &[row("safe", "800"), row("held now", "1,000")], layout);
        assert_eq!(beside, "Limits\n  safe      800\n  held now  1,000\n");
        let above = section("Alarms", &[row("albcap-prod-rejected", "more than none")], layout);
        assert_eq!(above, "Alarms\n  albcap-prod-rejected\n      more than none\n");
        let bare = section("Mind", &[row("", &"word ".repeat(14))], layout);
        assert_eq!(bare.lines().count(), 3);
        assert!(bare.lines().skip(1).all(|line| line.starts_with("  word")), "{bare}");
    }
}
