//! A lesson's Markdown → pages of [`Block`]s: what every view of a lesson renders. Reading never fails; what is no part
//! of the format (other HTML) is kept as a trouble with its place.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use std::ops::Range;

/// How deep lists and quotes may be nested; what is deeper stands at this depth.
const DEEPEST: usize = 12;

/// How a run of text is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    #[default]
    Plain,
    /// `*so*`.
    Emphasis,
    /// `**so**`.
    Strong,
    /// In backquotes.
    Code,
}

/// A run of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The text; a line break in it is a space.
    pub text: String,
    /// How it is set.
    pub style: Style,
    /// Where it leads, where it is a link.
    pub link: Option<String>,
}

/// Text of one paragraph.
pub type Runs = Vec<Run>;

/// A block of prose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// `### so`: its level (3 to 6) and text.
    Heading(u8, Runs),
    /// A paragraph.
    Paragraph(Runs),
    /// Points, or numbers from this one on.
    List(Option<u64>, Vec<Vec<Block>>),
    /// `> so`.
    Quote(Vec<Block>),
    /// Lines as they stand: the info string and the text.
    Code(String, String),
    /// Rows of cells; the first one is the head.
    Table(Vec<Vec<Runs>>),
    /// A line across.
    Rule,
    /// What is shown when it is asked for: its summary, and what is in it.
    Folded(String, Vec<Block>),
    /// The activity of this number, from 0.
    Activity(usize),
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prose {
    /// Each page: its heading (empty on the first) and its blocks.
    pub pages: Vec<(String, Vec<Block>)>,
    /// The activities' TOML, each with its place in the text, and the whole block's.
    pub activities: Vec<Fenced>,
    /// Where links lead, and where they stand.
    pub links: Vec<(String, Range<usize>)>,
    /// Headings as a link names them: `#so-it-is`.
    pub anchors: Vec<String>,
    /// Lines of `console` blocks, and where they stand.
    pub commands: Vec<(String, Range<usize>)>,
    /// What is no part of the format.
    pub troubles: Vec<(String, Range<usize>)>,
}

/// A fenced activity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fenced {
    /// Its TOML.
    pub inside: Range<usize>,
    /// The page it stands on.
    pub page: usize,
}

/// What is being filled.
enum Open {
    Page,
    List(Option<u64>, Vec<Vec<Block>>),
    Item,
    Quote,
    Folded(String),
    /// Nothing of its own: too deep.
    Flat,
}

/// Read Markdown; `base` is where it begins in its file.
pub fn read(text: &str, base: usize) -> Prose {
    let mut reader = Reader::new(base, text);
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        reader.event(event, range);
    }
    reader.done()
}

struct Reader<'t> {
    base: usize,
    text: &'t str,
    prose: Prose,
    open: Vec<(Open, Vec<Block>)>,
    runs: Runs,
    styles: Vec<Style>,
    link: Option<String>,
    code: Option<(String, String, Range<usize>)>,
    table: Vec<Vec<Runs>>,
    html: String,
    summary: Option<String>,
}

impl<'t> Reader<'t> {
    fn new(base: usize, text: &'t str) -> Self {
        Reader {
            base,
            text,
            prose: Prose { pages: vec![Default::default()], ..Prose::default() },
            open: vec![(Open::Page, Vec::new())],
            runs: Vec::new(),
            styles: Vec::new(),
            link: None,
            code: None,
            table: Vec::new(),
            html: String::new(),
            summary: None,
        }
    }

    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag, range),
            Event::Text(text) => match &mut self.code {
                Some((_, code, place)) => {
                    if code.is_empty() {
                        place.start = range.start;
                    }
                    place.end = range.end;
                    code.push_str(&text);
                }
                None => self.run(&text, None),
            },
            Event::Code(text) => self.run(&text, Some(Style::Code)),
            Event::SoftBreak | Event::HardBreak => self.run(" ", None),
            Event::Rule => self.block(Block::Rule),
            Event::Html(html) => self.html.push_str(&html),
            Event::InlineHtml(_) => {
                let place = self.place(range);
                self.prose.troubles.push(("HTML inside a paragraph is not shown".to_owned(), place));
            }
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>) {
        match tag {
            Tag::Emphasis => self.styles.push(Style::Emphasis),
            Tag::Strong => self.styles.push(Style::Strong),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.prose.links.push((dest_url.to_string(), self.place(range)));
                self.link = Some(dest_url.to_string());
            }
            Tag::CodeBlock(kind) => {
                let info = match kind {
                    CodeBlockKind::Fenced(info) => info.trim().to_owned(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some((info, String::new(), range));
            }
            Tag::List(first) => self.enter(Open::List(first, Vec::new())),
            Tag::Item => self.enter(Open::Item),
            Tag::BlockQuote(_) => self.enter(Open::Quote),
            Tag::TableHead | Tag::TableRow => self.table.push(Vec::new()),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd, range: Range<usize>) {
        match tag {
            TagEnd::Emphasis | TagEnd::Strong => {
                self.styles.pop();
            }
            TagEnd::Link | TagEnd::Image => self.link = None,
            TagEnd::Paragraph => self.paragraph(),
            TagEnd::Heading(level) => self.heading(level, range),
            TagEnd::CodeBlock => self.code(range),
            TagEnd::List(_) | TagEnd::Item | TagEnd::BlockQuote(_) => self.leave(),
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.runs);
                if let Some(row) = self.table.last_mut() {
                    row.push(cell);
                }
            }
            TagEnd::Table => {
                let table = std::mem::take(&mut self.table);
                self.block(Block::Table(table));
            }
            TagEnd::HtmlBlock => self.html_block(range),
            _ => {}
        }
    }

    fn place(&self, range: Range<usize>) -> Range<usize> {
        self.base + range.start..self.base + range.end
    }

    fn run(&mut self, text: &str, style: Option<Style>) {
        let style = style.or(self.styles.last().copied()).unwrap_or_default();
        match self.runs.last_mut() {
            Some(last) if last.style == style && last.link == self.link => last.text.push_str(text),
            _ => self.runs.push(Run { text: text.to_owned(), style, link: self.link.clone() }),
        }
    }

    fn block(&mut self, block: Block) {
        if let Some((_, blocks)) = self.open.last_mut() {
            blocks.push(block);
        }
    }

    /// Text that stands without a paragraph, as in a list whose points are close together.
    fn paragraph(&mut self) {
        if !self.runs.is_empty() {
            let runs = std::mem::take(&mut self.runs);
            self.block(Block::Paragraph(runs));
        }
    }

    fn heading(&mut self, level: HeadingLevel, range: Range<usize>) {
        if level == HeadingLevel::H1 {
            let message = "a heading with one # begins no step: write ## for a step, ### for a part of one";
            let place = self.place(range);
            self.prose.troubles.push((message.to_owned(), place));
        }
        let runs = std::mem::take(&mut self.runs);
        let text: String = runs.iter().map(|run| run.text.as_str()).collect();
        self.prose.anchors.push(anchor(&text));
        // A heading inside a list or a fold is no page.
        if level == HeadingLevel::H2 && self.open.len() == 1 {
            self.turn();
            self.prose.pages.push((text, Vec::new()));
        } else {
            self.block(Block::Heading(level as u8, runs));
        }
    }

    /// What was read goes onto its page.
    fn turn(&mut self) {
        let blocks = self.open.first_mut().map(|(_, blocks)| std::mem::take(blocks)).unwrap_or_default();
        if let Some((_, page)) = self.prose.pages.last_mut() {
            page.extend(blocks);
        }
    }

    fn code(&mut self, whole: Range<usize>) {
        let Some((info, text, inside)) = self.code.take() else { return };
        if info == "activity" {
            let number = self.prose.activities.len();
            let inside = if text.is_empty() { whole.end..whole.end } else { inside };
            let (inside, page) = (self.place(inside), self.prose.pages.len() - 1);
            self.prose.activities.push(Fenced { inside, page });
            self.block(Block::Activity(number));
            return;
        }
        if info == "console" {
            let mut at = inside.start;
            for line in self.text.get(inside).unwrap_or_default().split_inclusive('\n') {
                let command = line.trim_end();
                self.prose
                    .commands
                    .push((command.to_owned(), self.base + at..self.base + at + command.len()));
                at += line.len();
            }
        }
        self.block(Block::Code(info, text));
    }

    fn enter(&mut self, open: Open) {
        self.paragraph();
        let open = if self.open.len() > DEEPEST { Open::Flat } else { open };
        self.open.push((open, Vec::new()));
    }

    fn leave(&mut self) {
        self.paragraph();
        if self.open.len() < 2 {
            return;
        }
        let Some((open, blocks)) = self.open.pop() else { return };
        match open {
            Open::Page | Open::Flat => blocks.into_iter().for_each(|block| self.block(block)),
            Open::Item => match self.open.last_mut() {
                Some((Open::List(_, items), _)) => items.push(blocks),
                _ => blocks.into_iter().for_each(|block| self.block(block)),
            },
            Open::List(first, items) => self.block(Block::List(first, items)),
            Open::Quote => self.block(Block::Quote(blocks)),
            Open::Folded(summary) => self.block(Block::Folded(summary, blocks)),
        }
    }

    fn html_block(&mut self, range: Range<usize>) {
        let html = std::mem::take(&mut self.html);
        for line in html.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if line == "<details>" {
                self.summary = Some(String::new());
            } else if let Some(summary) =
                line.strip_prefix("<summary>").and_then(|rest| rest.strip_suffix("</summary>"))
            {
                self.summary = None;
                self.enter(Open::Folded(summary.to_owned()));
            } else if line == "</details>" {
                // The fold is the innermost thing that is open, or the text is not as it should be.
                if matches!(self.open.last(), Some((Open::Folded(_) | Open::Flat, _))) {
                    self.leave();
                }
            } else if !(line.starts_with("<!--") && line.ends_with("-->")) {
                let place = self.place(range.clone());
                let message = "the only HTML of a lesson is <details>, <summary>…</summary> and </details>";
                self.prose.troubles.push((message.to_owned(), place));
                return;
            }
        }
    }

    fn done(mut self) -> Prose {
        while self.open.len() > 1 {
            if matches!(self.open.last(), Some((Open::Folded(_), _))) {
                let end = self.base + self.text.len();
                self.prose.troubles.push(("a <details> is not closed".to_owned(), end..end));
            }
            self.leave();
        }
        self.paragraph();
        self.turn();
        self.prose
    }
}

/// A heading as a link names it: small letters, digits and hyphens.
pub fn anchor(heading: &str) -> String {
    let mut out = String::from("#");
    for c in heading.trim().chars() {
        match c {
            ' ' | '-' => out.push('-'),
            c if c.is_alphanumeric() || c == '_' => out.extend(c.to_lowercase()),
            _ => {}
        }
    }
    out
}

/// The text of runs without its looks.
pub fn plain(runs: &[Run]) -> String {
    runs.iter().map(|run| run.text.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Hello *there*,\nyou.\n\n## One\n\n- a `b`\n- c\n\n<details>\n<summary>Answer</summary>\n\nIn *here*.\n\n</details>\n\n\
        ```activity\nid = \"x\"\n```\n\n### Small\n\n| h | i |\n|---|---|\n| 1 | [2](#one) |\n\n```console\npostroad journey\n```\n";

    #[test]
    fn pages_blocks_and_activities_are_found() {
        let prose = read(TEXT, 100);
        assert_eq!(prose.pages.len(), 2);
        let (heading, blocks) = &prose.pages[1];
        assert_eq!(heading, "One");
        assert!(matches!(&blocks[0], Block::List(None, items) if items.len() == 2));
        assert!(
            matches!(&blocks[1], Block::Folded(summary, inner) if summary == "Answer" && inner.len() == 1)
        );
        assert_eq!(blocks[2], Block::Activity(0));
        assert!(matches!(&blocks[3], Block::Heading(3, _)));
        assert!(matches!(&blocks[4], Block::Table(rows) if rows.len() == 2 && rows[1].len() == 2));
        let fenced = &prose.activities[0];
        assert_eq!(&TEXT[fenced.inside.start - 100..fenced.inside.end - 100], "id = \"x\"\n");
        assert_eq!(prose.links[0].0, "#one");
        assert!(prose.anchors.contains(&"#one".to_owned()));
        assert_eq!(prose.commands[0].0, "postroad journey");
        let place = prose.commands[0].1.clone();
        assert_eq!(&TEXT[place.start - 100..place.end - 100], "postroad journey");
        assert!(prose.troubles.is_empty(), "{:?}", prose.troubles);
    }

    #[test]
    fn other_html_is_told() {
        assert_eq!(read("<div>x</div>\n", 0).troubles.len(), 1);
        assert_eq!(read("<details>\n<summary>x</summary>\n\ny\n", 0).troubles.len(), 1);
        assert_eq!(read("a <b>x</b>\n", 0).troubles.len(), 2);
        assert_eq!(read("# A title\n\nx\n", 0).troubles.len(), 1);
    }

    #[test]
    fn depth_is_bounded() {
        let text = (0..500).map(|depth| format!("{}- x\n", "  ".repeat(depth))).collect::<String>();
        let quotes = "> ".repeat(5000) + "x";
        for text in [text, quotes] {
            assert_eq!(read(&text, 0).pages.len(), 1);
        }
    }
}
