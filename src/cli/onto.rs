//! Marks of one recording, carried over to another recording of the same story.
//!
//! A mark keeps its place where the bytes that it is about are there again. Where they read otherwise now (another
//! queue id, another date), the Step that does the same in the same conversation is taken. Where there is none, the
//! mark is kept as it was, and it is said that it is lost.

use super::annotate::{insert, marks_of, short, step_of, steps};
use crate::base::escape;
use crate::dissect::{Kind, Step};
use crate::trace::marks::{self, Place, Streams};
use crate::trace::{Direction, Mark, Record};
use std::fmt;
use std::net::IpAddr;

/// What became of the marks.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Those whose bytes are there again.
    pub kept: usize,
    /// Those whose line reads otherwise now.
    pub changed: Vec<String>,
    /// Those whose place is not there.
    pub lost: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.kept + self.changed.len() + self.lost.len();
        write!(f, "{all} marks: {} where they were", self.kept)?;
        write!(f, ", {} on a line that reads otherwise now, {} lost", self.changed.len(), self.lost.len())?;
        self.changed.iter().try_for_each(|mark| write!(f, "\n  ~ {mark}"))?;
        self.lost.iter().try_for_each(|mark| write!(f, "\n  ✗ {mark}"))
    }
}

/// Carry all marks of `old` over to `new`.
pub fn carry(old: &[Record], new: &mut Vec<Record>) -> Report {
    let (from, to) = (Streams::of(old), Streams::of(new));
    let (before, after) = (steps(old), steps(new));
    let mut report = Report::default();
    // Each with the record of `new` that it belongs to; the last first, so that those numbers stay right.
    let mut moved: Vec<(usize, Mark)> = Vec::new();
    let mut anchor = 0;
    for (_, mark) in marks_of(old) {
        let name = || format!("{} {}", escape::text(&mark.kind), shown(mark));
        let (mark, at) = match (from.place(mark), again(mark, &from, &to)) {
            (Place::Whole, _) => {
                report.kept += 1;
                (mark.clone(), anchor)
            }
            (Place::Here, Some(found)) => {
                report.kept += 1;
                let at = step_of(&found, &after).map_or(anchor, |step| step.record);
                (found, at)
            }
            (Place::Here, None) => match alike(mark, &before, &after, (&from, &to)) {
                Some((found, step)) => {
                    report.changed.push(format!(
                        "{}: it reads {}",
                        name(),
                        short(found.quote.as_deref().unwrap_or(""))
                    ));
                    (found, step.record)
                }
                None => {
                    report.lost.push(name());
                    (mark.clone(), anchor)
                }
            },
            (Place::Elsewhere, _) => {
                report.lost.push(format!("{} (it was lost before)", name()));
                (mark.clone(), anchor)
            }
        };
        anchor = at;
        moved.push((at, mark));
    }
    // From the back, so that the numbers of the records in front stay right; equal ones go behind each other.
    moved.sort_by_key(|(at, _)| *at);
    while let Some((at, _)) = moved.last() {
        let at = *at;
        let first = moved.iter().position(|(other, _)| *other == at).unwrap_or(0);
        let group = moved.split_off(first);
        let (chapters, others): (Vec<_>, Vec<_>) = group.into_iter().partition(|(_, m)| m.kind == "chapter");
        others.into_iter().for_each(|(_, mark)| insert(new, at, mark));
        chapters.into_iter().rev().for_each(|(_, mark)| insert(new, at, mark));
    }
    report
}

fn shown(mark: &Mark) -> String {
    let quote = mark.quote.as_deref().map(short).unwrap_or_default();
    let text: String = escape::text(&mark.text).chars().take(60).collect();
    match (text.is_empty(), quote.is_empty()) {
        (true, _) => format!("on {quote}"),
        (false, true) => format!("“{text}”"),
        (false, false) => format!("“{text}” on {quote}"),
    }
}

/// The mark at the same bytes of the other recording.
fn again(mark: &Mark, from: &Streams, to: &Streams) -> Option<Mark> {
    let (conn, range) = from.find_in(to, mark)?;
    Some(Mark { conn: Some(conn), range: Some(range), ..mark.clone() })
}

/// What a Step does, and in which conversation: between whom, the how-manieth between them, who speaks, what, and the
/// how-manieth time.
type Role<'s> = ((IpAddr, IpAddr, u16), usize, Direction, Kind, &'s str, &'s str);

fn role<'s>(step: &'s Step, streams: &Streams) -> Option<Role<'s>> {
    let (route, nth) = streams.route(step.conn)?;
    // An enhanced code is part of what a reply says; a response code in words is too.
    Some((route, nth, step.from, step.kind, step.verb.as_str(), step.code.as_str()))
}

/// The mark at the Step that does the same: the whole Step, or the same words in it.
fn alike<'s>(
    mark: &Mark,
    before: &[Step],
    after: &'s [Step],
    (from, to): (&Streams, &Streams),
) -> Option<(Mark, &'s Step)> {
    let old = step_of(mark, before)?;
    let wanted = role(old, from)?;
    let which =
        before.iter().filter(|s| role(s, from) == Some(wanted)).position(|s| s.number == old.number)?;
    let step = after.iter().filter(|s| role(s, to) == Some(wanted)).nth(which)?;
    let whole = mark.range == Some((old.range.start, old.range.end));
    let (start, end) = if whole {
        (0, step.bytes.len())
    } else {
        let wanted = from.bytes(mark);
        let at = step.bytes.windows(wanted.len().max(1)).position(|window| window == wanted)?;
        (at, at + wanted.len())
    };
    let secrets: Vec<_> = if whole { step.secrets.clone() } else { Vec::new() };
    let found = Mark {
        conn: Some(step.conn),
        range: Some((step.range.start + start as u64, step.range.start + end as u64)),
        quote: Some(marks::quote(step.bytes.get(start..end).unwrap_or_default(), &secrets)),
        ..mark.clone()
    };
    Some((found, step))
}
