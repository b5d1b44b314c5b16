//! The index of an account: a text file, one line for each thing that the mail files themselves cannot tell (UIDs,
//! modification sequences, keywords, dates, uses), written at its end and never in its middle.
//!
//! Lines come in transactions. Each ends with `= SUM`, the SHA-256 (its first 12 octets) of its lines; what stands
//! behind the last such line was never acknowledged and is not read. `book/src/reference/data.md` has the table of
//! lines. Words are parted by spaces; an octet that is no printable ASCII, a space or a `%` is `%` and two hexadecimal
//! digits, and an empty word is `%`.

use super::names::digest;
use crate::base::Instant;
use std::fmt::Write as _;

/// The version that is written, and the only one that is read.
pub const VERSION: u32 = 1;

/// The first word of the first line.
const MAGIC: &str = "postroad-index";

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// `n UIDVALIDITY`: of the next mailbox that is made.
    Next(u32),
    /// `b UIDVALIDITY NAME FILE WAS USE UIDNEXT HIGHESTMODSEQ RECENT FORGOTTEN`: a mailbox, or how it stands now.
    Box(BoxLine),
    /// `k UIDVALIDITY KEYWORD…`: all keywords of a mailbox.
    Keywords(u32, Vec<String>),
    /// `m UIDVALIDITY UID BORN MODSEQ DATE FORM FILE WAS FLAG…`: a message, or how it stands now.
    Message(MessageLine),
    /// `x UIDVALIDITY UID MODSEQ FILE`: a message was removed.
    Removed {
        /// Of its mailbox.
        uidvalidity: u32,
        /// Its UID; 0: the file alone is to go.
        uid: u32,
        /// Of its removal.
        modseq: u64,
        /// What it was called.
        file: String,
    },
    /// `d UIDVALIDITY FILE`: a mailbox was deleted.
    Deleted(u32, String),
    /// `s NAME`: subscribed; `u NAME`: no longer.
    Subscribed(String, bool),
    /// `a UIDVALIDITY FROM TO`: octets are about to be written at the end of an mbox file of this length.
    Intent(u32, u64, u64),
}

/// See [`Line::Box`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BoxLine {
    /// Its UIDVALIDITY.
    pub uidvalidity: u32,
    /// Its name.
    pub name: String,
    /// Its folder or file.
    pub file: String,
    /// What that was called before this line.
    pub was: String,
    /// Its use; empty: none.
    pub special_use: String,
    /// The next UID.
    pub uidnext: u32,
    /// The highest modification sequence.
    pub highest: u64,
    /// Messages from this UID on were announced to no session.
    pub recent_from: u32,
    /// Removals up to this modification sequence are forgotten.
    pub forgotten: u64,
}

/// See [`Line::Message`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageLine {
    /// Of its mailbox.
    pub uidvalidity: u32,
    /// Its UID.
    pub uid: u32,
    /// Modification sequence of its arrival.
    pub born: u64,
    /// Modification sequence of its last change.
    pub modseq: u64,
    /// When it came.
    pub date: Instant,
    /// `c`: the file has the octets as they are; `l`: its lines end with LF, and the message's with CRLF.
    pub form: char,
    /// Its file (Maildir), or the digest of its octets (mbox).
    pub file: String,
    /// What the file was called before this line.
    pub was: String,
    /// Its flags.
    pub flags: Vec<String>,
}

/// Why an index cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadIndex {
    /// It is of a version, or of a kind, that this program does not know.
    #[error("its first line is \"{0}\", and this program reads \"postroad-index {VERSION} {1}\" only")]
    Unknown(String, &'static str),
}

/// What an index says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// The lines of all whole transactions, in order.
    pub lines: Vec<Line>,
    /// Something stands behind the last whole transaction: the writer was stopped in the middle of the next.
    pub torn: bool,
    /// A transaction does not fit its sum, and others follow: the file was damaged, and no UID in it can be trusted.
    pub damaged: bool,
}

impl Index {
    /// What was being written when the writer stopped: intents that no other transaction follows, as
    /// (UIDVALIDITY, from, to).
    pub fn pending(&self) -> Vec<(u32, u64, u64)> {
        let intent = |line: &Line| match line {
            Line::Intent(uidvalidity, from, to) => Some((*uidvalidity, *from, *to)),
            _ => None,
        };
        self.lines.iter().rev().map_while(intent).collect()
    }
}

fn word(out: &mut String, word: &str) {
    out.push(' ');
    if word.is_empty() {
        out.push('%');
    }
    for byte in word.bytes() {
        match byte {
            b'!'..=b'$' | b'&'..=b'~' => out.push(char::from(byte)),
            other => drop(write!(out, "%{other:02X}")),
        }
    }
}

fn unword(word: &str) -> Option<String> {
    if word == "%" {
        return Some(String::new());
    }
    let mut out = Vec::with_capacity(word.len());
    let mut rest = word.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        if *first == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            out.push(u8::from_str_radix(digits, 16).ok()?);
            rest = rest.get(2..)?;
        } else {
            out.push(*first);
        }
    }
    String::from_utf8(out).ok()
}

impl Line {
    fn write(&self, out: &mut String) {
        // Writing to a string cannot fail.
        let _ = match self {
            Line::Next(next) => write!(out, "n {next}"),
            Line::Box(b) => {
                let _ = write!(out, "b {}", b.uidvalidity);
                [&b.name, &b.file, &b.was, &b.special_use].iter().for_each(|w| word(out, w));
                write!(out, " {} {} {} {}", b.uidnext, b.highest, b.recent_from, b.forgotten)
            }
            Line::Keywords(uidvalidity, keywords) => {
                let _ = write!(out, "k {uidvalidity}");
                keywords.iter().for_each(|w| word(out, w));
                Ok(())
            }
            Line::Message(m) => {
                let date = m.date.as_micros();
                let _ =
                    write!(out, "m {} {} {} {} {date} {}", m.uidvalidity, m.uid, m.born, m.modseq, m.form);
                word(out, &m.file);
                word(out, &m.was);
                m.flags.iter().for_each(|w| word(out, w));
                Ok(())
            }
            Line::Removed { uidvalidity, uid, modseq, file } => {
                let _ = write!(out, "x {uidvalidity} {uid} {modseq}");
                word(out, file);
                Ok(())
            }
            Line::Deleted(uidvalidity, file) => {
                let _ = write!(out, "d {uidvalidity}");
                word(out, file);
                Ok(())
            }
            Line::Subscribed(name, on) => {
                out.push(if *on { 's' } else { 'u' });
                word(out, name);
                Ok(())
            }
            Line::Intent(uidvalidity, from, to) => write!(out, "a {uidvalidity} {from} {to}"),
        };
        out.push('\n');
    }

    fn read(line: &str) -> Option<Line> {
        let mut words = line.split(' ');
        let kind = words.next()?;
        let line = match kind {
            "n" => Line::Next(words.next()?.parse().ok()?),
            "b" => Line::Box(BoxLine {
                uidvalidity: words.next()?.parse().ok()?,
                name: unword(words.next()?)?,
                file: unword(words.next()?)?,
                was: unword(words.next()?)?,
                special_use: unword(words.next()?)?,
                uidnext: words.next()?.parse().ok()?,
                highest: words.next()?.parse().ok()?,
                recent_from: words.next()?.parse().ok()?,
                forgotten: words.next()?.parse().ok()?,
            }),
            "k" => {
                let uidvalidity = words.next()?.parse().ok()?;
                Line::Keywords(uidvalidity, words.by_ref().map(unword).collect::<Option<_>>()?)
            }
            "m" => Line::Message(MessageLine {
                uidvalidity: words.next()?.parse().ok()?,
                uid: words.next()?.parse().ok()?,
                born: words.next()?.parse().ok()?,
                modseq: words.next()?.parse().ok()?,
                date: Instant::from_micros(words.next()?.parse().ok()?),
                form: words.next()?.chars().next()?,
                file: unword(words.next()?)?,
                was: unword(words.next()?)?,
                flags: words.by_ref().map(unword).collect::<Option<_>>()?,
            }),
            "x" => Line::Removed {
                uidvalidity: words.next()?.parse().ok()?,
                uid: words.next()?.parse().ok()?,
                modseq: words.next()?.parse().ok()?,
                file: unword(words.next()?)?,
            },
            "d" => Line::Deleted(words.next()?.parse().ok()?, unword(words.next()?)?),
            "s" | "u" => Line::Subscribed(unword(words.next()?)?, kind == "s"),
            "a" => Line::Intent(
                words.next()?.parse().ok()?,
                words.next()?.parse().ok()?,
                words.next()?.parse().ok()?,
            ),
            _ => return None,
        };
        words.next().is_none().then_some(line)
    }
}

/// The first line of an index.
pub fn head(kind: &str) -> String {
    format!("{MAGIC} {VERSION} {kind}\n")
}

/// A whole transaction.
pub fn transaction(lines: &[Line]) -> String {
    let mut text = String::new();
    lines.iter().for_each(|line| line.write(&mut text));
    let sum = digest(text.as_bytes());
    let _ = writeln!(text, "= {sum}");
    text
}

/// Read an index of this kind of store.
///
/// # Errors
/// Where its first line says that it is another's.
pub fn read(bytes: &[u8], kind: &'static str) -> Result<Index, BadIndex> {
    let text = String::from_utf8_lossy(bytes);
    let first = text.split_inclusive('\n').next().unwrap_or_default();
    let mut index = Index::default();
    if first != head(kind) {
        // A first line that was cut short was never followed by anything.
        return if head(kind).starts_with(first) {
            Ok(Index { torn: true, ..index })
        } else {
            Err(BadIndex::Unknown(first.trim_end().chars().take(80).collect(), kind))
        };
    }
    let (mut lines, mut summed) = (Vec::new(), String::new());
    let mut bad = false;
    for line in text[first.len()..].split_inclusive('\n') {
        let whole = line.ends_with('\n');
        if let Some(sum) = line.strip_prefix("= ") {
            if whole && !bad && sum.trim_end() == digest(summed.as_bytes()) {
                index.lines.append(&mut lines);
                summed.clear();
                continue;
            }
            index.damaged |= whole;
            bad = true;
        } else {
            match Line::read(line.trim_end_matches('\n')).filter(|_| whole) {
                Some(line) => lines.push(line),
                None => bad = true,
            }
        }
        summed.push_str(line);
    }
    index.torn = bad || !lines.is_empty();
    Ok(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<Line> {
        let name = "Entwürfe 50%/x".to_owned();
        let file = "1.M1P1.postroad:2,S".to_owned();
        vec![
            Line::Next(9),
            Line::Box(BoxLine { uidvalidity: 7, name: name.clone(), highest: 3, ..BoxLine::default() }),
            Line::Keywords(7, vec!["$Junk".to_owned(), "ä b".to_owned()]),
            Line::Message(MessageLine {
                uidvalidity: 7,
                uid: 1,
                form: 'c',
                file: file.clone(),
                flags: vec!["\\Seen".to_owned()],
                ..MessageLine::default()
            }),
            Line::Removed { uidvalidity: 7, uid: 2, modseq: 5, file },
            Line::Deleted(4, ".Junk".to_owned()),
            Line::Subscribed(name, true),
            Line::Subscribed(String::new(), false),
            Line::Intent(7, 10, 20),
        ]
    }

    #[test]
    fn an_index_says_what_was_written_wherever_it_is_cut() {
        let text = head("maildir") + &transaction(&lines()) + &transaction(&lines()[..2]);
        let whole = read(text.as_bytes(), "maildir").expect("ours");
        assert_eq!((whole.lines.len(), whole.torn, whole.damaged), (11, false, false));
        assert_eq!(whole.lines[..9], lines());
        assert!(whole.pending().is_empty());
        let stopped = text.clone() + &transaction(&lines()[8..]);
        assert_eq!(read(stopped.as_bytes(), "maildir").expect("ours").pending(), [(7, 10, 20)]);
        for end in 0..text.len() {
            let cut = read(&text.as_bytes()[..end], "maildir").expect("cut, not another's");
            assert!([0, 9].contains(&cut.lines.len()) && !cut.damaged, "cut at {end}");
        }
    }

    #[test]
    fn damage_in_the_middle_is_told_from_a_torn_end() {
        let text = head("maildir") + &transaction(&lines()) + &transaction(&lines()[..2]);
        let at = text.find("Entw").expect("it is there");
        let mut bytes = text.into_bytes();
        bytes[at] = b'X';
        let read = read(&bytes, "maildir").expect("ours");
        assert!(read.damaged && read.lines.is_empty());
    }

    #[test]
    fn another_version_is_refused_by_name() {
        let refused = read(b"postroad-index 2 maildir\nb\n", "maildir").expect_err("unknown");
        assert!(refused.to_string().contains("postroad-index 2 maildir"), "{refused}");
        assert!(read(b"postroad-index 1 mbox\n", "maildir").is_err(), "another kind of store");
    }
}
