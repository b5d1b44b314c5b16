//! A Step in one row, for diagrams: its first line, and how many follow it.
//!
//! Where it stands on the road: between `page` and the views that draw (`mermaid`, `svg`). A page is escaped
//! already; what its target needs besides is the drawer's own business.

use super::cast::Cast;
use super::page::{Label, StepPage, Voice};
use crate::dissect::tls::TlsMeaning;
use crate::dissect::{Kind, Meaning, Step};
use crate::explain::Item;
use crate::trace::{CloseHow, Fact};

/// What a Step's arrow looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrow {
    /// The client speaks, or calls.
    Ask,
    /// The server speaks.
    Answer,
    /// The server says no.
    Refusal,
    /// A connection ends.
    Close,
    /// It never came about: refused, or no answer.
    Lost,
}

/// A Step in one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headline {
    /// What it looks like.
    pub arrow: Arrow,
    /// What it says.
    pub text: String,
    /// The same with every line: for those who want to read on.
    pub whole: String,
    /// Whether its words are bytes of a wire, rather than ours.
    pub is_wire: bool,
    /// Which characters of `text` somebody pointed at: first, and behind the last.
    pub marked: Vec<(usize, usize)>,
}

/// Characters of `whole` at most.
const LONGEST: usize = 2000;

/// The row of a Step.
pub fn of(step: &Step, page: &StepPage) -> Headline {
    let refusal = page.wire.lines.iter().flat_map(|l| &l.chunks).any(|c| c.label == Label::Refusal);
    let arrow = match (step.kind, &step.meaning) {
        (Kind::Close, Meaning::Close(CloseHow::Refused | CloseHow::Timeout | CloseHow::Reset)) => Arrow::Lost,
        (Kind::Close, _) => Arrow::Close,
        _ if refusal => Arrow::Refusal,
        _ if page.voice == Voice::Server => Arrow::Answer,
        _ => Arrow::Ask,
    };
    if page.voice == Voice::Open {
        let to = page.call.as_ref().map_or_else(String::new, |c| c.service_and_port());
        let text = if to.is_empty() { "opens a connection".to_owned() } else { format!("calls {to}") };
        return Headline { arrow, whole: text.clone(), text, is_wire: false, marked: Vec::new() };
    }
    let lines: Vec<String> =
        page.wire.lines.iter().map(|l| l.chunks.iter().map(|c| c.text.as_str()).collect()).collect();
    let more = (lines.len() + page.wire.elided).saturating_sub(1);
    let first = lines.first().cloned().unwrap_or_default();
    // The walls of the tunnel stand around what was said inside TLS.
    let first = if page.inside { format!("║ {first} ║") } else { first };
    let text = match more {
        0 => first,
        1 => format!("{first} (+ 1 line)"),
        n => format!("{first} (+ {n} lines)"),
    };
    let whole: String = lines.join("\n").chars().take(LONGEST).collect();
    let is_wire = page.voice != Voice::Close && !is_carrier(step);
    Headline { arrow, text, whole, is_wire, marked: marked(page) }
}

/// Which characters of a page's first line somebody pointed at, as they stand in the headline.
fn marked(page: &StepPage) -> Vec<(usize, usize)> {
    let Some(line) = page.wire.lines.first() else { return Vec::new() };
    let mut out: Vec<(usize, usize)> = Vec::new();
    let mut at = if page.inside { "║ ".chars().count() } else { 0 };
    for chunk in &line.chunks {
        let end = at + chunk.text.chars().count();
        match out.last_mut() {
            Some(last) if chunk.marked && last.1 == at => last.1 = end,
            _ if chunk.marked => out.push((at, end)),
            _ => {}
        }
        at = end;
    }
    out
}

/// The first characters of a text, with `…` where something is missing.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short + "…"
}

/// Whether a Step is nothing but the encrypted form of what another Step tells.
pub fn is_carrier(step: &Step) -> bool {
    matches!(step.meaning, Meaning::Tls(TlsMeaning::Carrier))
}

/// Mailboxes that stood there before the story began: no event; and records that carry what is told in plain words.
pub fn is_furniture(cast: &Cast, item: &Item) -> bool {
    if let Item::Step(step, _) = item {
        return is_carrier(step);
    }
    let made = |fact: &Fact| matches!(fact, Fact::MailboxCreated { .. });
    matches!(item, Item::Fact { at, fact, .. } if *at == cast.start && made(fact))
}
