//! Command lines → [`Command`]. RFC 5321 §4.1.1 and §4.1.2, with AUTH (RFC 4954), BDAT (RFC 3030), STARTTLS.

use super::param::read_parameters;
use super::path::{is_domain, is_literal, read_path};
use super::{Parameter, Parsed, Path, Reading};
use crate::base::{Finding, Part, Span};
use crate::proto::smtp::phase::Verb;
use serde::Serialize;
use std::fmt;

/// A command line, understood. It is not serialised: AUTH's initial response is a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `EHLO name`.
    Ehlo {
        /// What the client calls itself.
        name: String,
    },
    /// `HELO name`.
    Helo {
        /// What the client calls itself.
        name: String,
    },
    /// `MAIL FROM:<reverse-path> [params]`.
    Mail {
        /// From whom.
        reverse_path: Path,
        /// With what.
        params: Vec<Parameter>,
    },
    /// `RCPT TO:<forward-path> [params]`.
    Rcpt {
        /// To whom.
        forward_path: Path,
        /// With what.
        params: Vec<Parameter>,
    },
    /// `DATA`.
    Data,
    /// `BDAT size [LAST]`.
    Bdat {
        /// Octets that follow at once.
        size: u64,
        /// Whether it is the last chunk.
        last: bool,
    },
    /// `RSET`.
    Rset,
    /// `NOOP [string]`.
    Noop {
        /// What came with it; it means nothing.
        text: String,
    },
    /// `QUIT`.
    Quit,
    /// `VRFY string`.
    Vrfy {
        /// User or mailbox.
        what: String,
    },
    /// `EXPN string`.
    Expn {
        /// Mailing list.
        what: String,
    },
    /// `HELP [string]`.
    Help {
        /// About what; empty for all.
        topic: String,
    },
    /// `AUTH mechanism [initial-response]`.
    Auth {
        /// The mechanism in upper case.
        mechanism: String,
        /// The initial response as it stood there: base64, or `=` for an empty one.
        initial: Option<crate::base::Secret>,
    },
    /// `STARTTLS`.
    StartTls,
    /// No verb that this grammar knows.
    Unknown {
        /// Its first word in upper case.
        verb: String,
    },
    /// A known verb whose argument is wrong.
    Malformed {
        /// The verb.
        verb: Verb,
        /// What is wrong.
        problem: Problem,
    },
}

/// What is wrong with a command's argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// It needs one.
    MissingArgument,
    /// It takes none, or fewer.
    UnexpectedArgument,
    /// MAIL without `FROM:`, RCPT without `TO:`.
    MissingKeyword,
    /// An address without `<` and `>`.
    NoBrackets,
    /// `<` without `>`, or something between mailbox and `>`.
    Unclosed,
    /// The local part is no dot-string and no quoted string.
    BadLocalPart,
    /// A local part without `@domain`, and it is not Postmaster.
    NoDomain,
    /// The domain or address literal breaks the syntax.
    BadDomain,
    /// `RCPT TO:<>`.
    NullRecipient,
    /// A parameter breaks the syntax.
    BadParameter,
    /// BDAT's size is no number, or something other than LAST follows it.
    BadChunk,
    /// AUTH's argument is no mechanism name with at most one initial response.
    BadAuth,
}

impl Problem {
    /// A hint for the person who typed it.
    pub fn hint(self, verb: Verb) -> &'static str {
        match (self, verb) {
            (Problem::MissingArgument, Verb::Ehlo | Verb::Helo) => {
                "say who you are, as in EHLO client.example.com"
            }
            (Problem::MissingArgument, _) => "an argument is missing",
            (Problem::UnexpectedArgument, _) => "this command takes no such argument",
            (Problem::MissingKeyword | Problem::NoBrackets, Verb::Mail) => "MAIL FROM:<address>",
            (Problem::MissingKeyword | Problem::NoBrackets, _) => "RCPT TO:<address>",
            (Problem::Unclosed, _) => "'>' expected after the address",
            (Problem::BadLocalPart, _) => "bad characters before the '@'",
            (Problem::NoDomain, _) => "the address needs '@' and a domain",
            (Problem::BadDomain, _) => "bad domain after the '@'",
            (Problem::NullRecipient, _) => "a recipient cannot be empty",
            (Problem::BadParameter, _) => "parameters look like KEYWORD=value, each after one space",
            (Problem::BadChunk, _) => "BDAT size [LAST]",
            (Problem::BadAuth, _) => "AUTH mechanism [initial-response]",
        }
    }
}

impl Command {
    /// Its verb in upper case.
    pub fn verb(&self) -> &str {
        match self {
            Command::Ehlo { .. } => "EHLO",
            Command::Helo { .. } => "HELO",
            Command::Mail { .. } => "MAIL",
            Command::Rcpt { .. } => "RCPT",
            Command::Data => "DATA",
            Command::Bdat { .. } => "BDAT",
            Command::Rset => "RSET",
            Command::Noop { .. } => "NOOP",
            Command::Quit => "QUIT",
            Command::Vrfy { .. } => "VRFY",
            Command::Expn { .. } => "EXPN",
            Command::Help { .. } => "HELP",
            Command::Auth { .. } => "AUTH",
            Command::StartTls => "STARTTLS",
            Command::Unknown { verb } => verb,
            Command::Malformed { verb, .. } => verb.name(),
        }
    }

    /// As it crosses the wire, CR LF included.
    pub fn to_wire(&self) -> Vec<u8> {
        format!("{self}\r\n").into_bytes()
    }
}

/// The line without CR LF, as a client writes it. A secret initial response is printed: it must cross the wire.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = self.verb();
        match self {
            Command::Ehlo { name } | Command::Helo { name } => write!(f, "{verb} {name}"),
            Command::Mail { reverse_path, params } => {
                write!(f, "{verb} FROM:<{reverse_path}>")?;
                params.iter().try_for_each(|p| write!(f, " {p}"))
            }
            Command::Rcpt { forward_path, params } => {
                write!(f, "{verb} TO:<{forward_path}>")?;
                params.iter().try_for_each(|p| write!(f, " {p}"))
            }
            Command::Bdat { size, last } => write!(f, "{verb} {size}{}", if *last { " LAST" } else { "" }),
            Command::Noop { text: argument } | Command::Help { topic: argument } if argument.is_empty() => {
                f.write_str(verb)
            }
            Command::Vrfy { what: argument }
            | Command::Expn { what: argument }
            | Command::Noop { text: argument }
            | Command::Help { topic: argument } => write!(f, "{verb} {argument}"),
            Command::Auth { mechanism, initial: Some(initial) } => {
                write!(f, "{verb} {mechanism} {}", initial.expose())
            }
            Command::Auth { mechanism, initial: None } => write!(f, "{verb} {mechanism}"),
            Command::Data | Command::Rset | Command::Quit | Command::StartTls => f.write_str(verb),
            Command::Unknown { .. } | Command::Malformed { .. } => f.write_str(verb),
        }
    }
}

/// Read one command line, without its CR LF.
pub fn parse_command(line: &[u8]) -> Parsed<Command> {
    let mut r = Reading::new(line);
    let word = r.take_while(|b| b.is_ascii_graphic() || b >= 128);
    r.parts.push(Part::leaf("verb", word));
    find_controls(&mut r);
    let Some(verb) = Verb::from_word(word.of(line)) else {
        let detail = "no SMTP command begins with this word (RFC 5321 §4.1.1)";
        r.findings.push(Finding::error("unknown-command", word, detail));
        if word.end < line.len() {
            r.parts.push(Part::leaf("argument", Span::new((word.end + 1).min(line.len()), line.len())));
        }
        let verb = r.text(word).to_uppercase();
        return r.finish(Command::Unknown { verb });
    };
    match read_argument(&mut r, verb) {
        Ok(command) => r.finish(command),
        Err(problem) => {
            let at = Span::new(r.at.min(line.len()), line.len());
            r.findings.push(Finding::error(
                "command-syntax",
                at,
                format!("{}: {}", verb.name(), problem.hint(verb)),
            ));
            if !at.is_empty() {
                r.parts.push(Part::leaf("unparsed", at));
            }
            r.finish(Command::Malformed { verb, problem })
        }
    }
}

/// Control characters belong in no command; a bare CR is one of them. RFC 5321 §2.3.8, §4.1.2.
fn find_controls(r: &mut Reading) {
    let Some(at) = r.line.iter().position(|b| b.is_ascii_control() && *b != b'\t') else { return };
    let span = Span::new(at, at + 1);
    let (id, name) = match r.line.get(at) {
        Some(b'\r') => ("bare-cr", "a CR without LF"),
        Some(0) => ("nul", "a NUL"),
        _ => ("control-character", "a control character"),
    };
    r.findings.push(Finding::error(id, span, format!("{name} stands in a command line (RFC 5321 §4.1.2)")));
}

fn read_argument(r: &mut Reading, verb: Verb) -> Result<Command, Problem> {
    match verb {
        Verb::Ehlo => read_hello(r).map(|name| Command::Ehlo { name }),
        Verb::Helo => read_hello(r).map(|name| Command::Helo { name }),
        Verb::Mail => {
            let reverse_path = read_address(r, "FROM", "reverse-path")?;
            // Only RCPT knows Postmaster without a domain.
            if reverse_path == Path::Postmaster {
                return Err(Problem::NoDomain);
            }
            Ok(Command::Mail { reverse_path, params: read_parameters(r)? })
        }
        Verb::Rcpt => {
            let forward_path = read_address(r, "TO", "forward-path")?;
            if forward_path == Path::Null {
                return Err(Problem::NullRecipient);
            }
            Ok(Command::Rcpt { forward_path, params: read_parameters(r)? })
        }
        Verb::Data => nothing(r, Command::Data),
        Verb::Rset => nothing(r, Command::Rset),
        Verb::Quit => nothing(r, Command::Quit),
        Verb::StartTls => nothing(r, Command::StartTls),
        Verb::Vrfy => required(r).map(|what| Command::Vrfy { what }),
        Verb::Expn => required(r).map(|what| Command::Expn { what }),
        Verb::Noop => Ok(Command::Noop { text: read_rest(r) }),
        Verb::Help => Ok(Command::Help { topic: read_rest(r) }),
        Verb::Bdat => read_bdat(r),
        Verb::Auth => read_auth(r),
        Verb::EndOfData => Err(Problem::UnexpectedArgument),
    }
}

/// White space at the end of a line: servers "SHOULD tolerate trailing white space". RFC 5321 §4.1.1.
fn trailing(r: &mut Reading) -> bool {
    let space = Span::new(r.at, r.line.len());
    let only_space = space.of(r.line).iter().all(|b| matches!(b, b' ' | b'\t'));
    if only_space && !space.is_empty() {
        r.findings.push(Finding::hint("trailing-space", space, "white space stands before CR LF"));
        r.at = r.line.len();
    }
    only_space
}

fn nothing(r: &mut Reading, command: Command) -> Result<Command, Problem> {
    if trailing(r) { Ok(command) } else { Err(Problem::UnexpectedArgument) }
}

/// The rest of the line after the space, without trailing white space.
fn read_rest(r: &mut Reading) -> String {
    r.take_while(|b| matches!(b, b' ' | b'\t'));
    let rest = Span::new(r.at, r.line.len());
    let text = rest.of(r.line).trim_ascii_end();
    let span = Span::new(rest.start, rest.start + text.len());
    if !span.is_empty() {
        r.parts.push(Part::leaf("string", span));
    }
    r.at = span.end;
    trailing(r);
    r.text(span)
}

fn required(r: &mut Reading) -> Result<String, Problem> {
    let text = read_rest(r);
    if text.is_empty() { Err(Problem::MissingArgument) } else { Ok(text) }
}

/// `ehlo = "EHLO" SP ( Domain / address-literal ) CRLF`; what breaks that is found, and kept.
fn read_hello(r: &mut Reading) -> Result<String, Problem> {
    r.take_while(|b| matches!(b, b' ' | b'\t'));
    let word = r.take_while(|b| !matches!(b, b' ' | b'\t'));
    if word.is_empty() {
        return Err(Problem::MissingArgument);
    }
    r.parts.push(Part::leaf("hello-name", word));
    let name = r.text(word);
    let literal = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).is_some_and(is_literal);
    let sound = literal || is_domain(name.as_bytes()) && !name.contains('_');
    if !sound {
        let detail = "a domain name or an address literal in brackets belongs here (RFC 5321 §4.1.1.1)";
        r.findings.push(Finding::warning("hello-name", word, detail));
    } else if !literal && !name.contains('.') {
        let detail = "the name is not fully qualified (RFC 5321 §4.1.1.1 asks for the client's full name)";
        r.findings.push(Finding::hint("hello-name-not-qualified", word, detail));
    }
    if trailing(r) { Ok(name) } else { Err(Problem::UnexpectedArgument) }
}

/// `"MAIL FROM:" Reverse-path`, `"RCPT TO:" Forward-path`; spaces around the colon are found, and passed over.
fn read_address(r: &mut Reading, keyword: &str, name: &'static str) -> Result<Path, Problem> {
    let is_space = |b| matches!(b, b' ' | b'\t');
    r.take_while(is_space);
    let start = r.at;
    let word = r.take_while(|b| b.is_ascii_alphabetic());
    if !word.of(r.line).eq_ignore_ascii_case(keyword.as_bytes()) {
        r.at = start;
        return Err(Problem::MissingKeyword);
    }
    let before = r.take_while(is_space);
    if !r.take(b':') {
        r.at = start;
        return Err(Problem::MissingKeyword);
    }
    r.parts.push(Part::leaf("keyword", Span::new(start, r.at)));
    let after = r.take_while(is_space);
    for space in [before, after].into_iter().filter(|s| !s.is_empty()) {
        let detail = format!("no space may stand around the colon of {keyword}: (RFC 5321 §3.3)");
        r.findings.push(Finding::warning("space-around-colon", space, detail));
    }
    if r.done() {
        return Err(Problem::NoBrackets);
    }
    read_path(r, name)
}

/// `bdat-cmd = "BDAT" SP chunk-size [ SP end-marker ] CRLF`. RFC 3030 §2.
fn read_bdat(r: &mut Reading) -> Result<Command, Problem> {
    r.take_while(|b| b == b' ');
    let digits = r.take_while(|b| b.is_ascii_digit());
    let size = r.text(digits).parse().map_err(|_| Problem::BadChunk)?;
    r.parts.push(Part::leaf("chunk-size", digits));
    r.take_while(|b| b == b' ');
    let word = r.take_while(|b| b.is_ascii_alphabetic());
    let last = word.of(r.line).eq_ignore_ascii_case(b"LAST");
    if !word.is_empty() {
        r.parts.push(Part::leaf("end-marker", word));
    }
    if (last || word.is_empty()) && trailing(r) {
        Ok(Command::Bdat { size, last })
    } else {
        Err(Problem::BadChunk)
    }
}

/// `"AUTH" SP sasl-mech [SP initial-response]`. RFC 4954 §8; sasl-mech RFC 4422 §3.1.
fn read_auth(r: &mut Reading) -> Result<Command, Problem> {
    r.take_while(|b| b == b' ');
    let mechanism = r.take_while(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if mechanism.is_empty() {
        return Err(if r.done() { Problem::MissingArgument } else { Problem::BadAuth });
    }
    r.parts.push(Part::leaf("mechanism", mechanism));
    let name = r.text(mechanism).to_ascii_uppercase();
    let space = r.take_while(|b| b == b' ');
    let word = r.take_while(|b| b.is_ascii_graphic());
    if space.is_empty() && !word.is_empty() {
        return Err(Problem::BadAuth);
    }
    let mut initial = None;
    if !word.is_empty() {
        r.parts.push(Part::leaf("initial-response", word));
        initial = Some(crate::base::Secret::new(r.text(word)));
    }
    if trailing(r) { Ok(Command::Auth { mechanism: name, initial }) } else { Err(Problem::BadAuth) }
}
