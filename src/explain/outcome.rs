//! [`Outcome`]: what came of an SMTP connection, in one line where it ends: taken for whom, or refused by whom with which
//! words. In a busy lab the line in which it was decided has long scrolled away.
//!
//! It is derived from the Steps of the connection (`state::Handed`), so that a replay says the same. Where nothing was
//! refused the lines themselves say it, and only a lab, in which many connections are told at once, adds a line.

use super::catalogue::catalogue;
use super::names;
use super::smtp::counted;
use super::template::Vars;
use crate::base::{Instant, Shelf};
use crate::dissect::{Kind, Meaning, Step};
use crate::state::{Connection, Pending, Refusal, Refused, State};
use crate::trace::{CloseHow, Conn, Direction, Head, HostInfo, Record};
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::Arc;

/// Connections whose client has ended its side and still waits for answers; with more, the oldest is told as it stands.
const MOST_HALF: usize = 1024;
/// Refusals that stand in the line.
const SAID: usize = 2;
/// Recipients that stand in the line.
const NAMED: usize = 3;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Result {
    /// The server took every letter for every recipient.
    Accepted,
    /// It took some, and refused others.
    Partly,
    /// What was refused may be taken later.
    PutOff,
    /// It is refused for good, or the letter never came to its end.
    Refused,
    /// The letter was sent, and no answer came.
    Unanswered,
}

/// What came of an SMTP connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// When it ended; where its end is not recorded, when the server last spoke.
    pub at: Instant,
    /// Which connection.
    pub conn: Conn,
    /// What came of it.
    pub result: Result,
    /// Letters for which the server took responsibility.
    pub letters: u64,
    /// Their recipients.
    pub accepted: u64,
    /// How many things were refused.
    pub refused: u64,
    /// In words: `not delivered: <nobody@example.net> refused by mx1.example.net, 550 5.1.1 no such user`.
    pub text: String,
}

impl Outcome {
    /// Whether something was not delivered: refused, put off, or not known.
    pub fn is_undelivered(&self) -> bool {
        self.result != Result::Accepted
    }
}

/// Connections in, outcomes out.
#[derive(Clone, Debug, Default)]
pub struct Outcomes {
    hosts: Arc<[HostInfo]>,
    /// Whether each connection that handed in a letter is told.
    is_live: bool,
    /// Connections whose client has ended its side while an answer was awaited.
    half: Shelf<Conn, Connection>,
}

impl Outcomes {
    /// Those of a transcript with this head.
    pub fn new(head: &Head) -> Self {
        Outcomes { hosts: head.hosts.clone().into(), is_live: head.is_live(), half: Shelf::default() }
    }

    /// What is to be told behind this Step, given what held before it.
    pub fn step(&mut self, step: &Step, before: &State) -> Option<Outcome> {
        if let Meaning::Close(how) = step.meaning {
            let connection = before.connections.get(&step.conn)?;
            let may_hear_more = how == CloseHow::Fin && step.from == Direction::Client;
            if may_hear_more && connection.is_waiting() {
                self.half.insert(step.conn, connection.clone());
                let (conn, oldest) =
                    (self.half.len() > MOST_HALF).then(|| self.half.pop_first()).flatten()?;
                return self.of(conn, &oldest, step.at);
            }
            return self.of(step.conn, connection, step.at);
        }
        if !self.half.is_empty()
            && step.kind == Kind::Reply
            && let Some(connection) = self.half.get_mut(&step.conn)
        {
            connection.apply(step);
        }
        None
    }

    /// What is to be told behind this record.
    pub fn record(&mut self, record: &Record) -> Option<Outcome> {
        let Record::Close { at, conn, from, how } = record else { return None };
        if *from == Direction::Client && *how == CloseHow::Fin {
            return None;
        }
        let connection = self.half.remove(conn)?;
        self.of(*conn, &connection, *at)
    }

    /// What is to be told when nothing more comes, of connections whose end is not recorded.
    pub fn finish(&mut self, state: &State) -> Vec<Outcome> {
        let half = std::mem::take(&mut self.half);
        let open = half.iter().chain(&state.connections);
        open.filter_map(|(conn, connection)| self.of(*conn, connection, connection.handed.at)).collect()
    }

    fn of(&self, conn: Conn, connection: &Connection, at: Instant) -> Option<Outcome> {
        let handed = &connection.handed;
        let refused = handed.refused_in_all();
        let result = match (handed.letters, refused, handed.letter) {
            (0, 0, Pending::No) => return None,
            (_, 0, Pending::No) if !self.is_live => return None,
            (_, 0, Pending::No) => Result::Accepted,
            (0, 0, Pending::Whole) => Result::Unanswered,
            (0, 0, Pending::Begun) => Result::Refused,
            (0, ..) if handed.refusals.iter().all(|refusal| refusal.for_now) => Result::PutOff,
            (0, ..) => Result::Refused,
            _ => Result::Partly,
        };
        let text = Words { hosts: &self.hosts, connection }.all(result);
        let (letters, accepted) = (handed.letters, handed.recipients);
        Some(Outcome { at, conn, result, letters, accepted, refused, text })
    }
}

/// The words of one outcome.
struct Words<'w> {
    hosts: &'w [HostInfo],
    connection: &'w Connection,
}

impl Words<'_> {
    fn all(&self, result: Result) -> String {
        let handed = &self.connection.handed;
        let mut said = Vec::new();
        if result != Result::Unanswered && (handed.letters > 0 || !handed.refusals.is_empty()) {
            let id = match (handed.refusals.is_empty(), result) {
                (true, _) if handed.letters > 1 => "accepted.several",
                (true, _) => "accepted",
                (_, Result::Partly) => "partly",
                (_, Result::PutOff) => "put-off",
                _ => "refused",
            };
            let mut vars = self.vars();
            vars.set("this", &handed.taken).count("number", handed.letters);
            vars.set("count", counted(handed.recipients, "recipient", "recipients"));
            let others = usize::try_from(handed.recipients).unwrap_or(usize::MAX);
            vars.set("recipients", named(&handed.whom, others.saturating_sub(handed.whom.len())));
            vars.count("refused", handed.refused_in_all());
            // Who refused stands in front already where it took something too.
            vars.set("reason", self.refusals(result != Result::Partly));
            said.push(sentence(id, &vars));
        }
        if handed.letter != Pending::No {
            let envelope = self.connection.envelope.as_ref();
            let recipients = envelope.map_or(&[][..], |envelope| &envelope.recipients);
            let mut vars = self.vars();
            vars.set("recipients", named(recipients, 0));
            said.push(sentence(if handed.letter == Pending::Whole { "unanswered" } else { "cut" }, &vars));
        }
        said.join("; ")
    }

    fn vars(&self) -> Vars<'static> {
        let mut vars = Vars::default();
        if let Some(server) = self.name(self.connection.open.server) {
            vars.set("server", server);
        }
        vars
    }

    fn name(&self, address: SocketAddr) -> Option<String> {
        let host = self.hosts.iter().find(|host| host.addresses.contains(&address.ip()));
        match host {
            Some(host) => Some(names::known_as(host, self.hosts).to_owned()),
            None => (!address.ip().is_unspecified()).then(|| address.ip().to_string()),
        }
    }

    /// The first refusals, and how many more there are.
    fn refusals(&self, by_whom: bool) -> String {
        let handed = &self.connection.handed;
        let shown = handed.refusals.iter().take(SAID).enumerate();
        let mut said: Vec<String> =
            shown.map(|(at, refusal)| self.refusal(refusal, by_whom && at == 0)).collect();
        let more = handed.refused_in_all().saturating_sub(SAID as u64);
        if more > 0 {
            let mut vars = Vars::default();
            vars.count("number", more);
            said.push(vars.fill(catalogue().sentence("outcome-more")).into_owned());
        }
        said.join("; ")
    }

    fn refusal(&self, refusal: &Refusal, by_whom: bool) -> String {
        let mut vars = self.vars();
        let whom = refusal.whom.first().map_or("", String::as_str);
        let what = match refusal.what {
            Refused::Session => "outcome-session",
            Refused::Hello => "outcome-hello",
            Refused::Tls => "outcome-tls",
            Refused::Login => "outcome-login",
            Refused::Sender => "outcome-sender",
            Refused::Recipient => "outcome-recipient",
            Refused::Letter => "outcome-letter",
        };
        vars.set("sender", whom)
            .set("recipient", whom)
            .set("recipients", named(&refusal.whom, refusal.others));
        let what = vars.fill(catalogue().sentence(what)).into_owned();
        vars.set("detail", what).set("this", &refusal.reply);
        let whole = match (by_whom, refusal.for_now) {
            (false, _) => "outcome-too",
            (true, true) => "outcome-later",
            (true, false) => "outcome-no",
        };
        vars.fill(catalogue().sentence(whole)).into_owned()
    }
}

fn sentence(id: &str, vars: &Vars<'_>) -> String {
    catalogue()
        .joined(&["outcome.", id])
        .map_or_else(String::new, |entry| vars.fill(&entry.summary).into_owned())
}

/// `<a@example.net>, <b@example.net> and 3 more`; `others` are not in the list.
fn named(recipients: &[String], others: usize) -> String {
    let shown = recipients.iter().take(NAMED).map(|whom| format!("<{whom}>")).collect::<Vec<_>>();
    match recipients.len().saturating_sub(NAMED) + others {
        0 if shown.is_empty() => "nobody".to_owned(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Item, Story};
    use super::*;
    use crate::trace::record::LIVE;
    use crate::trace::{Data, Layer, Opened, Transport};

    /// The outcomes of a dialogue on one connection: `C: ` and `S: ` lines; `C!`, `S!` close, `C#` breaks off.
    fn outcomes_in(is_live: bool, lines: &[&str]) -> Vec<Outcome> {
        let mut head = super::super::testing::head();
        if is_live {
            head.generator = format!("postroad 0 {LIVE}");
        }
        let at = Instant::from_secs(1);
        let conn = Conn(1);
        let open = Opened {
            conn,
            transport: Transport::Tcp,
            client: "192.0.2.10:40000".parse().unwrap(),
            server: "192.0.2.25:25".parse().unwrap(),
        };
        let mut records = vec![Record::Head(head.clone()), Record::Open { at, open }];
        for line in lines {
            let from = if line.starts_with('C') { Direction::Client } else { Direction::Server };
            records.push(match line.get(1..2) {
                Some(":") => {
                    let bytes = line.get(3..).unwrap_or_default().replace('|', "\r\n") + "\r\n";
                    let data = Data { conn, from, layer: Layer::Wire, bytes: bytes.into_bytes() };
                    Record::Data { at, data }
                }
                Some("#") => Record::Close { at, conn, from, how: CloseHow::Reset },
                _ => Record::Close { at, conn, from, how: CloseHow::Fin },
            });
        }
        let mut story = Story::new(&head);
        let mut items: Vec<Item> = records.iter().enumerate().flat_map(|(i, r)| story.push(i, r)).collect();
        items.extend(story.finish());
        let outcomes = items.into_iter().filter_map(|item| match item {
            Item::Outcome(outcome) => Some(*outcome),
            _ => None,
        });
        outcomes.collect()
    }

    fn told(lines: &[&str]) -> String {
        let said: Vec<String> = outcomes_in(false, lines).into_iter().map(|outcome| outcome.text).collect();
        said.join(" / ")
    }

    const HELLO: [&str; 5] = [
        "S: 220 mail.example.com ESMTP",
        "C: EHLO a",
        "S: 250-mail.example.com|250 CHUNKING",
        "C: MAIL FROM:<alice@example.com>",
        "S: 250 2.1.0 ok",
    ];
    const ONE: [&str; 2] = ["C: RCPT TO:<bob@example.net>", "S: 250 2.1.5 ok"];
    const NOBODY: [&str; 2] = ["C: RCPT TO:<nobody@example.net>", "S: 550 5.1.1 no such user"];
    const LETTER: [&str; 4] =
        ["C: DATA", "S: 354 go on", "C: Subject: Tea||x|.", "S: 250 2.0.0 queued as 1A"];
    const BYE: [&str; 4] = ["C: QUIT", "S: 221 2.0.0 bye", "S!", "C!"];

    #[test]
    fn a_refused_recipient_is_named_with_who_refused_it_and_how() {
        let lines = [&HELLO[..], &NOBODY, &BYE].concat();
        let said = told(&lines);
        assert_eq!(
            said,
            "not delivered: <nobody@example.net> refused by mail.example.com, 550 5.1.1 no such user"
        );
        let of = outcomes_in(false, &lines);
        assert!(of[0].is_undelivered() && (of[0].letters, of[0].refused) == (0, 1), "{of:?}");
    }

    #[test]
    fn where_some_are_taken_it_is_said_for_how_many() {
        let said = told(&[&HELLO[..], &ONE, &NOBODY, &LETTER, &BYE].concat());
        let want = "accepted by mail.example.com for 1 recipient; 1 refused: <nobody@example.net>, 550 5.1.1 no such user";
        assert_eq!(said, want);
    }

    #[test]
    fn what_went_well_is_told_in_a_lab_only() {
        let lines = [&HELLO[..], &ONE, &LETTER, &BYE].concat();
        assert_eq!(told(&lines), "");
        let of = outcomes_in(true, &lines);
        let said: Vec<&str> = of.iter().map(|outcome| outcome.text.as_str()).collect();
        assert_eq!(said, ["accepted by mail.example.com for <bob@example.net>: 250 2.0.0 queued as 1A"]);
        assert!(!of[0].is_undelivered());
        assert!(outcomes_in(true, &[&HELLO[..1], &BYE].concat()).is_empty(), "nothing was handed in");
    }

    #[test]
    fn what_falls_with_another_command_is_not_told_again() {
        let lines = [
            "C: MAIL FROM:<eve@example.org>|RCPT TO:<bob@example.net>|DATA",
            "S: 550 5.7.1 not you",
            "S: 503 5.5.1 no envelope",
            "S: 503 5.5.1 no envelope",
        ];
        let said = told(&[&HELLO[..3], &lines, &BYE].concat());
        assert_eq!(
            said,
            "not delivered: the sender <eve@example.org> refused by mail.example.com, 550 5.7.1 not you"
        );
        let lines = [&HELLO[..], &NOBODY, &["C: DATA", "S: 554 5.5.1 nobody"], &BYE].concat();
        assert!(!told(&lines).contains("554"), "{}", told(&lines));
    }

    #[test]
    fn a_login_that_succeeds_in_the_end_was_not_refused() {
        let no = ["C: AUTH CRAM-MD5", "S: 504 5.5.4 not that one"];
        let yes = ["C: AUTH PLAIN AGEAYg==", "S: 235 2.7.0 welcome"];
        assert_eq!(told(&[&HELLO[..3], &no, &yes, &BYE].concat()), "");
        let said = told(&[&HELLO[..3], &no, &no, &BYE].concat());
        assert_eq!(said, "not delivered: the login refused by mail.example.com, 504 5.5.4 not that one");
    }

    #[test]
    fn a_letter_that_is_refused_or_put_off_names_its_recipients() {
        let no = ["C: DATA", "S: 354 go on", "C: Subject: Tea||x|.", "S: 552-5.3.4 too|552 5.3.4 big"];
        let said = told(&[&HELLO[..], &ONE, &no, &BYE].concat());
        let want =
            "not delivered: the letter for <bob@example.net> refused by mail.example.com, 552 5.3.4 too";
        assert_eq!(said, want);
        let later = ["C: RCPT TO:<bob@example.net>", "S: 451 4.7.1 come back"];
        let said = told(&[&HELLO[..], &later, &BYE].concat());
        assert_eq!(
            said,
            "not delivered yet: <bob@example.net> put off by mail.example.com, 451 4.7.1 come back"
        );
    }

    #[test]
    fn a_letter_without_an_answer_is_told_as_that() {
        let sent = ["C: DATA", "S: 354 go on", "C: Subject: Tea||x|."];
        let said = told(&[&HELLO[..], &ONE, &sent, &["S#"]].concat());
        let want = "not known whether delivered: mail.example.com never answered to the letter for <bob@example.net>";
        assert_eq!(said, want);
        let begun = ["C: DATA", "S: 354 go on", "C: Subject: Tea"];
        let said = told(&[&HELLO[..], &ONE, &begun, &["C#"]].concat());
        assert_eq!(
            said,
            "not delivered: the connection ended in the middle of the letter for <bob@example.net>"
        );
        let whole = ["C: BDAT 3 LAST|x", "S: 250 2.0.0 taken"];
        assert_eq!(told(&[&HELLO[..], &ONE, &whole, &BYE].concat()), "");
        let said = told(&[&HELLO[..], &ONE, &["C: BDAT 30 LAST|x"], &["C#"]].concat());
        assert!(said.contains("in the middle of the letter for <bob@example.net>"), "{said}");
    }

    #[test]
    fn an_answer_behind_the_end_of_the_clients_side_still_counts() {
        let lines = [&HELLO[..], &ONE, &LETTER[..3], &["C!", "S: 554 5.6.0 not that", "S!"]].concat();
        let said = told(&lines);
        let want =
            "not delivered: the letter for <bob@example.net> refused by mail.example.com, 554 5.6.0 not that";
        assert_eq!(said, want);
    }

    #[test]
    fn a_recording_that_ends_before_the_connection_does_is_told_too() {
        let said = told(&[&HELLO[..], &NOBODY].concat());
        assert!(said.starts_with("not delivered: <nobody@example.net>"), "{said}");
    }

    #[test]
    fn many_refusals_are_counted_and_the_line_stays_short() {
        let mut lines = HELLO.to_vec();
        for _ in 0..300 {
            lines.extend(NOBODY);
        }
        let said = told(&[&lines[..], &BYE].concat());
        assert!(said.contains("298 more") && said.len() < 300, "{said}");
    }
}
