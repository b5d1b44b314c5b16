//! How choices are made: keys move among them, mark them, put them in order, give each on the left its right one.

use super::LessonView;
use super::places::Places;
use crate::lesson::activity::{Question, Task};
use ratatui::crossterm::event::KeyCode;

impl LessonView {
    /// How many choices there are.
    pub(super) fn choices(&self) -> usize {
        match self.task() {
            Some(Task::Answer(Question::Choose { choices, .. })) => choices.len(),
            Some(Task::Answer(Question::Order { items, .. })) => items.len(),
            Some(Task::Answer(Question::Match { pairs, .. })) => pairs.len(),
            Some(Task::WhatIf { choices, .. }) => choices.len(),
            Some(Task::Predict(_)) => self.predicted(),
            _ => 0,
        }
    }

    pub(super) fn choice_key(&mut self, code: KeyCode) {
        let count = self.choices();
        match code {
            KeyCode::Down | KeyCode::Char('j') if count > 0 => {
                self.cursor = (self.cursor + 1).min(count - 1);
                self.follow = true;
            }
            KeyCode::Up | KeyCode::Char('k') if count > 0 => {
                self.cursor = self.cursor.saturating_sub(1);
                self.follow = true;
            }
            KeyCode::Down | KeyCode::Char('j') => self.scroll(1, false),
            KeyCode::Up | KeyCode::Char('k') => self.scroll(1, true),
            KeyCode::Backspace => {
                self.chosen.pop();
                self.places.take_back();
            }
            KeyCode::Char(sign @ ('<' | '>')) if self.places.all().is_some() => {
                self.cursor = self.places.shift(self.cursor, sign == '<');
                self.follow = true;
            }
            KeyCode::Char(' ') if count > 0 => self.mark(self.cursor),
            KeyCode::Char(' ') => self.scroll(10, false),
            KeyCode::Char(digit @ '1'..='9') => {
                let number = usize::from(u8::try_from(digit).unwrap_or(b'1') - b'1');
                self.digit(number, count);
            }
            KeyCode::Enter => self.enter(),
            _ => {}
        }
    }

    /// Who comes back to a question that is done sees its answer.
    pub(super) fn as_it_is_right(&mut self) {
        let Some(Task::Answer(question)) = self.task().cloned() else { return };
        match question {
            Question::Choose { choices, .. } => {
                let right = choices.iter().enumerate().filter(|(_, choice)| choice.right);
                self.chosen = right.map(|(number, _)| number).collect();
                self.cursor = self.chosen.first().copied().unwrap_or_default();
            }
            Question::Order { shown, .. } => self.places = Places::right(&shown),
            Question::Match { pairs, rights } => {
                let right = |pair: &(String, String, String)| rights.iter().position(|text| *text == pair.1);
                self.given =
                    pairs.iter().map(right).enumerate().filter_map(|(left, n)| Some((left, n?))).collect();
            }
            Question::Text { .. } => {}
        }
    }

    /// Mark a choice, or take the mark back.
    fn mark(&mut self, number: usize) {
        match self.task() {
            Some(Task::Answer(Question::Choose { several: true, .. })) => {}
            Some(Task::Answer(Question::Order { .. })) => {
                let listed = self.places.listed();
                let Some(item) = listed.get(number).copied() else { return };
                self.places.mark(item);
                // Who gave the last one its place sees all in order, from the top; who takes one out sees it.
                self.cursor = if self.places.all().is_some() { 0 } else { item };
                return;
            }
            _ => return,
        }
        if self.chosen.contains(&number) {
            self.chosen.retain(|chosen| *chosen != number);
        } else {
            self.chosen.push(number);
        }
    }

    fn digit(&mut self, number: usize, count: usize) {
        let rights = match self.task() {
            Some(Task::Answer(Question::Match { rights, .. })) => Some(rights.len()),
            _ => None,
        };
        match rights {
            Some(rights) if number < rights => {
                self.given.insert(self.cursor, number);
                self.cursor = (self.cursor + 1).min(count.saturating_sub(1));
            }
            None if number < count => {
                self.cursor = number;
                match self.task() {
                    Some(Task::Answer(Question::Choose { several: true, .. } | Question::Order { .. })) => {
                        self.mark(number);
                    }
                    _ => self.enter(),
                }
            }
            _ => {}
        }
    }

    /// The one under the cursor takes the next place, and the cursor goes on to one that has none.
    pub(super) fn place(&mut self) {
        if self.places.of(self.cursor).is_none() {
            self.places.mark(self.cursor);
        }
        let open = |item: &usize| self.places.of(*item).is_none();
        let next = (self.cursor..self.choices()).chain(0..self.cursor).find(open);
        self.cursor = next.unwrap_or_default();
    }
}
