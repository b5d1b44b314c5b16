//! What a student works on by hand: lines to type, and the part of a scenario that is edited.

use super::entry::Replacement;
use crate::dissect::Protocol;
use std::ops::Range;

/// The last line of a session that breaks the connection off.
pub const HANG_UP: &str = ":hang-up";

/// Lines → pieces as they are sent, and whether the connection is broken off in the end. A message after DATA is one
/// piece with its lone dot, as where it is typed.
pub fn pieces(protocol: Protocol, lines: &[String]) -> (Vec<String>, bool) {
    let (hang_up, lines) = match lines.split_last() {
        Some((last, rest)) if last == HANG_UP => (true, rest),
        _ => (false, lines),
    };
    let mut pieces: Vec<String> = Vec::new();
    let mut message = false;
    for line in lines {
        let text = format!("{line}\r\n");
        match pieces.last_mut().filter(|_| message) {
            Some(last) if !last.eq_ignore_ascii_case("DATA\r\n") => last.push_str(&text),
            _ => pieces.push(text),
        }
        if message {
            message = line != ".";
        } else {
            message = protocol == Protocol::Smtp && line.trim_end().eq_ignore_ascii_case("DATA");
        }
    }
    (pieces, hang_up)
}

/// The bytes of a text from the line that has some words on, until before the next line that has others. `None` where
/// there is no such line.
pub fn part(text: &str, (from, until): &(Option<String>, Option<String>)) -> Option<Range<usize>> {
    let line_with = |words: &str, after: usize| {
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            if at >= after && line.contains(words) {
                return Some((at, at + line.len()));
            }
            at += line.len();
        }
        None
    };
    let (start, behind) = match from {
        Some(words) => line_with(words, 0)?,
        None => (0, 0),
    };
    let end = match until {
        Some(words) => line_with(words, behind)?.0,
        None => text.len(),
    };
    Some(start..end)
}

/// A text with replacements made, each where it stands first.
pub fn replaced(text: &str, model: &[Replacement]) -> String {
    model.iter().fold(text.to_owned(), |text, edit| text.replacen(&edit.replace, &edit.with, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn a_message_is_one_piece() {
        let lines = owned(&["HELO x", "DATA", "A: b", "", "c", ".", "QUIT", ":hang-up"]);
        let (sent, hang_up) = pieces(Protocol::Smtp, &lines);
        assert_eq!(sent, ["HELO x\r\n", "DATA\r\n", "A: b\r\n\r\nc\r\n.\r\n", "QUIT\r\n"]);
        assert!(hang_up);
        let (sent, _) = pieces(Protocol::Smtp, &owned(&["DATA", ".", "QUIT"]));
        assert_eq!(sent, ["DATA\r\n", ".\r\n", "QUIT\r\n"]);
        assert_eq!(pieces(Protocol::Pop3, &owned(&["DATA", "x"])).0.len(), 2);
    }

    #[test]
    fn a_part_is_cut_out_by_lines() {
        let text = "a\nb 1\nc\nb 2\nd\n";
        let cut = |from: Option<&str>, until: Option<&str>| {
            let words = (from.map(str::to_owned), until.map(str::to_owned));
            part(text, &words).map(|range| &text[range])
        };
        assert_eq!(cut(Some("b"), Some("b")), Some("b 1\nc\n"));
        assert_eq!(cut(Some("c"), None), Some("c\nb 2\nd\n"));
        assert_eq!(cut(None, Some("c")), Some("a\nb 1\n"));
        assert_eq!(cut(Some("x"), None), None);
    }
}
