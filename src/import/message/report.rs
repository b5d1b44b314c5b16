//! A delivery status notification: "message/delivery-status" (RFC 3464 §2.1): fields about the message, then an
//! empty line and fields for each recipient.

use super::Field;
use super::fields::Header;
use mail_parser::{Message, MimeHeaders, PartType};
use serde::Serialize;

/// What became of the message for one recipient (RFC 3464 §2.3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Recipient {
    /// Whom the sender named: "Original-Recipient", without its type.
    pub original: String,
    /// Whom it went to: "Final-Recipient", without its type.
    #[serde(rename = "final")]
    pub final_: String,
    /// `failed`, `delayed`, `delivered`, `relayed`, `expanded`.
    pub action: String,
    /// "status-code = DIGIT "." 1*3DIGIT "." 1*3DIGIT": the enhanced status code of RFC 3463.
    pub status: String,
    /// Who said no: "Remote-MTA", without its type.
    pub remote_mta: String,
    /// Its words: "Diagnostic-Code", without its type.
    pub diagnostic: String,
    /// The type of these words: `smtp`, `x-unix`, …
    pub diagnostic_type: String,
    /// When it was last tried.
    pub last_attempt: String,
    /// Until when it will be tried.
    pub retry_until: String,
    /// Every other field, as it stands.
    pub more: Vec<Field>,
}

/// A report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Which server reports: "Reporting-MTA", without its type.
    pub reporting_mta: String,
    /// When it got the message.
    pub arrival: String,
    /// The sender's own number for it (ENVID, RFC 3461 §4.4).
    pub envelope_id: String,
    /// How many groups of fields it has: one about the message, one for each recipient.
    pub groups: usize,
    /// Each recipient.
    pub recipients: Vec<Recipient>,
    /// What of the message comes back: its header and perhaps its body. The Subject, where one is seen.
    pub returned_subject: Option<String>,
    /// Its Message-ID, by which a sender finds it again.
    pub returned_id: Option<String>,
}

/// Which sort of report the message says it is, in lower case; empty for none.
pub fn kind(message: &Message<'_>) -> String {
    let top = message.root_part().content_type();
    let Some(top) = top.filter(|t| t.subtype().is_some_and(|s| s.eq_ignore_ascii_case("report"))) else {
        return String::new();
    };
    let named = top.attribute("report-type").map(str::to_ascii_lowercase);
    // Without the parameter, the part after the words for people says it.
    let told = || {
        let types = message.parts.iter().filter_map(|p| p.content_type());
        types
            .filter(|t| t.ctype().eq_ignore_ascii_case("message"))
            .find_map(|t| t.subtype().map(str::to_ascii_lowercase))
    };
    named.or_else(told).unwrap_or_else(|| "unknown".to_owned())
}

/// The report in a message, where there is one.
pub fn read(message: &Message<'_>, limit: usize) -> Option<Report> {
    let is = |part: &mail_parser::MessagePart<'_>, kind: &str, sub: &[&str]| {
        part.content_type().is_some_and(|t| {
            let fits = t.subtype().is_some_and(|s| sub.iter().any(|sub| s.eq_ignore_ascii_case(sub)));
            t.ctype().eq_ignore_ascii_case(kind) && fits
        })
    };
    let states =
        message.parts.iter().filter(|p| is(p, "message", &["delivery-status", "global-delivery-status"]));
    let mut report: Option<Report> = None;
    for part in states.take(limit) {
        groups(part.contents(), limit, report.get_or_insert_default());
    }
    let mut report = report?;
    let returned = message.parts.iter().find(|p| {
        is(p, "message", &["rfc822", "global", "global-headers"]) || is(p, "text", &["rfc822-headers"])
    });
    if let Some(part) = returned {
        let header = match &part.body {
            PartType::Message(inner) => Header::read(inner.raw_message(), super::Limits::default()),
            _ => Header::read(part.contents(), super::Limits::default()),
        };
        let field =
            |name: &str| header.fields.iter().find(|f| f.name.eq_ignore_ascii_case(name)).map(Field::decoded);
        report.returned_subject = field("Subject");
        report.returned_id = field("Message-ID");
    }
    Some(report)
}

/// Groups of fields, parted by empty lines: the first is about the message.
fn groups(text: &[u8], limit: usize, report: &mut Report) {
    let mut rest = text;
    let mut first = true;
    while !rest.is_empty() && report.recipients.len() < limit {
        let header = Header::read(rest, super::Limits { fields: 100, ..super::Limits::default() });
        rest = rest.get(header.body.max(1)..).unwrap_or_default();
        if header.fields.is_empty() {
            continue;
        }
        report.groups += 1;
        let about = header.fields.iter().any(|f| f.name.eq_ignore_ascii_case("Final-Recipient"));
        if first && !about {
            message_fields(&header.fields, report);
        } else if about || header.fields.iter().any(|f| f.name.eq_ignore_ascii_case("Action")) {
            report.recipients.push(recipient(header.fields));
        }
        first = false;
    }
}

fn message_fields(fields: &[Field], report: &mut Report) {
    for field in fields {
        match field.name.to_ascii_lowercase().as_str() {
            "reporting-mta" => report.reporting_mta = untyped(&field.body).1,
            "arrival-date" => field.body.clone_into(&mut report.arrival),
            "original-envelope-id" => field.body.clone_into(&mut report.envelope_id),
            _ => {}
        }
    }
}

fn recipient(fields: Vec<Field>) -> Recipient {
    let mut out = Recipient::default();
    for field in fields {
        let body = &field.body;
        match field.name.to_ascii_lowercase().as_str() {
            "original-recipient" => out.original = untyped(body).1,
            "final-recipient" => out.final_ = untyped(body).1,
            "action" => out.action = first_word(body).to_ascii_lowercase(),
            "status" => out.status = first_word(body),
            "remote-mta" => out.remote_mta = untyped(body).1,
            "diagnostic-code" => (out.diagnostic_type, out.diagnostic) = untyped(body),
            "last-attempt-date" => out.last_attempt = body.clone(),
            "will-retry-until" => out.retry_until = body.clone(),
            _ => out.more.push(field),
        }
    }
    out
}

fn first_word(body: &str) -> String {
    body.split([' ', '\t', '(']).next().unwrap_or_default().to_owned()
}

/// "address-type ";" generic-address": the type in lower case, and the rest.
fn untyped(body: &str) -> (String, String) {
    match body.split_once(';') {
        Some((kind, rest)) => (kind.trim().to_ascii_lowercase(), rest.trim().to_owned()),
        None => (String::new(), body.trim().to_owned()),
    }
}
