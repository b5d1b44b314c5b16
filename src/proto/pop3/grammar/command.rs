//! What a POP3 client says: `keyword *(SP param) CRLF` (RFC 2449 §3).

use super::Parsed;
use crate::base::escape::lossy;
use crate::base::{Finding, Part, Secret, Span};
use serde::Serialize;

/// A command's keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verb {
    /// USER name (RFC 1939 §7).
    User,
    /// PASS string (RFC 1939 §7).
    Pass,
    /// APOP name digest (RFC 1939 §7).
    Apop,
    /// STAT (RFC 1939 §5).
    Stat,
    /// LIST \[msg\] (RFC 1939 §5).
    List,
    /// RETR msg (RFC 1939 §5).
    Retr,
    /// DELE msg (RFC 1939 §5).
    Dele,
    /// NOOP (RFC 1939 §5).
    Noop,
    /// RSET (RFC 1939 §5).
    Rset,
    /// QUIT (RFC 1939 §4, §6).
    Quit,
    /// TOP msg n (RFC 1939 §7).
    Top,
    /// UIDL \[msg\] (RFC 1939 §7).
    Uidl,
    /// CAPA (RFC 2449 §5).
    Capa,
    /// STLS (RFC 2595 §4).
    Stls,
    /// AUTH mechanism \[initial-response\] (RFC 5034 §4).
    Auth,
    /// Anything else.
    Unknown,
}

impl Verb {
    /// Every keyword that is known.
    pub const ALL: [Verb; 15] = [
        Verb::User,
        Verb::Pass,
        Verb::Apop,
        Verb::Stat,
        Verb::List,
        Verb::Retr,
        Verb::Dele,
        Verb::Noop,
        Verb::Rset,
        Verb::Quit,
        Verb::Top,
        Verb::Uidl,
        Verb::Capa,
        Verb::Stls,
        Verb::Auth,
    ];

    /// The keyword in upper case; empty for [`Verb::Unknown`].
    pub fn name(self) -> &'static str {
        match self {
            Verb::User => "USER",
            Verb::Pass => "PASS",
            Verb::Apop => "APOP",
            Verb::Stat => "STAT",
            Verb::List => "LIST",
            Verb::Retr => "RETR",
            Verb::Dele => "DELE",
            Verb::Noop => "NOOP",
            Verb::Rset => "RSET",
            Verb::Quit => "QUIT",
            Verb::Top => "TOP",
            Verb::Uidl => "UIDL",
            Verb::Capa => "CAPA",
            Verb::Stls => "STLS",
            Verb::Auth => "AUTH",
            Verb::Unknown => "",
        }
    }

    /// Which keyword these bytes are; "case-insensitive" (RFC 1939 §3).
    pub fn of(keyword: &[u8]) -> Verb {
        Verb::ALL
            .into_iter()
            .find(|v| v.name().as_bytes().eq_ignore_ascii_case(keyword))
            .unwrap_or(Verb::Unknown)
    }
}

/// A command with its arguments. Message-numbers are as the client wrote them: 0 or one that is not there is
/// the server's to refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Here is a mailbox's name.
    User {
        /// The name, of significance only to the server.
        name: String,
    },
    /// Here is its password.
    Pass {
        /// The password, spaces included.
        password: Secret,
    },
    /// Name and digest in one.
    Apop {
        /// As in USER.
        name: String,
        /// MD5 of the greeting's timestamp followed by the shared secret, in lower-case hexadecimal.
        digest: Secret,
    },
    /// How many messages, how many octets?
    Stat,
    /// How large is each message, or this one?
    List {
        /// Which; `None`: all.
        number: Option<u32>,
    },
    /// Send this message.
    Retr {
        /// Which.
        number: u32,
    },
    /// Mark this message as deleted.
    Dele {
        /// Which.
        number: u32,
    },
    /// Do nothing.
    Noop,
    /// Unmark all messages.
    Rset,
    /// Remove what is marked, and end.
    Quit,
    /// Send this message's header and the first lines of its body.
    Top {
        /// Which.
        number: u32,
        /// How many lines of the body.
        lines: u32,
    },
    /// Give the unique-id of each message, or of this one.
    Uidl {
        /// Which; `None`: all.
        number: Option<u32>,
    },
    /// What can you do?
    Capa,
    /// Let us start TLS.
    Stls,
    /// Authenticate by SASL.
    Auth {
        /// The mechanism's name in upper case; `None`: the old question which there are.
        mechanism: Option<String>,
        /// The initial response, base64 as written.
        initial: Option<Secret>,
    },
    /// A known keyword whose arguments do not fit.
    Invalid {
        /// The keyword.
        verb: Verb,
        /// What is wrong, for the server's answer: `message-number expected`.
        reason: &'static str,
    },
    /// A keyword that is not known.
    Unknown {
        /// The keyword, upper case.
        keyword: String,
    },
}

impl Command {
    /// Its keyword.
    pub fn verb(&self) -> Verb {
        match self {
            Command::User { .. } => Verb::User,
            Command::Pass { .. } => Verb::Pass,
            Command::Apop { .. } => Verb::Apop,
            Command::Stat => Verb::Stat,
            Command::List { .. } => Verb::List,
            Command::Retr { .. } => Verb::Retr,
            Command::Dele { .. } => Verb::Dele,
            Command::Noop => Verb::Noop,
            Command::Rset => Verb::Rset,
            Command::Quit => Verb::Quit,
            Command::Top { .. } => Verb::Top,
            Command::Uidl { .. } => Verb::Uidl,
            Command::Capa => Verb::Capa,
            Command::Stls => Verb::Stls,
            Command::Auth { .. } => Verb::Auth,
            Command::Invalid { verb, .. } => *verb,
            Command::Unknown { .. } => Verb::Unknown,
        }
    }

    /// Whether a `+OK` to it is followed by lines up to a lone dot ("multi-line", RFC 1939 §3).
    pub fn is_multi_line(&self) -> bool {
        matches!(
            self,
            Command::List { number: None }
                | Command::Uidl { number: None }
                | Command::Retr { .. }
                | Command::Top { .. }
                | Command::Capa
                | Command::Auth { mechanism: None, .. }
        )
    }

    /// The line with its CRLF. Control characters in arguments are left out: no name can smuggle a command.
    pub fn to_wire(&self) -> Vec<u8> {
        let verb = self.verb().name();
        let mut line = match self {
            Command::User { name } => format!("{verb} {name}"),
            Command::Pass { password } => format!("{verb} {}", password.expose()),
            Command::Apop { name, digest } => format!("{verb} {name} {}", digest.expose()),
            Command::List { number: Some(n) } | Command::Uidl { number: Some(n) } => format!("{verb} {n}"),
            Command::Retr { number } | Command::Dele { number } => format!("{verb} {number}"),
            Command::Top { number, lines } => format!("{verb} {number} {lines}"),
            Command::Auth { mechanism: Some(mechanism), initial: Some(initial) } => {
                format!("{verb} {mechanism} {}", initial.expose())
            }
            Command::Auth { mechanism: Some(mechanism), initial: None } => format!("{verb} {mechanism}"),
            Command::Unknown { keyword } => keyword.clone(),
            _ => verb.to_owned(),
        };
        line.retain(|c| !c.is_control());
        line.push_str("\r\n");
        line.into_bytes()
    }
}

/// Octets of a command, CRLF included, that every server must take (RFC 2449 §4).
pub const COMMAND_OCTETS: usize = 255;

/// Reads a client's line, its terminator taken off.
pub fn parse_command(line: &[u8]) -> Parsed<Command> {
    let mut reading = Reading { line, parts: Vec::new(), findings: Vec::new() };
    let value = reading.command();
    Parsed { value, parts: reading.parts, findings: reading.findings }
}

/// A line while it is being read.
struct Reading<'a> {
    line: &'a [u8],
    parts: Vec<Part>,
    findings: Vec<Finding>,
}

impl Reading<'_> {
    fn whole(&self) -> Span {
        Span::new(0, self.line.len())
    }

    fn part(&mut self, name: &'static str, span: Span) {
        self.parts.push(Part::leaf(name, span));
    }

    fn text(&self, span: Span) -> String {
        lossy(span.of(self.line)).into_owned()
    }

    fn command(&mut self) -> Command {
        let end = self.line.iter().position(|&b| b == b' ').unwrap_or(self.line.len());
        let keyword = Span::new(0, end);
        self.part("keyword", keyword);
        let verb = Verb::of(keyword.of(self.line));
        self.judge_octets();
        // What follows the separating space; PASS takes all of it, spaces included.
        let rest = Span::new((end + 1).min(self.line.len()), self.line.len());
        match verb {
            Verb::Unknown => self.unknown(keyword, rest),
            Verb::Pass => self.pass(rest),
            Verb::User => self.user(rest),
            _ => self.with_params(verb, rest),
        }
    }

    /// Findings on the line as a whole: its length, and octets that are not printable ASCII.
    fn judge_octets(&mut self) {
        if self.line.len() + 2 > COMMAND_OCTETS {
            let detail = format!(
                "a command has at most {COMMAND_OCTETS} octets with its CRLF; this one has {}",
                self.line.len() + 2
            );
            self.findings.push(Finding::warning("command-too-long", self.whole(), detail));
        }
        if let Some(at) = self.line.iter().position(|b| !(b' '..=b'~').contains(b)) {
            let detail = format!(
                "keywords and arguments are printable ASCII; here stands octet {:#04X}",
                self.line.get(at).copied().unwrap_or_default()
            );
            self.findings.push(Finding::warning("not-printable-ascii", Span::new(at, at + 1), detail));
        }
    }

    fn unknown(&mut self, keyword: Span, rest: Span) -> Command {
        if !rest.is_empty() {
            self.part("param", rest);
        }
        let detail = match keyword.is_empty() {
            true => "a command begins with a keyword; here is none",
            false => "this keyword is not one of POP3's",
        };
        self.findings.push(Finding::error("unknown-command", keyword, detail));
        Command::Unknown { keyword: self.text(keyword).to_uppercase() }
    }

    fn pass(&mut self, rest: Span) -> Command {
        if rest.is_empty() {
            return self.invalid(Verb::Pass, rest, "a password is expected");
        }
        // "a POP3 server may treat spaces in the argument as part of the password" (RFC 1939 §7).
        self.part("string", rest);
        Command::Pass { password: Secret::new(self.text(rest)) }
    }

    fn user(&mut self, rest: Span) -> Command {
        let kept = rest.of(self.line).trim_ascii_end().len();
        let name = Span::new(rest.start, rest.start + kept);
        if name.is_empty() {
            return self.invalid(Verb::User, rest, "a mailbox name is expected");
        }
        if name.end < rest.end {
            self.extra_space(Span::new(name.end, rest.end));
        }
        self.part("name", name);
        Command::User { name: self.text(name) }
    }

    fn with_params(&mut self, verb: Verb, rest: Span) -> Command {
        let params = self.params(rest);
        let most = match verb {
            Verb::Apop | Verb::Top | Verb::Auth => 2,
            Verb::List | Verb::Uidl | Verb::Retr | Verb::Dele => 1,
            _ => 0,
        };
        if let Some(extra) = params.get(most) {
            let extra = Span::new(extra.start, rest.end);
            self.part("param", extra);
            return self.invalid(verb, extra, "too many arguments");
        }
        let first = params.first().copied();
        let second = params.get(1).copied();
        match verb {
            Verb::Stat => Command::Stat,
            Verb::Noop => Command::Noop,
            Verb::Rset => Command::Rset,
            Verb::Quit => Command::Quit,
            Verb::Capa => Command::Capa,
            Verb::Stls => Command::Stls,
            Verb::Apop => self.apop(first, second, rest),
            Verb::Auth => self.auth(first, second),
            Verb::Top => self.top(first, second, rest),
            _ => self.numbered(verb, first, rest),
        }
    }

    /// The params, each separated "by a single SPACE character" (RFC 1939 §3); more spaces are found.
    fn params(&mut self, rest: Span) -> Vec<Span> {
        let mut params = Vec::new();
        let mut at = rest.start;
        while at < rest.end {
            let bytes = Span::new(at, rest.end).of(self.line);
            let spaces = bytes.iter().take_while(|&&b| b == b' ').count();
            if spaces > 0 {
                self.extra_space(Span::new(at, at + spaces));
                at += spaces;
                continue;
            }
            let len = bytes.iter().position(|&b| b == b' ').unwrap_or(bytes.len());
            params.push(Span::new(at, at + len));
            at += len + 1;
        }
        params
    }

    fn extra_space(&mut self, span: Span) {
        self.findings.push(Finding::warning(
            "extra-space",
            span,
            "keyword and arguments are separated by one space, and nothing follows the last",
        ));
    }

    fn apop(&mut self, name: Option<Span>, digest: Option<Span>, rest: Span) -> Command {
        let (Some(name), Some(digest)) = (name, digest) else {
            return self.invalid(Verb::Apop, rest, "a mailbox name and a digest are expected");
        };
        self.part("name", name);
        self.part("digest", digest);
        let is_hex = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if digest.len() != 32 || !digest.of(self.line).iter().all(is_hex) {
            let detail = "the digest is 16 octets in hexadecimal: 32 digits, letters in lower case";
            self.findings.push(Finding::error("bad-digest", digest, detail));
        }
        Command::Apop { name: self.text(name), digest: Secret::new(self.text(digest)) }
    }

    fn auth(&mut self, mechanism: Option<Span>, initial: Option<Span>) -> Command {
        if let Some(span) = mechanism {
            self.part("mechanism", span);
        }
        if let Some(span) = initial {
            self.part("initial-response", span);
        }
        Command::Auth {
            mechanism: mechanism.map(|s| self.text(s).to_uppercase()),
            initial: initial.map(|s| Secret::new(self.text(s))),
        }
    }

    fn top(&mut self, number: Option<Span>, lines: Option<Span>, rest: Span) -> Command {
        let (Some(number), Some(lines)) = (number, lines) else {
            return self.invalid(Verb::Top, rest, "a message-number and a number of lines are expected");
        };
        self.part("message-number", number);
        self.part("number-of-lines", lines);
        match (decimal(number.of(self.line)), decimal(lines.of(self.line))) {
            (Some(number), Some(lines)) => Command::Top { number, lines },
            (None, _) => self.invalid(Verb::Top, number, "the message-number is not a decimal number"),
            (_, None) => self.invalid(Verb::Top, lines, "the number of lines is not a decimal number"),
        }
    }

    /// LIST, UIDL, RETR, DELE.
    fn numbered(&mut self, verb: Verb, number: Option<Span>, rest: Span) -> Command {
        let Some(span) = number else {
            return match verb {
                Verb::List => Command::List { number: None },
                Verb::Uidl => Command::Uidl { number: None },
                _ => self.invalid(verb, rest, "a message-number is expected"),
            };
        };
        self.part("message-number", span);
        let Some(number) = decimal(span.of(self.line)) else {
            return self.invalid(verb, span, "the message-number is not a decimal number");
        };
        if number == 0 {
            let detail = "the first message has message-number 1; there is no 0";
            self.findings.push(Finding::error("bad-message-number", span, detail));
        }
        match verb {
            Verb::List => Command::List { number: Some(number) },
            Verb::Uidl => Command::Uidl { number: Some(number) },
            Verb::Dele => Command::Dele { number },
            _ => Command::Retr { number },
        }
    }

    fn invalid(&mut self, verb: Verb, span: Span, reason: &'static str) -> Command {
        self.findings.push(Finding::error("bad-arguments", span, format!("{}: {reason}", verb.name())));
        Command::Invalid { verb, reason }
    }
}

/// A decimal number without sign; `None` where it is none, or passes 32 bits.
pub(super) fn decimal(digits: &[u8]) -> Option<u32> {
    decimal64(digits).and_then(|n| u32::try_from(n).ok())
}

/// The same with 64 bits.
pub(super) fn decimal64(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids(line: &str) -> Vec<&'static str> {
        parse_command(line.as_bytes()).findings.iter().map(|f| f.id).collect()
    }

    #[test]
    fn keywords_are_read_in_any_case() {
        let parsed = parse_command(b"retr 12");
        assert_eq!(parsed.value, Command::Retr { number: 12 });
        assert_eq!(
            parsed.parts,
            [Part::leaf("keyword", Span::new(0, 4)), Part::leaf("message-number", Span::new(5, 7)),]
        );
        assert!(parsed.findings.is_empty());
    }

    #[test]
    fn spaces_belong_to_a_password_and_not_to_a_name() {
        assert_eq!(
            parse_command(b"PASS  two words ").value,
            Command::Pass { password: Secret::new(" two words ") }
        );
        assert_eq!(parse_command(b"USER bob ").value, Command::User { name: "bob".to_owned() });
        assert_eq!(ids("USER bob "), ["extra-space"]);
    }

    #[test]
    fn what_does_not_fit_is_found_and_has_a_value_all_the_same() {
        for line in ["RETR", "RETR one", "DELE 4294967296", "TOP 1", "STAT 1", "USER", "PASS", "APOP bob"] {
            assert!(matches!(parse_command(line.as_bytes()).value, Command::Invalid { .. }), "{line}");
            assert_eq!(ids(line), ["bad-arguments"], "{line}");
        }
        assert_eq!(ids("XTND XMIT"), ["unknown-command"]);
        assert_eq!(ids(""), ["unknown-command"]);
        assert_eq!(ids("LIST 0"), ["bad-message-number"]);
        assert_eq!(ids("LIST  1"), ["extra-space"]);
        assert_eq!(ids("NOOP\0"), ["not-printable-ascii", "unknown-command"]);
        assert_eq!(ids(&format!("USER {}", "x".repeat(250))), ["command-too-long"]);
        assert_eq!(ids("APOP bob C4C9"), ["bad-digest"]);
    }

    #[test]
    fn no_argument_smuggles_a_second_command() {
        let command = Command::User { name: "bob\r\nDELE 1".to_owned() };
        assert_eq!(command.to_wire(), b"USER bobDELE 1\r\n");
    }

    fn any_command() -> impl Strategy<Value = Command> {
        let word = "[!-~]{1,20}";
        let number = any::<u32>();
        prop_oneof![
            word.prop_map(|name| Command::User { name }),
            "[ -~]{1,20}".prop_map(|p| Command::Pass { password: Secret::new(p) }),
            (word, "[0-9a-f]{32}").prop_map(|(name, d)| Command::Apop { name, digest: Secret::new(d) }),
            proptest::option::of(number).prop_map(|number| Command::List { number }),
            proptest::option::of(number).prop_map(|number| Command::Uidl { number }),
            number.prop_map(|number| Command::Retr { number }),
            number.prop_map(|number| Command::Dele { number }),
            (number, number).prop_map(|(number, lines)| Command::Top { number, lines }),
            ("[A-Z0-9-]{1,20}", proptest::option::of("[A-Za-z0-9+/]{1,20}=?"))
                .prop_map(|(m, i)| { Command::Auth { mechanism: Some(m), initial: i.map(Secret::new) } }),
            proptest::sample::select(vec![
                Command::Stat,
                Command::Noop,
                Command::Rset,
                Command::Quit,
                Command::Capa,
                Command::Stls,
            ]),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn what_is_printed_is_read_back(command in any_command()) {
            let wire = command.to_wire();
            prop_assert_eq!(parse_command(&wire[..wire.len() - 2]).value, command);
        }

        #[test]
        fn no_bytes_make_it_panic_and_every_span_is_inside(
            keyword in proptest::sample::select(Verb::ALL.to_vec()),
            rest in proptest::collection::vec(any::<u8>(), 0..40),
            separated in any::<bool>(),
        ) {
            let mut line = keyword.name().as_bytes().to_vec();
            if separated {
                line.push(b' ');
            }
            line.extend(rest);
            let parsed = parse_command(&line);
            prop_assert!(parsed.parts.iter().all(|p| p.span.end <= line.len()));
            prop_assert!(parsed.findings.iter().all(|f| f.span.end <= line.len()));
        }
    }
}
