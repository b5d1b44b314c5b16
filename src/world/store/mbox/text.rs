//! The mbox text itself: messages one after the other, each behind a line that begins with `From `.
//!
//! The quoting is mboxrd's: a line of the message that begins with `From `, or with any number of `>` and then that,
//! gets one `>` more, so that it can be taken away again. Lines end with LF; RFC 4155 describes the format.

use crate::base::Instant;
use crate::world::mailboxes::delta::Kept;
use crate::world::store::names::digest;

/// The flags that mbox has letters for: the field, the letter.
const LETTERS: [(&str, char, &str); 5] = [
    ("Status", 'R', "\\Seen"),
    ("X-Status", 'A', "\\Answered"),
    ("X-Status", 'F', "\\Flagged"),
    ("X-Status", 'D', "\\Deleted"),
    ("X-Status", 'T', "\\Draft"),
];

/// Fields in which mail programs note what they know about a message.
const NOTES: [&str; 2] = ["Status", "X-Status"];

/// How a message's octets become lines: `l`: its lines end with CR LF, and the file's with LF; `c`: as they are. In
/// capitals where its last line had no end, and got one.
pub fn form_of(body: &[u8]) -> char {
    let mut before = 0;
    let bare = body.iter().any(|byte| {
        let bare = *byte == b'\n' && before != b'\r';
        before = *byte;
        bare
    });
    match (bare, body.last() == Some(&b'\n')) {
        (false, true) => 'l',
        (false, false) => 'L',
        (true, true) => 'c',
        (true, false) => 'C',
    }
}

/// A message as lines of a file, not quoted yet.
pub fn to_lines(body: &[u8], form: char) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 1);
    for (at, byte) in body.iter().enumerate() {
        let ends = form.eq_ignore_ascii_case(&'l') && *byte == b'\r' && body.get(at + 1) == Some(&b'\n');
        if !ends {
            out.push(*byte);
        }
    }
    if form.is_ascii_uppercase() {
        out.push(b'\n');
    }
    out
}

/// The message that such lines are.
pub fn from_lines(lines: &[u8], form: char) -> Vec<u8> {
    let lines = if form.is_ascii_uppercase() { lines.strip_suffix(b"\n").unwrap_or(lines) } else { lines };
    if !form.eq_ignore_ascii_case(&'l') {
        return lines.to_vec();
    }
    let mut out = Vec::with_capacity(lines.len() + lines.len() / 32);
    for byte in lines {
        if *byte == b'\n' {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}

/// What an index knows a message by.
pub fn key(lines: &[u8]) -> String {
    digest(lines)
}

/// Whether a line must be quoted: any number of `>`, then `From `.
fn is_from(line: &[u8]) -> bool {
    let bare = line.iter().position(|b| *b != b'>').unwrap_or(line.len());
    line.get(bare..).is_some_and(|rest| rest.starts_with(b"From "))
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n')
}

/// The `Status` lines for these flags; none where there is nothing to say.
pub fn notes(flags: &[String]) -> String {
    let mut out = String::new();
    for field in NOTES {
        let has = |flag: &str| flags.iter().any(|f| f.eq_ignore_ascii_case(flag));
        let letters: String = LETTERS
            .iter()
            .filter(|(f, _, flag)| *f == field && has(flag))
            .map(|(_, letter, _)| *letter)
            .collect();
        if !letters.is_empty() {
            let old = if field == "Status" { "O" } else { "" };
            out.push_str(&format!("{field}: {letters}{old}\n"));
        }
    }
    out
}

/// A whole message: its `From ` line, its lines quoted, and the empty line behind it.
pub fn message(kept: &Kept, form: char) -> Vec<u8> {
    let body = to_lines(&kept.body, form);
    let sender = return_path(&body).unwrap_or_else(|| "MAILER-DAEMON".to_owned());
    let mut out =
        format!("From {sender} {}\n{}", asctime(kept.internal_date), notes(&kept.flags)).into_bytes();
    for line in lines(&body) {
        if is_from(line) {
            out.push(b'>');
        }
        out.extend_from_slice(line);
    }
    out.push(b'\n');
    out
}

/// The address in the Return-Path field, if it stands on top and is a word.
fn return_path(body: &[u8]) -> Option<String> {
    let first = std::str::from_utf8(lines(body).next()?).ok()?;
    let path = first.strip_prefix("Return-Path: <")?.trim_end().strip_suffix('>')?;
    let word = !path.is_empty() && path.chars().all(|c| c.is_ascii_graphic());
    word.then(|| path.to_owned())
}

/// `Sat Nov 21 16:01:41 2026`, in UTC (RFC 4155: "a timestamp indicating the UTC date and time when the message was
/// originally received, conformant with the syntax of the traditional UNIX 'ctime' output").
fn asctime(at: Instant) -> String {
    let stamp = jiff::Timestamp::from_second(at.as_secs()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    stamp.strftime("%a %b %e %H:%M:%S %Y").to_string()
}

/// A message as it was found in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundText {
    /// Its lines without quoting, and without the notes that stand on top of them.
    pub lines: Vec<u8>,
    /// The same, without any note in its header.
    pub bare: Vec<u8>,
    /// Flags that the notes say, sorted.
    pub flags: Vec<String>,
}

/// The messages in a file. What stands in front of the first `From ` line is no message.
pub fn read(text: &[u8]) -> Vec<FoundText> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let mut after_empty = true;
    for line in lines(text) {
        let begins = after_empty && line.starts_with(b"From ");
        after_empty = matches!(line, b"\n" | b"\r\n");
        if begins {
            messages.push(Vec::new());
        } else if let Some(message) = messages.last_mut() {
            let quoted = line.first() == Some(&b'>') && is_from(line);
            message.extend_from_slice(if quoted { line.get(1..).unwrap_or_default() } else { line });
        }
    }
    messages.into_iter().map(found).collect()
}

fn found(mut lines_of: Vec<u8>) -> FoundText {
    // The empty line in front of the next message is not this one's.
    if lines_of.ends_with(b"\n\n") || lines_of == b"\n" {
        lines_of.pop();
    }
    let on_top: usize = lines(&lines_of).take_while(|line| note(line).is_some()).map(<[u8]>::len).sum();
    let (mut bare, mut flags) = (Vec::with_capacity(lines_of.len()), Vec::new());
    let mut in_header = true;
    for line in lines(&lines_of) {
        in_header &= !matches!(line, b"\n" | b"\r\n");
        match note(line).filter(|_| in_header) {
            Some(said) => flags.extend(said),
            None => bare.extend_from_slice(line),
        }
    }
    flags.sort();
    flags.dedup();
    FoundText { lines: lines_of.split_off(on_top), bare, flags }
}

/// The flags that a note says; `None` for any other line.
fn note(line: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(line).ok()?;
    let (name, letters) = text.split_once(':')?;
    let field = NOTES.iter().find(|field| field.eq_ignore_ascii_case(name))?;
    let said = LETTERS.iter().filter(|(f, letter, _)| f == field && letters.contains(*letter));
    Some(said.map(|(_, _, flag)| (*flag).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(body: &[u8], flags: &[&str]) -> Kept {
        Kept {
            uid: 1,
            flags: flags.iter().map(|f| (*f).to_owned()).collect(),
            internal_date: Instant::from_secs(1_795_276_901),
            born: 2,
            modseq: 2,
            body: body.into(),
        }
    }

    fn comes_back(body: &[u8], flags: &[&str]) {
        let form = form_of(body);
        let mut text = message(&kept(body, flags), form);
        text.extend(message(&kept(b"Subject: next\r\n\r\n\r\nx\r\n", &[]), 'l'));
        let read = read(&text);
        assert_eq!(read.len(), 2, "{}", String::from_utf8_lossy(&text));
        assert_eq!(from_lines(&read[0].lines, form), body);
        assert_eq!(key(&read[0].lines), key(&to_lines(body, form)));
        assert_eq!(read[0].flags, flags);
    }

    #[test]
    fn every_octet_comes_back() {
        comes_back(b"Subject: x\r\n\r\nFrom here\r\n>From there\r\n\r\nFrom \r\n", &["\\Flagged", "\\Seen"]);
        comes_back(b"Subject: x\n\nFrom bare\nand\r\nmixed", &["\\Answered"]);
        comes_back(b"no end", &[]);
        comes_back(b"", &[]);
        comes_back(b"\r\n\r\n\r\n", &[]);
        comes_back(b"\xff\x00\r\r\n", &["\\Deleted", "\\Draft"]);
    }

    #[test]
    fn the_first_line_is_as_rfc_4155_has_it() {
        let text = message(&kept(b"Return-Path: <a@example.com>\r\nSubject: x\r\n\r\n", &["\\Seen"]), 'l');
        let text = String::from_utf8(text).expect("ASCII");
        assert!(
            text.starts_with("From a@example.com Sat Nov 21 16:01:41 2026\nStatus: RO\nReturn-Path"),
            "{text}"
        );
    }

    #[test]
    fn notes_that_another_program_moved_are_found() {
        let read = read(
            b"From x Sat Nov 21 16:01:41 2026\nSubject: x\nStatus: RO\nX-Status: AF\n\nStatus: body\n\n",
        );
        assert_eq!(read[0].bare, b"Subject: x\n\nStatus: body\n");
        assert_eq!(read[0].flags, ["\\Answered", "\\Flagged", "\\Seen"]);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(256))]
        #[test]
        fn any_octets_come_back(body in "(From |>|\r\n|\n|\r|x|\u{e9}){0,24}") {
            // A note that stands on top of a message of its own is told apart by the index, not by the text.
            comes_back(body.as_bytes(), &[]);
        }
    }
}
