//! The traces of the library's recordings: sound, whole, and as they should be.

use super::*;
use crate::explain::Story;
use crate::trace::{Direction, Record, Transcript};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn library() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts")
}

fn records(name: &str) -> Vec<Record> {
    let file = std::fs::read(library().join(format!("{name}.jsonl"))).unwrap();
    Transcript::read(file.as_slice()).unwrap().0.records
}

/// What is written for these records, line by line.
fn traces(records: &[Record]) -> Vec<Value> {
    let mut out = Vec::new();
    let mut view = Otlp::new(&mut out);
    let (mut cast, mut story) = (Cast::default(), Story::default());
    for (index, record) in records.iter().enumerate() {
        if let Record::Head(head) = record {
            story = Story::new(head).without_notes();
        }
        cast.learn(record);
        story.push(index, record).iter().for_each(|item| view.item(&cast, item).unwrap());
    }
    story.finish().iter().for_each(|item| view.item(&cast, item).unwrap());
    view.finish().unwrap();
    drop(view);
    String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A span as it is written, with its host.
struct Written<'j> {
    host: &'j str,
    span: &'j Value,
}

impl Written<'_> {
    fn text(&self, key: &str) -> &str {
        self.span[key].as_str().unwrap_or_default()
    }

    fn time(&self, key: &str) -> u64 {
        self.text(key).parse().unwrap()
    }

    fn attribute(&self, key: &str) -> String {
        let list = self.span["attributes"].as_array().unwrap();
        let found = list.iter().find(|attribute| attribute["key"] == key);
        found
            .map(|a| a["value"].as_object().unwrap().values().next().unwrap().to_string())
            .unwrap_or_default()
    }
}

fn spans(trace: &Value) -> Vec<Written<'_>> {
    let mut out = Vec::new();
    for resource in trace["resourceSpans"].as_array().unwrap() {
        let attributes = resource["resource"]["attributes"].as_array().unwrap();
        let host = attributes.iter().find(|a| a["key"] == "service.name").unwrap();
        for scope in resource["scopeSpans"].as_array().unwrap() {
            assert_eq!(scope["scope"]["name"], "postroad");
            let host = host["value"]["stringValue"].as_str().unwrap();
            out.extend(scope["spans"].as_array().unwrap().iter().map(|span| Written { host, span }));
        }
    }
    out
}

/// Everything that a collector wants of a trace.
fn is_sound(trace: &Value) {
    let spans = spans(trace);
    let is_hex = |text: &str, len| {
        text.len() == len && text.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
    };
    let by_id: BTreeMap<&str, &Written<'_>> = spans.iter().map(|s| (s.text("spanId"), s)).collect();
    assert_eq!(by_id.len(), spans.len(), "span ids are unique");
    assert_eq!(spans.iter().filter(|s| s.text("parentSpanId").is_empty()).count(), 1, "one whole");
    for span in &spans {
        assert!(is_hex(span.text("traceId"), 32) && is_hex(span.text("spanId"), 16));
        assert_eq!(span.text("traceId"), spans[0].text("traceId"));
        assert!((1..=5).contains(&span.span["kind"].as_u64().unwrap()));
        let (start, end) = (span.time("startTimeUnixNano"), span.time("endTimeUnixNano"));
        assert!(start <= end && start > 0, "{}", span.span);
        if let Some(parent) = by_id.get(span.text("parentSpanId")) {
            let (from, until) = (parent.time("startTimeUnixNano"), parent.time("endTimeUnixNano"));
            assert!(from <= start && end <= until, "{} is not inside {}", span.span, parent.span);
        } else {
            assert_eq!(span.text("parentSpanId"), "", "the parent exists");
        }
        for event in span.span["events"].as_array().into_iter().flatten() {
            let at: u64 = event["timeUnixNano"].as_str().unwrap().parse().unwrap();
            assert!(start <= at && at <= end && event["name"].is_string(), "{event}");
        }
        let keys: Vec<&str> =
            span.span["attributes"].as_array().unwrap().iter().map(|a| a["key"].as_str().unwrap()).collect();
        let mut once = keys.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), keys.len(), "each attribute once: {keys:?}");
    }
}

/// A trace as a tree for people: when, where, what, and why not.
fn outline(trace: &Value) -> String {
    fn tell(all: &[Written<'_>], of: &str, depth: usize, first: u64, out: &mut String) {
        let mut parts: Vec<&Written<'_>> = all.iter().filter(|s| s.text("parentSpanId") == of).collect();
        parts.sort_by_key(|s| (s.time("startTimeUnixNano"), s.text("name"), s.host));
        for span in parts {
            let ms = |key| (span.time(key) - first) / 1_000_000;
            let (from, until) = (ms("startTimeUnixNano"), ms("endTimeUnixNano"));
            let _ = write!(out, "{:depth$}{from}..{until} {}: {}", "", span.host, span.text("name"));
            for key in ["email.queue_id", "dns.question.name", "server.address"] {
                let value = span.attribute(key);
                if !value.is_empty() {
                    let _ = write!(out, " {}", value.trim_matches('"'));
                }
            }
            if let Some(why) = span.span["status"]["message"].as_str() {
                let _ = write!(out, " ✗ {why}");
            }
            for event in span.span["events"].as_array().into_iter().flatten() {
                let _ = write!(out, " [{}]", event["name"].as_str().unwrap());
            }
            out.push('\n');
            tell(all, span.text("spanId"), depth + 2, first, out);
        }
    }
    let all = spans(trace);
    let first = all.iter().map(|s| s.time("startTimeUnixNano")).min().unwrap();
    let mut out = String::new();
    tell(&all, "", 0, first, &mut out);
    out
}

fn outlines(name: &str) -> String {
    let traces = traces(&records(name));
    traces.iter().map(outline).collect::<Vec<String>>().join("\n")
}

#[test]
fn every_recording_of_the_library_gives_sound_traces() {
    let mut ids = BTreeMap::new();
    for entry in std::fs::read_dir(library()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let records = records(&name);
        let traces = traces(&records);
        traces.iter().for_each(is_sound);
        let queued =
            records.iter().filter(|r| matches!(r, Record::Fact { fact: Fact::Queued { .. }, .. })).count();
        let told: usize =
            traces.iter().map(|t| spans(t).iter().filter(|s| s.text("name") == "queue").count()).sum();
        assert_eq!(queued, told, "{name}: each stay in a queue is told once");
        for trace in &traces {
            let id = spans(trace)[0].text("traceId").to_owned();
            *ids.entry((name.clone(), id)).or_insert(0) += 1;
        }
    }
    assert!(ids.values().all(|count| *count == 1) && ids.len() > 40);
}

#[test]
fn the_journey_is_one_trace() {
    insta::assert_snapshot!(outlines("journey"));
}

#[test]
fn a_bounce_belongs_to_the_message_that_it_is_about() {
    insta::assert_snapshot!(outlines("unknown-user"));
}

#[test]
fn attempts_waits_and_refusals_are_told() {
    insta::assert_snapshot!(outlines("greylist"));
    insta::assert_snapshot!("mx1_down", outlines("mx1-down"));
}

#[test]
fn what_nobody_took_is_a_trace_too() {
    let traces = traces(&records("relay-denied"));
    let all: Vec<Written<'_>> = traces.iter().flat_map(spans).collect();
    let refused = all.iter().find(|span| span.attribute("smtp.response.code").contains("55")).unwrap();
    assert_eq!(refused.span["status"]["code"], 2);
    assert_eq!(refused.span["events"][0]["name"], "smtp.refused");
}

#[test]
fn attributes_are_those_of_the_conventions() {
    let traces = traces(&records("journey-starttls"));
    let all = spans(&traces[0]);
    let relay = all.iter().find(|s| s.text("name") == "SMTP relay" && s.span["kind"] == 3).unwrap();
    for (key, value) in [
        ("server.address", "\"mx1.example.net\""),
        ("server.port", "\"25\""),
        ("network.protocol.name", "\"smtp\""),
        ("network.peer.address", "\"2001:db8:2::25\""),
        ("tls.protocol.version", "\"1.3\""),
        ("smtp.response.code", "\"250\""),
    ] {
        assert_eq!(relay.attribute(key), value, "{key}: {}", relay.span);
    }
    assert!(!traces[0].to_string().contains("correct horse"), "no password");
}

#[test]
fn a_report_of_arrival_belongs_to_the_message_too() {
    insta::assert_snapshot!(outlines("dsn-success"));
}

/// RFC 2920 §3.1: a client need not wait for the answer to its letter before it says QUIT.
#[test]
fn a_client_that_says_quit_before_the_answer_has_the_same_traces() {
    let told = records("journey");
    let want: Vec<String> = traces(&told).iter().map(outline).collect();
    let mut hasty = told.clone();
    let mut moved = 0;
    for at in 0..hasty.len() {
        let Record::Data { at: sent, data } = &hasty[at] else { continue };
        let (sent, conn) = (*sent, data.conn);
        if data.from != Direction::Client || !data.bytes.ends_with(b"\r\n.\r\n") {
            continue;
        }
        let is_quit = |record: &Record| matches!(record, Record::Data { data, .. } if data.conn == conn && data.bytes == b"QUIT\r\n");
        let Some(quit) = hasty.iter().skip(at).position(is_quit).map(|behind| at + behind) else { continue };
        let Record::Data { data, .. } = hasty.remove(quit) else { continue };
        hasty.insert(at + 1, Record::Data { at: sent, data });
        moved += 1;
    }
    assert_eq!(moved, 2, "submission and relay");
    let got: Vec<String> = traces(&hasty).iter().map(outline).collect();
    assert_eq!(got, want);
}

#[test]
fn a_letter_in_chunks_is_known_by_its_message_id() {
    let of = |chunk: &[u8]| talks::message_id(chunk);
    assert_eq!(of(b"From: a\r\nMessage-Id: <1@a>\r\n\r\nMessage-ID: <2@a>\r\n"), "<1@a>");
    assert_eq!(of(b"message-id:\r\n <1@a>\r\n\r\n"), "<1@a>");
    assert_eq!(of(b"\r\nMessage-ID: <2@a>\r\n"), "");
    assert_eq!(of(b"Message-ID:"), "");
}
