//! Delivery status notifications: what the host that gave up tells the envelope's sender (RFC 3461, 3464, 6522).
//!
//! A notification is a multipart/report of three parts: words for people, fields for programs, and the headers of
//! the message that failed. Its own reverse-path is null, so that no notification is ever sent about it. Where an
//! address or a header field is in UTF-8, the parts are the internationalised ones of RFC 6533.

use super::compose::{field, rfc5322_date};
use crate::base::Instant;
use std::fmt::Write as _;

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedRecipient {
    /// The forward-path.
    pub address: String,
    /// Enhanced status code, as in `5.1.1` (RFC 3463).
    pub status: String,
    /// What the next host said, as in `550 5.1.1 No such user`; or what we found ourselves.
    pub diagnostic: String,
    /// The host that said it; empty where we found it ourselves.
    pub remote: String,
}

/// What a notification is about.
pub struct Report<'a> {
    /// The host that reports.
    pub reporter: &'a str,
    /// The envelope sender of the message that failed.
    pub sender: &'a str,
    /// Queue id of the message that failed.
    pub id: &'a str,
    /// When that message arrived here.
    pub arrived: Instant,
    /// When the notification is written.
    pub at: Instant,
    /// Makes its Message-ID and boundary.
    pub unique: &'a str,
    /// Whom it could not be delivered to.
    pub failed: &'a [FailedRecipient],
    /// The message that failed.
    pub message: &'a [u8],
}

/// Write the notification.
pub fn write(report: &Report<'_>) -> Vec<u8> {
    let boundary = format!("=_{}", report.unique);
    let mut out = String::new();
    field(&mut out, "Date", &rfc5322_date(report.at));
    field(&mut out, "From", &format!("Mail Delivery System <MAILER-DAEMON@{}>", report.reporter));
    field(&mut out, "To", report.sender);
    field(&mut out, "Subject", "Undelivered mail: your message could not be delivered");
    field(&mut out, "Message-ID", &format!("<{}@{}>", report.unique, report.reporter));
    field(&mut out, "Auto-Submitted", "auto-replied");
    field(&mut out, "MIME-Version", "1.0");
    let media = format!("multipart/report; report-type=delivery-status; boundary=\"{boundary}\"");
    field(&mut out, "Content-Type", &media);
    let types = if report.is_international() { &INTERNATIONAL } else { &ASCII };
    begin_part(&mut out, &boundary, types.text, types);
    for_people(&mut out, report);
    begin_part(&mut out, &boundary, types.status, types);
    for_programs(&mut out, report);
    begin_part(&mut out, &boundary, types.headers, types);
    let mut bytes = out.into_bytes();
    bytes.extend_from_slice(header_of(report.message));
    bytes.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    bytes
}

/// The media types of the three parts, and how an address is announced.
struct Types {
    text: &'static str,
    status: &'static str,
    headers: &'static str,
    encoding: &'static str,
    address: &'static str,
}

/// RFC 3464, RFC 6522.
const ASCII: Types = Types {
    text: "text/plain; charset=us-ascii",
    status: "message/delivery-status",
    headers: "text/rfc822-headers",
    encoding: "7bit",
    address: "rfc822",
};

/// RFC 6533 §3 and §4.
const INTERNATIONAL: Types = Types {
    text: "text/plain; charset=utf-8",
    status: "message/global-delivery-status",
    headers: "message/global-headers",
    encoding: "8bit",
    address: "utf-8",
};

impl Report<'_> {
    /// Whether UTF-8 stands in an address or in the header of the message that failed.
    pub fn is_international(&self) -> bool {
        !self.sender.is_ascii()
            || self.failed.iter().any(|f| !f.address.is_ascii() || !f.diagnostic.is_ascii())
            || !header_of(self.message).is_ascii()
    }
}

fn begin_part(out: &mut String, boundary: &str, media: &str, types: &Types) {
    let _ = write!(out, "\r\n--{boundary}\r\n");
    field(out, "Content-Type", media);
    field(out, "Content-Transfer-Encoding", types.encoding);
    out.push_str("\r\n");
}

fn for_people(out: &mut String, report: &Report<'_>) {
    let _ = write!(out, "This is the mail system at {}.\r\n\r\n", report.reporter);
    out.push_str("I took responsibility for your message, and could not deliver it to:\r\n\r\n");
    for failed in report.failed {
        let _ = write!(out, "  <{}>\r\n    {}\r\n", one_line(&failed.address), one_line(&failed.diagnostic));
    }
    out.push_str("\r\nI have given up. The headers of your message are enclosed.\r\n");
}

/// The fields of RFC 3464 §2.2 and §2.3.
fn for_programs(out: &mut String, report: &Report<'_>) {
    field(out, "Reporting-MTA", &format!("dns; {}", report.reporter));
    field(out, "X-Queue-ID", report.id);
    field(out, "Arrival-Date", &rfc5322_date(report.arrived));
    for failed in report.failed {
        out.push_str("\r\n");
        let kind = if failed.address.is_ascii() { ASCII.address } else { INTERNATIONAL.address };
        field(out, "Final-Recipient", &format!("{kind}; {}", one_line(&failed.address)));
        field(out, "Action", "failed");
        field(out, "Status", &failed.status);
        if !failed.remote.is_empty() {
            field(out, "Remote-MTA", &format!("dns; {}", failed.remote));
            field(out, "Diagnostic-Code", &format!("smtp; {}", one_line(&failed.diagnostic)));
        }
        field(out, "Last-Attempt-Date", &rfc5322_date(report.at));
    }
}

/// Another host's words, safe inside our text: one line, nothing that steers a terminal.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// The header section of a message, its last CR LF included.
pub fn header_of(message: &[u8]) -> &[u8] {
    let end = message.windows(4).position(|w| w == b"\r\n\r\n").map_or(message.len(), |at| at + 2);
    &message[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_utf_8_stays_what_it_is() {
        let failed = [FailedRecipient {
            address: "bücher@example.net".to_owned(),
            status: "5.1.1".to_owned(),
            diagnostic: "550 5.1.1 No such user".to_owned(),
            remote: "mx1.example.net".to_owned(),
        }];
        let text = String::from_utf8(write(&Report {
            reporter: "mail.example.com",
            sender: "alice@example.com",
            id: "1A",
            arrived: Instant::from_secs(0),
            at: Instant::from_secs(60),
            unique: "n1",
            failed: &failed,
            message: b"Subject: Hello\r\n\r\n",
        }));
        let text = text.expect("UTF-8");
        assert!(text.contains("Final-Recipient: utf-8; bücher@example.net\r\n"), "{text}");
        assert!(text.contains("Content-Type: message/global-delivery-status\r\n"), "{text}");
    }

    #[test]
    fn a_notification_reads_as_rfc_3464_asks() {
        let failed = [FailedRecipient {
            address: "nobody@example.net".to_owned(),
            status: "5.1.1".to_owned(),
            diagnostic: "550 5.1.1 No such user".to_owned(),
            remote: "mx1.example.net".to_owned(),
        }];
        let bytes = write(&Report {
            reporter: "mail.example.com",
            sender: "alice@example.com",
            id: "1A",
            arrived: Instant::from_secs(0),
            at: Instant::from_secs(60),
            unique: "n1",
            failed: &failed,
            message: b"Subject: Hello\r\n\r\nsecret body\r\n",
        });
        let text = String::from_utf8(bytes).expect("ASCII");
        for wanted in [
            "report-type=delivery-status",
            "Reporting-MTA: dns; mail.example.com\r\n",
            "Final-Recipient: rfc822; nobody@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n",
            "Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n",
            "Subject: Hello\r\n",
        ] {
            assert!(text.contains(wanted), "{wanted:?} in\n{text}");
        }
        assert!(!text.contains("secret body"), "headers only (RFC 3461 §6.2: RET is not asked for)");
    }
}
