//! The client's side: command lines, SASL responses, messages and chunks. RFC 5321 §4.1, RFC 4954 §4, RFC 3030.

use super::gap::Torn;
use super::meaning::SmtpMeaning;
use super::replies::text_of;
use super::{Client, LIMIT, SmtpReader, message};
use crate::base::{Finding, Part, Span, Word};
use crate::dissect::step::{Kind, Meaning, Piece};
use crate::proto::sasl::Watch;
use crate::proto::smtp::data::{DataReader, LineEnds};
use crate::proto::smtp::grammar::{Command, parse_command};
use crate::proto::smtp::phase::{self, Phase, Verb};

impl SmtpReader {
    pub(super) fn read_client(&mut self, waiting: &[u8], ended: bool) -> Option<Piece> {
        if waiting.is_empty() {
            return None;
        }
        if self.tls && (self.held > 0 || waiting.first() == Some(&22)) {
            return self.read_after_starttls(waiting, ended);
        }
        if self.tls {
            // Clear text where TLS was to begin: the recording was decrypted. Once a line is whole, go on.
            self.line_len(waiting, ended)?;
            self.tls = false;
            self.in_clear = true;
        }
        if self.is_unsure() {
            // Behind DATA and AUTH a client waits: that reply has come, and could not be told from others.
            self.decide_without_reply();
        }
        if self.is_waiting_for_reply() {
            if !ended {
                self.held = waiting.len();
                return None;
            }
            self.assume_yes();
        }
        match &mut self.client {
            Client::Message(reader) => {
                let fed = reader.feed(waiting.get(reader.wire_size()..).unwrap_or_default());
                (fed.ended || ended).then(|| self.message_piece(waiting, fed.ended))
            }
            Client::Chunk { size, last } => {
                let (size, last) = (*size, *last);
                let whole = usize::try_from(size).unwrap_or(usize::MAX);
                (waiting.len() >= whole || ended).then(|| self.chunk_piece(waiting, whole, last))
            }
            Client::Rest(of) => {
                let of = *of;
                let len = self.line_len(waiting, ended)?;
                match self.read_rest(of, waiting.get(..len).unwrap_or_default()) {
                    Some(piece) => Some(piece),
                    // Never twice: what a line tells is no rest any more.
                    None => self.read_client(waiting, ended),
                }
            }
            Client::Command | Client::Response => {
                let len = self.line_len(waiting, ended)?;
                let line = waiting.get(..len).unwrap_or_default();
                self.torn = if line.ends_with(b"\n") { Torn::Nothing } else { Torn::Line };
                if self.late && self.pending.is_empty() && line == b".\r\n" {
                    let mut reader = DataReader::new(LineEnds::Strict, 0, 1000);
                    let fed = reader.feed(line);
                    self.client = Client::Message(Box::new(reader));
                    return Some(self.message_piece(waiting, fed.ended));
                }
                let mut piece = if matches!(self.client, Client::Response) {
                    self.response_piece(line)
                } else {
                    self.command_piece(line)
                };
                find_line_end(line, &mut piece.findings);
                Some(piece)
            }
        }
    }

    /// The length of the next line with its terminator; the limit and the stream's end make lines too.
    fn line_len(&mut self, waiting: &[u8], ended: bool) -> Option<usize> {
        let most = waiting.len().min(LIMIT);
        let rest = waiting.get(self.looked..most).unwrap_or_default();
        let len = match memchr::memchr(b'\n', rest) {
            Some(at) => self.looked + at + 1,
            None if most == LIMIT || ended => most,
            None => {
                self.looked = most;
                return None;
            }
        };
        self.looked = 0;
        Some(len)
    }

    /// What a client sent behind STARTTLS, before the server's 220, is an injection or a mistake. What comes after
    /// 220 and begins with a handshake record (content type 22) is TLS.
    fn read_after_starttls(&mut self, waiting: &[u8], ended: bool) -> Option<Piece> {
        let held = waiting.get(..self.held.min(waiting.len())).unwrap_or_default();
        if held.is_empty() {
            return ended.then(|| Piece::new(Kind::Unparsed, waiting.len()));
        }
        let len =
            held.iter().take(LIMIT).position(|b| *b == b'\n').map_or(held.len().min(LIMIT), |at| at + 1);
        self.held -= len;
        let mut piece = Piece::new(Kind::Unparsed, len);
        let detail = "this was sent in the clear behind STARTTLS, before TLS began: a server must throw it away \
                      (RFC 3207 §4.2)";
        piece.findings.push(Finding::error("starttls-injection", Span::new(0, len), detail));
        Some(piece)
    }

    pub(super) fn message_piece(&mut self, waiting: &[u8], complete: bool) -> Piece {
        let Client::Message(reader) = std::mem::take(&mut self.client) else {
            return Piece::new(Kind::Unparsed, waiting.len());
        };
        let wire = waiting.get(..reader.wire_size()).unwrap_or(waiting);
        self.torn = if complete { Torn::Nothing } else { Torn::Message };
        if complete {
            self.expect(".", Some(Verb::EndOfData));
        }
        if std::mem::take(&mut self.behind_gap) {
            let mut piece = message::rest(wire, &reader, complete);
            piece.findings.push(after_gap(wire.len()));
            return piece;
        }
        message::piece(wire, &reader, complete)
    }

    fn chunk_piece(&mut self, waiting: &[u8], whole: usize, last: bool) -> Piece {
        self.client = Client::Command;
        let len = whole.min(waiting.len());
        let mut piece = Piece::new(Kind::Data, len);
        piece.verb = "BDAT".into();
        piece.parts.push(Part::leaf("chunk", Span::new(0, len)));
        self.torn = Torn::Nothing;
        if len < whole {
            self.torn = Torn::Chunk { left: (whole - len) as u64, last };
            let detail =
                format!("{whole} octets were announced, and the stream ended after {len} (RFC 3030 §2)");
            piece.findings.push(Finding::error("chunk-cut-short", Span::new(len, len), detail));
        }
        piece.meaning = Meaning::Smtp(SmtpMeaning::Chunk { size: len as u64, last });
        piece
    }

    fn command_piece(&mut self, line: &[u8]) -> Piece {
        let text = text_of(line);
        let parsed = parse_command(text);
        self.settle();
        let mut piece = Piece::new(Kind::Command, line.len());
        piece.parts = parsed.parts;
        piece.findings = parsed.findings;
        piece.verb = note_verb(parsed.value.verb());
        if std::mem::take(&mut self.in_clear) {
            let detail = "after STARTTLS was accepted a TLS handshake was expected, and clear text came: the recording \
                          was decrypted, or TLS never began (RFC 3207 §4)";
            piece.findings.push(Finding::hint("clear-text-after-starttls", Span::new(0, text.len()), detail));
        }
        let verb = Verb::from_word(parsed.value.verb().as_bytes());
        if let Some(verb) = verb {
            self.judge_order(verb, &mut piece);
            self.stray_response = false;
        } else if self.stray_response {
            piece.secrets.push(Span::new(0, text.len()));
            piece.verb.clear();
        }
        if verb == Some(Verb::Auth) {
            self.observe_auth(&parsed.value, text, &mut piece);
        }
        self.expect(&piece.verb.clone(), verb);
        if let Command::Bdat { size, last } = parsed.value {
            if let Some(pending) = self.pending.back_mut() {
                pending.last = last;
            }
            if size > 0 {
                self.client = Client::Chunk { size, last };
            }
        }
        let user = self.auth.as_ref().and_then(|auth| auth.user().map(str::to_owned));
        piece.meaning = Meaning::Smtp(meaning(parsed.value, user));
        piece
    }

    /// Whether the phase table allows it, whatever the answers to come are.
    fn judge_order(&self, verb: Verb, piece: &mut Piece) {
        if !self.knows_its_place() {
            return;
        }
        let phase = self.hoped();
        let span = piece.parts.first().map_or(Span::default(), |part| part.span);
        if phase::next(phase, verb).is_none() && !self.may_be_in_order(verb) {
            let legal: Vec<&str> = phase::legal_now(phase).into_iter().map(Verb::name).collect();
            let place = phase_words(phase);
            let detail = format!("{} is out of order {place}: legal are {}", verb.name(), legal.join(", "));
            piece.findings.push(Finding::warning("command-out-of-phase", span, detail));
        } else if verb == Verb::Auth && self.authenticated {
            let detail = "AUTH after AUTH has succeeded is out of order (RFC 4954 §4)";
            piece.findings.push(Finding::warning("command-out-of-phase", span, detail));
        }
    }

    /// Keep secrets out of sight, and remember which exchange begins.
    fn observe_auth(&mut self, command: &Command, text: &[u8], piece: &mut Piece) {
        let Command::Auth { mechanism, initial } = command else {
            // Whatever stands after a broken AUTH may be a password.
            let start = piece.parts.first().map_or(0, |verb| verb.span.end);
            piece.secrets.push(Span::new(start, text.len()));
            self.auth = None;
            return;
        };
        let mut auth = Watch::begin(mechanism);
        let part = piece.parts.iter_mut().find(|p| p.name == "initial-response");
        if let (Some(part), true) = (part, initial.is_some())
            && let Some(seen) = auth.response(part.span.of(text), part.span.start)
        {
            part.parts.push(seen.part);
            piece.secrets.extend(seen.secrets);
        }
        self.auth = Some(auth);
    }

    fn response_piece(&mut self, line: &[u8]) -> Piece {
        self.client = Client::Command;
        // A client answers what it was asked: all that it sent before has had its reply.
        self.settle();
        let text = text_of(line);
        let mut piece = Piece::new(Kind::Continuation, line.len());
        piece.verb = "AUTH".into();
        let cancelled = text == b"*";
        let auth = self.auth.get_or_insert_default();
        let seen = auth.response(text, 0);
        if cancelled {
            piece.parts.push(Part::leaf("cancel-response", Span::new(0, 1)));
        } else if let Some(seen) = seen {
            piece.parts.push(Part::node("base64", Span::new(0, text.len()), vec![seen.part]));
            piece.secrets.extend(seen.secrets);
        }
        let (mechanism, user) = (auth.mechanism().to_owned(), auth.user().map(str::to_owned));
        piece.meaning = Meaning::Smtp(SmtpMeaning::AuthResponse { mechanism, user, cancelled });
        self.expect("AUTH", Some(Verb::Auth));
        piece
    }

    /// 354 has come: what follows is message.
    pub(super) fn begin_message(&mut self) {
        self.client = Client::Message(Box::new(DataReader::new(LineEnds::Strict, 0, 1000)));
    }
}

/// What a piece bears that may be the rest of something.
pub(super) fn after_gap(len: usize) -> Finding {
    let detail = "Bytes are missing before this: it may be the rest of what stood there.";
    Finding::hint("after-gap", Span::new(0, len), detail)
}

/// A line that does not end in CR LF.
fn find_line_end(line: &[u8], findings: &mut Vec<Finding>) {
    let end = line.len();
    if line.ends_with(b"\r\n") {
        return;
    }
    findings.push(if line.ends_with(b"\n") {
        let detail = "CR LF was expected, a bare LF came (RFC 5321 §2.3.8)";
        Finding::error("bare-lf", Span::new(end.saturating_sub(1), end), detail)
    } else if end >= LIMIT {
        let detail = format!("no line end came within {LIMIT} octets (RFC 5321 §4.5.3.1.4)");
        Finding::error("line-too-long", Span::new(0, end), detail)
    } else {
        Finding::error("cut-short", Span::new(end, end), "the stream ended before the line's CR LF")
    });
}

/// The verb for note ids: an unknown word only where it could be a command.
fn note_verb(verb: &str) -> Word {
    let sound = verb.len() <= 20 && verb.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if sound { Word::new(verb) } else { Word::default() }
}

fn phase_words(phase: Phase) -> &'static str {
    match phase {
        Phase::Connected => "before EHLO",
        Phase::Greeted => "outside a transaction",
        Phase::Envelope => "after MAIL, with no recipient yet",
        Phase::Recipients => "after RCPT",
        Phase::Data => "inside the message",
        Phase::Chunks => "between chunks",
        Phase::Closed => "after QUIT",
    }
}

fn meaning(command: Command, user: Option<String>) -> SmtpMeaning {
    match command {
        Command::Ehlo { name } => SmtpMeaning::Hello { name, extended: true },
        Command::Helo { name } => SmtpMeaning::Hello { name, extended: false },
        Command::Mail { reverse_path, params } => SmtpMeaning::Mail { from: reverse_path.address(), params },
        Command::Rcpt { forward_path, params } => SmtpMeaning::Rcpt { to: forward_path.address(), params },
        Command::Data => SmtpMeaning::Data,
        Command::Bdat { size, last } => SmtpMeaning::Bdat { size, last },
        Command::Rset => SmtpMeaning::Reset,
        Command::Noop { .. } => SmtpMeaning::Noop,
        Command::Quit => SmtpMeaning::Quit,
        Command::Vrfy { what } => SmtpMeaning::Verify { what },
        Command::Expn { what } => SmtpMeaning::Expand { what },
        Command::Help { topic } => SmtpMeaning::Help { topic },
        Command::Auth { mechanism, .. } => SmtpMeaning::Auth { mechanism, user },
        Command::StartTls => SmtpMeaning::StartTls,
        Command::Unknown { .. } => SmtpMeaning::Unknown,
        Command::Malformed { problem, .. } => SmtpMeaning::Malformed { problem },
    }
}
