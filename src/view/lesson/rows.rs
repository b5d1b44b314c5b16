//! [`Row`]s: prose set to a width, each stretch of text with a [`Look`]. The one renderer of a lesson's Markdown: who
//! prints takes the text, who draws gives each look its style.

use crate::base::escape;
use crate::lesson::prose::{Block, Run, Style, plain};
use unicode_width::UnicodeWidthStr;

/// What a stretch of text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// Text.
    #[default]
    Plain,
    /// A heading.
    Heading,
    /// Of weight.
    Strong,
    /// With emphasis.
    Emphasis,
    /// Code, commands, lines of a wire.
    Code,
    /// A link.
    Link,
    /// Rules and signs.
    Sign,
    /// A word in the margin, or a number to choose by.
    Key,
    /// Of less weight.
    Dim,
    /// It was right.
    Right,
    /// It was wrong.
    Wrong,
    /// It names a misconception.
    Mistake,
    /// Under the cursor.
    Chosen,
}

/// One row: stretches of text.
pub type Row = Vec<(String, Look)>;

/// The text of a row.
pub fn text(row: &Row) -> String {
    row.iter().map(|(text, _)| text.as_str()).collect::<String>().trim_end().to_owned()
}

/// Sets blocks to a width.
#[derive(Clone, Debug)]
pub struct Setter {
    /// Columns.
    pub width: usize,
    /// Whether folded answers are open.
    pub unfolded: bool,
    /// What is set so far.
    pub rows: Vec<Row>,
}

impl Setter {
    /// Nothing is set yet.
    pub fn new(width: usize, unfolded: bool) -> Self {
        Setter { width: width.max(16), unfolded, rows: Vec::new() }
    }

    /// An empty row, where the last one is not.
    pub fn gap(&mut self) {
        if self.rows.last().is_some_and(|row| !row.is_empty()) {
            self.rows.push(Row::new());
        }
    }

    /// A paragraph behind a mark; its further rows stand as far in.
    pub fn say(&mut self, mark: &str, look: Look, text: &str, style: Look) {
        let lead = vec![(mark.to_owned(), look)];
        self.wrap(&lead, mark.width(), &[(escape::text(text), style)]);
    }

    /// A block, set in by so many columns.
    pub fn block(&mut self, block: &Block, indent: usize) {
        let margin = vec![(" ".repeat(indent), Look::Plain)];
        match block {
            Block::Heading(_, runs) => {
                self.gap();
                self.wrap(&margin, indent, &[(escape::text(&plain(runs)), Look::Heading)]);
            }
            Block::Paragraph(runs) => {
                self.gap();
                self.wrap(&margin, indent, &looks(runs));
            }
            Block::List(first, items) => self.list(*first, items, indent),
            Block::Quote(blocks) => {
                self.gap();
                let mut inner = Setter::new(self.width.saturating_sub(indent + 2), self.unfolded);
                blocks.iter().for_each(|block| inner.block(block, 0));
                for row in inner.rows {
                    let mut whole = margin.clone();
                    whole.push(("│ ".to_owned(), Look::Sign));
                    whole.extend(row);
                    self.rows.push(whole);
                }
            }
            Block::Code(_, code) => {
                self.gap();
                for line in code.lines() {
                    let mut row = margin.clone();
                    row.push((format!("    {}", escape::text(line)), Look::Code));
                    self.rows.push(row);
                }
            }
            Block::Table(rows) => self.table(rows, indent),
            Block::Rule => {
                self.gap();
                self.rows.push(vec![("─".repeat(self.width.min(24)), Look::Sign)]);
            }
            Block::Folded(summary, blocks) => {
                self.gap();
                let sign = if self.unfolded { "▾ " } else { "▸ " };
                let mut row = margin.clone();
                row.extend([(sign.to_owned(), Look::Sign), (escape::text(summary), Look::Strong)]);
                self.rows.push(row);
                if self.unfolded {
                    blocks.iter().for_each(|block| self.block(block, indent + 2));
                }
            }
            Block::Activity(_) => {}
        }
    }

    fn list(&mut self, first: Option<u64>, items: &[Vec<Block>], indent: usize) {
        // Points below a point stand close to it.
        if indent == 0 {
            self.gap();
        }
        for (nth, item) in items.iter().enumerate() {
            let mark = first.map_or("• ".to_owned(), |first| format!("{}. ", first + nth as u64));
            let inside = indent + mark.width();
            for (at, block) in item.iter().enumerate() {
                match block {
                    // Close together, as points are.
                    Block::Paragraph(runs) => {
                        let before = if at == 0 { mark.as_str() } else { "" };
                        let lead = format!("{}{before}", " ".repeat(inside - before.width()));
                        self.wrap(&vec![(lead, Look::Sign)], inside, &looks(runs));
                    }
                    block => self.block(block, inside),
                }
            }
        }
    }

    /// Cells side by side where they fit; else each row as a point with its cells one under the other.
    fn table(&mut self, rows: &[Vec<Vec<Run>>], indent: usize) {
        self.gap();
        let cell = |runs: &Vec<Run>| escape::text(&plain(runs));
        let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
        let widest = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(|runs| cell(runs).width()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(widest).collect();
        let fits = indent + widths.iter().sum::<usize>() + 3 * columns.saturating_sub(1) <= self.width;
        let head: Vec<String> = rows.first().map(|row| row.iter().map(cell).collect()).unwrap_or_default();
        for (nth, row) in rows.iter().enumerate() {
            if fits {
                let mut out = vec![(" ".repeat(indent), Look::Plain)];
                for (column, runs) in row.iter().enumerate() {
                    let text = cell(runs);
                    let gap = if column > 0 { "   " } else { "" };
                    let width = widths.get(column).copied().unwrap_or_default();
                    let fill = " ".repeat(width.saturating_sub(text.width()));
                    let look = if nth == 0 { Look::Strong } else { Look::Plain };
                    out.push((format!("{gap}{text}{fill}"), look));
                }
                self.rows.push(out);
            } else if nth > 0 {
                for (column, runs) in row.iter().enumerate() {
                    let name = head.get(column).map(String::as_str).unwrap_or_default();
                    let mark = if column == 0 { "• " } else { "  " };
                    let lead = vec![(format!("{}{mark}", " ".repeat(indent)), Look::Sign)];
                    let mut said = vec![(format!("{name}: "), Look::Dim)];
                    said.extend(looks(runs));
                    self.wrap(&lead, indent + 2, &said);
                }
            }
        }
    }

    /// Stretches of text, broken between words; `lead` stands before the first row, and the others stand as far in.
    fn wrap(&mut self, lead: &Row, indent: usize, stretches: &[(String, Look)]) {
        // A bar at the side goes on along all rows.
        let bar = lead.first().is_some_and(|(text, _)| text.starts_with('│'));
        let look = lead.first().map(|(_, look)| *look).unwrap_or_default();
        let further = || match bar {
            true => vec![(format!("│{}", " ".repeat(indent.saturating_sub(1))), look)],
            false => vec![(" ".repeat(indent), Look::Plain)],
        };
        let mut row: Row = lead.clone();
        let mut used = indent;
        let mut fresh = true;
        for (text, look) in stretches {
            for piece in text.split_inclusive(' ') {
                let word = piece.trim_end_matches(' ');
                if !fresh && used + word.width() > self.width {
                    let full = std::mem::replace(&mut row, further());
                    self.rows.push(full);
                    (used, fresh) = (indent, true);
                }
                if fresh && word.is_empty() {
                    continue;
                }
                used += piece.width();
                fresh = false;
                match row.last_mut() {
                    Some((last, same)) if *same == *look && last.width() > 0 => last.push_str(piece),
                    _ => row.push((piece.to_owned(), *look)),
                }
            }
        }
        self.rows.push(row);
    }
}

fn looks(runs: &[Run]) -> Vec<(String, Look)> {
    let mut out = Vec::new();
    for run in runs {
        let look = match (run.style, &run.link) {
            (_, Some(_)) => Look::Link,
            (Style::Strong, _) => Look::Strong,
            (Style::Emphasis, _) => Look::Emphasis,
            (Style::Code, _) => Look::Code,
            (Style::Plain, _) => Look::Plain,
        };
        out.push((escape::text(&run.text), look));
        // A link that a terminal cannot follow is told; one between lessons is its words.
        if let Some(link) =
            run.link.as_deref().filter(|link| link.starts_with("https://") && *link != run.text)
        {
            out.push((format!(" <{}>", escape::text(link)), Look::Dim));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::prose::read;

    fn set(markdown: &str, width: usize, unfolded: bool) -> String {
        let mut setter = Setter::new(width, unfolded);
        read(markdown, 0).pages[0].1.iter().for_each(|block| setter.block(block, 0));
        setter.rows.iter().map(|row| text(row) + "\n").collect()
    }

    #[test]
    fn prose_is_set() {
        let text = "One **two** `three four` five.\n\n- a point that is long\n- b\n  1. c\n\n> said\n\n```console\npostroad x\n```\n\n\
            | h | i |\n|---|---|\n| 1 | 2 |\n\n<details>\n<summary>Answer</summary>\n\nYes.\n\n</details>\n";
        insta::assert_snapshot!(set(text, 16, false), @r"
        One two three
        four five.

        • a point that
          is long
        • b
          1. c

        │ said

            postroad x

        h   i
        1   2

        ▸ Answer
        ");
        assert!(set(text, 60, true).ends_with("▾ Answer\n\n  Yes.\n"));
        assert!(set(text, 60, true).contains("One two three four five.\n"));
    }

    #[test]
    fn a_table_that_does_not_fit_is_told_row_by_row() {
        let text = "| name | what |\n|---|---|\n| one | a long description |\n";
        assert_eq!(set(text, 18, false), "• name: one\n  what: a long\n  description\n");
    }

    #[test]
    fn what_came_from_elsewhere_is_escaped() {
        assert!(!set("a\u{1b}[31mb `c\u{7}`", 40, false).contains(['\u{1b}', '\u{7}']));
    }
}
