//! [`Selection`]: which items of a story are shown: a filter, a range of Steps, a chapter.
//!
//! It goes along with the story, because what a filter asks (which chapter is this? whose connection?) is known only
//! to whoever has heard what came before. A chapter is held back until something of it is shown.

use super::CommandError;
use crate::base::escape;
use crate::dissect::filter::{Filter, FilterError, StepRange};
use crate::explain::{Item, Surroundings};
use crate::trace::Record;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// What is to be shown.
#[derive(Debug, Default)]
pub struct Selection {
    filter: Option<Filter>,
    steps: Option<StepRange>,
    chapter: Option<Filter>,
    around: Surroundings,
    held: Option<Item>,
}

impl Selection {
    /// Everything that passes all three; what is `None` lets everything pass.
    pub fn new(filter: Option<Filter>, steps: Option<StepRange>, chapter: Option<&str>) -> Self {
        // As in the filter language, where these words may hold anything.
        let chapter = chapter.and_then(|words| {
            let quoted = words.replace('\\', "\\\\").replace('"', "\\\"");
            Filter::parse(&format!("chapter \"{quoted}\"")).ok()
        });
        Selection { filter, steps, chapter, ..Selection::default() }
    }

    /// Take what a record says about who is who.
    pub fn learn(&mut self, record: &Record) {
        match record {
            Record::Head(head) => self.around.learn_head(head),
            Record::Open { open, .. } => self.around.learn_open(open),
            _ => {}
        }
    }

    /// Whether the story has passed the last Step that is asked for.
    pub fn is_over(&self) -> bool {
        self.steps.is_some_and(|range| self.around.step() > range.last)
    }

    /// What is to be shown when the story comes to this item: nothing, the item, or its chapter and the item.
    pub fn admit(&mut self, item: &Item) -> Vec<Item> {
        self.around.enter(item);
        if matches!(item, Item::Chapter(_)) {
            self.held = Some(item.clone());
            return Vec::new();
        }
        if !self.passes(item) {
            return Vec::new();
        }
        self.held.take().into_iter().chain([item.clone()]).collect()
    }

    fn passes(&self, item: &Item) -> bool {
        self.steps.is_none_or(|range| range.contains(self.around.step()))
            && [&self.filter, &self.chapter]
                .into_iter()
                .flatten()
                .all(|filter| self.around.let_pass(filter, item))
    }
}

/// Read a filter; an error is shown with the place it points at.
///
/// # Errors
/// Where the text is no filter.
pub fn filter(text: &str, colour: bool) -> Result<Filter, CommandError> {
    Filter::parse(text).map_err(|error| CommandError::usage(report(text, &error, colour), ""))
}

/// The filter with a pointer under the place.
fn report(text: &str, error: &FilterError, colour: bool) -> String {
    // What is shown holds no control character, and stays on one line: places are counted anew in it.
    let shown: String = escape::text(text);
    let before = escape::text(text.get(..error.at).unwrap_or(text)).len();
    let pointed = text.get(error.at..error.at + error.len).unwrap_or_default();
    let after = before + escape::text(pointed).len();
    let (source, span) = if before >= shown.len() {
        (format!("{shown} "), shown.len()..shown.len() + 1)
    } else {
        (shown, before..after)
    };
    let what = if error.found.is_empty() { "something is missing at the end" } else { "not expected here" };
    let snippet = Snippet::source(source.as_str())
        .path("--filter")
        .annotation(AnnotationKind::Primary.span(span).label(what));
    let expected = format!("here could stand {}", error.expected);
    let mut group = Group::with_title(Level::ERROR.primary_title("this is no filter"))
        .element(snippet)
        .element(Level::HELP.message(expected.as_str()));
    let meant = error.meant.map(|word| format!("did you mean “{word}”?"));
    if let Some(meant) = &meant {
        group = group.element(Level::HELP.message(meant.as_str()));
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}
