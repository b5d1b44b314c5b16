//! Replies and their codes: "An SMTP reply consists of a three digit number … followed by some text".
//! RFC 5321 §4.2; enhanced status codes RFC 3463, carried in replies by RFC 2034.

use serde::Serialize;
use std::fmt;

/// What the first digit of a reply code says. RFC 5321 §4.2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// 2yz: done.
    Completion,
    /// 3yz: go on, more is wanted.
    Intermediate,
    /// 4yz: not now; the same command may work later.
    Transient,
    /// 5yz: no; the same command will not work.
    Permanent,
    /// Any other first digit, which RFC 5321 does not define.
    Undefined,
}

impl Class {
    /// The class of a code.
    pub fn of(code: u16) -> Class {
        match code / 100 {
            2 => Class::Completion,
            3 => Class::Intermediate,
            4 => Class::Transient,
            5 => Class::Permanent,
            _ => Class::Undefined,
        }
    }
}

/// An enhanced status code `class.subject.detail`. RFC 3463 §2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Enhanced(
    /// Class: 2 success, 4 persistent transient failure, 5 permanent failure.
    pub u8,
    /// Subject: 1 addressing, 2 mailbox, 3 mail system, 4 network, 5 protocol, 6 content, 7 policy.
    pub u16,
    /// Detail.
    pub u16,
);

impl fmt::Display for Enhanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// A whole reply, of one line or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reply {
    /// The three digits.
    pub code: u16,
    /// The enhanced status code, which stands at the start of every line. RFC 2034 §4.
    pub enhanced: Option<Enhanced>,
    /// The text of each line, without codes. At least one when printed.
    pub lines: Vec<String>,
}

impl Reply {
    /// A reply of one line without an enhanced code.
    pub fn new(code: u16, text: impl Into<String>) -> Self {
        Reply { code, enhanced: None, lines: vec![text.into()] }
    }

    /// A reply of one line with an enhanced code.
    pub fn enhanced(code: u16, enhanced: (u8, u16, u16), text: impl Into<String>) -> Self {
        let (class, subject, detail) = enhanced;
        Reply { code, enhanced: Some(Enhanced(class, subject, detail)), lines: vec![text.into()] }
    }

    /// A reply of several lines without an enhanced code (EHLO, HELP, EXPN).
    pub fn multi(code: u16, lines: Vec<String>) -> Self {
        Reply { code, enhanced: None, lines }
    }

    /// What its first digit says.
    pub fn class(&self) -> Class {
        Class::of(self.code)
    }

    /// 2yz.
    pub fn is_positive(&self) -> bool {
        self.class() == Class::Completion
    }

    /// 4yz: worth trying again later.
    pub fn is_transient(&self) -> bool {
        self.class() == Class::Transient
    }

    /// 5yz: not worth trying again.
    pub fn is_permanent(&self) -> bool {
        self.class() == Class::Permanent
    }

    /// All its text on one line.
    pub fn text(&self) -> String {
        self.lines.join(" ")
    }

    /// As it crosses the wire: each line with the code, `-` on all lines but the last, CR LF. RFC 5321 §4.2.1.
    ///
    /// Line breaks in the text would forge reply lines, so every control character becomes a space.
    pub fn to_wire(&self) -> Vec<u8> {
        let mut wire = String::new();
        let last = self.lines.len().saturating_sub(1);
        for at in 0..=last {
            let text = self.lines.get(at).map_or("", String::as_str);
            wire.push_str(&format!("{:03}{}", self.code, if at == last { ' ' } else { '-' }));
            if let Some(enhanced) = self.enhanced {
                wire.push_str(&enhanced.to_string());
                wire.push_str(if text.is_empty() { "" } else { " " });
            }
            wire.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
            wire.push_str("\r\n");
        }
        wire.into_bytes()
    }
}

/// As people quote it: `550 5.1.1 No such user here`, lines joined by spaces.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        write!(f, " {}", self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_carries_the_codes_and_only_the_last_a_space() {
        let reply = Reply {
            code: 550,
            enhanced: Some(Enhanced(5, 1, 1)),
            lines: vec!["No such".into(), "user".into()],
        };
        assert_eq!(reply.to_wire(), b"550-5.1.1 No such\r\n550 5.1.1 user\r\n");
        assert_eq!(reply.to_string(), "550 5.1.1 No such user");
        assert_eq!(Reply::multi(250, vec![]).to_wire(), b"250 \r\n");
    }

    #[test]
    fn text_cannot_forge_a_second_reply() {
        assert_eq!(Reply::new(250, "a\r\n354 b").to_wire(), b"250 a  354 b\r\n");
    }
}
