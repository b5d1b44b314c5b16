//! Pages in plain sentences, one after the other: nothing is said by place, colour or a drawn line.

use crate::base::Severity;
use crate::base::secret::HIDDEN;
use crate::view::clock;
use crate::view::page::{Label, NotePage, Page, PartPage, StepPage, Voice};
use crate::view::wire::WireLine;

/// Lines of a block that are said before somebody asks for all of it.
const FEW: usize = 12;

/// A row as it is said when the story comes to it. `of` is how many Steps there are; `call` says between whom, where
/// that is not who spoke last.
pub fn page(page: &Page, of: usize, call: bool) -> Vec<String> {
    match page {
        Page::Chapter { number, title, intro } => {
            let mut out = vec![sentence(&format!("Chapter {number}: {title}"))];
            out.extend(Some(sentence(intro)).filter(|intro| intro.len() > 1));
            out
        }
        Page::Fact { label, mark, text } => {
            let who = if *label == Label::Intent || *mark != "●" { "" } else { "Meanwhile: " };
            vec![sentence(&format!("{who}{text}"))]
        }
        Page::Mark { kind, text } => vec![sentence(&format!("A mark, {kind}: {text}"))],
        Page::Step(step) => {
            let mut out = vec![format!("Step {} of {of}, at {}.", step.number, clock::short(step.elapsed))];
            if call && step.voice != Voice::Open {
                out.extend(between(step));
            }
            out.extend(said(step, Some((FEW, " Say line to hear all of it."))));
            out.extend(
                Some(format!("That means: {}", sentence(&step.note.summary))).filter(|_| has_note(step)),
            );
            out.extend(findings(&step.note));
            out
        }
    }
}

fn has_note(step: &StepPage) -> bool {
    !step.note.summary.is_empty()
}

/// Between whom.
fn between(step: &StepPage) -> Option<String> {
    let call = step.call.as_ref()?;
    Some(format!("Between {} and {}, {}.", call.client, call.server, call.service_and_port()))
}

/// Who says what; `most` is how many lines of a long block are said, and how to hear all of them.
pub fn said(step: &StepPage, most: Option<(usize, &str)>) -> Vec<String> {
    let call = step.call.as_ref();
    let (client, server) = call.map_or(("the client", "the server"), |call| (&*call.client, &*call.server));
    let mut lines: Vec<String> = step.wire.lines.iter().map(line).collect();
    match step.voice {
        Voice::Open => {
            let port = call.map_or_else(String::new, |call| format!(": {}", call.service_and_port()));
            return vec![sentence(&format!("{client} calls {server}{port}"))];
        }
        Voice::Close => return lines.iter().map(|line| sentence(line)).collect(),
        Voice::Client | Voice::Server => {}
    }
    let speaker = if step.voice == Voice::Client { client } else { server };
    let inside = if step.inside { ", inside TLS" } else { "" };
    let verb = if step.refused { "refuses" } else { "says" };
    let count = lines.len() + step.wire.elided;
    if count <= 1 {
        return vec![format!("{speaker} {verb}{inside}: {}", lines.pop().unwrap_or_default())];
    }
    let mut out = vec![format!("{speaker} {verb}{inside}, in {count} lines:")];
    let (most, how) = most.unwrap_or((usize::MAX, ""));
    let shown = most.min(lines.len());
    out.extend(lines.drain(..shown));
    let left = count - shown;
    if left > 0 {
        let lines = if left == 1 { "line" } else { "lines" };
        out.push(format!("And {left} more {lines}.{how}"));
    }
    out
}

/// One line of a wire; an empty one is named, since it cannot be heard.
fn line(line: &WireLine) -> String {
    let text = line.text();
    if text.is_empty() { "(an empty line)".to_owned() } else { text.replace(HIDDEN, "(hidden)") }
}

fn findings(note: &NotePage) -> Vec<String> {
    let one = |(severity, text): &(Severity, String)| match severity {
        Severity::Hint => format!("Worth knowing: {}", sentence(text)),
        _ => format!("Something is odd: {}", sentence(text)),
    };
    note.findings.iter().map(one).collect()
}

/// Everything that is known about a line, without the counterpart in the post office.
pub fn note(step: &StepPage) -> Vec<String> {
    let mut out = vec![sentence(&step.note.summary)];
    for (key, _, text) in step.note.more.iter().filter(|(key, ..)| *key != "post office") {
        out.push(if key.is_empty() {
            sentence(text)
        } else {
            format!("{}: {}", sentence_case(key), sentence(text))
        });
    }
    out.extend(findings(&step.note));
    out.extend(Some(sources(step)).filter(|_| !step.note.source.is_empty()));
    out
}

/// That there are parts to hear about, where there are.
pub fn parts(step: &StepPage) -> Option<String> {
    let (are, parts) = if step.parts.len() == 1 { ("is", "part") } else { ("are", "parts") };
    let told = format!("There {are} {} {parts} to hear about: say part.", step.parts.len());
    Some(told).filter(|_| !step.parts.is_empty())
}

/// Who says so.
pub fn sources(step: &StepPage) -> String {
    format!("Source: {}.", step.note.source.join(", "))
}

/// The counterpart in the post office, where there is one.
pub fn post_office(step: &StepPage) -> Option<String> {
    let (.., text) = step.note.more.iter().find(|(key, ..)| *key == "post office")?;
    Some(sentence(text))
}

/// One part of so many.
pub fn part(part: &PartPage, number: usize, of: usize) -> String {
    let quote = if part.quote.is_empty() { String::new() } else { format!(", {}", part.quote) };
    format!("Part {number} of {of}, {}{quote}: {}", part.name.replace('-', " "), sentence(&part.text))
}

/// Sixteen bytes in hexadecimal and as characters; a secret's bytes are named.
pub fn hex(bytes: &[u8], secret: impl Fn(usize) -> bool, most: usize) -> Vec<String> {
    let mut out = Vec::new();
    for (at, row) in bytes.chunks(16).enumerate().take(most) {
        let hidden = |i: usize| secret(at * 16 + i);
        let hex: Vec<String> = row
            .iter()
            .enumerate()
            .map(|(i, byte)| if hidden(i) { "hidden".to_owned() } else { format!("{byte:02x}") })
            .collect();
        let shown: String = row
            .iter()
            .enumerate()
            .map(|(i, byte)| if !hidden(i) && matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' })
            .collect();
        out.push(format!("From {}: {}; as text: {shown}", at * 16, hex.join(" ")));
    }
    let left = bytes.len().saturating_sub(most.saturating_mul(16));
    if left > 0 {
        out.push(format!("And {left} more bytes."));
    }
    out
}

/// With a capital in front and a full stop behind, unless it begins as a line of a protocol does.
pub fn sentence(text: &str) -> String {
    let text = text.trim().replace(HIDDEN, "(hidden)");
    let first = text.split(' ').next().unwrap_or_default();
    // A host's name keeps its small letter.
    let text = if first.contains(['.', '@', '-', '/', ':']) { text } else { sentence_case(&text) };
    if text.ends_with(['.', '?', ':', '”']) || text.is_empty() { text } else { format!("{text}.") }
}

fn sentence_case(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_begins_and_ends_as_one() {
        assert_eq!(
            sentence("hello, and which extensions do you have?"),
            "Hello, and which extensions do you have?"
        );
        assert_eq!(
            sentence("mail.example.com closes the connection"),
            "mail.example.com closes the connection."
        );
        assert_eq!(sentence("PASS ••••••"), "PASS (hidden).");
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn hexadecimal_hides_what_is_secret() {
        let rows = hex(b"PASS sesame\r\n", |at| (5..11).contains(&at), 8);
        assert!(rows[0].starts_with("From 0: 50 41 53 53 20 hidden"), "{rows:?}");
        assert!(rows[0].ends_with("; as text: PASS ........"), "{rows:?}");
        assert_eq!(hex(&[0; 40], |_| false, 1)[1], "And 24 more bytes.");
    }
}
