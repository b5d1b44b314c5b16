//! Lines that a block has in common with an earlier one: told as `… 8 header fields as in step 19`.
//!
//! The same letter passes again and again on its way; what the reader wants to see is what the last host added. A
//! header field is one thing with the lines that it is folded over (RFC 5322 §2.2.3).

use crate::view::clock;
use crate::view::wire::{WireLine, WireLines};
use std::collections::BTreeMap;
use std::ops::Range;

/// So many lines are remembered at most.
const MAX_KNOWN: usize = 1 << 14;
/// A run of fewer lines is shown again.
const RUN: usize = 3;

/// Which lines of blocks were shown, and in which Step first.
#[derive(Clone, Debug, Default)]
pub struct Known(BTreeMap<String, usize>);

/// A run of lines that were shown before, the last of them first in the Step that is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Which lines of the block.
    pub lines: Range<usize>,
    /// What stands there instead.
    pub words: String,
}

impl Known {
    /// The runs of a block that were shown before; what is new in it is remembered. The first and the last line are
    /// always shown.
    pub fn folds(&mut self, wire: &WireLines, step: usize) -> Vec<Fold> {
        let units = units(wire);
        let mut folds = Vec::new();
        let mut run: Option<(Range<usize>, usize)> = None;
        for unit in &units {
            let text = unit_text(wire, unit);
            let before = match text.trim().len() {
                // Nothing of its own: part of the run that it stands in.
                0..=2 => run.as_ref().map(|(_, step)| *step),
                _ => self.0.get(&text).copied(),
            };
            let edge = unit.start == 0 || unit.end == wire.lines.len() || unit.start == gap(wire);
            match (&mut run, before.filter(|_| !edge)) {
                (Some((lines, first)), Some(step)) => {
                    lines.end = unit.end;
                    *first = (*first).max(step);
                }
                (None, Some(step)) => run = Some((unit.clone(), step)),
                (_, None) => folds.extend(run.take()),
            }
            if before.is_none() && text.trim().len() > 2 && self.0.len() < MAX_KNOWN {
                self.0.insert(text, step);
            }
        }
        folds.extend(run);
        folds.retain(|(lines, _)| lines.len() >= RUN);
        folds.into_iter().map(|(lines, step)| Fold { words: words(wire, &lines, step), lines }).collect()
    }
}

/// The line behind the gap of a block that is not shown whole: no run goes over it.
fn gap(wire: &WireLines) -> usize {
    if wire.elided > 0 { wire.lines.len() - wire.tail } else { usize::MAX }
}

/// Each line with those that continue it.
fn units(wire: &WireLines) -> Vec<Range<usize>> {
    let mut units: Vec<Range<usize>> = Vec::new();
    for (i, line) in wire.lines.iter().enumerate() {
        let goes_on = line.chunks.first().is_some_and(|c| c.text.starts_with([' ', '␉']));
        match units.last_mut() {
            Some(last) if goes_on => last.end = i + 1,
            _ => units.push(i..i + 1),
        }
    }
    units
}

fn unit_text(wire: &WireLines, unit: &Range<usize>) -> String {
    wire.lines.get(unit.clone()).unwrap_or_default().iter().map(WireLine::text).collect::<Vec<_>>().join("\n")
}

/// `… 8 header fields and the text, as in step 19`, or `… 7 lines as in step 10`.
fn words(wire: &WireLines, lines: &Range<usize>, step: usize) -> String {
    let inside: Vec<String> =
        wire.lines.get(lines.clone()).unwrap_or_default().iter().map(WireLine::text).collect();
    let starts = |line: &&String| !line.starts_with([' ', '␉']);
    match inside.iter().position(String::is_empty) {
        Some(blank) => {
            let fields = inside.iter().take(blank).filter(starts).count();
            let fields = clock::count(fields as u64, "header field");
            format!("… {fields} and the text, as in step {step}")
        }
        None => format!("… {} as in step {step}", clock::count(inside.len() as u64, "line")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::page::Label;
    use crate::view::wire::{Amount, Source, lines};

    fn wire(text: &str) -> WireLines {
        let bytes = text.replace('\n', "\r\n").into_bytes();
        lines(
            &Source { bytes: &bytes, label: Label::ClientLine, secrets: &[], parts: &[], marked: &[] },
            Amount::All,
        )
    }

    #[test]
    fn the_same_letter_folds_to_what_was_added() {
        let mut known = Known::default();
        let letter = "From: Alice\nTo: Bob\nSubject: Tea\n\nHello Bob,\n\nAlice\n.\n";
        assert!(known.folds(&wire(letter), 19).is_empty());
        let again = format!("Received: from a\n\tby b;\n\ttoday\n{letter}");
        let folds = known.folds(&wire(&again), 40);
        assert_eq!(folds.len(), 1);
        assert_eq!(
            (folds[0].lines.clone(), folds[0].words.as_str()),
            (3..10, "… 3 header fields and the text, as in step 19")
        );
    }

    #[test]
    fn a_field_is_known_only_with_the_lines_that_it_is_folded_over() {
        let mut known = Known::default();
        known.folds(&wire("x\nReceived: from a\n\tby b;\n\ttoday\n.\n"), 1);
        assert!(known.folds(&wire("x\nReceived: from c\n\tby b;\n\ttoday\n.\n"), 2).is_empty());
        assert_eq!(known.folds(&wire("x\nReceived: from a\n\tby b;\n\ttoday\n.\n"), 3).len(), 1);
    }
}
