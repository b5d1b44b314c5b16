//! The fold, by Steps and Facts made by hand.

use super::*;
use crate::base::{Part, Shelf, Span};
use crate::dissect::pop3::{Asked, DropListing, Phase, Pop3Meaning, Told};
use crate::dissect::{Kind, Protocol, Verdict};
use crate::trace::{CloseHow, Direction, Fact, Layer, Opened, Transport};

fn step(kind: Kind, protocol: Protocol, verb: &str, bytes: &str) -> Step {
    Step {
        number: 1,
        conn: Conn(1),
        layer: Layer::Wire,
        from: Direction::Client,
        range: 0..0,
        at: Instant::default(),
        record: 0,
        protocol,
        kind,
        verb: verb.into(),
        code: String::new().into(),
        verdict: None,
        bytes: bytes.as_bytes().to_vec(),
        parts: Vec::new(),
        secrets: Vec::new(),
        findings: Vec::new(),
        meaning: Meaning::None,
    }
}

fn opened() -> State {
    let (client, server) = ("192.0.2.10:40001".parse(), "192.0.2.25:25".parse());
    let (client, server) = (client.expect("an address"), server.expect("an address"));
    let mut open = step(Kind::Open, Protocol::Tcp, "25", "");
    open.meaning = Meaning::Open(Opened { conn: Conn(1), transport: Transport::Tcp, client, server });
    let mut state = State::default();
    state.apply_step(&open);
    state
}

/// `C:` a command; `argument` is the part of that name.
fn says(state: &mut State, protocol: Protocol, verb: &str, argument: Option<(&'static str, &str)>) {
    let line = format!("{verb} {}", argument.map_or("", |(_, text)| text));
    let mut command = step(Kind::Command, protocol, verb, &line);
    if let Some((name, _)) = argument {
        command.parts = vec![Part::leaf(name, Span::new(verb.len() + 1, line.len()))];
    }
    state.apply_step(&command);
}

/// `S:` a reply to that verb.
fn answers(state: &mut State, protocol: Protocol, verb: &str, code: &str, verdict: Verdict) {
    let mut reply = step(Kind::Reply, protocol, verb, code);
    reply.code = code.into();
    reply.verdict = Some(verdict);
    state.apply_step(&reply);
}

fn connection(state: &State) -> &Connection {
    state.connections.get(&Conn(1)).expect("it is open")
}

fn fact(state: &mut State, host: &str, fact: Fact) {
    state.apply_fact(Instant::from_secs(1), host, &fact);
}

#[test]
fn an_smtp_envelope_is_what_the_server_accepted_even_from_a_pipelining_client() {
    use Protocol::Smtp;
    let mut state = opened();
    answers(&mut state, Smtp, "EHLO", "250", Verdict::Positive);
    says(&mut state, Smtp, "AUTH", Some(("initial-response", "AGFsaWNlAHNlc2FtZQ==")));
    answers(&mut state, Smtp, "AUTH", "235 2.7.0", Verdict::Positive);
    says(&mut state, Smtp, "MAIL", Some(("reverse-path", "<alice@example.com>")));
    says(&mut state, Smtp, "RCPT", Some(("forward-path", "<nobody@example.net>")));
    says(&mut state, Smtp, "RCPT", Some(("forward-path", "<@relay.example:bob@example.net>")));
    answers(&mut state, Smtp, "MAIL", "250 2.1.0", Verdict::Positive);
    answers(&mut state, Smtp, "RCPT", "550 5.1.1", Verdict::Negative);
    answers(&mut state, Smtp, "RCPT", "250 2.1.5", Verdict::Positive);
    answers(&mut state, Smtp, "DATA", "354", Verdict::Intermediate);
    let want = Envelope {
        sender: "alice@example.com".to_owned(),
        recipients: vec!["bob@example.net".to_owned()],
        refused: vec!["nobody@example.net".to_owned()],
    };
    assert_eq!((connection(&state).phase, &connection(&state).envelope), ("data", &Some(want)));
    assert_eq!(connection(&state).user.as_deref(), Some("alice"));
    answers(&mut state, Smtp, ".", "250 2.0.0", Verdict::Positive);
    assert_eq!((connection(&state).phase, &connection(&state).envelope), ("greeted", &None));
    answers(&mut state, Smtp, "QUIT", "221 2.0.0", Verdict::Positive);
    assert_eq!(connection(&state).phase, "closed");
}

#[test]
fn starttls_forgets_what_was_learnt_before() {
    use Protocol::Smtp;
    let mut state = opened();
    answers(&mut state, Smtp, "EHLO", "250", Verdict::Positive);
    answers(&mut state, Smtp, "STARTTLS", "220 2.0.0", Verdict::Positive);
    assert_eq!((connection(&state).phase, connection(&state).tls), ("connected", true));
}

#[test]
fn a_connection_is_there_from_its_open_to_its_close() {
    let mut state = opened();
    assert_eq!(connection(&state).phase, "connected");
    let mut close = step(Kind::Close, Protocol::Tcp, "25", "");
    close.meaning = Meaning::Close(CloseHow::Fin);
    state.apply_step(&close);
    answers(&mut state, Protocol::Smtp, "EHLO", "250", Verdict::Positive);
    assert_eq!(state, State::default());
}

#[test]
fn a_pop3_maildrop_is_marked_and_unmarked() {
    let mut state = opened();
    let reply = |state: &mut State, answers, told, phase| {
        let mut step = step(Kind::Reply, Protocol::Pop3, "", "+OK");
        step.meaning = Meaning::Pop3(Pop3Meaning::Reply {
            ok: Some(true),
            answers: Some(answers),
            told,
            phase: Some(phase),
        });
        state.apply_step(&step);
    };
    let mut user = step(Kind::Command, Protocol::Pop3, "USER", "USER bob");
    let asked = Asked::User { name: "bob".to_owned() };
    user.meaning = Meaning::Pop3(Pop3Meaning::Command { asked, phase: None });
    state.apply_step(&user);
    reply(&mut state, Asked::Pass, Told::Nothing, Phase::Transaction);
    assert_eq!((connection(&state).phase, connection(&state).user.as_deref()), ("transaction", Some("bob")));
    let listing = Told::DropListing(DropListing { count: 3, octets: 900 });
    reply(&mut state, Asked::Stat, listing, Phase::Transaction);
    reply(&mut state, Asked::Dele { number: 2 }, Told::Nothing, Phase::Transaction);
    let want = Maildrop { messages: Some(3), deleted: vec![2] };
    assert_eq!(connection(&state).maildrop, Some(want));
    reply(&mut state, Asked::Rset, Told::Nothing, Phase::Transaction);
    assert_eq!(connection(&state).maildrop, Some(Maildrop { messages: Some(3), deleted: vec![] }));
    reply(&mut state, Asked::Quit, Told::Nothing, Phase::Update);
    assert_eq!((connection(&state).phase, &connection(&state).maildrop), ("update", &None));
}

#[test]
fn an_imap_mailbox_is_selected_by_ok_and_lost_by_no() {
    use Protocol::Imap;
    let mut state = opened();
    answers(&mut state, Imap, "LOGIN", "OK", Verdict::Positive);
    assert_eq!(connection(&state).phase, "authenticated");
    says(&mut state, Imap, "SELECT", Some(("mailbox", "\"a \\\"b\\\" \\\\c\"")));
    answers(&mut state, Imap, "SELECT", "OK READ-WRITE", Verdict::Positive);
    assert_eq!(connection(&state).selected.as_deref(), Some("a \"b\" \\c"));
    says(&mut state, Imap, "EXAMINE", Some(("mailbox", "Nowhere")));
    answers(&mut state, Imap, "EXAMINE", "NO", Verdict::Negative);
    assert_eq!((connection(&state).phase, &connection(&state).selected), ("authenticated", &None));
}

#[test]
fn a_queued_message_waits_is_tried_again_and_goes() {
    let mut state = State::default();
    let (id, recipients) =
        ("1A".to_owned(), vec!["bob@example.net".to_owned(), "carol@example.net".to_owned()]);
    let sender = "alice@example.com".to_owned();
    fact(
        &mut state,
        "mail",
        Fact::Queued { id: id.clone(), sender, recipients: recipients.clone(), size: 512 },
    );
    let (one, other) = (recipients[..1].to_vec(), recipients[1..].to_vec());
    let reply = "250 2.0.0 Ok".to_owned();
    fact(&mut state, "mail", Fact::Relayed { id: id.clone(), recipients: one, to: "mx1".to_owned(), reply });
    let reason = "451 4.7.1 Greylisted".to_owned();
    let retry = Fact::RetryAt { id: id.clone(), recipients: other, at: 900_000_000, attempt: 1, reason };
    fact(&mut state, "mail", retry);
    let entry = &state.queues["mail"]["1A"];
    let waiting: Vec<_> = entry.waiting.iter().map(|w| (w.recipient.as_str(), w.attempts, w.retry)).collect();
    assert_eq!(waiting, [("carol@example.net", 1, Some(Instant::from_secs(900)))]);
    let before = state.clone();
    fact(
        &mut state,
        "mail",
        Fact::Failed { id: id.clone(), recipients, status: "4.4.7".to_owned(), reason: String::new() },
    );
    fact(&mut state, "mail", Fact::Dequeued { id });
    assert!(state.queues.is_empty());
    assert_eq!(before.queues["mail"]["1A"].waiting.len(), 1, "a checkpoint does not change afterwards");
}

fn copy_kept(account: &str, key: &str) -> Fact {
    Fact::ClientCopyKept {
        account: account.to_owned(),
        key: key.to_owned(),
        size: 9,
        subject: "Hi".to_owned(),
        part: String::new(),
        folder: String::new(),
    }
}

fn intent_ends(who: &str, intent: &str) -> Fact {
    let (who, intent) = (who.to_owned(), intent.to_owned());
    Fact::IntentEnds { who, intent, ok: true, detail: String::new(), instead: String::new() }
}

#[test]
fn what_a_client_keeps_follows_its_facts_and_goes_with_its_disk() {
    let mut state = State::default();
    let (account, key) = ("bob@example.net".to_owned(), "7".to_owned());
    fact(&mut state, "laptop", copy_kept(&account, &key));
    let flags = vec!["\\Seen".to_owned()];
    let folder = "Boat".to_owned();
    let told = Fact::ClientFlagsSet { account: account.clone(), key: key.clone(), flags: flags.clone() };
    fact(&mut state, "laptop", told);
    let filed = Fact::ClientFiled { account: account.clone(), key: key.clone(), folder: folder.clone() };
    fact(&mut state, "laptop", filed);
    fact(&mut state, "laptop", Fact::ClientIdsKnown { account: account.clone(), ids: 3 });
    let mailbox = "INBOX".to_owned();
    let known = Fact::ClientMailboxKnown { account: account.clone(), mailbox, uidvalidity: 7, uidnext: 9 };
    fact(&mut state, "laptop", known);
    let copy = state.clients["laptop"][&account][&key].clone();
    assert_eq!((copy.size, &copy.flags, &copy.folder), (9, &flags, &folder));
    let noted = state.noted["laptop"][&account].clone();
    assert_eq!((noted.ids, noted.mailboxes["INBOX"]), (3, (7, 9)));
    let other = Fact::ClientFlagsSet { account: account.clone(), key: "8".to_owned(), flags };
    fact(&mut state, "laptop", other);
    assert_eq!(state.clients["laptop"][&account].len(), 1, "flags of what is not kept make nothing");
    fact(&mut state, "laptop", Fact::ClientStoreLost { account });
    assert_eq!(state, State::default());
}

#[test]
fn mailboxes_copies_caches_and_services_follow_their_facts() {
    let mut state = State::default();
    let (account, inbox) = ("bob@example.net".to_owned(), "INBOX".to_owned());
    let text = |text: &str| text.to_owned();
    for one in [
        Fact::MailboxCreated { account: account.clone(), mailbox: inbox.clone(), uidvalidity: 7 },
        Fact::Delivered {
            account: account.clone(),
            mailbox: inbox.clone(),
            uid: 1,
            size: 9,
            flags: vec![],
            id: None,
        },
        Fact::Delivered {
            account: account.clone(),
            mailbox: inbox.clone(),
            uid: 2,
            size: 9,
            flags: vec![],
            id: None,
        },
        Fact::FlagsSet {
            account: account.clone(),
            mailbox: inbox.clone(),
            uid: 2,
            flags: vec![text("\\Seen")],
        },
        Fact::Removed { account: account.clone(), mailbox: inbox.clone(), uid: 1 },
        Fact::MailboxRenamed { account: account.clone(), from: inbox.clone(), to: text("Old") },
        Fact::MaildropLocked { account: account.clone() },
        Fact::ServiceDown { service: text("smtp") },
        copy_kept(&account, "7"),
        Fact::ResolverCached {
            name: text("example.net."),
            rtype: text("MX"),
            answer: text("10 mx1"),
            until: 5,
        },
        Fact::IntentBegins { who: text("Bob"), intent: text("fetch-pop3"), detail: text("Bob fetches") },
    ] {
        fact(&mut state, "mx1", one);
    }
    let messages = Shelf::from([(2, Message { flags: vec![text("\\Seen")], size: 9 })]);
    let old = Mailbox { uidvalidity: 7, messages };
    assert_eq!(state.mailboxes[&account].get("Old").map(|mailbox| (**mailbox).clone()), Some(old));
    assert_eq!(state.locks.get(&account).map(String::as_str), Some("mx1"));
    assert_eq!(state.caches["mx1"]["example.net. MX"].answer, "10 mx1");
    assert_eq!(state.intents.len(), 1);
    assert!(serde_json::to_string(&state).is_ok(), "every key is text in JSON");
    for one in [
        Fact::MaildropUnlocked { account: account.clone(), updated: true },
        Fact::ServiceUp { service: text("smtp") },
        Fact::ClientCopyRemoved { account: account.clone(), key: text("7") },
        Fact::MailboxDeleted { account: account.clone(), mailbox: text("Old") },
        intent_ends("Bob", "fetch-pop3"),
    ] {
        fact(&mut state, "mx1", one);
    }
    assert!(state.locks.is_empty() && state.down.is_empty() && state.clients.is_empty());
    assert!(state.mailboxes[&account].is_empty() && state.intents.is_empty());
}
