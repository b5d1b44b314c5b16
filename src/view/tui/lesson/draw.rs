//! The lesson, drawn.

use super::{KEYS, LessonView, Over, Story};
use crate::lesson::activity::Task;
use crate::view::lesson::rows::{Look, Row};
use crate::view::page::Label;
use crate::view::plain::layout::{cut, wrap};
use crate::view::tui::theme::Theme;
use crate::view::tui::whatif::key_line;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};
use unicode_width::UnicodeWidthStr;

/// From so many columns on the story stands beside the page.
const WITH_STORY: u16 = 110;
/// Text is not set wider than this.
const MEASURE: u16 = 84;

type Keys = &'static [(&'static str, &'static str)];
type Key = (&'static str, &'static str);

impl LessonView {
    /// Draw it.
    pub fn draw(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        frame.render_widget(Clear, area);
        if let Over::Talk(pane) = &self.over {
            let below = self.draw_task(frame, area, theme);
            pane.draw(frame, below, theme);
            return;
        }
        let beside = area.width >= WITH_STORY && self.story.is_some();
        let (page, story) = match (beside, self.in_story) {
            (true, _) => {
                let half = MEASURE.min(area.width / 2);
                let [page, story] =
                    Layout::horizontal([Constraint::Length(half), Constraint::Fill(1)]).areas(area);
                (Some(page), Some(story))
            }
            // Who goes through the story sees what is asked of it.
            (false, true) => (None, Some(self.draw_task(frame, area, theme))),
            (false, false) => (Some(area), None),
        };
        match (page, &self.over) {
            // What is asked stands above what is written.
            (Some(area), Over::Editor(editor)) => {
                let below = self.draw_task(frame, area, theme);
                self.draw_editor(frame, below, editor, theme);
            }
            (Some(area), _) => self.draw_page(frame, area, theme),
            (None, _) => {}
        }
        if let (Some(area), Some(story)) = (story, &self.story) {
            self.draw_story(frame, area, story, theme);
        }
        match &self.over {
            Over::Help => help(frame, area, theme),
            Over::Line(text) => line(frame, area, text, theme),
            Over::Nothing | Over::Talk(_) | Over::Editor(_) => {}
        }
    }

    /// What is asked, above what is typed; gives the room that is left.
    fn draw_task(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) -> Rect {
        let asked = self.at.and_then(|number| self.asked.get(&number));
        let width = usize::from(area.width).saturating_sub(2).min(usize::from(MEASURE));
        let said = asked.into_iter().flat_map(|asked| asked.setting.iter().chain([&asked.ask]));
        let mut lines: Vec<String> = said.flat_map(|text| wrap(text, width)).collect();
        let most = usize::from(area.height / 5);
        if lines.len() > most {
            lines.truncate(most);
            if let Some(last) = lines.last_mut() {
                *last = cut(&format!("{last} …"), width);
            }
        }
        let height = u16::try_from(lines.len()).unwrap_or_default();
        let [above, below] = Layout::vertical([Constraint::Length(height), Constraint::Fill(1)]).areas(area);
        let lines: Vec<Line<'static>> =
            lines.into_iter().map(|text| Line::styled(format!(" {text}"), theme.heading())).collect();
        frame.render_widget(Paragraph::new(lines), above);
        below
    }

    fn keys(&self) -> Vec<Key> {
        match self.over {
            Over::Line(_) => vec![("enter", "answer"), ("esc", "back")],
            Over::Editor(_) => {
                let is_tried = matches!(self.task(), Some(Task::Repair(_)));
                vec![
                    ("ctrl-s", if is_tried { "try it" } else { "done" }),
                    ("ctrl-t", "hint"),
                    ("esc", "back"),
                ]
            }
            _ => self.page_keys(),
        }
    }

    /// What keys do something on this page now.
    fn page_keys(&self) -> Vec<Key> {
        let mut keys = vec![("←→", "step")];
        let activity = self.at.and_then(|number| self.session.activity(number));
        if let Some(activity) = activity {
            keys.push(match activity.task {
                Task::Watch(_) | Task::Find { .. } => ("enter", "look"),
                Task::Type(_) => ("enter", "call"),
                Task::Repair(_) => ("enter", "mend"),
                Task::Explain { .. } => ("enter", "write"),
                _ => ("enter", "answer"),
            });
        }
        if self.session.here().len() > 1 {
            keys.push(("tab", "next"));
        }
        if activity.is_some_and(|activity| !activity.hints.is_empty()) {
            keys.push(("h", "hint"));
        }
        if self.story.is_some() {
            keys.push(("s", "story"));
        }
        keys.extend([("?", "keys"), ("q", "quit")]);
        keys
    }

    fn draw_page(&self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let lesson = self.session.lesson();
        let (done, of) = self.session.score();
        let heading =
            self.session.open().map(|page| crate::base::escape::text(&page.heading)).unwrap_or_default();
        let place =
            format!(" step {} of {} · {done}/{of} done ", self.session.page() + 1, lesson.pages.len());
        let room = usize::from(area.width).saturating_sub(place.width() + 6);
        let border = if self.in_story { theme.border() } else { theme.border_active() };
        let block = Block::bordered()
            .border_style(border)
            .title(Span::styled(format!(" {} ", cut(&heading, room)), theme.heading()))
            .title(Line::styled(place, theme.dim()).right_aligned())
            .title_bottom(self.bottom(theme));
        let inner = block.inner(area);
        frame.render_widget(block, area);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2).min(MEASURE), ..inner };
        let set = self.set(usize::from(inner.width));
        let height = usize::from(inner.height).max(1);
        let most = set.rows.len().saturating_sub(height);
        let mut first = self.first.get().min(most);
        if self.follow && set.here.1 > 0 {
            // All of the activity where it fits, else its beginning; and no more scrolling than that takes.
            let (from, to) = set.here;
            if to > first + height {
                first = to - height;
            }
            first = first.min(from).min(most);
            if to - from > height {
                first = self.behind_cursor(&set.rows, set.here, height).min(most);
            }
        }
        self.first.set(first);
        let lines = set.rows.iter().skip(first).take(height).map(|row| styled(row, theme));
        frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), inner);
        if most > 0 {
            // Who has not read on the whole page is told that there is more of it.
            let shown = if first < most { " ↓ more " } else { " end " };
            let width = u16::try_from(shown.width()).unwrap_or(8);
            let at =
                Rect { x: area.right().saturating_sub(width + 2), y: area.bottom() - 1, width, height: 1 };
            frame.render_widget(Paragraph::new(Span::styled(shown, theme.dim())), at);
        }
    }

    /// Where a long activity is shown from, so that the choice under the cursor and what was said are seen.
    fn behind_cursor(&self, rows: &[Row], (from, to): (usize, usize), height: usize) -> usize {
        let is_cursor = |row: &Row| row.iter().any(|(_, look)| *look == Look::Chosen);
        let cursor = (from..to).find(|at| rows.get(*at).is_some_and(is_cursor)).unwrap_or(from);
        if self.at.is_some_and(|number| self.said.contains_key(&number)) {
            return to.saturating_sub(height);
        }
        if cursor < from + height { from } else { (cursor + 1).saturating_sub(height) }
    }

    fn bottom(&self, theme: &Theme) -> Line<'static> {
        if self.is_busy() {
            return Line::styled(" the world runs … ", theme.dim());
        }
        match self.news.as_str() {
            "" => key_line(theme, &self.keys()),
            news => Line::styled(format!(" {} ", crate::base::escape::text(news)), theme.changed()),
        }
    }

    fn draw_story(&self, frame: &mut Frame<'_>, area: Rect, story: &Story, theme: &Theme) {
        let keys: Keys = match self.session.activity(story.of).map(|activity| &activity.task) {
            Some(Task::Find { .. }) => &[("↑↓", "go"), ("enter", "this one"), ("s", "back")],
            Some(Task::Watch(_)) => &[("↑↓", "go"), ("n", "next of these"), ("s", "back")],
            _ if story.made => {
                &[("↑↓", "go"), ("n", "next of what changed"), ("o", "as it was"), ("s", "back")]
            }
            _ if self.session.has_come(story.of) => &[("↑↓", "go"), ("o", "what came of it"), ("s", "back")],
            _ => &[("↑↓", "go"), ("s", "back")],
        };
        let border = if self.in_story { theme.border_active() } else { theme.border() };
        let mut block =
            Block::bordered().border_style(border).title(Span::styled(self.title_of(story), theme.heading()));
        if self.in_story {
            block = block.title_bottom(match self.news.is_empty() {
                true => key_line(theme, keys),
                false => self.bottom(theme),
            });
        }
        let inner = block.inner(area);
        frame.render_widget(block, area);
        let width = usize::from(inner.width);
        let note: Vec<String> =
            story.told.note(story.row).iter().flat_map(|text| wrap(text, width.saturating_sub(2))).collect();
        let least = (inner.height / 3).max(3);
        let needed = u16::try_from(note.len()).unwrap_or(u16::MAX);
        let room = match self.long_note {
            true => needed.clamp(least, (inner.height * 3 / 4).max(least)),
            false => least,
        };
        let note = shortened(note, usize::from(room), self.long_note, width);
        let [list, rule, below] =
            Layout::vertical([Constraint::Fill(1), Constraint::Length(1), Constraint::Length(room)])
                .areas(inner);
        let height = usize::from(list.height).max(1);
        let open = self.open_rows();
        let hidden = open < story.told.rows.len();
        let count = open + usize::from(hidden);
        let first = (story.row + 1).saturating_sub(height / 2 + 1).min(count.saturating_sub(height));
        let rows = story.told.rows.iter().take(open).enumerate().skip(first).take(height);
        let mut lines: Vec<Line<'static>> = rows
            .map(|(at, row)| {
                let is_here = at == story.row;
                let sign = if story.about.contains(&at) { "▌" } else { " " };
                let text = match (row.number, row.who.as_str()) {
                    (0, _) => format!("{sign} {}", row.line),
                    (number, "") => format!("{sign}{number:>4}  {}", row.line),
                    (number, who) => format!("{sign}{number:>4}  {}: {}", short(who), row.line),
                };
                let style = match (is_here, row.number) {
                    (true, _) => theme.lit(),
                    (false, 0) => theme.heading(),
                    _ => Style::new(),
                };
                Line::styled(cut(&text, width), style)
            })
            .collect();
        if hidden && lines.len() < height {
            lines.push(Line::styled(
                cut("  … the rest, when you have said what comes next", width),
                theme.dim(),
            ));
        }
        frame.render_widget(Paragraph::new(lines), list);
        frame.render_widget(Paragraph::new(Line::styled("─".repeat(width), theme.border())), rule);
        let said: Vec<Line<'static>> = note.into_iter().map(|text| Line::from(format!(" {text}"))).collect();
        frame.render_widget(Paragraph::new(said), below);
    }

    /// What the story beside is.
    fn title_of(&self, story: &Story) -> String {
        match (story.made, self.session.has_come(story.of)) {
            (true, _) => format!(" what came of it: {} ", story.told.title),
            (false, true) => format!(" as it was: {} ", story.told.title),
            (false, false) => format!(" {} ", story.told.title),
        }
    }

    fn draw_editor(
        &self,
        frame: &mut Frame<'_>,
        place: Rect,
        editor: &tui_textarea::TextArea<'static>,
        theme: &Theme,
    ) {
        let title = match self.session.activity(self.at.unwrap_or_default()).map(|a| &a.task) {
            Some(Task::Repair(repair)) => format!(" {} ", crate::base::escape::text(&repair.file)),
            _ => " in your own words ".to_owned(),
        };
        let keys = match self.is_busy() {
            true => self.bottom(theme),
            false => key_line(theme, &self.keys()),
        };
        let block = Block::bordered()
            .border_style(theme.border_active())
            .title(Span::styled(title, theme.heading()))
            .title_bottom(keys);
        let inner = block.inner(place);
        frame.render_widget(block, place);
        // What is said about the text stands under it, whole: a line of keys is too short for it.
        let width = usize::from(inner.width).max(1);
        let said: Vec<Line<'static>> = self
            .news
            .lines()
            .flat_map(|line| wrap(&crate::base::escape::text(line), width))
            .map(|line| Line::styled(line, theme.changed()))
            .collect();
        let room = u16::try_from(said.len()).unwrap_or(u16::MAX).min(inner.height.saturating_sub(3));
        let [text, below] = Layout::vertical([Constraint::Fill(1), Constraint::Length(room)]).areas(inner);
        let mut editor = editor.clone();
        editor.set_cursor_line_style(Style::new());
        editor.set_cursor_style(theme.lit());
        frame.render_widget(&editor, text);
        frame.render_widget(Paragraph::new(said), below);
    }
}

/// A note that has more lines than there is room for says so in the last of them.
fn shortened(mut note: Vec<String>, room: usize, is_long: bool, width: usize) -> Vec<String> {
    if note.len() > room {
        note.truncate(room);
        if let Some(last) = note.last_mut() {
            let more = if is_long { " …" } else { " … (space: all of it)" };
            let kept = cut(last, width.saturating_sub(more.width() + 2));
            *last = format!("{}{more}", kept.trim_end_matches(['…', ' ']));
        }
    }
    note
}

/// The first label of a host's name.
fn short(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

fn styled(row: &Row, theme: &Theme) -> Line<'static> {
    let span = |(text, look): &(String, Look)| {
        let style = match look {
            Look::Plain => Style::new(),
            Look::Heading => theme.heading(),
            Look::Strong => Style::new().add_modifier(Modifier::BOLD),
            Look::Emphasis => Style::new().add_modifier(Modifier::ITALIC),
            Look::Code => theme.style(Label::Command),
            Look::Link => Style::new().add_modifier(Modifier::UNDERLINED),
            Look::Sign => theme.border(),
            Look::Key => theme.key(),
            Look::Dim => theme.dim(),
            Look::Right => theme.good(),
            Look::Wrong => theme.bad(),
            Look::Mistake => theme.style(Label::Mistake),
            Look::Chosen => theme.lit(),
        };
        Span::styled(text.clone(), style)
    };
    Line::from(row.iter().map(span).collect::<Vec<_>>())
}

fn help(frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
    let height = u16::try_from(KEYS.len() + 2).unwrap_or(14).min(area.height);
    let width = 76.min(area.width);
    let place =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    frame.render_widget(Clear, place);
    let lines = KEYS.iter().map(|(key, _, what)| {
        Line::from(vec![Span::styled(format!(" {key:<7}"), theme.key()), Span::raw(format!(" {what}"))])
    });
    let block =
        Block::bordered().border_style(theme.border_active()).title(Span::styled(" keys ", theme.heading()));
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()).block(block), place);
}

fn line(frame: &mut Frame<'_>, area: Rect, text: &str, theme: &Theme) {
    let place = Rect { y: area.bottom().saturating_sub(3), height: 3.min(area.height), ..area };
    frame.render_widget(Clear, place);
    let room = usize::from(place.width).saturating_sub(6);
    let skip = text.chars().count().saturating_sub(room);
    let shown: String = text.chars().skip(skip).collect();
    let typed = Line::from(vec![
        Span::styled("> ", theme.key()),
        Span::raw(crate::base::escape::text(&shown)),
        Span::styled(" ", theme.lit()),
    ]);
    let keys: Keys = &[("enter", "answer"), ("esc", "back")];
    let block = Block::bordered()
        .border_style(theme.border_active())
        .title(Span::styled(" your answer ", theme.heading()))
        .title_bottom(key_line(theme, keys));
    frame.render_widget(Paragraph::new(typed).block(block), place);
}
