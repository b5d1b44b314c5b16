//! Commands, one by one: sequence first, then what each means. RFC 5321 §4.1.1, §4.1.4, §4.3.2.

use super::{Ask, Held, Mode, Server, ServerEvent, ServerKind};
use crate::base::Severity;
use crate::proto::Security;
use crate::proto::smtp::codes::Reply;
use crate::proto::smtp::data::DataReader;
use crate::proto::smtp::envelope::{Body, Envelope, Recipient};
use crate::proto::smtp::grammar::{
    BadParam, Command, MailParams, Parameter, Parsed, Path, Problem, RcptParams, parse_command,
};
use crate::proto::smtp::phase::{self, Phase, Verb};
use crate::proto::smtp::replies;

impl Server {
    /// A command line came.
    pub(super) fn command(&mut self, line: &[u8]) {
        let parsed = parse_command(line);
        if self.config.consult {
            let verb = parsed.value.verb().to_owned();
            return self.consult(&verb, Held::Line(Box::new(parsed)));
        }
        self.execute(parsed);
    }

    /// Handle a command.
    pub(super) fn execute(&mut self, parsed: Parsed<Command>) {
        let control = ["bare-cr", "nul", "control-character"];
        let broken = parsed.findings.iter().any(|f| f.severity == Severity::Error && control.contains(&f.id));
        match &parsed.value {
            Command::Unknown { .. } => {
                return self.refuse(500, (5, 5, 2), "Command not recognised; try HELP");
            }
            Command::Malformed { verb, problem } => return self.malformed(*verb, *problem),
            _ if broken => {
                return self.refuse(501, (5, 5, 2), "Control characters have no place in a command");
            }
            _ => {}
        }
        if let Some(refusal) = self.out_of_order(&parsed.value) {
            return match parsed.value {
                Command::Bdat { size, .. } => self.discard_chunk(size, refusal),
                _ => self.fault(refusal),
            };
        }
        self.dispatch(parsed.value);
    }

    fn malformed(&mut self, verb: Verb, problem: Problem) {
        let address = matches!(
            problem,
            Problem::NoBrackets
                | Problem::Unclosed
                | Problem::BadLocalPart
                | Problem::NoDomain
                | Problem::BadDomain
                | Problem::NullRecipient
        );
        // RFC 3463 §3.2: X.1.7 "Bad sender's mailbox address syntax", X.1.3 "Bad destination mailbox address syntax".
        let enhanced = match verb {
            Verb::Mail if address => (5, 1, 7),
            Verb::Rcpt if address => (5, 1, 3),
            _ => (5, 5, 4),
        };
        self.refuse(501, enhanced, format!("Syntax: {}", problem.hint(verb)));
    }

    /// The refusal of a command that may not come now.
    fn out_of_order(&self, command: &Command) -> Option<Reply> {
        let verb = Verb::from_word(command.verb().as_bytes())?;
        let bad = |text: &str| Some(Reply::enhanced(503, (5, 5, 1), text));
        if self.turned_away && verb != Verb::Quit {
            return bad("Bad sequence: no service here, only QUIT is left");
        }
        let locked = self.config.kind == ServerKind::Submission && self.authenticated.is_none();
        if locked && !self.login_allowed() && matches!(verb, Verb::Mail | Verb::Vrfy | Verb::Expn) {
            return Some(replies::starttls_first());
        }
        if locked && self.phase != Phase::Connected && matches!(verb, Verb::Mail | Verb::Vrfy | Verb::Expn) {
            return Some(replies::auth_required());
        }
        if phase::next(self.phase, verb).is_some() {
            return None;
        }
        match (self.phase, verb) {
            (Phase::Connected, _) => bad("Bad sequence: send EHLO first"),
            (Phase::Envelope, Verb::Data | Verb::Bdat) => {
                Some(Reply::enhanced(554, (5, 5, 1), "No valid recipients"))
            }
            (Phase::Greeted, Verb::Rcpt | Verb::Data | Verb::Bdat) => bad("Bad sequence: MAIL first"),
            (_, Verb::Mail) => bad("Bad sequence: a transaction is open already; RSET ends it"),
            (_, Verb::Auth) => bad("Bad sequence: no AUTH within a transaction"),
            (Phase::Chunks, Verb::Data | Verb::Rcpt) => bad("Bad sequence: BDAT has begun the message"),
            _ => bad("Bad sequence of commands"),
        }
    }

    fn dispatch(&mut self, command: Command) {
        match command {
            Command::Ehlo { name } => self.hello(name, true),
            Command::Helo { name } => self.hello(name, false),
            Command::Mail { reverse_path, params } => self.mail(reverse_path, &params),
            Command::Rcpt { forward_path, params } => self.rcpt(forward_path, &params),
            Command::Data => self.data(),
            Command::Bdat { size, last } => self.bdat(size, last),
            Command::Rset => {
                self.reset();
                self.say(250, (2, 0, 0), "Reset: no transaction is open");
            }
            Command::Noop { .. } => self.say(250, (2, 0, 0), "OK"),
            Command::Quit => {
                self.reply(replies::bye(&self.config.hostname));
                self.end();
            }
            Command::Vrfy { what } => self.ask(Ask::Question, ServerEvent::Vrfy { what }),
            Command::Expn { what } => self.ask(Ask::Question, ServerEvent::Expn { what }),
            Command::Help { .. } => self.help(),
            Command::Auth { mechanism, initial } => self.auth(&mechanism, initial),
            Command::StartTls => self.start_tls(),
            Command::Unknown { .. } | Command::Malformed { .. } => {}
        }
    }

    /// "220 Ready to start TLS", and then nothing until the handshake is done. RFC 3207 §4.
    fn start_tls(&mut self) {
        match self.security {
            Security::None => self.refuse(502, (5, 5, 1), "STARTTLS is not offered here"),
            Security::Active => self.refuse(503, (5, 5, 1), "Bad sequence: TLS is active already"),
            Security::Offered => {
                self.reply(replies::ready_to_start_tls());
                self.mode = Mode::Securing;
                self.input.clear();
            }
        }
    }

    /// EHLO and HELO also end an open transaction: "exactly as if a RSET command had been issued". RFC 5321 §4.1.4.
    fn hello(&mut self, name: String, extended: bool) {
        self.reset();
        self.phase = Phase::Greeted;
        self.hello.clone_from(&name);
        self.extended = extended;
        let shown: String = name.chars().take(255).collect();
        let mut lines = vec![format!("{} greets {shown}", self.config.hostname)];
        if extended {
            lines.extend(self.extensions());
        }
        self.reply(Reply::multi(250, lines));
        self.events.push_back(ServerEvent::Hello { name, extended });
    }

    /// The EHLO lines after the first.
    fn extensions(&self) -> Vec<String> {
        let config = &self.config;
        let mechanisms: Vec<&str> = self.mechanisms().iter().map(|m| m.name()).collect();
        [
            (config.pipelining, "PIPELINING".to_owned()),
            (true, format!("SIZE {}", config.size_limit)),
            (config.eight_bit_mime, "8BITMIME".to_owned()),
            (config.smtputf8, "SMTPUTF8".to_owned()),
            (true, "ENHANCEDSTATUSCODES".to_owned()),
            (config.dsn, "DSN".to_owned()),
            (config.chunking, "CHUNKING".to_owned()),
            // "the server MUST NOT" offer STARTTLS once TLS is there (RFC 3207 §4.2), and offers no AUTH that it would
            // refuse (RFC 4954 §6).
            (self.security == Security::Offered, "STARTTLS".to_owned()),
            (!mechanisms.is_empty() && self.login_allowed(), format!("AUTH {}", mechanisms.join(" "))),
            (true, "HELP".to_owned()),
        ]
        .into_iter()
        .filter_map(|(offered, line)| offered.then_some(line))
        .collect()
    }

    fn mail(&mut self, reverse_path: Path, params: &[Parameter]) {
        if let Some(unknown) = params.iter().find(|p| !self.takes_mail_param(p)) {
            return self.unknown_parameter(&unknown.keyword);
        }
        let understood = match MailParams::understand(params) {
            Ok(understood) => understood,
            Err(bad) => return self.bad_parameter(bad),
        };
        if understood.size.is_some_and(|size| size > self.config.size_limit) {
            let limit = self.config.size_limit;
            return self.say(552, (5, 3, 4), format!("Message too big: at most {limit} octets"));
        }
        if reverse_path.needs_utf8() && !understood.smtputf8 {
            return self.utf8_needed(550);
        }
        let MailParams { size, body, smtputf8, ret, envid, .. } = understood;
        let body = body.unwrap_or_default();
        let envelope = Envelope { reverse_path, recipients: Vec::new(), body, smtputf8, size, ret, envid };
        let authenticated = self.authenticated.clone();
        self.ask(Ask::Mail(envelope.clone()), ServerEvent::Mail { envelope, authenticated });
    }

    /// Whether the parameter belongs to something that EHLO offered (and EHLO was said).
    fn takes_mail_param(&self, param: &Parameter) -> bool {
        let config = &self.config;
        let offered = match param.keyword.as_str() {
            "SIZE" => true,
            // BINARYMIME is an extension of its own, not offered. RFC 3030 §3.
            "BODY" => {
                let binary = param.value.as_ref().is_some_and(|v| v.eq_ignore_ascii_case("BINARYMIME"));
                config.eight_bit_mime && !binary
            }
            "SMTPUTF8" => config.smtputf8,
            "AUTH" => !self.mechanisms().is_empty() && self.login_allowed(),
            "RET" | "ENVID" => config.dsn,
            _ => false,
        };
        self.extended && offered
    }

    fn unknown_parameter(&mut self, keyword: &str) {
        let shown: String = keyword.chars().take(64).collect();
        self.refuse(555, (5, 5, 4), format!("Parameter {shown} is not recognised or not offered"));
    }

    fn bad_parameter(&mut self, bad: BadParam) {
        match bad {
            BadParam::Unknown(keyword) => self.unknown_parameter(&keyword),
            BadParam::Value(keyword) => {
                self.refuse(
                    501,
                    (5, 5, 4),
                    format!("Syntax: the value of {keyword} is wrong, or it came twice"),
                );
            }
        }
    }

    /// RFC 6531 §3.5: 550 for MAIL and 553 for RCPT, with X.6.7 "Non-ASCII addresses not permitted for that
    /// sender/recipient".
    fn utf8_needed(&mut self, code: u16) {
        self.refuse(code, (5, 6, 7), "An address beyond ASCII needs MAIL with SMTPUTF8");
    }

    fn rcpt(&mut self, forward_path: Path, params: &[Parameter]) {
        let offered = self.extended && self.config.dsn;
        let known = |p: &&Parameter| offered && matches!(p.keyword.as_str(), "NOTIFY" | "ORCPT");
        if let Some(unknown) = params.iter().find(|p| !known(p)) {
            return self.unknown_parameter(&unknown.keyword);
        }
        let RcptParams { notify, orcpt } = match RcptParams::understand(params) {
            Ok(understood) => understood,
            Err(bad) => return self.bad_parameter(bad),
        };
        if forward_path.needs_utf8() && !self.envelope.smtputf8 {
            return self.utf8_needed(553);
        }
        if self.envelope.recipients.len() >= self.config.max_recipients {
            return self.say(452, (4, 5, 3), "Too many recipients: send the message again for the others");
        }
        let recipient = Recipient { forward_path, notify, orcpt };
        let event = ServerEvent::Rcpt {
            reverse_path: self.envelope.reverse_path.clone(),
            recipient: recipient.clone(),
            authenticated: self.authenticated.clone(),
        };
        self.ask(Ask::Rcpt(recipient), event);
    }

    fn data(&mut self) {
        if self.envelope.body == Body::Binary {
            return self.refuse(503, (5, 5, 1), "Bad sequence: BODY=BINARYMIME needs BDAT");
        }
        self.phase = Phase::Data;
        self.mode = Mode::Data(Box::new(self.data_reader()));
        self.reply(Reply::new(354, "Start mail input; end with <CRLF>.<CRLF>"));
    }

    fn data_reader(&self) -> DataReader {
        let keep = usize::try_from(self.config.size_limit).unwrap_or(usize::MAX);
        DataReader::new(self.line_ends(), keep, self.config.text_line_limit)
    }

    fn help(&mut self) {
        let lines = [
            "Commands: EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY EXPN AUTH HELP QUIT",
            "A transaction: EHLO, MAIL FROM:<you@here>, RCPT TO:<them@there>, DATA, the message, a lone dot",
            "RFC 5321 tells the rest",
        ];
        let mut reply = Reply::multi(214, lines.map(str::to_owned).to_vec());
        reply.enhanced = Some(crate::proto::smtp::Enhanced(2, 0, 0));
        self.reply(reply);
    }
}
