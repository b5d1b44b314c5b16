//! One line of the file ↔ one [`Record`]: the names and the order of the members stand here and nowhere else.

use crate::base::{Instant, escape};
use crate::trace::{
    CloseHow, Conn, Data, Direction, Fact, Gap, Head, HostInfo, Layer, Mark, Missing, Opened, Record,
    Transport,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;

#[derive(Serialize, Deserialize)]
struct HeadLine<'a> {
    k: Cow<'a, str>,
    #[serde(default = "format")]
    format: Cow<'a, str>,
    version: u32,
    #[serde(default)]
    generator: Cow<'a, str>,
    #[serde(default)]
    title: Cow<'a, str>,
    start: Cow<'a, str>,
    #[serde(default)]
    hosts: Cow<'a, [HostInfo]>,
    #[serde(default)]
    seed: u64,
    #[serde(default, skip_serializing_if = "<[Value]>::is_empty")]
    changes: Cow<'a, [Value]>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    scenario: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenLine<'a> {
    k: Cow<'a, str>,
    t: i64,
    c: Conn,
    transport: Transport,
    client: SocketAddr,
    server: SocketAddr,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DataLine<'a> {
    #[serde(borrow)]
    k: Cow<'a, str>,
    t: i64,
    c: Conn,
    d: Direction,
    #[serde(default, skip_serializing_if = "is_wire")]
    l: Layer,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    s: Option<Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    b: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GapLine<'a> {
    k: Cow<'a, str>,
    t: i64,
    c: Conn,
    d: Direction,
    #[serde(default, skip_serializing_if = "is_wire")]
    l: Layer,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n: Option<u64>,
    why: Missing,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CloseLine<'a> {
    k: Cow<'a, str>,
    t: i64,
    c: Conn,
    d: Direction,
    how: CloseHow,
}

#[derive(Serialize, Deserialize)]
struct FactLine<'a> {
    k: Cow<'a, str>,
    t: i64,
    host: Cow<'a, str>,
    #[serde(flatten)]
    fact: Cow<'a, Fact>,
}

#[derive(Serialize, Deserialize)]
struct MarkLine<'a> {
    k: Cow<'a, str>,
    #[serde(flatten)]
    mark: Cow<'a, Mark>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndLine<'a> {
    k: Cow<'a, str>,
    t: i64,
}

/// Enough of any line to know what it is.
#[derive(Deserialize)]
struct AnyLine<'a> {
    #[serde(default, borrow)]
    k: Option<Cow<'a, str>>,
}

/// What tells our transcripts from other files of JSON Lines.
fn format() -> Cow<'static, str> {
    "postroad".into()
}

fn is_wire(layer: &Layer) -> bool {
    *layer == Layer::Wire
}

/// A record as a line, line feed included; times count from `start`.
pub(super) fn encode(record: &Record, start: Instant) -> io::Result<Vec<u8>> {
    let since = |at: &Instant| at.as_micros().saturating_sub(start.as_micros());
    let mut line = match record {
        Record::Head(head) => to_json(&HeadLine {
            k: "head".into(),
            format: format(),
            version: head.version,
            generator: (&head.generator).into(),
            title: (&head.title).into(),
            start: calendar(head.start).into(),
            hosts: (&head.hosts).into(),
            seed: head.seed,
            changes: (&head.changes).into(),
            scenario: (&head.scenario).into(),
        }),
        Record::Open { at, open: Opened { conn, transport, client, server } } => to_json(&OpenLine {
            k: "open".into(),
            t: since(at),
            c: *conn,
            transport: *transport,
            client: *client,
            server: *server,
        }),
        Record::Data { at, data } => encode_data(data, since(at)),
        Record::Gap { at, gap: Gap { conn, from, layer, len, why } } => to_json(&GapLine {
            k: "gap".into(),
            t: since(at),
            c: *conn,
            d: *from,
            l: *layer,
            n: *len,
            why: *why,
        }),
        Record::Close { at, conn, from, how } => {
            to_json(&CloseLine { k: "close".into(), t: since(at), c: *conn, d: *from, how: *how })
        }
        Record::Fact { at, host, fact } => to_json(&FactLine {
            k: "fact".into(),
            t: since(at),
            host: host.into(),
            fact: Cow::Borrowed(fact),
        }),
        Record::Mark(mark) => to_json(&MarkLine { k: "mark".into(), mark: Cow::Borrowed(mark) }),
        Record::End { at } => to_json(&EndLine { k: "end".into(), t: since(at) }),
        Record::Unknown(value) => serde_json::to_vec(value).map_err(io::Error::from),
    }?;
    line.push(b'\n');
    Ok(line)
}

fn encode_data(data: &Data, t: i64) -> io::Result<Vec<u8>> {
    let text = std::str::from_utf8(&data.bytes).ok();
    to_json(&DataLine {
        k: "data".into(),
        t,
        c: data.conn,
        d: data.from,
        l: data.layer,
        s: text.map(Cow::Borrowed),
        b: text.is_none().then(|| BASE64.encode(&data.bytes).into()),
    })
}

/// What a line turned out to be.
#[derive(Debug, PartialEq)]
pub(super) enum Decoded {
    /// A record that is understood.
    Record(Record),
    /// A kind that is not known: to be expected of newer writers.
    Foreign(Value),
    /// A known kind with something in it that is not known.
    NotUnderstood(Record, String),
    /// No record.
    Broken {
        /// Byte in the line, from 1; 0 where the whole line is meant.
        column: usize,
        /// What was expected.
        expected: String,
    },
}

impl From<serde_json::Error> for Decoded {
    fn from(error: serde_json::Error) -> Self {
        let whole = error.to_string();
        // The error counts lines in what it was given, which was one line.
        let (expected, _) = whole.rsplit_once(" at line ").unwrap_or((&whole, ""));
        Decoded::Broken { column: error.column(), expected: escape::text(expected) }
    }
}

fn broken(expected: impl Into<String>) -> Decoded {
    Decoded::Broken { column: 0, expected: expected.into() }
}

/// The record of a line; times count from `start`.
pub(super) fn decode(line: &[u8], start: Instant) -> Decoded {
    // Most lines are data in our own order: those are read once.
    if line.starts_with(b"{\"k\":\"data\",")
        && let Ok(data) = serde_json::from_slice::<DataLine>(line)
    {
        return decode_data(data, start);
    }
    if !line.starts_with(b"{") {
        return Decoded::Broken { column: 1, expected: "a record is a JSON object, {…}".to_owned() };
    }
    let kind = match serde_json::from_slice::<AnyLine>(line) {
        Ok(AnyLine { k: Some(kind) }) => kind,
        Ok(AnyLine { k: None }) => return broken("a record has a member \"k\" that says its kind"),
        Err(error) => return error.into(),
    };
    let decoded = match &*kind {
        "head" => return decode_head(line),
        "open" => parse(line, |OpenLine { t, c, transport, client, server, .. }| Record::Open {
            at: after(start, t),
            open: Opened { conn: c, transport, client, server },
        }),
        "data" => match serde_json::from_slice::<DataLine>(line) {
            Ok(data) => return decode_data(data, start),
            Err(error) => Err(error),
        },
        "gap" => parse(line, |GapLine { t, c, d, l, n, why, .. }| Record::Gap {
            at: after(start, t),
            gap: Gap { conn: c, from: d, layer: l, len: n, why },
        }),
        "close" => parse(line, |CloseLine { t, c, d, how, .. }| Record::Close {
            at: after(start, t),
            conn: c,
            from: d,
            how,
        }),
        "fact" => parse(line, |FactLine { t, host, fact, .. }| Record::Fact {
            at: after(start, t),
            host: host.into_owned(),
            fact: fact.into_owned(),
        }),
        "mark" => parse(line, |MarkLine { mark, .. }| Record::Mark(mark.into_owned())),
        "end" => parse(line, |EndLine { t, .. }| Record::End { at: after(start, t) }),
        _ => return serde_json::from_slice(line).map_or_else(Decoded::from, Decoded::Foreign),
    };
    match decoded {
        Ok(record) => complete(record, line),
        Err(error) => strange(&kind, error, line),
    }
}

fn parse<'a, L: Deserialize<'a>>(
    line: &'a [u8],
    record: impl FnOnce(L) -> Record,
) -> serde_json::Result<Record> {
    serde_json::from_slice(line).map(record)
}

fn decode_head(line: &[u8]) -> Decoded {
    let head: HeadLine = match serde_json::from_slice(line) {
        Ok(head) => head,
        Err(error) => return error.into(),
    };
    if head.format != format() {
        return broken("\"format\" is \"postroad\"; some other program's file has a head too");
    }
    let Ok(start) = head.start.parse::<jiff::Timestamp>() else {
        return broken("\"start\" is a moment in UTC, as in 2026-01-05T09:00:00Z");
    };
    let record = Record::Head(Head {
        version: head.version,
        generator: head.generator.into_owned(),
        title: head.title.into_owned(),
        start: Instant::from_micros(start.as_microsecond()),
        hosts: head.hosts.into_owned(),
        scenario: head.scenario.into_owned(),
        seed: head.seed,
        changes: head.changes.into_owned(),
    });
    match foreign_member("head", line) {
        // The head is needed, so it is not given up for what is unknown in it.
        Some(name) => {
            Decoded::NotUnderstood(record, format!("a head has no member \"{name}\"; it is dropped"))
        }
        None => Decoded::Record(record),
    }
}

fn decode_data(line: DataLine, start: Instant) -> Decoded {
    let bytes = match (line.s, line.b) {
        (Some(text), None) => text.into_owned().into_bytes(),
        (None, Some(base64)) => match BASE64.decode(base64.as_bytes()) {
            Ok(bytes) => bytes,
            Err(error) => return broken(format!("\"b\" is base64: {}", escape::text(&error.to_string()))),
        },
        _ => return broken("data has its bytes in \"s\" (text) or in \"b\" (base64), in one of them"),
    };
    let data = Data { conn: line.c, from: line.d, layer: line.l, bytes };
    Decoded::Record(Record::Data { at: after(start, line.t), data })
}

/// Facts and marks are read leniently: where a line says more than was taken from it, it is kept whole.
fn complete(record: Record, line: &[u8]) -> Decoded {
    if !matches!(record, Record::Fact { .. } | Record::Mark(_)) {
        return Decoded::Record(record);
    }
    let taken = encode(&record, Instant::default()).unwrap_or_default();
    match (serde_json::from_slice(&taken), serde_json::from_slice(line)) {
        (Ok(Value::Object(taken)), Ok(Value::Object(all))) => {
            let empty =
                |value: &Value| value.is_null() || value == "" || value.as_array().is_some_and(Vec::is_empty);
            match all.iter().find(|(name, value)| !taken.contains_key(*name) && !empty(value)) {
                None => Decoded::Record(record),
                Some((name, _)) => {
                    let what = format!("it has no member \"{}\"", escape::text(name));
                    Decoded::NotUnderstood(Record::Unknown(Value::Object(all)), what)
                }
            }
        }
        _ => Decoded::Record(record),
    }
}

/// A line of a known kind that does not read as one: broken, or from a writer who knows more.
fn strange(kind: &str, error: serde_json::Error, line: &[u8]) -> Decoded {
    let strange_fact = kind == "fact" && error.to_string().starts_with("unknown variant");
    let what = match foreign_member(kind, line) {
        Some(name) => format!("a {kind} record has no member \"{name}\""),
        None if strange_fact => "a fact of a kind that is not known here".to_owned(),
        None => return error.into(),
    };
    match serde_json::from_slice(line) {
        Ok(value) => Decoded::NotUnderstood(Record::Unknown(value), what),
        Err(error) => error.into(),
    }
}

/// The first member that records of this kind do not have, escaped.
fn foreign_member(kind: &str, line: &[u8]) -> Option<String> {
    let known: &[&str] = match kind {
        "head" => {
            &["k", "format", "version", "generator", "title", "start", "hosts", "seed", "changes", "scenario"]
        }
        "open" => &["k", "t", "c", "transport", "client", "server"],
        "data" => &["k", "t", "c", "d", "l", "s", "b"],
        "gap" => &["k", "t", "c", "d", "l", "n", "why"],
        "close" => &["k", "t", "c", "d", "how"],
        "end" => &["k", "t"],
        _ => return None,
    };
    let members: serde_json::Map<String, Value> = serde_json::from_slice(line).ok()?;
    members.keys().find(|name| !known.contains(&name.as_str())).map(|name| escape::text(name))
}

fn after(start: Instant, t: i64) -> Instant {
    Instant::from_micros(start.as_micros().saturating_add(t))
}

/// RFC 3339 in UTC. A moment outside the calendar (beyond the year 9999) becomes its end.
fn calendar(at: Instant) -> String {
    let bound = if at.as_micros() < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or(bound).to_string()
}

/// Compact JSON in which nothing hides: a transcript can be shown by any program without steering a terminal.
fn to_json(line: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(128);
    line.serialize(&mut serde_json::Serializer::with_formatter(&mut out, Visible))?;
    Ok(out)
}

/// Writes control and invisible characters beyond ASCII as `\uXXXX`; JSON itself asks that for C0 only.
struct Visible;

impl serde_json::ser::Formatter for Visible {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, text: &str) -> io::Result<()> {
        // Mail is mostly ASCII, in which only DEL hides: the rest of C0 is escaped before it comes here.
        if text.is_ascii() && !text.as_bytes().contains(&0x7f) {
            return out.write_all(text.as_bytes());
        }
        let hides = |c: char| c.is_control() || escape::is_invisible(c);
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| hides(*c)) {
            let (before, from) = rest.split_at(at);
            out.write_all(before.as_bytes())?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = from.get(c.len_utf8()..).unwrap_or_default();
        }
        out.write_all(rest.as_bytes())
    }
}
