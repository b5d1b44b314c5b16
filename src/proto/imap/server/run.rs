//! Carrying out commands: which phase, which handler, what comes after the store's answer.

use super::ask::{Answer, Meta, Refusal};
use super::fetch::FetchJob;
use super::list::ListJob;
use super::search::SearchJob;
use super::store::Storing;
use super::{Enabled, Mode, Reply, Server, ServerEvent, Wait};
use crate::proto::Output;
use crate::proto::imap::phase::{self, Phase};
use crate::proto::imap::types::{CommandBody, Qresync, StatusItem};
use crate::proto::sasl::server::Exchange;
use std::sync::Arc;

/// Where to go on when the store has answered.
#[derive(Debug)]
pub(super) enum Then {
    /// The news before a command on messages: then run it.
    Before(CommandBody),
    /// The news after a command: then the tagged reply.
    After(Reply),
    /// News in IDLE.
    IdleNews,
    LoggedIn,
    /// The SCRAM keys, for the exchange that waits.
    Keys(Box<Exchange>),
    /// Say this if it is done.
    Done(&'static str),
    Deleted(String),
    Folders(ListJob),
    /// STATUS of one mailbox for LIST; then the next.
    ListStatus(ListJob, String),
    Status(String, Vec<StatusItem>),
    Selected {
        read_only: bool,
        qresync: Option<Qresync>,
    },
    /// The news since QRESYNC's modification sequence.
    Resync(Qresync),
    /// After the silent expunge of CLOSE.
    Closed,
    Bodies(FetchJob),
    /// \Seen was set for these bodies.
    MarkedSeen(FetchJob, Vec<(u32, Arc<[u8]>)>),
    Vanished(FetchJob),
    SearchBodies(SearchJob),
    Stored(Storing),
    Copied {
        moved: bool,
    },
    Appended,
}

/// Work that goes on in pieces, each when the last one has been sent.
#[derive(Debug)]
pub(super) enum Job {
    Fetch(FetchJob),
    Search(SearchJob),
}

impl Server {
    pub(super) fn greet(&mut self) {
        let text = format!("OK [CAPABILITY {}] {} postroad ready", self.capabilities(), self.config.hostname);
        self.untagged(&text);
    }

    /// A whole command is there.
    pub(super) fn begin(&mut self, tag: String, body: CommandBody) {
        self.tag = tag;
        self.verb = body.name().to_owned();
        if self.config.consult {
            let verb = self.verb.clone();
            self.wait = Wait::Verdict(Box::new(body));
            self.out.push_back(Output::Event(ServerEvent::Consult { verb }));
        } else {
            self.run(body);
        }
    }

    /// BAD for a command that has no place in this phase.
    pub(super) fn out_of_phase(&self, name: &str) -> Option<Reply> {
        if phase::is_legal(self.phase, name) {
            return None;
        }
        Some(Reply::bad(match self.phase {
            Phase::NotAuthenticated => format!("{name} needs a login first"),
            Phase::Authenticated if phase::is_legal(Phase::Selected, name) => {
                format!("{name} needs a selected mailbox")
            }
            _ => format!("{name} has no place in this state"),
        }))
    }

    pub(super) fn run(&mut self, body: CommandBody) {
        match &body {
            CommandBody::Unknown { name } if name.is_empty() => {
                return self.tagged(Reply::bad("A command is a tag, a space and a name"));
            }
            CommandBody::Unknown { name } => {
                let name: String = name.chars().take(40).collect();
                return self.tagged(Reply::bad(format!("Unknown command {name}")));
            }
            // "DONE" ends IDLE and is no command (RFC 9051 §6.3.13): elsewhere it reads as a tag with nothing behind it.
            CommandBody::Malformed { name, .. }
                if name.is_empty() && self.tag.eq_ignore_ascii_case("DONE") =>
            {
                return self.tagged(Reply::bad("DONE is only for IDLE"));
            }
            CommandBody::Malformed { name, reason } if name.is_empty() => {
                return self.tagged(Reply::bad(reason.to_string()));
            }
            CommandBody::Malformed { name, reason } => {
                return self.tagged(Reply::bad(format!("{name}: {reason}")));
            }
            _ => {}
        }
        if let Some(reply) = self.out_of_phase(body.name()) {
            return self.tagged(reply);
        }
        // Commands on messages first hear what others did, so that they work on what is there.
        let on_messages = matches!(
            body,
            CommandBody::Fetch { .. }
                | CommandBody::Store { .. }
                | CommandBody::Search { .. }
                | CommandBody::Copy { .. }
                | CommandBody::Move { .. }
                | CommandBody::Expunge { .. }
                | CommandBody::Close
        );
        if on_messages { self.ask_news(Then::Before(body)) } else { self.execute(body) }
    }

    fn execute(&mut self, body: CommandBody) {
        match body {
            CommandBody::Capability => {
                self.untagged(&format!("CAPABILITY {}", self.capabilities()));
                self.finish(Reply::ok("CAPABILITY completed"));
            }
            CommandBody::Noop => self.finish(Reply::ok("NOOP completed")),
            CommandBody::Check => self.finish(Reply::ok("CHECK completed")),
            CommandBody::Logout => {
                self.untagged("BYE Logging out");
                self.tagged(Reply::ok("LOGOUT completed"));
                self.close();
            }
            CommandBody::StartTls => self.start_tls(),
            CommandBody::Authenticate { mechanism, initial } => self.authenticate(&mechanism, initial),
            CommandBody::Login { user, password } => self.login(user, password),
            CommandBody::Enable { capabilities } => self.enable(&capabilities),
            CommandBody::Id { .. } => {
                self.untagged("ID (\"name\" \"postroad\")");
                self.finish(Reply::ok("ID completed"));
            }
            CommandBody::Namespace => {
                // One namespace of one's own, none of others, none shared (RFC 2342 §5).
                self.untagged("NAMESPACE ((\"\" \"/\")) NIL NIL");
                self.finish(Reply::ok("NAMESPACE completed"));
            }
            CommandBody::Idle => self.idle(),
            CommandBody::Select { mailbox, read_only, condstore, qresync } => {
                self.select(mailbox, read_only, condstore, qresync);
            }
            CommandBody::Unselect => self.unselect(),
            CommandBody::Close => self.close_mailbox(),
            CommandBody::Create { mailbox, special_use } => self.create(mailbox, special_use),
            CommandBody::Delete { mailbox } => self.delete(mailbox),
            CommandBody::Rename { from, to } => self.rename(from, to),
            CommandBody::Subscribe { mailbox } => self.subscribe(mailbox, true),
            CommandBody::Unsubscribe { mailbox } => self.subscribe(mailbox, false),
            CommandBody::List(command) => self.list(command),
            CommandBody::Lsub { reference, pattern } => self.lsub(&reference, &pattern),
            CommandBody::Status { mailbox, items } => self.status(mailbox, items),
            CommandBody::Append { mailbox, messages } => self.append(mailbox, messages),
            CommandBody::Expunge { uids } => self.expunge(uids.as_ref()),
            CommandBody::Search { uid, returns, charset, key } => self.search(uid, returns, charset, key),
            CommandBody::Fetch { uid, set, items, changed_since, vanished } => {
                self.fetch(uid, &set, items, changed_since, vanished);
            }
            CommandBody::Store { uid, set, op, silent, flags, unchanged_since } => {
                self.store(uid, &set, op, silent, flags, unchanged_since);
            }
            CommandBody::Copy { uid, set, mailbox } => self.copy(uid, &set, mailbox, false),
            CommandBody::Move { uid, set, mailbox } => self.copy(uid, &set, mailbox, true),
            CommandBody::Unknown { .. } | CommandBody::Malformed { .. } => {}
        }
    }

    /// The command is done: tell what else is new, then the reply.
    pub(super) fn finish(&mut self, reply: Reply) {
        if self.view.is_some() { self.ask_news(Then::After(reply)) } else { self.tagged(reply) }
    }

    /// The store has answered.
    pub(super) fn resume(&mut self, then: Then, answer: Answer) {
        if self.closing {
            return;
        }
        match (then, answer) {
            (Then::Before(body), answer) => {
                if self.take_news(answer, false) {
                    self.execute(body);
                }
            }
            (Then::After(reply), answer) => {
                // "nor while responding to a FETCH, STORE, or SEARCH command" (RFC 9051 §7.5.1); with UID it may.
                let expunge = !matches!(self.verb.as_str(), "FETCH" | "STORE" | "SEARCH");
                if self.take_news(answer, expunge) {
                    self.tagged(reply);
                }
            }
            (Then::IdleNews, answer) => drop(self.take_news(answer, true)),
            (Then::LoggedIn, answer) => self.logged_in(answer),
            (Then::Keys(exchange), answer) => self.keys_came(*exchange, answer),
            (Then::Selected { read_only, qresync }, answer) => self.opened(answer, read_only, qresync),
            (Then::Resync(qresync), answer) => self.resync(answer, &qresync),
            (Then::Closed, _) => self.unselect(),
            (_, Answer::Refused(refusal)) => self.finish(refused(refusal, &self.verb)),
            (Then::Done(text), Answer::Done) => self.finish(Reply::ok(text)),
            (Then::Deleted(mailbox), Answer::Done) => self.deleted(&mailbox),
            (Then::Folders(job), Answer::Folders(folders)) => self.listed(job, folders),
            (Then::ListStatus(job, name), Answer::Status(figures)) => self.list_status(job, &name, figures),
            (Then::Status(name, items), Answer::Status(figures)) => {
                self.tell_status(&name, &items, figures);
                self.finish(Reply::ok("STATUS completed"));
            }
            (Then::Bodies(job), Answer::Bodies(bodies)) => self.bodies(job, bodies),
            (Then::MarkedSeen(job, bodies), Answer::Stored { now, .. }) => self.marked_seen(job, bodies, now),
            (Then::Vanished(job), Answer::Changes(news)) => self.vanished_since(job, &news),
            (Then::SearchBodies(job), Answer::Bodies(bodies)) => self.search_bodies(job, bodies),
            (Then::Stored(storing), Answer::Stored { now, modified }) => self.stored(storing, now, &modified),
            (Then::Copied { moved }, Answer::Copied { uidvalidity, uids }) => {
                self.copied(moved, uidvalidity, &uids);
            }
            (Then::Appended, Answer::Appended { uidvalidity, uids }) => self.appended(uidvalidity, uids),
            _ => self.finish(Reply::no("[SERVERBUG] The store gave an answer to another question")),
        }
    }

    pub(super) fn go_on(&mut self, job: Job) {
        match job {
            Job::Fetch(job) => self.fetch_on(job),
            Job::Search(job) => self.search_on(job),
        }
    }

    fn idle(&mut self) {
        self.mode = Mode::Idle;
        self.news = self.view.is_some();
        self.send(b"+ idling\r\n".to_vec());
    }

    pub(super) fn idle_line(&mut self, line: &[u8]) {
        self.mode = Mode::Commands;
        if line.trim_ascii().eq_ignore_ascii_case(b"DONE") {
            self.finish(Reply::ok("IDLE completed"));
        } else {
            self.finish(Reply::bad("Only DONE ends IDLE"));
        }
    }

    /// `ENABLE` (RFC 5161 §3.1): only what was not on yet, and is known, is told.
    fn enable(&mut self, capabilities: &[String]) {
        let before = self.enabled;
        let mut told = String::from("ENABLED");
        for name in capabilities {
            let Enabled { rev2, condstore, qresync } = self.enabled;
            let on = match name.as_str() {
                "IMAP4REV2" if self.config.rev2 && !rev2 => &mut self.enabled.rev2,
                "CONDSTORE" if !condstore => &mut self.enabled.condstore,
                "QRESYNC" if !qresync => &mut self.enabled.qresync,
                _ => continue,
            };
            *on = true;
            told.push(' ');
            told.push_str(if name == "IMAP4REV2" { "IMAP4rev2" } else { name });
        }
        // "enabling QRESYNC also enables CONDSTORE" (RFC 7162 §3.2.3).
        self.enabled.condstore |= self.enabled.qresync;
        self.untagged(&told);
        if self.enabled.condstore && !before.condstore {
            self.tell_highest_modseq();
        }
        self.finish(Reply::ok("ENABLE completed"));
    }

    /// Apply what the store says of messages this session changed; the indexes, in order.
    pub(super) fn update_view(&mut self, now: Vec<Meta>) -> Vec<usize> {
        let Some(view) = &mut self.view else { return Vec::new() };
        let before = view.keywords.len();
        let indexes = now.into_iter().filter_map(|meta| view.update(meta)).collect();
        if view.keywords.len() > before {
            self.tell_flags();
        }
        indexes
    }
}

/// NO, and why, with the response code of RFC 9051 §7.1 where there is one.
pub(super) fn refused(refusal: Refusal, verb: &str) -> Reply {
    let takes_mail = matches!(verb, "APPEND" | "COPY" | "UID COPY" | "MOVE" | "UID MOVE");
    Reply::no(match refusal {
        Refusal::Credentials => "[AUTHENTICATIONFAILED] User and password do not belong together".to_owned(),
        // "TRYCREATE … is a hint to the client that the operation can succeed if the mailbox is first created".
        Refusal::NoSuchMailbox if takes_mail => "[TRYCREATE] There is no such mailbox".to_owned(),
        Refusal::NoSuchMailbox => "[NONEXISTENT] There is no such mailbox".to_owned(),
        Refusal::AlreadyExists => "[ALREADYEXISTS] There is a mailbox of that name".to_owned(),
        Refusal::Cannot => format!("[CANNOT] {verb} is not possible with that name"),
        Refusal::OverQuota => "[OVERQUOTA] The account is full".to_owned(),
        Refusal::Limit => "[LIMIT] A limit of this server is reached".to_owned(),
        Refusal::Unavailable => "[UNAVAILABLE] The mail store does not answer, try later".to_owned(),
    })
}
