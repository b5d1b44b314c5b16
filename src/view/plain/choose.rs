//! What is said of a Step in brief: which parts of it are worth a note, and how a long sentence is made short.
//!
//! In full every part is explained. In brief a line keeps at most [`FEW`] of them: the outermost that say something
//! new. What makes a line's frame (a reply's code, a command's verb, a tag) is left to `--detail full`.

use super::layout::cut;
use crate::view::page::{PartPage, StepPage, Voice};
use std::collections::BTreeSet;
use unicode_width::UnicodeWidthStr;

/// So many parts of one line are explained in brief.
pub const FEW: usize = 3;

/// A client's parts that are frame, or that the summary speaks of anyway.
const FRAME: [&str; 27] = [
    "verb",
    "keyword",
    "separator",
    "text",
    "textstring",
    "tag",
    "command-name",
    "mailbox",
    "address",
    "domain",
    "local-part",
    "parameter",
    "parameter-value",
    "userid",
    "name",
    "string",
    "password",
    "passwd",
    "authcid",
    "initial-response",
    "sequence-set",
    "fetch-atts",
    "message",
    "literal-size",
    "section",
    "status",
    "number",
];

/// A server's parts that are more than frame.
const TOLD_BY_SERVERS: [&str; 7] = [
    "capability",
    "ehlo-line",
    "header-field",
    "header-end",
    "end-of-data",
    "unique-id-listing",
    "scan-listing",
];

/// Extensions that a newcomer meets on this road; the others have their day in `--detail full`.
const EXTENSIONS: [&str; 9] =
    ["PIPELINING", "SIZE", "AUTH", "STARTTLS", "IDLE", "AUTH=PLAIN", "LOGINDISABLED", "MOVE", "STLS"];

/// Header fields that tell about the road, or that people are wrong about.
const FIELDS: [&str; 12] = [
    "Return-Path",
    "Received",
    "From",
    "To",
    "Cc",
    "Bcc",
    "Sender",
    "Reply-To",
    "Message-ID",
    "Auto-Submitted",
    "DKIM-Signature",
    "Authentication-Results",
];

/// What is explained of a Step, line by line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// For each wire line the indices of its parts.
    pub lines: Vec<Vec<usize>>,
    /// How many extensions were left to `--detail full`.
    pub left: usize,
}

/// What was said already.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// About lines and parts.
    pub known: BTreeSet<String>,
    /// Extensions that were passed over.
    passed: BTreeSet<String>,
}

/// Choose for the brief telling: `said` learns what is said now. Lines for which `hidden` is true are not shown.
pub fn brief(step: &StepPage, said: &mut Said, hidden: impl Fn(usize) -> bool) -> Chosen {
    let Said { known, passed } = said;
    let block = step.wire.lines.len() > 1;
    let mut out = Chosen::default();
    for (i, line) in step.wire.lines.iter().enumerate() {
        let parts = || line.parts.iter().filter_map(|p| step.parts.get(*p).map(|part| (*p, part)));
        if hidden(i) {
            out.lines.push(Vec::new());
            continue;
        }
        let new = |part: &PartPage| !known.contains(&part.text);
        let mut few: Vec<usize> = Vec::new();
        for (index, part) in parts().filter(|(_, p)| is_told(step, p, block) && new(p)) {
            let outer = few.last().and_then(|last| step.parts.get(*last));
            match outer.map(|o| (o.span == part.span, part.span.end <= o.span.end)) {
                // Of two names for the same bytes the inner one says more.
                Some((true, _)) => {
                    few.pop();
                    few.push(index);
                }
                Some((_, true)) => {}
                _ => few.push(index),
            }
        }
        let text = |i: &usize| step.parts.get(*i).map_or("", |p| p.text.as_str());
        few.retain(|i| !echoes(text(i), &step.note.summary));
        if few.len() > FEW {
            // Whoever has more to say.
            few.sort_by_key(|i| std::cmp::Reverse(text(i).len()));
            few.truncate(FEW);
            few.sort_unstable();
        }
        let left = parts().filter(|(i, p)| is_extension(p) && new(p) && !few.contains(i));
        // Those too are spoken of once only.
        out.left += left.filter(|(_, p)| passed.insert(p.quote.clone())).count();
        known.extend(few.iter().map(|i| text(i).to_owned()));
        out.lines.push(few);
    }
    out
}

fn is_extension(part: &PartPage) -> bool {
    matches!(part.name.as_str(), "capability" | "ehlo-line")
}

fn is_told(step: &StepPage, part: &PartPage, block: bool) -> bool {
    let word = |list: &[&str]| {
        let head = part.quote.split([' ', ':', '\t']).next().unwrap_or_default();
        list.iter().any(|w| w.eq_ignore_ascii_case(head))
    };
    match part.name.as_str() {
        "capability" | "ehlo-line" => word(&EXTENSIONS),
        "header-field" => word(&FIELDS),
        // Codes are a language of their own: worth a word where something went wrong.
        "status-code" => step.refused,
        name if step.voice == Voice::Server => TOLD_BY_SERVERS.contains(&name),
        name => block || !FRAME.contains(&name),
    }
}

/// Whether a text says what the summary has said: most of its longer words stand there too.
pub fn echoes(text: &str, summary: &str) -> bool {
    let words = |s: &str| -> Vec<String> {
        let words = s.split(|c: char| !c.is_alphanumeric()).filter(|w| w.chars().count() > 3);
        words.map(str::to_lowercase).collect()
    };
    let (mine, theirs) = (words(text), words(summary));
    let shared = mine.iter().filter(|w| theirs.contains(w)).count();
    !mine.is_empty() && shared * 5 >= mine.len() * 3
}

/// A sentence in one row: whole, or up to the end of a clause, or cut at a word.
pub fn clause(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let ends = text.char_indices().filter(|(at, c)| {
        matches!(c, ';' | ':' | ',') && text.get(at + 1..).is_some_and(|rest| rest.starts_with(' '))
    });
    let heads = ends.filter_map(|(at, c)| text.get(..at).map(|head| (c, head)));
    let heads: Vec<_> = heads.filter(|(_, h)| h.len() >= 16 && h.width() <= width).collect();
    let strong = heads.iter().rfind(|(c, _)| *c == ';').or(heads.last());
    match strong {
        Some((_, head)) => (*head).to_owned(),
        None => cut(text, width),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_ends_with_a_clause() {
        let text = "hello; each further line names one extension that the server offers";
        assert_eq!(clause(text, 80), text);
        assert_eq!(clause("the letter: 535 octets of header and body, ended by a dot", 50).len(), 41);
        assert_eq!(clause("one two three four five six seven", 16), "one two three …");
    }

    #[test]
    fn an_echo_is_heard() {
        assert!(echoes(
            "the envelope's recipient: it decides where the letter goes",
            "the envelope: this address decides where the letter goes"
        ));
        assert!(!echoes("the SASL mechanism: how the client will prove who it is", "the client logs in"));
    }
}
