//! Columns that give way: when the terminal is too narrow, the least important ones are left out whole.

use anstyle::Style;

use super::escape;
use super::layout::{Layout, PLAIN, QUIET, columns_of};

/// A column of a table.
pub(super) struct Column {
    header: &'static str,
    cells: Vec<(String, Style)>,
    left: bool,
    /// The highest goes first; 0 stays always.
    gives_way: u8,
}

impl Column {
    /// A column of numbers, aligned right.
    pub(super) fn new(header: &'static str, gives_way: u8) -> Column {
        Column { header, cells: Vec::new(), left: false, gives_way }
    }

    /// Aligned left, for words.
    pub(super) fn of_words(self) -> Column {
        Column { left: true, ..self }
    }

    /// One cell more.
    pub(super) fn push(&mut self, cell: impl Into<String>) {
        self.push_styled(cell, PLAIN);
    }

    /// One cell more, in a style.
    pub(super) fn push_styled(&mut self, cell: impl Into<String>, style: Style) {
        self.cells.push((escape::terminal(&cell.into()), style));
    }

    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|(cell, _)| columns_of(cell));
        cells.max().unwrap_or(0).max(columns_of(self.header))
    }

    fn padded(&self, width: usize, text: &str, painted: &str, last: bool) -> String {
        let gap = " ".repeat(width.saturating_sub(columns_of(text)));
        match (self.left, last) {
            (true, true) => painted.to_owned(),
            (true, false) => format!("{painted}{gap}"),
            (false, _) => format!("{gap}{painted}"),
        }
    }
}

const BETWEEN: &str = "  ";

/// The header line and a line for each row, so that others can be put between them.
pub(super) fn lines(layout: Layout, columns: Vec<Column>) -> (String, Vec<String>) {
    // A width is counted once, and not anew for each row.
    let mut columns: Vec<(usize, Column)> =
        columns.into_iter().map(|column| (column.width(), column)).collect();
    while columns.iter().map(|(width, _)| width + BETWEEN.len()).sum::<usize>() > layout.columns() {
        let giving = columns.iter().enumerate().filter(|(_, (_, column))| column.gives_way > 0);
        match giving.max_by_key(|(_, (_, column))| column.gives_way).map(|(at, _)| at) {
            Some(at) => drop(columns.remove(at)),
            None => break,
        }
    }
    let rows = columns.iter().map(|(_, column)| column.cells.len()).max().unwrap_or(0);
    let last = columns.len().saturating_sub(1);
    let line = |cell: &dyn Fn(&Column) -> (String, Style)| -> String {
        let cells = columns.iter().enumerate().map(|(at, (width, column))| {
            let (text, style) = cell(column);
            column.padded(*width, &text, &layout.paint(style, &text), at == last)
        });
        let cells: Vec<String> = cells.collect();
        format!("{BETWEEN}{}", cells.join(BETWEEN)).trim_end().to_owned()
    };
    let header = line(&|column| (column.header.to_owned(), QUIET));
    let body = (0..rows)
        .map(|row| line(&|column| column.cells.get(row).cloned().unwrap_or((String::new(), PLAIN))))
        .collect();
    (header, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_important_column_gives_way() {
        let columns = || {
            let mut name = Column::new("name", 0);
            let mut long = Column::new("long", 1);
            let mut word = Column::new("word", 0).of_words();
            name.push("1,000");
            long.push("x".repeat(45));
            word.push("yes");
            vec![name, long, word]
        };
        let at = |width| lines(Layout { width, color: false }, columns());
        let (header, rows) = at(60);
        assert_eq!(header, format!("   name  {:>45}  word", "long"));
        assert_eq!(rows, [format!("  1,000  {}  yes", "x".repeat(45))]);
        let mut wider = columns();
        wider[1].push("y".repeat(60));
        let (header, _) = lines(Layout { width: 60, color: false }, wider);
        assert_eq!(header, "   name  word");
    }
}
