//! Delivery status notifications: what a host tells the envelope's sender of a message that failed, is late, was handed on
//! or has arrived (RFC 3461, 3464, 6522).
//!
//! A notification is a multipart/report of three parts: words for people, fields for programs, and the headers of
//! the message, or all of it. Its own reverse-path is null, so that no notification is ever sent about it. Where an
//! address or a header field is in UTF-8, the parts are the internationalised ones of RFC 6533.

use super::compose::{field, rfc5322_date};
use crate::base::Instant;
use std::fmt::Write as _;

/// What became of one recipient that failed.
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

/// What a report says of a recipient. RFC 3464 §2.3.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// It will not be delivered.
    Failed,
    /// It is not delivered yet, and is still tried.
    Delayed,
    /// It was handed to a host that reports nothing.
    Relayed,
    /// It lies in the mailbox.
    Delivered,
}

impl Action {
    /// Its name in the report and in facts.
    pub fn name(self) -> &'static str {
        match self {
            Action::Failed => "failed",
            Action::Delayed => "delayed",
            Action::Relayed => "relayed",
            Action::Delivered => "delivered",
        }
    }
}

/// What a report says of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What became of it.
    pub action: Action,
    /// Address, status, and who said what.
    pub recipient: FailedRecipient,
    /// ORCPT, decoded: `type;address`.
    pub original: Option<String>,
    /// A delay: until when it will be tried.
    pub retry_until: Option<Instant>,
}

/// What a notification is about.
pub struct Report<'a> {
    /// The host that reports.
    pub reporter: &'a str,
    /// The envelope sender of the message that it is about.
    pub sender: &'a str,
    /// Queue id of that message.
    pub id: &'a str,
    /// ENVID of that message, decoded.
    pub envid: Option<&'a str>,
    /// RET=FULL was asked for.
    pub full: bool,
    /// When that message arrived here.
    pub arrived: Instant,
    /// When the notification is written.
    pub at: Instant,
    /// Makes its Message-ID and boundary.
    pub unique: &'a str,
    /// What is told of whom; at least one.
    pub told: &'a [Told],
    /// The message that it is about.
    pub message: &'a [u8],
}

/// Octets of the largest message that is returned whole; RFC 3461 §6.2 allows a limit of one's own.
const LARGEST_RETURNED: usize = 1 << 20;

/// Write the notification.
pub fn write(report: &Report<'_>) -> Vec<u8> {
    let boundary = format!("=_{}", report.unique);
    let mut out = String::new();
    field(&mut out, "Date", &rfc5322_date(report.at));
    field(&mut out, "From", &format!("Mail Delivery System <MAILER-DAEMON@{}>", report.reporter));
    field(&mut out, "To", report.sender);
    field(&mut out, "Subject", report.worst().subject);
    field(&mut out, "Message-ID", &format!("<{}@{}>", report.unique, report.reporter));
    field(&mut out, "Auto-Submitted", "auto-replied");
    field(&mut out, "MIME-Version", "1.0");
    let media = format!("multipart/report; report-type=delivery-status; boundary=\"{boundary}\"");
    field(&mut out, "Content-Type", &media);
    let types = if report.is_international() { &INTERNATIONAL } else { &ASCII };
    begin_part(&mut out, &boundary, types.text, types.encoding);
    for_people(&mut out, report);
    begin_part(&mut out, &boundary, types.status, types.encoding);
    for_programs(&mut out, report);
    let returned = if report.returns_all() {
        let encoding = if report.message.is_ascii() { "7bit" } else { "8bit" };
        begin_part(&mut out, &boundary, types.message, encoding);
        report.message
    } else {
        begin_part(&mut out, &boundary, types.headers, types.encoding);
        header_of(report.message)
    };
    let mut bytes = out.into_bytes();
    bytes.extend_from_slice(returned);
    bytes.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    bytes
}

/// What the first part says of an action: Subject, what comes before the addresses, what comes behind them.
struct Words {
    subject: &'static str,
    before: &'static str,
    behind: &'static str,
}

/// The words for people, by action.
fn words(action: Action) -> Words {
    match action {
        Action::Failed => Words {
            subject: "Undelivered mail: your message could not be delivered",
            before: "I took responsibility for your message, and could not deliver it to:",
            behind: "I have given up.",
        },
        Action::Delayed => Words {
            subject: "Delayed mail: your message is still on its way",
            before: "Your message could not be delivered yet to:",
            behind: "I keep trying. You need not send it again.",
        },
        Action::Relayed => Words {
            subject: "Relayed mail: your message was handed on",
            before: "You asked to be told. Your message was handed to another mail system for:",
            behind: "That system does not report deliveries: you may hear no more of it.",
        },
        Action::Delivered => Words {
            subject: "Delivered mail: your message has arrived",
            before: "You asked to be told. Your message was put into the mailbox of:",
            behind: "This does not say that anybody has read it.",
        },
    }
}

/// The media types of the three parts, and how an address is announced.
struct Types {
    text: &'static str,
    status: &'static str,
    headers: &'static str,
    message: &'static str,
    encoding: &'static str,
    address: &'static str,
}

/// RFC 3464, RFC 6522.
const ASCII: Types = Types {
    text: "text/plain; charset=us-ascii",
    status: "message/delivery-status",
    headers: "text/rfc822-headers",
    message: "message/rfc822",
    encoding: "7bit",
    address: "rfc822",
};

/// RFC 6533 §3 and §4.
const INTERNATIONAL: Types = Types {
    text: "text/plain; charset=utf-8",
    status: "message/global-delivery-status",
    headers: "message/global-headers",
    message: "message/global",
    encoding: "8bit",
    address: "utf-8",
};

impl Report<'_> {
    /// Whether UTF-8 stands in an address or in the header of the message that it is about.
    pub fn is_international(&self) -> bool {
        let beyond =
            |told: &Told| !told.recipient.address.is_ascii() || !told.recipient.diagnostic.is_ascii();
        !self.sender.is_ascii() || self.told.iter().any(beyond) || !header_of(self.message).is_ascii()
    }

    /// "RET applies only to DSNs that indicate delivery failure for at least one recipient" (RFC 3461 §4.3, §6.2).
    fn returns_all(&self) -> bool {
        let failed = self.told.iter().any(|told| told.action == Action::Failed);
        self.full && failed && self.message.len() <= LARGEST_RETURNED
    }

    /// The words for the worst that is told.
    fn worst(&self) -> Words {
        words(self.told.iter().map(|told| told.action).min().unwrap_or(Action::Failed))
    }
}

fn begin_part(out: &mut String, boundary: &str, media: &str, encoding: &str) {
    let _ = write!(out, "\r\n--{boundary}\r\n");
    field(out, "Content-Type", media);
    field(out, "Content-Transfer-Encoding", encoding);
    out.push_str("\r\n");
}

fn for_people(out: &mut String, report: &Report<'_>) {
    let _ = write!(out, "This is the mail system at {}.\r\n\r\n", report.reporter);
    for action in [Action::Failed, Action::Delayed, Action::Relayed, Action::Delivered] {
        let mut told = report.told.iter().filter(|told| told.action == action).peekable();
        if told.peek().is_none() {
            continue;
        }
        let _ = write!(out, "{}\r\n\r\n", words(action).before);
        for Told { recipient, .. } in told {
            let (address, said) = (one_line(&recipient.address), one_line(&recipient.diagnostic));
            let _ = write!(out, "  <{address}>\r\n");
            if !said.is_empty() {
                let _ = write!(out, "    {said}\r\n");
            }
        }
        out.push_str("\r\n");
        out.push_str(words(action).behind);
        out.push(' ');
    }
    let what = if report.returns_all() { "Your message is" } else { "The headers of your message are" };
    let _ = write!(out, "{what} enclosed.\r\n");
}

/// The fields of RFC 3464 §2.2 and §2.3.
fn for_programs(out: &mut String, report: &Report<'_>) {
    if let Some(envid) = report.envid {
        field(out, "Original-Envelope-Id", &one_line(envid));
    }
    field(out, "Reporting-MTA", &format!("dns; {}", report.reporter));
    field(out, "X-Queue-ID", report.id);
    field(out, "Arrival-Date", &rfc5322_date(report.arrived));
    for told in report.told {
        let recipient = &told.recipient;
        out.push_str("\r\n");
        if let Some((kind, address)) = told.original.as_deref().and_then(|o| o.split_once(';')) {
            field(out, "Original-Recipient", &format!("{}; {}", one_line(kind), one_line(address)));
        }
        let kind = if recipient.address.is_ascii() { ASCII.address } else { INTERNATIONAL.address };
        field(out, "Final-Recipient", &format!("{kind}; {}", one_line(&recipient.address)));
        field(out, "Action", told.action.name());
        field(out, "Status", &recipient.status);
        if !recipient.remote.is_empty() {
            field(out, "Remote-MTA", &format!("dns; {}", recipient.remote));
            field(out, "Diagnostic-Code", &format!("smtp; {}", one_line(&recipient.diagnostic)));
        }
        field(out, "Last-Attempt-Date", &rfc5322_date(report.at));
        if let Some(until) = told.retry_until {
            field(out, "Will-Retry-Until", &rfc5322_date(until));
        }
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

    const MESSAGE: &[u8] = b"Subject: Hello\r\n\r\nsecret body\r\n";

    fn told(action: Action, address: &str) -> Told {
        Told {
            action,
            recipient: FailedRecipient {
                address: address.to_owned(),
                status: "5.1.1".to_owned(),
                diagnostic: "550 5.1.1 No such user".to_owned(),
                remote: "mx1.example.net".to_owned(),
            },
            original: None,
            retry_until: None,
        }
    }

    fn written(told: &[Told], full: bool) -> String {
        let report = Report {
            reporter: "mail.example.com",
            sender: "alice@example.com",
            id: "1A",
            envid: Some("QQ314159"),
            full,
            arrived: Instant::from_secs(0),
            at: Instant::from_secs(60),
            unique: "n1",
            told,
            message: MESSAGE,
        };
        String::from_utf8(write(&report)).expect("UTF-8")
    }

    fn holds(text: &str, all: &[&str]) {
        all.iter().for_each(|wanted| assert!(text.contains(wanted), "{wanted:?} in\n{text}"));
    }

    #[test]
    fn an_address_in_utf_8_stays_what_it_is() {
        let text = written(&[told(Action::Failed, "bücher@example.net")], false);
        holds(
            &text,
            &[
                "Final-Recipient: utf-8; bücher@example.net\r\n",
                "Content-Type: message/global-delivery-status\r\n",
            ],
        );
    }

    #[test]
    fn a_notification_reads_as_rfc_3464_asks() {
        let text = written(&[told(Action::Failed, "nobody@example.net")], false);
        holds(
            &text,
            &[
                "report-type=delivery-status",
                "Original-Envelope-Id: QQ314159\r\nReporting-MTA: dns; mail.example.com\r\n",
                "Final-Recipient: rfc822; nobody@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n",
                "Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n",
                "Subject: Hello\r\n",
            ],
        );
        assert!(!text.contains("secret body") && !text.contains("Original-Recipient"), "{text}");
    }

    #[test]
    fn the_whole_message_comes_back_of_failures_where_it_was_asked_for() {
        let text = written(&[told(Action::Failed, "nobody@example.net")], true);
        holds(&text, &["Content-Type: message/rfc822\r\n", "secret body\r\n"]);
        let text = written(&[told(Action::Delivered, "bob@example.net")], true);
        assert!(!text.contains("secret body"), "RFC 3461 6.2: headers only\n{text}");
    }

    #[test]
    fn one_report_tells_of_several_each_in_its_way() {
        let late = Told {
            original: Some("rfc822;Bob+@example.net".to_owned()),
            retry_until: Some(Instant::from_secs(86_400)),
            ..told(Action::Delayed, "bob@example.net")
        };
        let text = written(&[late, told(Action::Delivered, "dave@example.net")], false);
        holds(
            &text,
            &[
                "Subject: Delayed mail",
                "Original-Recipient: rfc822; Bob+@example.net\r\nFinal-Recipient: rfc822; bob@example.net\r\nAction: delayed\r\n",
                "Will-Retry-Until: Fri, 2 Jan 1970 00:00:00 +0000\r\n",
                "Action: delivered\r\n",
            ],
        );
    }

    #[test]
    fn what_others_said_cannot_forge_a_field() {
        let mut evil = told(Action::Failed, "x@example.net");
        evil.recipient.diagnostic = "550 no\r\nAction: delivered".to_owned();
        evil.original = Some("rfc822;a\r\nStatus: 2.0.0".to_owned());
        let text = written(&[evil], false);
        assert_eq!(text.matches("\r\nAction:").count(), 1, "{text}");
        assert_eq!(text.matches("\r\nStatus:").count(), 1, "{text}");
    }
}
