//! [`Branches`]: the pane with the tree of forks: which there are, where each parts from what it was forked from, and
//! how it ends otherwise.
//!
//! The tree itself is its owner's; the pane keeps which row is chosen.

use super::predict::Rows;
use super::theme::Theme;
use super::whatif::key_line;
use crate::base::escape;
use crate::view::fork::{Branch, Fate, Tree};
use crate::view::headline::cut;
use crate::view::page::Label;
use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

/// Columns from which on the tree and what is said about a branch stand side by side.
const WIDE: u16 = 100;

/// What a key has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing that concerns anybody else.
    Stay,
    /// This branch is to be looked at.
    Switch(usize),
    /// This branch is to be shown beside that one: the first is what the second was forked from.
    Diff(usize, usize),
    /// This branch is to be saved as a transcript.
    Save(usize),
    /// This branch, and what was forked from it, is given up.
    GiveUp(usize),
    /// The pane is left.
    Leave,
}

/// See the head of this file.
#[derive(Clone, Debug, Default)]
pub struct Branches {
    at: usize,
    /// Giving up was asked for, and is to be said twice.
    sure: bool,
}

impl Branches {
    /// The pane, at the branch that is looked at.
    pub fn new(tree: &Tree) -> Self {
        let at = tree.rows().iter().position(|row| row.id == tree.current().id).unwrap_or(0);
        Branches { at, sure: false }
    }

    /// The chosen branch.
    pub fn chosen<'t>(&self, tree: &'t Tree) -> Option<&'t Branch> {
        let rows = tree.rows();
        rows.get(self.at.min(rows.len().saturating_sub(1))).and_then(|row| tree.get(row.id))
    }

    /// Take a key.
    pub fn update(&mut self, key: KeyEvent, tree: &Tree) -> Outcome {
        if key.kind == KeyEventKind::Release {
            return Outcome::Stay;
        }
        let count = tree.len().max(1);
        self.at = self.at.min(count - 1);
        let sure = std::mem::take(&mut self.sure);
        let Some(branch) = self.chosen(tree) else { return Outcome::Leave };
        let told = matches!(branch.fate, Fate::Told(_));
        match (key.code, branch.parent) {
            (KeyCode::Down | KeyCode::Char('j'), _) => self.at = (self.at + 1) % count,
            (KeyCode::Up | KeyCode::Char('k'), _) => self.at = (self.at + count - 1) % count,
            (KeyCode::Home, _) => self.at = 0,
            (KeyCode::End, _) => self.at = count - 1,
            (KeyCode::Enter | KeyCode::Char(' '), _) if told => return Outcome::Switch(branch.id),
            (KeyCode::Char('d'), Some(parent)) if told => return Outcome::Diff(parent, branch.id),
            (KeyCode::Char('s'), _) if told => return Outcome::Save(branch.id),
            (KeyCode::Char('x') | KeyCode::Delete, Some(_)) if sure => return Outcome::GiveUp(branch.id),
            (KeyCode::Char('x') | KeyCode::Delete, Some(_)) => self.sure = true,
            (KeyCode::Esc | KeyCode::Char('q'), _) => return Outcome::Leave,
            _ => {}
        }
        Outcome::Stay
    }

    /// Draw it. It takes the whole area.
    pub fn draw(&self, tree: &Tree, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        frame.render_widget(Clear, area);
        let again = if self.sure { "x" } else { "" };
        let keys: &[(&str, &str)] = match again {
            "x" => &[("x", "give it up, with its forks"), ("any other key", "keep it")],
            _ => &[
                ("↑↓", "choose"),
                ("enter", "look at it"),
                ("d", "diff"),
                ("s", "save"),
                ("x", "give up"),
                ("esc", "leave"),
            ],
        };
        let block = Block::bordered()
            .border_style(theme.border_active())
            .title(Span::styled(format!(" Branches: {} ", tree.len()), theme.heading()))
            .title_bottom(key_line(theme, keys));
        let inner = block.inner(area);
        frame.render_widget(block, area);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let parts: [Rect; 3] = if inner.width >= WIDE {
            Layout::horizontal([Constraint::Percentage(50), Constraint::Length(2), Constraint::Fill(1)])
                .areas(inner)
        } else {
            Layout::vertical([Constraint::Percentage(45), Constraint::Length(1), Constraint::Fill(1)])
                .areas(inner)
        };
        self.draw_tree(tree, frame, parts[0], theme);
        let mut rows = Rows { theme, width: usize::from(parts[2].width).max(8), lines: Vec::new() };
        if let Some(branch) = self.chosen(tree) {
            about(branch, tree, &mut rows);
        }
        frame.render_widget(Paragraph::new(rows.lines), parts[2]);
    }

    fn draw_tree(&self, tree: &Tree, frame: &mut Frame<'_>, area: Rect, theme: &Theme) {
        let current = tree.current().id;
        let rows = tree.rows();
        let at = self.at.min(rows.len().saturating_sub(1));
        let mut lines = Vec::with_capacity(rows.len());
        for (number, row) in rows.iter().enumerate() {
            let Some(branch) = tree.get(row.id) else { continue };
            let (mark, style) = match (number == at, row.id == current) {
                (true, true) => ("▸●", theme.selected_text()),
                (true, false) => ("▸ ", theme.selected_text()),
                (false, true) => (" ●", theme.heading()),
                (false, false) => ("  ", Style::new()),
            };
            let end = match (&branch.fate, &branch.parting) {
                (Fate::Running, _) => " · running".to_owned(),
                (Fate::Failed(_), _) => " · ✗ not run".to_owned(),
                (Fate::Told(_), Some(parting)) => match parting.step {
                    Some(step) => format!(" · from step {step}"),
                    None => " · the same".to_owned(),
                },
                (Fate::Told(_), None) => String::new(),
            };
            let beside = 3 + row.lead.chars().count() + end.chars().count();
            let room = usize::from(area.width).saturating_sub(beside).max(4);
            lines.push(Line::from(vec![
                Span::styled(format!("{mark} "), style),
                Span::styled(row.lead.clone(), theme.border()),
                Span::styled(cut(&escape::text(&branch.name), room), style),
                Span::styled(end, theme.dim()),
            ]));
        }
        let room = usize::from(area.height).max(1);
        let first = at.saturating_sub(room.saturating_sub(2)).min(lines.len().saturating_sub(room));
        let scroll = u16::try_from(first).unwrap_or(u16::MAX);
        frame.render_widget(Paragraph::new(lines).scroll((scroll, 0)), area);
    }
}

/// What is to be said about a branch.
fn about(branch: &Branch, tree: &Tree, rows: &mut Rows<'_>) {
    let theme = rows.theme;
    match (&branch.fate, &branch.parting) {
        (Fate::Running, _) => rows.say("", Style::new(), "It is being run.", Style::new()),
        (Fate::Failed(why), _) => rows.say("✗ ", theme.bad(), &escape::text(why), Style::new()),
        (Fate::Told(_), None) => {
            rows.say(
                "",
                Style::new(),
                "The story as it was, from which the others are forked.",
                Style::new(),
            );
        }
        (Fate::Told(_), Some(parting)) => {
            let from = branch.parent.and_then(|parent| tree.get(parent)).map_or("", |parent| &parent.name);
            let said = match parting.step {
                Some(step) => format!(
                    "As “{}” up to step {}; its own way from step {step} on.",
                    escape::text(from),
                    step - 1
                ),
                None => format!("The same as “{}”: nothing in it is otherwise.", escape::text(from)),
            };
            rows.say("", theme.heading(), &said, theme.heading());
            for difference in &parting.differences {
                rows.say("● ", theme.changed(), &difference.what, theme.style(Label::Key));
                let ends = format!("{}  →  {}", difference.before, difference.after);
                rows.say("  ", Style::new(), &ends, Style::new());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Record, Transcript};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::crossterm::event::KeyModifiers;
    use std::path::Path;
    use std::sync::Arc;

    fn records(name: &str) -> Arc<[Record]> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("transcripts/{name}.jsonl"));
        Transcript::read(std::fs::read(path).unwrap().as_slice()).unwrap().0.records.into()
    }

    fn tree() -> Tree {
        let mut tree = Tree::new("Alice writes to Bob", Vec::new(), records("journey"));
        let full = tree.grow(0, "The mailbox of bob@example.net is full", Vec::new()).unwrap();
        tree.told(full, records("mailbox-full"));
        let later =
            tree.grow(0, "mx1.example.net puts off senders that it does not know", Vec::new()).unwrap();
        tree.told(later, records("greylist"));
        let inner = tree.grow(full, "mail says “QUIT”\u{1b}[2J", Vec::new()).unwrap();
        tree.failed(inner, "this scenario has no host \u{7}x".to_owned());
        tree.grow(full, "still under way", Vec::new()).unwrap();
        tree.switch(full);
        tree
    }

    fn drawn(pane: &Branches, tree: &Tree, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| pane.draw(tree, frame, frame.area(), &Theme::mono())).unwrap();
        super::super::testing::text(terminal.backend().buffer())
    }

    fn press(pane: &mut Branches, tree: &Tree, code: KeyCode) -> Outcome {
        pane.update(KeyEvent::new(code, KeyModifiers::NONE), tree)
    }

    #[test]
    fn the_tree_is_drawn_with_what_became_otherwise() {
        let tree = tree();
        let mut pane = Branches::new(&tree);
        insta::assert_snapshot!("branches_80", drawn(&pane, &tree, 80, 24));
        press(&mut pane, &tree, KeyCode::End);
        press(&mut pane, &tree, KeyCode::Up);
        insta::assert_snapshot!("branches_120", drawn(&pane, &tree, 120, 40));
        for (width, height) in [(1, 1), (12, 4), (200, 60)] {
            drawn(&pane, &tree, width, height);
        }
    }

    #[test]
    fn keys_lead_to_deeds() {
        let tree = tree();
        let mut pane = Branches::new(&tree);
        assert_eq!(press(&mut pane, &tree, KeyCode::Enter), Outcome::Switch(1));
        assert_eq!(press(&mut pane, &tree, KeyCode::Char('d')), Outcome::Diff(0, 1));
        assert_eq!(press(&mut pane, &tree, KeyCode::Char('s')), Outcome::Save(1));
        assert_eq!(press(&mut pane, &tree, KeyCode::Char('x')), Outcome::Stay, "it is asked first");
        assert_eq!(press(&mut pane, &tree, KeyCode::Char('x')), Outcome::GiveUp(1));
        press(&mut pane, &tree, KeyCode::Down);
        assert_eq!(press(&mut pane, &tree, KeyCode::Enter), Outcome::Stay, "it was not run");
        pane.at = 0;
        press(&mut pane, &tree, KeyCode::Char('x'));
        assert_eq!(press(&mut pane, &tree, KeyCode::Char('x')), Outcome::Stay, "the story itself stays");
        assert_eq!(press(&mut pane, &tree, KeyCode::Esc), Outcome::Leave);
    }
}
