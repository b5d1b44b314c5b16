//! What is odd in a message: what misleads its reader, and what goes against RFC 5322 and RFC 2045.

use super::fields::Header;
use super::hops::domain;
use super::{Field, Reading};
use crate::base::escape;
use serde::Serialize;

/// Something odd. `id` is stable, in kebab case; `detail` is one sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Oddity {
    /// What sort of thing it is.
    pub id: &'static str,
    /// One sentence.
    pub detail: String,
    /// Who says that it is one: an RFC's section, where one does.
    pub source: &'static str,
}

/// At most so many of a kind.
const OF_A_KIND: usize = 5;

struct Found(Vec<Oddity>);

impl Found {
    fn say(&mut self, id: &'static str, source: &'static str, detail: String) {
        if self.0.iter().filter(|o| o.id == id).count() < OF_A_KIND {
            self.0.push(Oddity { id, detail, source });
        }
    }
}

/// All that is odd in this message.
pub fn read(message: &[u8], header: &Header, reading: &Reading) -> Vec<Oddity> {
    let mut found = Found(Vec::new());
    let fields = &header.fields;
    hidden(fields, reading, &mut found);
    who(fields, &mut found);
    counts(header, &mut found);
    times(fields, reading, &mut found);
    bytes(message, header, &mut found);
    files(reading, &mut found);
    found.0
}

fn field<'a>(fields: &'a [Field], name: &str) -> Option<&'a Field> {
    fields.iter().find(|f| f.name.eq_ignore_ascii_case(name))
}

/// Characters that turn the direction of text round, or show nothing.
fn hidden(fields: &[Field], reading: &Reading, found: &mut Found) {
    let bad = |text: &str| text.chars().any(|c| escape::is_invisible(c) || c.is_control() && c != '\t');
    for field in fields.iter().filter(|f| bad(&f.decoded())) {
        let detail = format!("{} holds characters that hide or turn round what is read", field.name);
        found.say("hidden-characters", "", detail);
    }
    for part in reading.parts.iter().filter(|p| bad(&p.file_name)) {
        let detail =
            format!("the file name {} hides its true ending from its reader", escape::text(&part.file_name));
        found.say("hidden-characters", "", detail);
    }
}

/// The addresses in a field's body: words with an "@", without brackets.
fn addresses(text: &str) -> impl Iterator<Item = &str> {
    let edge = |c: char| "<>()[],;:\"'".contains(c);
    text.split(|c: char| c.is_whitespace() || "<>,;".contains(c))
        .map(move |w| w.trim_matches(edge))
        .filter(|w| w.contains('@'))
}

fn host(address: &str) -> String {
    domain(address.rsplit_once('@').map_or("", |(_, host)| host))
}

fn who(fields: &[Field], found: &mut Found) {
    let Some(from) = field(fields, "From") else { return };
    let text = from.decoded();
    let Some(address) = addresses(&text).last().map(str::to_owned) else { return };
    let shown = text.rsplit_once('<').map_or("", |(name, _)| name);
    if let Some(other) = addresses(shown).find(|a| !a.eq_ignore_ascii_case(&address)) {
        let detail = format!("From shows the address {other} as a name, and the message's own is {address}");
        found.say("name-is-an-address", "RFC 5322 §3.4", detail);
    }
    let compare = [
        ("Return-Path", "return-path-differs", "the envelope's sender", "RFC 5321 §4.4"),
        ("Reply-To", "reply-to-differs", "where answers go", "RFC 5322 §3.6.2"),
        ("Sender", "sender-differs", "who is said to have sent it", "RFC 5322 §3.6.2"),
    ];
    for (name, id, what, source) in compare {
        let Some(body) = field(fields, name).map(Field::decoded) else { continue };
        let Some(other) = addresses(&body).last().filter(|other| host(other) != host(&address)) else {
            continue;
        };
        found.say(id, source, format!("{name}, {what}, is {other}, and From is {address}: another domain"));
    }
}

/// "Date 1 1", "From 1 1", and at most one of each of these others (RFC 5322 §3.6).
fn counts(header: &Header, found: &mut Found) {
    const ONCE: [&str; 10] = [
        "From",
        "Date",
        "Sender",
        "Reply-To",
        "To",
        "Cc",
        "Subject",
        "Message-ID",
        "In-Reply-To",
        "References",
    ];
    for name in ONCE {
        let count = header.fields.iter().filter(|f| f.name.eq_ignore_ascii_case(name)).count();
        if count > 1 {
            let detail =
                format!("{name} stands {count} times: one program may show the first, another the last");
            found.say("field-twice", "RFC 5322 §3.6", detail);
        } else if count == 0 && matches!(name, "From" | "Date") {
            found.say(
                "field-missing",
                "RFC 5322 §3.6",
                format!("{name} is missing, and every message needs one"),
            );
        }
    }
    if header.strange > 0 {
        let detail = format!("{} lines of the header are no fields", header.strange);
        found.say("no-field", "RFC 5322 §2.2", detail);
    }
    for field in header.fields.iter().filter(|f| f.raw_8bit) {
        let detail = format!("{} holds octets above 127: only a message of SMTPUTF8 may", field.name);
        found.say("raw-8bit-header", "RFC 5322 §2.2", detail);
    }
    if header.count > header.fields.len() || header.cut {
        let detail = format!("the header has {} fields or more; only its beginning is shown", header.count);
        found.say("huge-header", "", detail);
    }
}

fn times(fields: &[Field], reading: &Reading, found: &mut Found) {
    let written = field(fields, "Date").and_then(|f| mail_parser::DateTime::parse_rfc822(&f.body));
    let Some(written) = written.filter(mail_parser::DateTime::is_valid).map(|d| d.to_timestamp()) else {
        return;
    };
    let Some(first) = reading.hops.iter().find_map(|hop| hop.time) else { return };
    let apart = first.saturating_sub(written);
    if apart.abs() > 86_400 {
        let (days, which) = (apart.abs() / 86_400, if apart > 0 { "before" } else { "after" });
        let detail = format!(
            "Date lies {days} days {which} the first server's line: it is what the sender's computer says"
        );
        found.say("date-far-off", "RFC 5322 §3.6.1", detail);
    }
}

/// Line ends, line lengths, NUL.
fn bytes(message: &[u8], header: &Header, found: &mut Found) {
    let message = message.get(header.start..).unwrap_or_default();
    let (mut crlf, mut lf, mut longest, mut start, mut nul) = (0_usize, 0_usize, 0, 0, false);
    for (at, &byte) in message.iter().enumerate() {
        nul |= byte == 0;
        if byte == b'\n' {
            let with_cr = at > 0 && message.get(at - 1) == Some(&b'\r');
            *(if with_cr { &mut crlf } else { &mut lf }) += 1;
            longest = longest.max(at - start - usize::from(with_cr));
            start = at + 1;
        }
    }
    longest = longest.max(message.len() - start);
    if crlf > 0 && lf > 0 {
        let detail = format!(
            "{crlf} lines end in CR LF and {lf} in a bare LF: programs may not agree where lines end"
        );
        found.say("mixed-line-ends", "RFC 5322 §2.3", detail);
    }
    if longest > 998 {
        let detail = format!("its longest line has {longest} octets; 998 are allowed");
        found.say("long-line", "RFC 5322 §2.1.1", detail);
    }
    if nul {
        found.say("nul", "RFC 5322 §2.1", "it holds NUL, which no message may".to_owned());
    }
}

/// Files that want to be taken for something else.
fn files(reading: &Reading, found: &mut Found) {
    const RUNS: [&str; 16] = [
        "exe", "scr", "com", "bat", "cmd", "js", "vbs", "jar", "lnk", "pif", "hta", "ps1", "msi", "wsf",
        "iso", "img",
    ];
    for part in reading.parts.iter().filter(|p| !p.file_name.is_empty()) {
        let mut endings = part.file_name.rsplit('.').map(|e| e.trim().to_ascii_lowercase());
        let last = endings.next().unwrap_or_default();
        let before = endings.next().filter(|_| part.file_name.matches('.').count() > 1);
        if RUNS.contains(&last.as_str()) {
            let double = before.map(|b| format!(", behind a false {b}")).unwrap_or_default();
            let detail = format!("the file {} is a program ({last}{double})", escape::text(&part.file_name));
            found.say("file-is-a-program", "", detail);
        }
        if part.file_name.contains(['/', '\\']) {
            let detail = format!("the file name {} holds a path", escape::text(&part.file_name));
            found.say("file-name-is-a-path", "RFC 2183 §2.3", detail);
        }
    }
    for part in reading.parts.iter().filter(|p| p.broken) {
        let detail =
            format!("a part of {} is not encoded as it says, or its end is missing", part.media_type);
        found.say("broken-part", "RFC 2046 §5.1.1", detail);
    }
}
