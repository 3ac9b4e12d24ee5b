//! Aligned tables. What does not fit the terminal's width goes on a second, indented line of each row.

use unicode_width::UnicodeWidthStr;

/// Blanks between columns.
const GAP: usize = 2;
/// Blanks before the second and further lines of a row.
const INDENT: usize = 4;

/// How a column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A table under construction.
pub(super) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row: one text per column.
    pub(super) fn row(&mut self, row: Vec<String>) {
        assert_eq!(row.len(), self.columns.len(), "a row has one text per column");
        self.rows.push(row);
    }

    /// As text, for a terminal of `width` columns. A single text longer than that sticks out.
    pub(super) fn text(&self, width: usize) -> String {
        let header: Vec<String> = self.columns.iter().map(|(title, _)| (*title).to_owned()).collect();
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|column| {
                let cells = self.rows.iter().chain([&header]).map(|row| row[column].width());
                cells.max().unwrap_or(0)
            })
            .collect();
        let lines = break_into_lines(&widths, width);
        let mut text = String::new();
        for row in [&header].into_iter().chain(&self.rows) {
            for (number, line) in lines.iter().enumerate() {
                let mut written = " ".repeat(if number == 0 { 0 } else { INDENT });
                for column in line.clone() {
                    let cell = &row[column];
                    let blanks = " ".repeat(widths[column] - cell.width());
                    let (before, after) = match self.columns[column].1 {
                        Align::Left => ("", blanks.as_str()),
                        Align::Right => (blanks.as_str(), ""),
                    };
                    written.push_str(before);
                    written.push_str(cell);
                    written.push_str(after);
                    written.push_str(&" ".repeat(GAP));
                }
                let written = written.trim_end();
                if number == 0 || !written.is_empty() {
                    text.push_str(written);
                    text.push('\n');
                }
            }
        }
        text
    }
}

/// Which columns stand on which line of a row.
fn break_into_lines(widths: &[usize], width: usize) -> Vec<std::ops::Range<usize>> {
    let mut lines = Vec::new();
    let (mut first, mut used) = (0, 0);
    for (column, cell) in widths.iter().enumerate() {
        if column > first && used + cell > width {
            lines.push(first..column);
            (first, used) = (column, INDENT);
        }
        used += cell + GAP;
    }
    lines.push(first..widths.len());
    lines
}
