//! What the client says: commands, and the lines of a SASL exchange.

use super::lines::Found;
use super::{Asked, OUTSTANDING, Outstanding, Pop3Meaning, Pop3Reader, judge_terminator};
use crate::base::{Finding, Part, Span, Word};
use crate::dissect::step::{Kind, Meaning, Piece};
use crate::proto::line::Terminator;
use crate::proto::pop3::grammar::{Command, Parsed, Verb, parse_command};
use crate::proto::pop3::phase;
use crate::proto::sasl::Watch;

/// Characters of an unknown keyword that a Step's verb keeps.
const KEYWORD: usize = 40;

impl Pop3Reader {
    pub(super) fn read_client(&mut self, waiting: &[u8], ended: bool) -> Option<Piece> {
        let found = self.client.next(waiting, ended)?;
        let line = waiting.get(..found.text).unwrap_or(waiting);
        if self.client.in_long_line || found.terminator == Terminator::TooLong {
            return Some(self.long_line(line, found));
        }
        let parsed = parse_command(line);
        if !self.sasl
            && let Some(piece) = self.client_rest(line, found.len, &parsed)
        {
            return Some(piece);
        }
        let unknown = matches!(parsed.value, Command::Unknown { .. });
        let mut piece = if self.sasl || unknown && self.auth_is_outstanding() {
            self.sasl_response(line, found)
        } else {
            self.command(line, found, parsed)
        };
        judge_terminator(found.terminator, found.text, found.len, &mut piece.findings);
        Some(piece)
    }

    /// AUTH without a response yet. What looks like no command is then one: it must not be shown.
    fn auth_is_outstanding(&self) -> bool {
        self.outstanding.back().is_some_and(|o| o.early_response || matches!(o.asked, Asked::Auth { .. }))
    }

    /// A piece of a line that is longer than any command can be.
    fn long_line(&mut self, line: &[u8], found: Found) -> Piece {
        let mut piece = Piece::new(Kind::Unparsed, found.len);
        if !self.client.in_long_line {
            let keyword = line.split(|&b| b == b' ').next().unwrap_or_default();
            self.client.secret = self.sasl || is_secret(Verb::of(keyword));
            judge_terminator(found.terminator, found.text, found.len, &mut piece.findings);
        }
        if self.client.secret {
            piece.secrets.push(Span::new(0, found.text));
        }
        self.client.in_long_line = found.terminator == Terminator::TooLong;
        piece
    }

    fn sasl_response(&mut self, line: &[u8], found: Found) -> Piece {
        let span = Span::new(0, found.text);
        let mut piece = Piece::new(Kind::Continuation, found.len);
        piece.verb = "AUTH".into();
        // What comes before it was asked for is not read: it may be anything.
        let asked = self.sasl || self.asked_in_gap();
        let seen = if asked { self.watch.response(line, 0) } else { None };
        piece.parts.push(match seen {
            Some(seen) => {
                piece.secrets.extend(seen.secrets);
                Part::node("response", span, vec![seen.part])
            }
            None if asked && line == b"*" => Part::leaf("cancel", span),
            None => {
                piece.secrets.extend((!span.is_empty()).then_some(span));
                Part::leaf("response", span)
            }
        });
        piece.meaning = Meaning::Pop3(Pop3Meaning::SaslResponse);
        if !asked {
            let detail = "a SASL response comes after the server's \"+ \"; here it has not come";
            piece.findings.push(Finding::error("response-too-early", span, detail));
            if self.outstanding.len() < OUTSTANDING {
                let (asked, verb) = (Asked::Unknown, Word::default());
                self.outstanding.push_back(Outstanding { asked, verb, early_response: true, hole: false });
            }
        }
        self.sasl = false;
        piece
    }

    fn command(&mut self, line: &[u8], found: Found, parsed: Parsed<Command>) -> Piece {
        let Parsed { value, parts, findings } = parsed;
        self.settle();
        let asked = Asked::of(&value);
        let verb = match &value {
            Command::Unknown { keyword } => printable(keyword),
            known => known.verb().name().into(),
        };
        let mut piece = Piece::new(Kind::Command, found.len);
        piece.secrets = secrets(&value, line, &parts);
        piece.parts = parts;
        piece.findings = findings;
        self.observe_auth(&value, line, &mut piece);
        let keyword = piece.parts.first().map(|p| p.span).unwrap_or_default();
        self.judge_phase(&asked, keyword, &mut piece.findings);
        piece.meaning = Meaning::Pop3(Pop3Meaning::Command { asked: asked.clone(), phase: self.hoped });
        piece.verb.clone_from(&verb);
        // Half a line is no command: no server answers it.
        if found.terminator != Terminator::End {
            self.hoped = super::after(self.hoped, &asked, true);
            self.may_lead_on(&asked);
            self.stls |= matches!(asked, Asked::Stls);
            self.doubt.pipelines |= self.outstanding.back().is_some_and(|o| !o.hole);
            if self.outstanding.len() < OUTSTANDING {
                self.outstanding.push_back(Outstanding { asked, verb, early_response: false, hole: false });
            }
        }
        piece
    }

    /// An exchange begins: what its initial response holds.
    fn observe_auth(&mut self, command: &Command, line: &[u8], piece: &mut Piece) {
        let Command::Auth { mechanism: Some(mechanism), .. } = command else { return };
        self.watch = Watch::begin(mechanism);
        let Some(part) = piece.parts.iter_mut().find(|part| part.name == "initial-response") else { return };
        piece.secrets.clear();
        if let Some(seen) = self.watch.response(part.span.of(line), part.span.start) {
            part.parts.push(seen.part);
            piece.secrets = seen.secrets;
        }
    }

    fn judge_phase(&self, asked: &Asked, keyword: Span, findings: &mut Vec<Finding>) {
        let verb = asked.verb();
        if self.stls {
            let detail = "after STLS no command may be sent until the server has answered and TLS is negotiated \
                          (RFC 2595 §4)";
            findings.push(Finding::error("command-after-stls", keyword, detail));
        }
        let Some(phase) = self.hoped else { return };
        let may_be_legal = self.possible.iter().any(|phase| phase::is_legal(*phase, verb));
        if verb == Verb::Unknown || may_be_legal || phase::is_legal(phase, verb) {
            return;
        }
        let detail = match (verb, phase) {
            (Verb::Pass, phase::Phase::Authorization) => {
                "PASS may only come right after a successful USER".to_owned()
            }
            (_, phase::Phase::NameGiven) => {
                format!("after USER comes PASS or QUIT; here comes {}", verb.name())
            }
            _ => format!("{} is not legal in the {} state", verb.name(), phase.name()),
        };
        findings.push(Finding::error("command-out-of-phase", keyword, detail));
    }
}

fn is_secret(verb: Verb) -> bool {
    matches!(verb, Verb::Pass | Verb::Apop | Verb::Auth)
}

/// The arguments that nobody should read over a shoulder.
fn secrets(command: &Command, line: &[u8], parts: &[Part]) -> Vec<Span> {
    match command {
        // Which argument is the secret one is not known: all are.
        Command::Invalid { verb, .. } if is_secret(*verb) => {
            let end = parts.first().map_or(0, |p| p.span.end + 1);
            let rest = Span::new(end.min(line.len()), line.len());
            Vec::from_iter((!rest.is_empty()).then_some(rest))
        }
        _ => {
            let is_secret = |p: &&Part| matches!(p.name, "string" | "digest" | "initial-response");
            parts.iter().filter(is_secret).map(|p| p.span).collect()
        }
    }
}

/// A keyword off the wire as a Step's verb: printable, and not too long.
fn printable(keyword: &str) -> Word {
    keyword.chars().take(KEYWORD).map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}
