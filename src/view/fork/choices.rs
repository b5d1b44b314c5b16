//! [`Choice`]: what could be otherwise at one [`Moment`], offered where it fits. The choices are data:
//! `lessons/whatif.toml`.

use super::Moment;
use crate::base::escape;
use crate::dissect::{Kind as StepKind, Meaning, Step};
use crate::trace::Change;
use serde::Deserialize;
use serde_json::Value;
use std::sync::LazyLock;

/// What sort of change a choice makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A line is another one.
    Line,
    /// Something goes wrong in the world.
    World,
}

/// One thing that could be otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Its id, as in `mailbox-full`.
    pub id: String,
    /// What is otherwise, in a few words.
    pub title: String,
    /// What to watch for, in a sentence.
    pub watch: String,
    /// The number of the misconception that it is about; 0: none.
    pub misconception: u8,
    /// Of what sort it is.
    pub kind: Kind,
    /// All changes of the fork.
    pub changes: Vec<Change>,
}

/// What the file holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    choice: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    title: String,
    watch: String,
    #[serde(default)]
    misconception: u8,
    /// `protocol.kind` or `protocol.kind.VERB`.
    at: Vec<String>,
    /// Ports; empty: any.
    #[serde(default)]
    port: Vec<u16>,
    #[serde(default)]
    edit: Option<Edit>,
    #[serde(default)]
    fault: Vec<Value>,
}

/// How a line becomes another one.
#[derive(Debug, Deserialize)]
#[serde(tag = "how", rename_all = "kebab-case", deny_unknown_fields)]
enum Edit {
    /// It is this text, ended by CR LF.
    Line { text: String },
    /// The first `old` in it is `new`.
    Substitute { old: String, new: String },
    /// The field of that name, in the header of a message, has another body.
    Header { name: String, body: String },
    /// A bare LF ends the line, or stands before the lone dot.
    BareLf,
    /// The lone dot is not sent.
    ForgetDot,
    /// The lone dot is sent as two.
    DoubleDot,
    /// Dots at the beginning of lines are sent once, as they were written.
    Unstuff,
    /// The connection breaks before it.
    CutBefore,
    /// The connection breaks in the middle of it.
    CutHalf,
}

static FILE: LazyLock<Result<File, String>> = LazyLock::new(|| {
    toml::from_str(include_str!("../../../lessons/whatif.toml")).map_err(|error| error.to_string())
});

fn entries() -> &'static [Entry] {
    // A test holds that the file is read.
    FILE.as_ref().map_or(&[], |file| &file.choice)
}

/// Whether there is a choice of this id, wherever it fits.
pub fn is_known(id: &str) -> bool {
    entries().iter().any(|entry| entry.id == id)
}

/// What could be otherwise here, in the order of the file: lines first, then the world.
pub fn of(moment: &Moment) -> Vec<Choice> {
    let mut choices: Vec<Choice> = entries().iter().filter_map(|entry| entry.offer(moment)).collect();
    choices.sort_by_key(|choice| choice.kind == Kind::World);
    choices
}

impl Entry {
    fn offer(&self, moment: &Moment) -> Option<Choice> {
        let port = moment.open.as_ref()?.server.port();
        if !(self.port.is_empty() || self.port.contains(&port))
            || !self.at.iter().any(|at| fits(at, &moment.step))
        {
            return None;
        }
        let words = Words { moment };
        let changes = match &self.edit {
            Some(edit) => edit.changes(moment, &words)?,
            None => {
                let mut changes = moment.changes.clone();
                for fault in &self.fault {
                    changes.push(Change::Fault { fault: words.filled(fault)?, after: moment.decided });
                }
                changes
            }
        };
        Some(Choice {
            id: self.id.clone(),
            title: escape::text(&words.fill(&self.title)?),
            watch: escape::text(&words.fill(&self.watch)?),
            misconception: self.misconception,
            kind: if self.edit.is_some() { Kind::Line } else { Kind::World },
            changes,
        })
    }
}

/// Whether a Step is of that sort.
fn fits(pattern: &str, step: &Step) -> bool {
    let kind = match step.kind {
        StepKind::Open => "open",
        StepKind::Greeting => "greeting",
        StepKind::Command => "command",
        StepKind::Continuation => "continuation",
        StepKind::Data => "data",
        StepKind::Reply => "reply",
        StepKind::Untagged => "untagged",
        StepKind::Query => "query",
        StepKind::Answer => "answer",
        StepKind::Close | StepKind::Unparsed | StepKind::Gap => return false,
    };
    let mut words = pattern.splitn(3, '.');
    words.next() == Some(step.protocol.name())
        && words.next() == Some(kind)
        && words.next().is_none_or(|verb| verb == step.verb)
}

impl Edit {
    fn changes(&self, moment: &Moment, words: &Words<'_>) -> Option<Vec<Change>> {
        if !moment.has_bytes() {
            return None;
        }
        let bytes = &moment.step.bytes;
        let range = &moment.range();
        let instead = match self {
            Edit::Line { text } => format!("{}\r\n", words.fill(text)?).into_bytes(),
            Edit::Substitute { old, new } => {
                let at = find(bytes, old.as_bytes())?;
                splice(bytes, at, old.len(), words.fill(new)?.as_bytes())
            }
            Edit::Header { name, body } => with_field(bytes, name, &words.fill(body)?)?,
            Edit::BareLf if moment.step.kind == StepKind::Data => {
                bytes.strip_suffix(b"\r\n.\r\n").map(|text| [text, b"\n.\n"].concat())?
            }
            Edit::BareLf => bytes.strip_suffix(b"\r\n").map(|text| [text, b"\n"].concat())?,
            Edit::ForgetDot => bytes.strip_suffix(b".\r\n")?.to_vec(),
            Edit::DoubleDot => bytes.strip_suffix(b".\r\n").map(|text| [text, b"..\r\n"].concat())?,
            Edit::Unstuff => unstuffed(bytes)?,
            Edit::CutBefore => return Some(moment.stream().cut(&moment.changes, range.start)),
            Edit::CutHalf => {
                let half = range.start + (bytes.len() as u64 / 2).max(1);
                return Some(moment.stream().cut(&moment.changes, half));
            }
        };
        moment.with_bytes(&instead)
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len().max(1)).position(|window| window == what)
}

fn splice(bytes: &[u8], at: usize, length: usize, by: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out.splice(at..at + length, by.iter().copied());
    out
}

/// The message with another body in its first field of that name (RFC 5322 §2.2: a field goes on in the lines that
/// begin with white space).
fn with_field(message: &[u8], name: &str, body: &str) -> Option<Vec<u8>> {
    let end = find(message, b"\r\n\r\n")?;
    let mut at = 0;
    while at < end {
        let line = at + find(&message[at..], b"\r\n")?;
        let named = message[at..line].split(|b| *b == b':').next()?;
        if named.eq_ignore_ascii_case(name.as_bytes()) {
            let mut stop = line;
            while message.get(stop + 2).is_some_and(|b| matches!(b, b' ' | b'\t')) {
                stop += 2 + find(&message[stop + 2..], b"\r\n")?;
            }
            return Some(splice(message, at, stop - at, format!("{name}: {body}").as_bytes()));
        }
        at = line + 2;
    }
    None
}

/// Without the dots that were put before dots (RFC 5321 §4.5.2); `None` where there is none.
fn unstuffed(message: &[u8]) -> Option<Vec<u8>> {
    let text = message.strip_suffix(b"\r\n.\r\n")?;
    let mut out = Vec::with_capacity(message.len());
    let mut any = false;
    for (at, byte) in text.iter().enumerate() {
        let begins = at == 0 || text.get(..at).is_some_and(|before| before.ends_with(b"\r\n"));
        let stuffed = begins && *byte == b'.';
        any |= stuffed;
        if !stuffed {
            out.push(*byte);
        }
    }
    out.extend_from_slice(b"\r\n.\r\n");
    any.then_some(out)
}

/// What the placeholders of the file stand for at a moment.
struct Words<'m> {
    moment: &'m Moment,
}

impl Words<'_> {
    /// A text with its placeholders filled; `None` where one means nothing here.
    fn fill(&self, text: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}')?;
            out.push_str(before);
            out.push_str(&self.value(name)?);
            rest = behind;
        }
        out.push_str(rest);
        Some(out)
    }

    /// The same for every text in a table; one that is `{now+N}` becomes a number.
    fn filled(&self, value: &Value) -> Option<Value> {
        Some(match value {
            Value::String(text) if text.starts_with("{now+") => {
                Value::from(self.fill(text)?.parse::<u64>().ok()?)
            }
            Value::String(text) => Value::String(self.fill(text)?),
            Value::Object(table) => {
                let filled = table.iter().map(|(key, value)| Some((key.clone(), self.filled(value)?)));
                Value::Object(filled.collect::<Option<_>>()?)
            }
            other => other.clone(),
        })
    }

    fn value(&self, name: &str) -> Option<String> {
        let moment = self.moment;
        if let Some(seconds) = name.strip_prefix("now+") {
            let now = moment.step.at.since(moment.head.start).as_secs();
            return Some((now + seconds.parse::<u64>().ok()?).to_string());
        }
        let owned = |text: &str| Some(text.to_owned());
        match name {
            "server" => owned(moment.server()?),
            "client" => owned(moment.client()?),
            "service" => owned(moment.service()?),
            "recipient" => owned(moment.recipient()?),
            "recipient-domain" => owned(moment.recipient()?.rsplit_once('@')?.1),
            "account" => {
                let recipient = moment.recipient()?;
                moment
                    .before
                    .mailboxes
                    .keys()
                    .find(|account| account.eq_ignore_ascii_case(recipient))
                    .cloned()
            }
            "zone" => owned(moment.asked_name()?),
            "best-mx" => moment.best_mx(),
            "tag" => owned(moment.tag()?.trim_end()),
            "verb" => owned(&moment.command.as_ref()?.verb),
            _ => None,
        }
    }
}

impl Moment {
    /// The name that a DNS Step asks for.
    fn asked_name(&self) -> Option<&str> {
        let Meaning::Dns(dns) = &self.step.meaning else { return None };
        Some(dns.qname.trim_end_matches('.')).filter(|name| !name.is_empty())
    }

    /// The host of the lowest number in an answer with MX records.
    fn best_mx(&self) -> Option<String> {
        let Meaning::Dns(dns) = &self.step.meaning else { return None };
        let mx = dns.answers.iter().filter(|row| row.rtype == "MX").filter_map(|row| {
            let (preference, host) = row.data.split_once(' ')?;
            Some((preference.parse::<u16>().ok()?, host.trim_end_matches('.').to_owned()))
        });
        mx.filter(|(_, host)| !host.is_empty()).min().map(|(_, host)| host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_and_every_choice_is_said_well() {
        assert!(FILE.is_ok(), "{:?}", FILE.as_ref().err());
        let mut ids = std::collections::BTreeSet::new();
        for entry in entries() {
            assert!(ids.insert(&entry.id), "{} is there twice", entry.id);
            assert!(!entry.at.is_empty() && entry.edit.is_some() == entry.fault.is_empty(), "{}", entry.id);
            assert!(entry.watch.ends_with(['.', '?']) && !entry.watch.contains('!'), "{}", entry.watch);
            assert!(!entry.title.ends_with('.') && entry.title.len() < 70, "{}", entry.title);
            assert!(entry.misconception <= 32, "{}", entry.id);
        }
        assert!(ids.len() > 25);
    }

    #[test]
    fn a_header_field_is_found_with_its_folded_lines() {
        let message = b"Date: x\r\nFrom: Alice\r\n <a@example.com>\r\nTo: b\r\n\r\nFrom: no\r\n.\r\n";
        let want = b"Date: x\r\nFrom: The Director <d@example.com>\r\nTo: b\r\n\r\nFrom: no\r\n.\r\n";
        let edited = with_field(message, "From", "The Director <d@example.com>");
        assert_eq!(edited.as_deref(), Some(want.as_slice()));
        assert_eq!(with_field(message, "Cc", "x"), None);
    }

    #[test]
    fn dots_are_unstuffed_at_the_beginning_of_lines_only() {
        assert_eq!(
            unstuffed(b"..a\r\nb.\r\n..\r\n.\r\n").as_deref(),
            Some(b".a\r\nb.\r\n.\r\n.\r\n".as_slice())
        );
        assert_eq!(unstuffed(b"a\r\n.\r\n"), None);
    }
}
