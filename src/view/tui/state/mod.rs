//! [`Sheet`]: what holds after a row, for the pane beside the conversation: what this row is about first.
//!
//! Where it stands on the road: after [`crate::state`], which folds; here it is put into words, compared with what held
//! before, and drawn. The connection of the row stands on top with its phases, then what this row changed (`+` new,
//! `~` other than before, `-` gone), then what concerns the same hosts, then the rest. Wide enough, two columns.

mod diagram;
mod rows;

use crate::base::Instant;
use crate::dissect::{Kind, Meaning, Protocol, Step, Verdict};
use crate::explain::Item;
use crate::state::State;
use crate::trace::{CloseHow, Conn, Direction};
use crate::view::page::Label;
use crate::view::tui::theme::Theme;
use crate::view::{Cast, clock};
use diagram::Standing;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use rows::{Row, Telling, Topic};
use std::collections::{BTreeMap, BTreeSet};
use unicode_width::UnicodeWidthStr;

/// Columns from which on there are two of them.
const TWO_COLUMNS: u16 = 76;
/// The margin: a mark and a blank.
const MARGIN: usize = 2;
/// Columns for the word in front of what a connection has come to.
const WORD: usize = 11;

/// What this row did to a line of the sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// It holds as before.
    Same,
    /// It is new.
    New,
    /// It reads otherwise now.
    Other,
    /// It held before, and does no longer.
    Gone,
}

impl News {
    fn mark(self) -> &'static str {
        match self {
            News::Same => "  ",
            News::New => "+ ",
            News::Other => "~ ",
            News::Gone => "- ",
        }
    }

    fn of<T: PartialEq>(before: Option<&T>, now: &T) -> News {
        match before {
            Some(before) if before == now => News::Same,
            Some(_) => News::Other,
            None => News::New,
        }
    }
}

/// What holds after a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    session: Option<Session>,
    groups: Vec<Group>,
}

/// The connection of the row.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Session {
    title: String,
    standing: Standing,
    news: News,
    /// Whose turn it is.
    turn: String,
    rows: Vec<(News, &'static str, String)>,
}

/// Rows about one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    topic: Topic,
    /// What stands higher has less.
    rank: (u8, usize),
    rows: Vec<(News, Row)>,
    /// Subjects that this row changed, or whose host speaks in it.
    near: BTreeSet<String>,
}

impl Sheet {
    /// What holds in `after`, at `item` and its time `at`, compared with what held in `before`.
    pub fn of(cast: &Cast, before: &State, after: &State, item: Option<&Item>, at: Instant) -> Self {
        let step = match item {
            Some(Item::Step(step, _)) => Some(&**step),
            _ => None,
        };
        let conn = step.map(|step| step.conn);
        let hosts: BTreeSet<String> = match item {
            Some(Item::Step(step, _)) => {
                cast.call(step.conn).into_iter().flat_map(|call| [call.client, call.server]).collect()
            }
            Some(Item::Fact { host, .. }) => BTreeSet::from([cast.known(host)]),
            _ => BTreeSet::new(),
        };
        let first = first_topics(step);
        let mut groups: Vec<Group> = Vec::new();
        for topic in Topic::ALL {
            let now = Telling { cast, state: after, beside: before, at, current: conn };
            let was = Telling { state: before, beside: after, ..now };
            let rows = compared(rows::of(topic, was), rows::of(topic, now));
            let place = first.iter().position(|t| *t == topic).unwrap_or(first.len());
            let rank = match () {
                () if rows.iter().any(|(news, _)| *news != News::Same) => 0,
                () if topic == Topic::Down => 1,
                () if rows.iter().any(|(_, row)| hosts.contains(&row.host)) => 2,
                () => 3,
            };
            if !rows.is_empty() {
                let is_near = |(news, row): &&(News, Row)| *news != News::Same || hosts.contains(&row.host);
                let near = rows.iter().filter(is_near).map(|(_, row)| row.subject.clone()).collect();
                groups.push(Group { topic, rank: (rank, place), rows: sorted(rows, &hosts), near });
            }
        }
        groups.sort_by_key(|group| (group.rank, group.topic));
        Sheet { session: step.and_then(|step| session(cast, before, after, step)), groups }
    }

    /// All its lines on so many columns.
    pub fn lines(&self, width: u16, theme: &Theme) -> Vec<Line<'static>> {
        let whole = usize::from(width);
        let mut lines = self.session.as_ref().map_or_else(Vec::new, |session| session.lines(whole, theme));
        if width < TWO_COLUMNS {
            for group in &self.groups {
                lines.extend(group.lines(whole, true, theme));
            }
            return lines;
        }
        let half = (whole - 3) / 2;
        let blocks: Vec<Vec<Line<'static>>> =
            self.groups.iter().map(|group| group.lines(half, false, theme)).collect();
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for block in blocks {
            if right.len() < left.len() { right.extend(block) } else { left.extend(block) }
        }
        lines.extend(beside(left, right, half, theme));
        lines
    }

    /// Draw it, from this line on. Gives how many lines there are in all, for whoever scrolls.
    pub fn draw(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme, scroll: usize) -> usize {
        let lines = self.lines(area.width, theme);
        let all = lines.len();
        let from = scroll.min(all.saturating_sub(usize::from(area.height)));
        let mut shown: Vec<Line<'static>> = lines.into_iter().skip(from).take(area.height.into()).collect();
        let below = all.saturating_sub(from + shown.len());
        if let Some(last) = shown.last_mut().filter(|_| below > 0) {
            *last = Line::styled(format!("  … {} more below", below + 1), theme.dim());
        }
        frame.render_widget(Paragraph::new(shown), area);
        all
    }

    /// Whether this row changed anything that is listed.
    pub fn has_news(&self) -> bool {
        let changed = |news: &News| *news != News::Same;
        let session = self.session.as_ref();
        session.is_some_and(|s| changed(&s.news) || s.rows.iter().any(|(news, _, _)| changed(news)))
            || self.groups.iter().flat_map(|group| &group.rows).any(|(news, _)| changed(news))
    }
}

/// What matters first where nothing has changed: by what is spoken.
fn first_topics(step: Option<&Step>) -> &'static [Topic] {
    match step.map(|step| step.protocol) {
        Some(Protocol::Dns) => &[Topic::Caches, Topic::Queues],
        Some(Protocol::Pop3 | Protocol::Imap) => &[Topic::Mailboxes, Topic::Copies],
        _ => &[Topic::Queues, Topic::Mailboxes],
    }
}

/// What holds now beside what held: in the order of now, what is gone behind the others of its subject.
fn compared(was: Vec<Row>, now: Vec<Row>) -> Vec<(News, Row)> {
    let id = |row: &Row| (row.subject.clone(), row.key.clone());
    let mut before: BTreeMap<(String, String), Row> = was.into_iter().map(|row| (id(&row), row)).collect();
    let mut rows: Vec<(News, Row)> = Vec::with_capacity(now.len());
    for row in now {
        let old = before.remove(&id(&row));
        rows.push((News::of(old.as_ref().map(|old| &old.text), &row.text), row));
    }
    for gone in before.into_values() {
        let place =
            rows.iter().rposition(|(_, row)| row.subject == gone.subject).map_or(rows.len(), |at| at + 1);
        rows.insert(place, (News::Gone, gone));
    }
    rows
}

/// Subjects that changed first, then those of the hosts that speak, then the others; each keeps its rows' order.
fn sorted(mut rows: Vec<(News, Row)>, hosts: &BTreeSet<String>) -> Vec<(News, Row)> {
    let changed: BTreeSet<String> =
        rows.iter().filter(|(news, _)| *news != News::Same).map(|(_, row)| row.subject.clone()).collect();
    rows.sort_by_cached_key(|(_, row)| {
        let rank = match () {
            () if changed.contains(&row.subject) => 0,
            () if hosts.contains(&row.host) => 1,
            () => 2,
        };
        (rank, row.subject.clone())
    });
    rows
}

/// The connection of a Step after it; what it was, where this Step ended it.
fn session(cast: &Cast, before: &State, after: &State, step: &Step) -> Option<Session> {
    let title = rows::between(cast, step.conn);
    let old = before.connections.get(&step.conn);
    let Some(now) = after.connections.get(&step.conn) else {
        let was = old?;
        return Some(Session {
            title,
            standing: Standing { protocol: rows::spoken(was), now: was.phase, asked: None },
            news: News::Gone,
            turn: ended(step).to_owned(),
            rows: Vec::new(),
        });
    };
    let earlier = old.map(|old| rows::session(old, None)).unwrap_or_default();
    let mut was: BTreeMap<(&str, usize), String> = BTreeMap::new();
    let nth = |count: &mut BTreeMap<&'static str, usize>, word: &'static str| {
        let n = count.entry(word).or_default();
        *n += 1;
        *n
    };
    let mut count = BTreeMap::new();
    for (word, text) in earlier {
        was.insert((word, nth(&mut count, word)), text);
    }
    count.clear();
    let rows = rows::session(now, Some(step)).into_iter().map(|(word, text)| {
        let news = match old {
            Some(_) => News::of(was.get(&(word, nth(&mut count, word))), &text),
            None => News::Same,
        };
        (news, word, text)
    });
    Some(Session {
        title,
        standing: Standing { protocol: rows::spoken(now), now: now.phase, asked: diagram::asked(step) },
        news: News::of(old.map(|old| &old.phase), &now.phase),
        turn: turn(step, conn_words(cast, step.conn)),
        rows: rows.collect(),
    })
}

/// What the two ends are called.
fn conn_words(cast: &Cast, conn: Conn) -> (String, String) {
    (cast.speaker(conn, Direction::Client), cast.speaker(conn, Direction::Server))
}

fn ended(step: &Step) -> &'static str {
    match step.meaning {
        Meaning::Close(CloseHow::Refused) => "refused: there is no connection",
        Meaning::Close(CloseHow::Reset) => "broken off: both forget what was begun",
        Meaning::Close(CloseHow::Timeout) => "given up: no answer came",
        Meaning::Close(CloseHow::LetGo) => "not followed any further",
        _ => "closed: both forget what was begun",
    }
}

/// Who speaks next: whoever asked waits, whoever was asked answers.
fn turn(step: &Step, (client, server): (String, String)) -> String {
    match (step.kind, step.verdict) {
        (Kind::Open, _) if step.protocol == Protocol::Dns => format!("{client} asks next"),
        (Kind::Open, _) => format!("{server} speaks first"),
        (Kind::Query, _) => format!("{server} answers next"),
        (Kind::Answer, _) => format!("{client} has its answer"),
        (Kind::Command | Kind::Continuation | Kind::Data, _) => format!("{server} answers next"),
        (Kind::Reply, Some(Verdict::Intermediate)) => format!("{client} goes on"),
        (Kind::Untagged, _) => format!("{server} may go on"),
        (Kind::Greeting | Kind::Reply, _) => format!("{client} may ask next"),
        _ => String::new(),
    }
}

impl Session {
    fn lines(&self, width: usize, theme: &Theme) -> Vec<Line<'static>> {
        let mut out = Vec::new();
        push(&mut out, News::Same, &[(self.title.clone(), theme.style(Label::Host))], "", width, theme);
        if self.standing.protocol != Protocol::Dns {
            for (i, line) in
                diagram::lines(self.standing, width.saturating_sub(MARGIN), theme).into_iter().enumerate()
            {
                let mark = if i == 0 { self.news } else { News::Same };
                let mut spans = vec![Span::styled(mark.mark(), theme.changed())];
                spans.extend(line.spans);
                // A line keeps its own style beside its spans'.
                out.push(Line::from(spans).style(line.style));
            }
        }
        if !self.turn.is_empty() {
            push(&mut out, News::Same, &[(self.turn.clone(), theme.dim())], "", width, theme);
        }
        for (news, word, text) in &self.rows {
            let style = match () {
                () if *news != News::Same => theme.changed(),
                () if text.starts_with('✗') => theme.bad(),
                () => Style::new(),
            };
            let word = format!("{word:WORD$}");
            push(
                &mut out,
                *news,
                &[(word, theme.style(Label::Key)), (text.clone(), style)],
                "",
                width,
                theme,
            );
        }
        out
    }
}

impl Group {
    /// Its lines; in `brief`, resolvers that this row is not about are only counted.
    fn lines(&self, width: usize, brief: bool, theme: &Theme) -> Vec<Line<'static>> {
        let title = self.topic.title();
        let rule = width.saturating_sub(title.width() + 4);
        let mut out = vec![Line::from(vec![
            Span::styled("─ ", theme.border()),
            Span::styled(title, theme.heading()),
            Span::styled(format!(" {}", "─".repeat(rule)), theme.border()),
        ])];
        for rows in self.rows.chunk_by(|(_, a), (_, b)| a.subject == b.subject) {
            let Some((_, first)) = rows.first() else { continue };
            let subject = &first.subject;
            if brief && self.topic == Topic::Caches && !self.near.contains(subject) {
                let text = format!("{subject}: {}", clock::count(rows.len() as u64, "name"));
                push(&mut out, News::Same, &[(text, theme.dim())], "", width, theme);
                continue;
            }
            let indent = if subject.is_empty() { "" } else { "  " };
            if !subject.is_empty() {
                let head = [(subject.clone(), theme.style(Label::Host))];
                push(&mut out, News::Same, &head, "", width, theme);
            }
            for (news, row) in rows {
                push(&mut out, *news, &runs_of(*news, row, theme), indent, width, theme);
            }
        }
        out
    }
}

/// A row in its styles, with what changes with the clock behind it.
fn runs_of(news: News, row: &Row, theme: &Theme) -> Vec<(String, Style)> {
    let style = match news {
        News::Same => Style::new(),
        News::Gone => theme.dim(),
        _ => theme.changed(),
    };
    let mut runs = vec![(row.text.clone(), style)];
    if !row.aside.is_empty() && news != News::Gone {
        let aside =
            if row.text.ends_with(':') { format!(" {}", row.aside) } else { format!("  ({})", row.aside) };
        runs.push((aside, theme.dim()));
    }
    runs
}

/// Runs of text as lines of this width, behind the margin; what is wrapped stands further right.
fn push(
    out: &mut Vec<Line<'static>>,
    news: News,
    runs: &[(String, Style)],
    indent: &str,
    width: usize,
    theme: &Theme,
) {
    let room = width.saturating_sub(MARGIN + indent.len());
    if room == 0 {
        return;
    }
    let whole: String = runs.iter().map(|(text, _)| text.as_str()).collect();
    let hang = if room > 24 { "  " } else { "" };
    let options = textwrap::Options::new(room)
        .subsequent_indent(hang)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let mut left = runs.iter().flat_map(|(text, style)| text.chars().map(move |c| (c, *style))).peekable();
    for (i, row) in textwrap::wrap(&whole, options).iter().enumerate() {
        let mark = if i == 0 { news.mark() } else { "  " };
        let mut spans = vec![Span::styled(mark, theme.changed()), Span::raw(indent.to_owned())];
        let text = if i > 0 {
            spans.push(Span::raw(hang));
            row.strip_prefix(hang).unwrap_or(row)
        } else {
            row
        };
        let mut run = (String::new(), Style::new());
        for c in text.chars() {
            // Blanks at a break are left out.
            while left.peek().is_some_and(|(next, _)| *next != c && *next == ' ') {
                left.next();
            }
            let style = left.next().map_or(run.1, |(_, style)| style);
            if style != run.1 && !run.0.is_empty() {
                spans.push(Span::styled(std::mem::take(&mut run.0), run.1));
            }
            run.1 = style;
            run.0.push(c);
        }
        spans.push(Span::styled(run.0, run.1));
        out.push(Line::from(spans));
    }
}

/// Two columns of lines beside each other, with a rule between.
fn beside(
    left: Vec<Line<'static>>,
    right: Vec<Line<'static>>,
    half: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let rows = left.len().max(right.len());
    let (mut left, mut right) = (left.into_iter(), right.into_iter());
    (0..rows)
        .map(|_| {
            let mut spans = left.next().unwrap_or_default().spans;
            let wide: usize = spans.iter().map(Span::width).sum();
            spans.push(Span::raw(" ".repeat(half.saturating_sub(wide))));
            spans.push(Span::styled(" │ ", theme.border()));
            spans.extend(right.next().unwrap_or_default().spans);
            Line::from(spans)
        })
        .collect()
}

#[cfg(test)]
mod tests;
