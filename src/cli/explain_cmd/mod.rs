//! `postroad explain`: a word out of the catalogue, or a whole text: a pasted session, a message, a mail log, a
//! recording. What a text is, is told by its content.

mod leaf;
mod log;
mod message;
mod session;

use super::args::{Detail, Explain};
use super::{CommandError, cookbook, explain, screen};
use crate::base::escape;
use crate::explain::cookbook::fitting;
use crate::import::{logs, message as letters, text};
use session::Pace;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// Prose is not set wider than this.
const MEASURE: usize = 96;
/// Octets of a text that are read: 256 MiB.
const MOST: u64 = 256 << 20;

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    /// A transcript of our own, or a capture.
    Recording,
    /// A message.
    Message,
    /// A mail server's log.
    Log,
    /// Anything else: perhaps a session.
    Session,
}

/// Explain what was given.
pub fn run(args: &Explain) -> Result<(), CommandError> {
    let query = args.query.join(" ");
    if query == "-" {
        return any(args, io::stdin(), "the standard input", Pace::Live);
    }
    if let Some(path) = named_file(args, &query) {
        let name = escape::text(&path.display().to_string());
        let file = File::open(path).map_err(|error| CommandError::file("read", path, &error))?;
        return any(args, file, &name, Pace::AtOnce);
    }
    if query.trim().contains('\n') {
        return text_of(args, query.as_bytes(), "the pasted text");
    }
    word(args, &query)
}

/// A file, where one argument names one and no catalogue's word is meant: `DATA` is a verb, `DATA.txt` is not.
fn named_file<'a>(args: &Explain, query: &'a str) -> Option<&'a Path> {
    let path = Path::new(query);
    let one = args.query.len() == 1 && path.is_file();
    let like_a_path = query.contains(['/', '\\', '.']);
    (one && (like_a_path || explain::lookup(query).is_err())).then_some(path)
}

/// A recording is told as it comes; anything else is read whole.
fn any(
    args: &Explain,
    mut from: impl Read + Send + 'static,
    name: &str,
    pace: Pace,
) -> Result<(), CommandError> {
    let mut begins = Vec::new();
    let unread = |error| CommandError::file("read", Path::new(name), &error);
    from.by_ref().take(64).read_to_end(&mut begins).map_err(unread)?;
    let recording = sort(&begins) == Sort::Recording;
    let from = io::Cursor::new(begins).chain(from);
    if recording {
        return session::recording(args, from, name, pace);
    }
    text_of(args, &whole(from, name)?, name)
}

fn whole(from: impl Read, name: &str) -> Result<Vec<u8>, CommandError> {
    let mut bytes = Vec::new();
    from.take(MOST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| CommandError::file("read", Path::new(name), &error))?;
    if bytes.len() as u64 > MOST {
        let message = format!("{name} is larger than {} MiB", MOST >> 20);
        return Err(CommandError::failure(message, "cut the part out that you want explained"));
    }
    Ok(bytes)
}

/// What this is, by its first bytes and lines.
fn sort(bytes: &[u8]) -> Sort {
    const CAPTURES: [[u8; 4]; 5] = [
        [0xd4, 0xc3, 0xb2, 0xa1],
        [0xa1, 0xb2, 0xc3, 0xd4],
        [0x4d, 0x3c, 0xb2, 0xa1],
        [0xa1, 0xb2, 0x3c, 0x4d],
        [0x0a, 0x0d, 0x0d, 0x0a],
    ];
    let gzip = bytes.starts_with(&[0x1f, 0x8b]);
    let transcript = bytes.trim_ascii_start().starts_with(b"{\"k\"");
    if gzip || transcript || CAPTURES.iter().any(|magic| bytes.starts_with(magic)) {
        Sort::Recording
    } else if letters::looks_like_one(bytes) {
        Sort::Message
    } else if logs::looks_like_one(bytes) {
        Sort::Log
    } else {
        Sort::Session
    }
}

/// Explain a text.
fn text_of(args: &Explain, bytes: &[u8], name: &str) -> Result<(), CommandError> {
    if bytes.trim_ascii().is_empty() {
        return Err(CommandError::failure(
            format!("{name} is empty"),
            "paste a session, a message or log lines",
        ));
    }
    match sort(bytes) {
        Sort::Recording => session::recording(args, io::Cursor::new(bytes.to_vec()), name, Pace::AtOnce),
        Sort::Message => message::tell(args, &letters::read(bytes, letters::Limits::default())),
        Sort::Log => log::tell(args, &logs::read(bytes, logs::Limits::default())),
        Sort::Session => {
            // A single line is a question about that line, unless it is marked as said by somebody.
            let line = bytes.trim_ascii();
            let read = text::read(bytes, text::Limits::default());
            let one = !line.contains(&b'\n') && read.as_ref().is_none_or(|r| r.shape == text::Shape::Bare);
            // A bounce in prose is no session: what it quotes is what is asked about.
            let said =
                read.as_ref().map_or(0, |r| r.lines.iter().filter(|l| l.role == text::Role::Said).count());
            let replies = if said <= 1 { text::quoted_replies(bytes) } else { Vec::new() };
            match (one, read) {
                (true, _) => word(args, &String::from_utf8_lossy(line.get(..1000).unwrap_or(line))),
                (_, _) if !replies.is_empty() => quoted(args, &replies),
                (_, Some(read)) => session::told(args, &read.records),
                (_, None) => {
                    let hint = "it can be a session (lines with C: and S:, swaks, curl -v, telnet, a debug log), a \
                                message with its header, lines of Postfix, Exim or sendmail, or a recording";
                    Err(CommandError::failure(format!("nothing in {name} looks like mail"), hint))
                }
            }
        }
    }
}

/// Explain the replies that a text quotes.
fn quoted(args: &Explain, replies: &[String]) -> Result<(), CommandError> {
    for reply in replies {
        if !args.json {
            writeln!(screen::out(), "The text quotes this reply:\n  {}\n", escape::text(reply))?;
        }
        word(args, reply)?;
    }
    Ok(())
}

/// Look the query up and print what is known: the catalogue's entries, and what the cookbook says of such a line. Whoever
/// pastes a line with its words wants to know what to do: then that comes first.
fn word(args: &Explain, query: &str) -> Result<(), CommandError> {
    let cases = fitting(query);
    let entries = match explain::lookup(query) {
        Ok(entries) => entries,
        Err(_) if !cases.is_empty() => Vec::new(),
        Err(not_found) => return Err(unknown(args, query, &not_found)),
    };
    let mut out = screen::out();
    if args.json {
        let entries = entries.iter().map(|entry| ("entry", serde_json::to_value(entry)));
        let cases = cases.iter().map(|case| ("case", serde_json::to_value(case)));
        for (kind, value) in entries.chain(cases) {
            let mut value = value.unwrap_or_default();
            value["type"] = kind.into();
            writeln!(out, "{value}")?;
        }
        return Ok(out.flush()?);
    }
    let known = explain::page(query, width(args)).unwrap_or_default();
    let practice = cookbook::page(query, width(args));
    let between = (!known.is_empty() && !practice.is_empty()).then(String::new);
    let is_line = query.split_whitespace().filter(|w| w.contains(|c: char| c.is_alphabetic())).count() > 1;
    let (first, then) = if is_line { (practice, known) } else { (known, practice) };
    for line in first.into_iter().chain(between).chain(then) {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

/// Why nothing can be said, and what could be asked.
fn unknown(args: &Explain, query: &str, not_found: &explain::NotFound) -> CommandError {
    let path = query.contains(['/', '\\']) || Path::new(query).extension().is_some_and(|e| e.len() <= 5);
    if args.query.len() == 1 && path && !query.contains(' ') {
        let error = io::Error::from(io::ErrorKind::NotFound);
        return CommandError::file("read", Path::new(query), &error);
    }
    let hint = "try a verb (RCPT), a code (550 5.1.1), an extension (SIZE), or a pasted line";
    CommandError::failure(not_found.to_string(), hint)
}

/// Columns for prose.
fn width(args: &Explain) -> usize {
    screen::width(args.width.map(usize::from)).min(MEASURE)
}

/// How much is told about each line of a session.
fn detail(args: &Explain) -> crate::view::plain::Detail {
    args.detail.unwrap_or(Detail::Brief).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_told_by_its_content() {
        assert_eq!(sort(b"From: a@example.com\r\nSubject: x\r\n\r\nbody"), Sort::Message);
        assert_eq!(sort(b"C: EHLO a\nS: 250 b\n"), Sort::Session);
        assert_eq!(
            sort(b"220 mail\nEHLO a\n250 ok\nDATA\n354 go\nFrom: a\nTo: b\nSubject: c\nDate: d\n\nx\n.\n"),
            Sort::Session
        );
        assert_eq!(sort(b"{\"k\":\"head\"}\n"), Sort::Recording);
        assert_eq!(sort(&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0]), Sort::Recording);
        let log = b"Jan  1 12:00:00 mail postfix/smtp[1]: 4XyZ1: to=<a@example.com>, relay=none, status=deferred (x)\n";
        assert_eq!(sort(log), Sort::Log);
        assert_eq!(sort(b"Jan  1 12:00:00 mail postfix/smtpd[1]: < a[192.0.2.1]: EHLO a\n"), Sort::Session);
    }
}
