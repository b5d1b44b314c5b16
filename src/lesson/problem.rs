//! [`Problem`]: one thing that is wrong with a lesson, with its place in the file, shown as a compiler shows it.

use crate::world::scenario::terms::nearest;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::ops::Range;
use std::sync::Arc;

/// A text that people wrote, and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// As it is shown: `lessons/envelope-and-letter/lesson.md`.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub source: Arc<Source>,
    /// Bytes of the text that it is about, where it is about some.
    pub span: Option<Range<usize>>,
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// What to do about it; empty: that is plain.
    pub help: String,
    /// Whether the lesson can be held all the same.
    pub warning: bool,
}

impl Problem {
    /// Something wrong at these bytes.
    pub fn at(source: &Arc<Source>, span: Range<usize>, message: impl Into<String>) -> Self {
        Problem { span: Some(span), ..Problem::of(source, message) }
    }

    /// Something wrong with the file as a whole.
    pub fn of(source: &Arc<Source>, message: impl Into<String>) -> Self {
        Problem {
            source: Arc::clone(source),
            span: None,
            message: message.into(),
            help: String::new(),
            warning: false,
        }
    }

    /// With advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// Of which an author should know, and which spoils nothing.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.warning = true;
        self
    }

    /// The line it points at, from 1.
    pub fn line(&self) -> Option<usize> {
        let before = self.source.text.get(..self.span.as_ref()?.start)?;
        Some(before.matches('\n').count() + 1)
    }
}

/// All of them, with the lines that they are about.
pub fn render(problems: &[Problem], colour: bool) -> String {
    let mut report = Vec::new();
    for problem in problems {
        let mut group = Group::with_title(match problem.warning {
            true => Level::WARNING.primary_title(problem.message.as_str()),
            false => Level::ERROR.primary_title(problem.message.as_str()),
        });
        let text = problem.source.text.as_str();
        // A span that ends in the middle of a character would not be shown at all.
        let span = problem.span.clone().filter(|span| text.get(span.clone()).is_some());
        group = match span {
            Some(span) => {
                let snippet = Snippet::source(text).path(problem.source.name.as_str());
                group.element(snippet.annotation(AnnotationKind::Primary.span(span)))
            }
            None => group.element(Origin::path(problem.source.name.as_str())),
        };
        if !problem.help.is_empty() {
            group = group.element(Level::HELP.message(problem.help.as_str()));
        }
        report.push(group);
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&report)
}

/// `did you mean …?`, or all that there are.
pub fn choose<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match (nearest(word, known.iter().copied()), known.as_slice()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, []) => "there is none".to_owned(),
        (None, known) => format!("there are: `{}`", known.join("`, `")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_its_line() {
        let source = Arc::new(Source { name: "x/lesson.md".into(), text: "one\ntwo words\n".into() });
        let problem = Problem::at(&source, 8..13, "these are words").help("write numbers");
        assert_eq!(problem.line(), Some(2));
        let shown = render(&[problem, Problem::of(&source, "all of it")], false);
        for part in ["x/lesson.md:2:5", "two words", "these are words", "write numbers", "all of it"] {
            assert!(shown.contains(part), "{shown}");
        }
    }

    #[test]
    fn a_near_word_is_proposed() {
        assert_eq!(choose("anwser", ["answer", "watch"]), "did you mean `answer`?");
        assert_eq!(choose("q", ["answer", "watch"]), "there are: `answer`, `watch`");
    }
}
