//! Questions about the next line, in plain sentences: asked one after the other until the reader stops.

use super::{Linear, say};
use crate::explain::index::RowKinds;
use crate::explain::predict::{Answer, Question, Verdict};
use crate::view::clock;

/// What is asked, and about which row.
#[derive(Clone, Debug)]
pub(super) struct Quiz {
    question: Question,
    row: usize,
}

impl Linear {
    /// Ask about the next line.
    pub(super) fn predict(&mut self) -> Vec<String> {
        let from = self.here.map_or(0, |here| here + 1);
        let is_step = self.book.kinds(from).any(RowKinds::STEP);
        let row = if is_step { Some(from) } else { self.book.next(from, RowKinds::STEP, false) };
        let Some(row) = row else {
            let mut out = vec!["There is no further line to predict.".to_owned()];
            out.extend(self.farewell());
            self.scored = true;
            return out;
        };
        match self.book.ask(row, self.seed) {
            Some(question) => {
                let said = asked(&question);
                self.quiz = Some(Quiz { question, row });
                said
            }
            None => vec!["Nobody could know the next line: say next to hear it.".to_owned()],
        }
    }

    /// Hear an answer.
    pub(super) fn answer(&mut self, line: &str) -> Vec<String> {
        let Some(quiz) = self.quiz.clone() else { return Vec::new() };
        let line = line.trim();
        match line.to_lowercase().as_str() {
            "" | "?" | "help" => return vec![HOW.to_owned()],
            "stop" => {
                self.quiz = None;
                let mut out = vec!["No more questions.".to_owned()];
                out.extend(self.score.sentences());
                self.scored = true;
                return out;
            }
            "skip" => return self.reveal(&quiz),
            "again" => return asked(&quiz.question),
            _ => {}
        }
        let chosen = line.parse::<usize>().ok().filter(|n| (1..=quiz.question.choices.len()).contains(n));
        let answer = match chosen {
            Some(number) => quiz.question.choose(number - 1),
            None => quiz.question.typed(line),
        };
        let Some(answer) = answer else { return vec![HOW.to_owned()] };
        self.score.take(&quiz.question, &answer);
        self.scored = false;
        let mut out = judged(&answer);
        if answer.verdict == Verdict::Right {
            // What the line means is told with it.
            out.truncate(1);
            out.extend(self.reveal(&quiz));
        } else {
            out.push("Try again, or say skip to hear it.".to_owned());
        }
        out
    }

    /// Tell the line, and what stands before it; and ask about the next one.
    fn reveal(&mut self, quiz: &Quiz) -> Vec<String> {
        self.quiz = None;
        let from = self.here.map_or(0, |here| here + 1);
        let mut out: Vec<String> = (from..=quiz.row).flat_map(|row| self.tell(row)).collect();
        out.extend(self.predict());
        out
    }
}

const HOW: &str = "Answer by a number; or by the line, its verb, or the reply's code. Skip tells it, again asks it once \
                   more, stop ends the questions.";

fn asked(question: &Question) -> Vec<String> {
    let mut out = vec![format!("What will step {} be?", question.number)];
    if question.gap >= super::GAP {
        out.push(say::sentence(&clock::passes(question.gap)));
    }
    if !question.setting.is_empty() {
        out.push(format!("Between {}.", question.setting));
    }
    if let Some(last) = &question.last {
        out.push(format!("Last: {last}"));
    }
    out.push(question.asks.clone());
    out.extend(
        question.choices.iter().enumerate().map(|(at, choice)| format!("{}: {}", at + 1, choice.sentence())),
    );
    out.into_iter().map(|line| line.replace(crate::base::secret::HIDDEN, "(hidden)")).collect()
}

fn judged(answer: &Answer) -> Vec<String> {
    let mut out = vec![answer.heading.clone()];
    if let Some(row) = answer.misconception.filter(|_| answer.verdict != Verdict::Right) {
        out.push(format!("A common belief: {}.", row.people_say));
    }
    if !answer.because.is_empty() {
        out.push(format!("{} ({})", say::sentence(&answer.because), answer.source.join(", ")));
    }
    out
}
