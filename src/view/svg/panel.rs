//! [`Panel`]: one chapter of the ladder: who stands where, and what is drawn in which row.
//!
//! Where it stands on the road: inside the `svg` view. Everything is laid out in whole pixels from the widths of
//! characters alone, so that the same story gives the same picture on every machine.

use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr;

/// The usual width of a picture.
pub const WIDTH: usize = 1000;
/// Free space at the edges.
const EDGE: usize = 24;
/// Where numbers end, where times begin, where the ladder begins.
const NUMBER: usize = 58;
const TIME: usize = 66;
const LADDER: usize = 140;
/// Least room between two hosts.
const BETWEEN: usize = 230;
/// Widths of a character, in tenths of a pixel: of a wire line, of a host's name, of prose, of
/// words on an arrow.
const MONO: usize = 77;
const BOLD: usize = 78;
const PROSE: usize = 64;
const WORDS: usize = 70;
/// Height of a row of prose.
const LEADING: usize = 17;

/// One chapter.
#[derive(Clone, Debug, Default)]
pub struct Panel {
    /// As in `1 · Alice's client hands the letter in`; empty for what stands before all chapters.
    pub title: String,
    /// What sets its scene; empty where it is not to be drawn.
    pub intro: String,
    /// Who stands in it, in order of appearance.
    pub hosts: Vec<String>,
    /// What happens, in order.
    pub rows: Vec<Row>,
}

/// One row of a panel; hosts are places in [`Panel::hosts`].
#[derive(Clone, Debug)]
pub enum Row {
    /// An arrow.
    Rung(Rung),
    /// A host states something.
    Fact {
        /// Who.
        host: usize,
        /// What.
        text: String,
    },
    /// Said across the ladder: time passes.
    Said(String),
    /// Somebody left a mark.
    Mark(String),
}

/// An arrow from one host to another.
#[derive(Clone, Debug)]
pub struct Rung {
    /// Its Step's number.
    pub number: usize,
    /// Its time.
    pub time: String,
    /// Where it begins.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
    /// Its class in the style sheet.
    pub style: &'static str,
    /// What stands on it.
    pub text: String,
    /// Whether that crossed a wire.
    pub is_wire: bool,
    /// Which characters of it somebody pointed at.
    pub marked: Vec<(usize, usize)>,
    /// All of it, for who points at it.
    pub whole: String,
    /// What stands under it.
    pub note: String,
    /// What is off.
    pub off: Vec<String>,
}

/// What is drawn on, and how far down it is.
struct Pen<'a> {
    out: &'a mut String,
    width: usize,
    y: usize,
    /// Where each host's line stands.
    columns: Vec<usize>,
}

impl Panel {
    /// The place of a host, a new one where it was not there yet.
    pub fn host(&mut self, name: &str) -> usize {
        self.hosts.iter().position(|h| h == name).unwrap_or_else(|| {
            self.hosts.push(name.to_owned());
            self.hosts.len() - 1
        })
    }

    /// Least width of a picture that holds it.
    pub fn width(&self) -> usize {
        let gaps = self.hosts.len().saturating_sub(1);
        let widest = self.hosts.iter().map(|h| head(h)).max().unwrap_or(0);
        LADDER + EDGE + widest + gaps * BETWEEN.max(widest + 16)
    }

    /// Draw it from `y` on; gives where it ends.
    pub fn draw(&self, out: &mut String, width: usize, y: usize) -> usize {
        let mut pen = Pen { out, width, y, columns: self.columns(width) };
        pen.put("<g>");
        if !self.title.is_empty() {
            pen.chapter(&self.title);
        }
        for row in rows(&self.intro, (width - 2 * EDGE) * 10 / PROSE) {
            pen.text("note", EDGE, pen.y + 12, &row);
            pen.y += LEADING;
        }
        pen.y += 8;
        // Lines lie under everything else, so they are drawn first and their end is found by drawing.
        let (lines, top) = (pen.out.len(), pen.y + 28);
        pen.y += 44;
        for row in &self.rows {
            pen.row(row);
        }
        pen.y += 10;
        let end = pen.y;
        let mut life = String::new();
        for x in &pen.columns {
            let _ = writeln!(life, "<line class=\"life\" x1=\"{x}\" y1=\"{top}\" x2=\"{x}\" y2=\"{end}\"/>");
        }
        for (x, name) in pen.columns.iter().zip(&self.hosts) {
            let (wide, y) = (head(name), top - 28);
            let left = x - wide / 2;
            let _ = writeln!(
                life,
                "<rect class=\"head\" x=\"{left}\" y=\"{y}\" width=\"{wide}\" height=\"28\" rx=\"7\"/>\n\
                 <text class=\"host\" x=\"{x}\" y=\"{}\">{}</text>",
                y + 19,
                escaped(name)
            );
        }
        pen.out.insert_str(lines, &life);
        pen.put("</g>");
        end + 22
    }

    /// Evenly between the gutter and the edge.
    fn columns(&self, width: usize) -> Vec<usize> {
        let widest = self.hosts.iter().map(|h| head(h)).max().unwrap_or(0);
        let (left, right) = (LADDER + widest / 2, width.saturating_sub(EDGE + widest / 2));
        match self.hosts.len() {
            0 => Vec::new(),
            1 => vec![usize::midpoint(left, right)],
            n => (0..n).map(|i| left + right.saturating_sub(left) * i / (n - 1)).collect(),
        }
    }
}

impl Pen<'_> {
    fn put(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn text(&mut self, class: &str, x: usize, y: usize, text: &str) {
        let text = escaped(text);
        self.put(&format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>"));
    }

    fn chapter(&mut self, title: &str) {
        let wide = self.width - 2 * EDGE + 16;
        let (x, y) = (EDGE - 8, self.y);
        self.put(&format!(
            "<rect class=\"band\" x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"32\" rx=\"7\"/>"
        ));
        let most = (self.width - 2 * EDGE) * 10 / 90;
        self.text("chapter", EDGE + 4, y + 21, &cut(title, most));
        self.y += 42;
    }

    fn row(&mut self, row: &Row) {
        match row {
            Row::Rung(rung) => self.rung(rung),
            Row::Fact { host, text } => self.fact(*host, text),
            Row::Said(text) => {
                self.y += 26;
                let x = usize::midpoint(LADDER, self.width - EDGE);
                for row in rows(text, 100) {
                    self.text("pause over", x, self.y, &format!("· · ·  {row}  · · ·"));
                    self.y += LEADING;
                }
                self.y -= LEADING - 8;
            }
            Row::Mark(text) => self.mark(text),
        }
    }

    /// What somebody wrote, on a slip across the ladder.
    fn mark(&mut self, text: &str) {
        let rows = rows(text, 96);
        let wide = rows.iter().map(|r| r.width()).max().unwrap_or(0) * PROSE / 10 + 40;
        let x = usize::midpoint(LADDER, self.width - EDGE);
        self.y += 16;
        let (left, y, tall) = (x.saturating_sub(wide / 2), self.y, rows.len() * LEADING + 8);
        self.put("<g class=\"mark\">");
        self.put(&format!("<rect x=\"{left}\" y=\"{y}\" width=\"{wide}\" height=\"{tall}\" rx=\"3\"/>"));
        for (i, row) in rows.iter().enumerate() {
            self.text("said", x, y + 16 + i * LEADING, row);
        }
        self.put("</g>");
        self.y += tall;
    }

    fn x(&self, host: usize) -> usize {
        self.columns.get(host).copied().unwrap_or(LADDER)
    }

    fn rung(&mut self, rung: &Rung) {
        let (from, to) = (self.x(rung.from), self.x(rung.to));
        self.put(&format!("<g class=\"{}\"><title>{}</title>", rung.style, escaped(&rung.whole)));
        self.y += 38;
        let y = self.y;
        self.text("number", NUMBER, y + 4, &rung.number.to_string());
        self.text("time", TIME, y + 4, &rung.time);
        let class = if rung.is_wire { "wire over" } else { "words over" };
        // An arrow of a host to itself is a loop at its line; its text has the whole ladder.
        let span = if from == to { self.width - LADDER - EDGE } else { from.abs_diff(to) };
        let middle =
            if from == to { usize::midpoint(LADDER, self.width - EDGE) } else { usize::midpoint(from, to) };
        let free = span.saturating_sub(if rung.style == "lost" { 72 } else { 24 });
        let text = cut(&rung.text, free * 10 / if rung.is_wire { MONO } else { WORDS });
        let text = pointed(&text, &rung.marked);
        self.put(&format!("<text class=\"{class}\" x=\"{middle}\" y=\"{}\">{text}</text>", y - 7));
        self.arrow(rung, from, to, y);
        for row in rows(&rung.note, span.saturating_sub(40) * 10 / PROSE) {
            self.y += LEADING;
            self.text("note over", middle, self.y, &row);
        }
        for text in &rung.off {
            for row in rows(&format!("⚠ {text}"), span.saturating_sub(40) * 10 / PROSE) {
                self.y += LEADING;
                self.text("note off over", middle, self.y, &row);
            }
        }
        self.put("</g>");
    }

    fn arrow(&mut self, rung: &Rung, from: usize, to: usize, y: usize) {
        let right = to >= from;
        if from == to {
            let (out, back) = (from + 34, y + 12);
            self.put(&format!("<path class=\"line\" d=\"M{from} {y}H{out}V{back}H{}\"/>", from + 6));
            self.put(&format!("<path class=\"tip\" d=\"M{from} {back}l9 -5v10z\"/>"));
            self.y += 12;
        } else if rung.style == "lost" {
            // It ends in a cross before it is there.
            let end = if right { to - 26 } else { to + 26 };
            self.put(&format!("<path class=\"line\" d=\"M{from} {y}H{end}\"/>"));
            self.put(&format!(
                "<path class=\"line cross\" d=\"M{} {}l12 12m0 -12l-12 12\"/>",
                end - 6,
                y - 6
            ));
        } else {
            let (end, tip) = if right { (to - 7, "l-10 -5v10z") } else { (to + 7, "l10 -5v10z") };
            self.put(&format!("<path class=\"line\" d=\"M{from} {y}H{end}\"/>"));
            self.put(&format!("<path class=\"tip\" d=\"M{to} {y}{tip}\"/>"));
        }
    }

    /// A label on a host's line, moved in where it would leave the picture.
    fn fact(&mut self, host: usize, text: &str) {
        let rows = rows(text, 64);
        let wide = rows.iter().map(|r| r.width()).max().unwrap_or(0) * PROSE / 10 + 40;
        let (low, high) = (LADDER - 6 + wide / 2, (self.width - EDGE + 12).saturating_sub(wide / 2));
        let x = self.x(host).min(high).max(low);
        self.y += 16;
        let (left, tall) = (x - wide / 2, rows.len() * LEADING + 8);
        let y = self.y;
        self.put("<g class=\"fact\">");
        self.put(&format!("<rect x=\"{left}\" y=\"{y}\" width=\"{wide}\" height=\"{tall}\" rx=\"9\"/>"));
        for (i, row) in rows.iter().enumerate() {
            self.text("said", x, y + 16 + i * LEADING, row);
        }
        self.put("</g>");
        self.y += tall;
    }
}

/// The width of a host's box.
fn head(name: &str) -> usize {
    name.width() * BOLD / 10 + 28
}

/// Prose in rows of so many columns; none for no text.
fn rows(text: &str, columns: usize) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    let options = textwrap::Options::new(columns.max(8)).word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::wrap(text, options).into_iter().map(std::borrow::Cow::into_owned).collect()
}

/// As much of a text as fits so many columns, with `…` where something is missing.
fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        if out.width() + 1 > columns {
            out.pop();
            break;
        }
    }
    out.truncate(out.trim_end().len());
    out + "…"
}

/// A text for XML in which what somebody pointed at, from one character to another, stands out.
fn pointed(text: &str, marked: &[(usize, usize)]) -> String {
    let (mut out, mut at) = (String::new(), 0);
    let mut chars = text.chars();
    let mut next = |n: usize| escaped(&chars.by_ref().take(n).collect::<String>());
    for (from, to) in marked {
        out.push_str(&next(from - at));
        let words = next(to - from);
        if !words.is_empty() {
            let _ = write!(out, "<tspan class=\"marked\">{words}</tspan>");
        }
        at = *to;
    }
    out + &next(usize::MAX)
}

/// Text that XML takes as text: markup escaped, and no character that XML 1.0 §2.2 does not allow. What steers or
/// hides was made visible in the page already; a line feed stays.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push('\n'),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => {
                let _ = write!(out, "\\u{{{:X}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_becomes_markup() {
        assert_eq!(
            escaped("<a href='x'>&\"\u{FFFF}\u{8}"),
            "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\\u{FFFF}\\u{8}"
        );
    }

    #[test]
    fn what_was_pointed_at_stands_out() {
        let shown = "RCPT TO:<tspan class=\"marked\">&lt;bob&gt;</tspan>";
        assert_eq!(pointed("RCPT TO:<bob>", &[(8, 13)]), shown);
        assert_eq!(pointed("RCPT TO:<b…", &[(8, 11), (12, 14)]), shown.replace("ob&gt;", "…"));
        assert_eq!(pointed("a&b", &[]), "a&amp;b");
    }

    #[test]
    fn a_text_is_cut_by_its_width() {
        assert_eq!(cut("漢字漢字", 5), "漢字…");
        assert_eq!(cut("abc", 3), "abc");
    }

    #[test]
    fn hosts_stand_inside_the_picture() {
        for n in 1..9 {
            let mut panel = Panel::default();
            for i in 0..n {
                panel.host(&format!("host-{i}.example.com"));
            }
            let width = panel.width().max(WIDTH);
            let columns = panel.columns(width);
            assert!(columns.iter().all(|x| *x > LADDER && *x < width - EDGE), "{n}: {columns:?}");
            assert!(columns.windows(2).all(|w| w[1] - w[0] >= BETWEEN), "{n}: {columns:?}");
        }
    }
}
