//! Spans and traces as OpenTelemetry has them, and their JSON (OTLP/JSON: trace and span ids in hexadecimal, 64-bit numbers
//! as strings, enumerations as numbers).

use crate::base::Instant;
use crate::base::escape;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Characters of one value.
const LONGEST: usize = 400;
/// Events of one span.
const MOST_EVENTS: usize = 100;

/// Whose doing a span is, by the numbers of the protocol (`Span.SpanKind`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// Something inside one host.
    Internal = 1,
    /// A request that is answered.
    Server = 2,
    /// A request that is made.
    Client = 3,
    /// A message that is begun, for others to work on.
    Producer = 4,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// Text; it may have come off a wire.
    Text(String),
    /// A number.
    Number(u64),
    /// Several texts.
    List(Vec<String>),
}

/// Something at a moment of a span.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// What.
    pub name: &'static str,
    /// More about it.
    pub attributes: Vec<(&'static str, Attribute)>,
}

/// One stretch of a message's road.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The number of the span that it is part of, in its trace; `None`: it is the whole.
    pub parent: Option<usize>,
    /// Which host does it.
    pub host: String,
    /// What is done, in a few words.
    pub name: String,
    /// Whose doing it is.
    pub kind: SpanKind,
    /// When it begins.
    pub start: Instant,
    /// When it ends.
    pub end: Instant,
    /// More about it.
    pub attributes: Vec<(&'static str, Attribute)>,
    /// What happened meanwhile.
    pub events: Vec<Event>,
    /// Why it failed; empty: it did not.
    pub failure: String,
}

impl Span {
    /// One that begins and ends now.
    pub fn new(host: &str, name: &str, kind: SpanKind, at: Instant) -> Self {
        Span {
            parent: None,
            host: host.to_owned(),
            name: name.to_owned(),
            kind,
            start: at,
            end: at,
            attributes: Vec::new(),
            events: Vec::new(),
            failure: String::new(),
        }
    }

    /// Add an attribute; an empty text says nothing and is left out.
    pub fn text(&mut self, key: &'static str, value: &str) {
        if !value.is_empty() {
            self.set(key, Attribute::Text(value.to_owned()));
        }
    }

    /// Add a number.
    pub fn number(&mut self, key: &'static str, value: u64) {
        self.set(key, Attribute::Number(value));
    }

    /// Set an attribute, in place of the one of that name.
    pub fn set(&mut self, key: &'static str, value: Attribute) {
        match self.attributes.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = value,
            None => self.attributes.push((key, value)),
        }
    }

    /// Note that something happened.
    pub fn happened(&mut self, at: Instant, name: &'static str, attributes: Vec<(&'static str, Attribute)>) {
        if self.events.len() < MOST_EVENTS {
            self.events.push(Event { at, name, attributes });
        }
        self.end = self.end.max(at);
    }
}

/// A number of 128 bits that follows from what is hashed, as hexadecimal digits: never all zero.
pub fn trace_id(seeds: &[&str]) -> String {
    let mut hash = Sha256::new();
    for seed in seeds {
        hash.update((seed.len() as u64).to_be_bytes());
        hash.update(seed.as_bytes());
    }
    hex(hash.finalize().get(..16).unwrap_or_default())
}

fn span_id(trace: &str, number: usize) -> String {
    let mut hash = Sha256::new();
    hash.update(trace.as_bytes());
    hash.update((number as u64).to_be_bytes());
    hex(hash.finalize().get(..8).unwrap_or_default())
}

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    // "All zeroes" is no id (W3C Trace Context §3.2.2.3).
    if digits.bytes().all(|digit| digit == b'0') { "1".repeat(digits.len()) } else { digits }
}

/// A trace as one request to a collector (`ExportTraceServiceRequest`): its spans by host.
pub fn request(trace: &str, spans: &[Span]) -> Value {
    let mut hosts: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (number, span) in spans.iter().enumerate() {
        hosts.entry(&span.host).or_default().push(span.json(trace, number));
    }
    let resources = hosts.into_iter().map(|(host, spans)| {
        let resource = json!({ "attributes": [
            attribute("service.name", &Attribute::Text(host.to_owned())),
            attribute("service.namespace", &Attribute::Text("postroad".to_owned())),
            attribute("host.name", &Attribute::Text(host.to_owned())),
        ] });
        let scope = json!({ "name": "postroad", "version": env!("CARGO_PKG_VERSION") });
        json!({ "resource": resource, "scopeSpans": [{ "scope": scope, "spans": spans }] })
    });
    json!({ "resourceSpans": resources.collect::<Vec<Value>>() })
}

impl Span {
    fn json(&self, trace: &str, number: usize) -> Value {
        let mut out = Map::new();
        let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
        put("traceId", json!(trace));
        put("spanId", json!(span_id(trace, number)));
        if let Some(parent) = self.parent {
            put("parentSpanId", json!(span_id(trace, parent)));
        }
        put("name", json!(clean(&self.name)));
        put("kind", json!(self.kind as u8));
        put("startTimeUnixNano", nanos(self.start));
        put("endTimeUnixNano", nanos(self.end));
        put("attributes", attributes(&self.attributes));
        if !self.events.is_empty() {
            let event = |event: &Event| {
                let (at, attributes) = (nanos(event.at), attributes(&event.attributes));
                json!({ "timeUnixNano": at, "name": event.name, "attributes": attributes })
            };
            put("events", self.events.iter().map(event).collect());
        }
        // 2 is an error; what went well is left unset, as the specification wants it of instruments.
        let status = match self.failure.is_empty() {
            true => json!({}),
            false => json!({ "code": 2, "message": clean(&self.failure) }),
        };
        put("status", status);
        Value::Object(out)
    }
}

fn nanos(at: Instant) -> Value {
    json!((i128::from(at.as_micros()).max(0) * 1000).to_string())
}

fn attributes(list: &[(&'static str, Attribute)]) -> Value {
    list.iter().map(|(key, value)| attribute(key, value)).collect()
}

fn attribute(key: &str, value: &Attribute) -> Value {
    let value = match value {
        Attribute::Text(text) => json!({ "stringValue": clean(text) }),
        Attribute::Number(number) => json!({ "intValue": number.to_string() }),
        Attribute::List(list) => {
            let values: Vec<Value> = list.iter().map(|text| json!({ "stringValue": clean(text) })).collect();
            json!({ "arrayValue": { "values": values } })
        }
    };
    json!({ "key": key, "value": value })
}

/// What came off a wire, harmless and not too long.
fn clean(text: &str) -> String {
    let cut: String = text.chars().take(LONGEST).collect();
    escape::text(&cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_from_the_message_and_values_are_as_the_protocol_has_them() {
        assert_eq!(trace_id(&["<a@b>", "1A"]), trace_id(&["<a@b>", "1A"]));
        assert_ne!(trace_id(&["<a@b>", "1A"]), trace_id(&["<a@b>1", "A"]));
        assert_eq!(hex(&[0, 0]), "1111");
        let mut span = Span::new("mx1", "x", SpanKind::Client, Instant::from_secs(2));
        span.number("server.port", 25);
        span.text("empty", "");
        span.text("odd", "a\u{1b}[31m");
        let json = span.json("t", 0);
        assert_eq!((&json["startTimeUnixNano"], &json["kind"]), (&json!("2000000000"), &json!(3)));
        assert_eq!(json["attributes"][0], json!({ "key": "server.port", "value": { "intValue": "25" } }));
        assert!(!json["attributes"].to_string().contains("\\u001b"), "{json}");
        assert!(json.get("parentSpanId").is_none() && json.get("events").is_none());
        assert_eq!(json["status"], json!({}));
    }
}
