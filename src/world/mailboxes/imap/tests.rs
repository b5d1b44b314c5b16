//! Dialogues with the IMAP server over the real store, by RFC section. `C:` sends a line, `S:` expects one; a line
//! ending in `…` expects its beginning. `2:` in front is a second session on the same account.

use super::*;
use crate::base::Secret;
use crate::proto::imap::server::{Server, ServerConfig, ServerEvent};
use crate::proto::{Machine, Output};
use crate::world::mailboxes::AccountSetup;
use proptest::prelude::*;
use std::time::Duration;

const BOB: &str = "bob@example.net";

/// Sessions over one store.
pub(super) struct Lab {
    pub store: Mailboxes,
    config: ServerConfig,
    sessions: Vec<(Server, ImapSession, Vec<u8>, bool)>,
    pub now: Instant,
}

impl Lab {
    pub fn new() -> Self {
        let mut store = Mailboxes::new();
        let setup = AccountSetup { password: Secret::new("secret"), ..AccountSetup::new(BOB, 7) };
        store.add_account(setup.with_special_use());
        Lab {
            store,
            config: ServerConfig::new("imap.example.net"),
            sessions: Vec::new(),
            now: Instant::from_secs(1_700_000_000),
        }
    }

    pub fn put(&mut self, text: &str) -> u32 {
        let bytes: Vec<u8> = text.replace('\n', "\r\n").into_bytes();
        self.store.deliver(BOB, "INBOX", bytes.into(), &[], self.now, None).unwrap()
    }

    /// With one session, logged in, its mailbox open.
    pub fn selected() -> Self {
        let mut lab = Lab::new();
        for n in 1..=4 {
            lab.put(&format!("Subject: message {n}\n\nbody {n}\n"));
        }
        lab.open(1);
        lab.exchange(1, b"l LOGIN bob@example.net secret\r\ns SELECT INBOX\r\n");
        lab
    }

    pub fn open(&mut self, sessions: usize) {
        while self.sessions.len() < sessions {
            self.sessions.push((Server::new(self.config.clone()), ImapSession::default(), Vec::new(), false));
            self.drain(self.sessions.len());
            self.sessions.last_mut().unwrap().2.clear();
        }
    }

    /// Send to session `n` (from 1), and take what it says.
    pub fn exchange(&mut self, n: usize, bytes: &[u8]) -> String {
        self.sessions[n - 1].0.receive(bytes, self.now);
        self.drain(n);
        self.said(n)
    }

    pub fn said(&mut self, n: usize) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.sessions[n - 1].2)).into_owned()
    }

    fn drain(&mut self, n: usize) {
        let (server, session, said, closed) = &mut self.sessions[n - 1];
        for _ in 0..1_000_000 {
            match server.poll(self.now) {
                Output::Send(bytes) => said.extend(bytes),
                Output::Event(ServerEvent::Ask(ask)) => {
                    let answer = answer_ask(&mut self.store, session, ask, self.now);
                    server.answer(answer);
                }
                Output::Event(ServerEvent::Consult { .. }) => server.proceed(),
                Output::StartTls => {}
                Output::Close => *closed = true,
                Output::Idle | Output::WakeAt(_) => return,
            }
        }
        panic!("the server does not come to rest");
    }

    pub fn notify(&mut self) {
        for n in 1..=self.sessions.len() {
            self.sessions[n - 1].0.notify();
            self.drain(n);
        }
    }

    /// Carry out a dialogue; panics at the first line that differs.
    pub fn dialogue(&mut self, script: &str) {
        let mut said: Vec<Vec<String>> = vec![Vec::new(); 9];
        for line in script.lines().map(str::trim_start).filter(|l| !l.is_empty()) {
            let (n, rest) = match line.split_once(':') {
                Some(("C" | "S", rest)) => (1, rest),
                Some((who, rest)) => (usize::from(who.as_bytes()[0] - b'0'), rest),
                None => panic!("not a line of a dialogue: {line}"),
            };
            let sends = line.split_once(':').is_some_and(|(who, _)| who == "C" || who.ends_with('C'));
            let text = rest.strip_prefix(' ').unwrap_or(rest);
            self.open(n);
            if sends {
                assert!(said[n].is_empty(), "before {line}: unexpected {:?}", said[n]);
                let answer = self.exchange(n, format!("{text}\r\n").as_bytes());
                said[n].extend(answer.split_terminator("\r\n").map(str::to_owned));
            } else {
                let more = self.said(n);
                said[n].extend(more.split_terminator("\r\n").map(str::to_owned));
                assert!(!said[n].is_empty(), "nothing said where expected: {text}");
                let got = said[n].remove(0);
                match text.strip_suffix('…') {
                    Some(start) => assert!(got.starts_with(start), "expected {text}\n     got {got}"),
                    None => assert_eq!(got, text),
                }
            }
        }
        assert!(said.iter().all(Vec::is_empty), "left over: {said:?}");
    }
}

#[test]
fn greeting_login_logout() {
    let mut lab = Lab::new();
    lab.dialogue(
        "C: a CAPABILITY
         S: * CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ENABLE ID IDLE AUTH=PLAIN AUTH=LOGIN
         S: a OK CAPABILITY completed
         C: b SELECT INBOX
         S: b BAD SELECT needs a login first
         C: c LOGIN bob@example.net wrong
         S: c NO [AUTHENTICATIONFAILED] …
         C: d LOGIN {15}
         S: + Ready for 15 octets
         C: bob@example.net {6+}
         C: secret
         S: d OK [CAPABILITY IMAP4rev1 …
         C: e LOGIN a b
         S: e BAD LOGIN …
         C: f FETCH 1 FLAGS
         S: f BAD FETCH needs a selected mailbox
         C: g NONSENSE
         S: g BAD Unknown command NONSENSE
         C: h ID NIL
         S: * ID (\"name\" \"postroad\")
         S: h OK ID completed
         C: i NAMESPACE
         S: * NAMESPACE ((\"\" \"/\")) NIL NIL
         S: i OK NAMESPACE completed
         C: j LOGOUT
         S: * BYE Logging out
         S: j OK LOGOUT completed",
    );
    assert!(lab.sessions[0].3, "the connection is closed");
}

/// RFC 9051 §6.2.2 with CRAM-MD5, and with a user that is not the one who proves.
#[test]
fn authenticate_cram_md5() {
    use crate::proto::sasl::{Nonces, cram_md5, decode, encode};
    let mut lab = Lab::new();
    lab.config.nonces = Some(Nonces::new([1; 32]));
    lab.open(1);
    let said = lab.exchange(1, b"a CAPABILITY\r\n");
    assert!(said.contains("AUTH=PLAIN AUTH=LOGIN AUTH=CRAM-MD5 AUTH=SCRAM-SHA-256"), "{said}");
    for (password, want) in [("wrong", "b NO [AUTHENTICATIONFAILED]"), ("secret", "b OK [CAPABILITY")] {
        let said = lab.exchange(1, b"b AUTHENTICATE CRAM-MD5\r\n");
        let challenge =
            said.strip_prefix("+ ").and_then(|c| decode(c.trim().as_bytes())).expect("a challenge");
        let challenge = String::from_utf8(challenge).expect("text");
        assert!(challenge.ends_with(".1700000000@imap.example.net>"), "{challenge}");
        let answer = cram_md5::answer(BOB, &Secret::new(password), &challenge).expect("an answer");
        let said = lab.exchange(1, format!("{}\r\n", encode(answer.as_bytes())).as_bytes());
        assert!(said.starts_with(want), "{password}: {said}");
    }
}

#[test]
fn authenticate_plain() {
    let mut lab = Lab::new();
    lab.dialogue(
        "C: a AUTHENTICATE PLAIN
         S: + …
         C: *
         S: a BAD AUTHENTICATE cancelled
         C: b AUTHENTICATE PLAIN !!!
         S: b BAD …
         C: c AUTHENTICATE CRAM-MD5
         S: c NO …
         C: d AUTHENTICATE PLAIN AGJvYgA=
         S: d BAD PLAIN is …
         C: e AUTHENTICATE PLAIN
         S: + …
         C: AGJvYkBleGFtcGxlLm5ldABzZWNyZXQ=
         S: e OK [CAPABILITY …",
    );
}

/// The session of RFC 3501 §8, with our texts.
#[test]
fn rfc_3501_section_8() {
    let mut lab = Lab::new();
    lab.put(
        "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\nFrom: Terry Gray <gray@cac.washington.edu>\n\
Subject: IMAP4rev1 WG mtg summary and minutes\nTo: imap@cac.washington.edu\n\
cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\nMessage-Id: <B27397-0100000@cac.washington.edu>\n\
MIME-Version: 1.0\nContent-Type: TEXT/PLAIN; CHARSET=US-ASCII\n\nhello\n",
    );
    lab.dialogue(
        "C: a001 login bob@example.net secret
         S: a001 OK …
         C: a002 select inbox
         S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
         S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] Flags that stay
         S: * 1 EXISTS
         S: * 1 RECENT
         S: * OK [UNSEEN 1] First unseen message
         S: * OK [UIDVALIDITY 7] UIDs are valid
         S: * OK [UIDNEXT 2] Predicted next UID
         S: * OK [HIGHESTMODSEQ 2] Modification sequences are kept
         S: a002 OK [READ-WRITE] SELECT completed
         C: a003 fetch 1 full
         S: * 1 FETCH (FLAGS (\\Recent) INTERNALDATE \"14-Nov-2023 22:13:20 +0000\" RFC822.SIZE 349 ENVELOPE (\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((NIL NIL \"imap\" \"cac.washington.edu\")) ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL \"<B27397-0100000@cac.washington.edu>\") BODY (\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7bit\" 7 1))
         S: a003 OK FETCH completed
         C: a004 fetch 1 body[header.fields (subject)]
         S: * 1 FETCH (BODY[HEADER.FIELDS (subject)] {49}
         S: Subject: IMAP4rev1 WG mtg summary and minutes
         S: …
         S:  FLAGS (\\Seen \\Recent))
         S: a004 OK FETCH completed
         C: a005 store 1 +flags \\deleted
         S: * 1 FETCH (FLAGS (\\Deleted \\Seen \\Recent))
         S: a005 OK STORE completed
         C: a006 logout
         S: * BYE Logging out
         S: a006 OK LOGOUT completed",
    );
}

#[test]
fn sections_partials_and_peek() {
    let mut lab = Lab::selected();
    lab.dialogue(
        "C: a FETCH 1 (BODY.PEEK[TEXT]<1.3> UID)
         S: * 1 FETCH (BODY[TEXT]<1> {3}
         S: ody UID 1)
         S: a OK FETCH completed
         C: b FETCH 2 BODY[2.MIME]
         S: * 2 FETCH (BODY[2.MIME] NIL FLAGS (\\Seen \\Recent))
         S: b OK FETCH completed
         C: c FETCH 3:2 FLAGS
         S: * 2 FETCH (FLAGS (\\Seen \\Recent))
         S: * 3 FETCH (FLAGS (\\Recent))
         S: c OK FETCH completed
         C: d FETCH 1:5 FLAGS
         S: d BAD There is no message of that number
         C: e UID FETCH 4:4294967295 FLAGS
         S: * 4 FETCH (UID 4 FLAGS (\\Recent))
         S: e OK UID FETCH completed
         C: f UID FETCH 4294967295:* FLAGS
         S: * 4 FETCH (UID 4 FLAGS (\\Recent))
         S: f OK UID FETCH completed
         C: g UID FETCH 900 FLAGS
         S: g OK UID FETCH completed
         C: h FETCH 1 (BINARY.PEEK[1] BINARY.SIZE[1] RFC822.HEADER)
         S: * 1 FETCH (BINARY[1] {8}
         S: body 1
         S:  BINARY.SIZE[1] 8 RFC822.HEADER {22}
         S: Subject: message 1
         S: …
         S: )
         S: h OK FETCH completed",
    );
}

#[test]
fn examine_changes_nothing() {
    let mut lab = Lab::selected();
    lab.dialogue(
        "2C: l LOGIN bob@example.net secret
         2S: l OK …
         2C: a EXAMINE INBOX
         2S: * FLAGS …
         2S: * OK [PERMANENTFLAGS ()] Flags that stay
         2S: * 4 EXISTS
         2S: * 0 RECENT
         2S: * OK [UNSEEN 1] …
         2S: * OK [UIDVALIDITY 7] …
         2S: * OK [UIDNEXT 5] …
         2S: * OK [HIGHESTMODSEQ 5] …
         2S: a OK [READ-ONLY] EXAMINE completed
         2C: b FETCH 1 BODY[TEXT]
         2S: * 1 FETCH (BODY[TEXT] {8}
         2S: body 1
         2S: )
         2S: b OK FETCH completed
         2C: c STORE 1 FLAGS (\\Seen)
         2S: c NO [READ-ONLY] …
         2C: d EXPUNGE
         2S: d NO [READ-ONLY] …
         2C: e CLOSE
         2S: e OK CLOSE completed
         2C: f CLOSE
         2S: f BAD CLOSE needs a selected mailbox",
    );
}

#[test]
fn store_and_expunge() {
    let mut lab = Lab::selected();
    lab.dialogue(
        "C: a STORE 1,3:4 +FLAGS.SILENT (\\Deleted)
         S: a OK STORE completed
         C: b STORE 2 FLAGS ($Work \\Seen)
         S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work)
         S: * 2 FETCH (FLAGS ($Work \\Seen \\Recent))
         S: b OK STORE completed
         C: c STORE 2 -FLAGS ($WORK)
         S: * 2 FETCH (FLAGS (\\Seen \\Recent))
         S: c OK STORE completed
         C: d UID EXPUNGE 4
         S: * 4 EXPUNGE
         S: d OK UID EXPUNGE completed
         C: e EXPUNGE
         S: * 1 EXPUNGE
         S: * 2 EXPUNGE
         S: e OK EXPUNGE completed
         C: f STORE 2 FLAGS ()
         S: f BAD There is no message of that number
         C: g STORE 1 FLAGS (\\Recent)
         S: g BAD …
         C: h FETCH 1 UID
         S: * 1 FETCH (UID 2)
         S: h OK FETCH completed",
    );
}

/// RFC 9051 §5.5, §7.5.1: no EXPUNGE while FETCH, STORE or SEARCH is answered; numbers stay right.
#[test]
fn two_sessions_on_one_mailbox() {
    let mut lab = Lab::selected();
    lab.dialogue(
        "2C: l LOGIN bob@example.net secret
         2S: l OK …
         2C: a SELECT INBOX
         2S: * FLAGS …
         2S: * OK …
         2S: * 4 EXISTS
         2S: * 0 RECENT
         2S: * OK …
         2S: * OK …
         2S: * OK …
         2S: * OK …
         2S: a OK …
         2C: b STORE 1:2 FLAGS.SILENT (\\Deleted)
         2S: b OK STORE completed
         2C: c EXPUNGE
         2S: * 1 EXPUNGE
         2S: * 1 EXPUNGE
         2S: c OK EXPUNGE completed
         2C: d STORE 1 FLAGS (\\Seen)
         2S: * 1 FETCH (FLAGS (\\Seen))
         2S: d OK STORE completed
         C: a FETCH 4 UID
         S: * 3 FETCH (FLAGS (\\Seen \\Recent))
         S: * 4 FETCH (UID 4)
         S: a OK FETCH completed
         C: b FETCH 1:3 BODY.PEEK[TEXT]
         S: * 3 FETCH (BODY[TEXT] {8}
         S: body 3
         S: )
         S: b NO [EXPUNGEISSUED] …
         C: c SEARCH ALL
         S: * SEARCH 3 4
         S: c OK SEARCH completed
         C: d NOOP
         S: * 1 EXPUNGE
         S: * 1 EXPUNGE
         S: d OK NOOP completed
         C: e FETCH 2 UID
         S: * 2 FETCH (UID 4)
         S: e OK FETCH completed",
    );
    lab.put("Subject: new\n\n");
    lab.dialogue(
        "C: f NOOP
         S: * 3 EXISTS
         S: * 3 RECENT
         S: f OK NOOP completed
         2C: f NOOP
         2S: * 3 EXISTS
         2S: * 0 RECENT
         2S: f OK NOOP completed",
    );
}

#[test]
fn idle_hears_of_mail() {
    let mut lab = Lab::selected();
    lab.dialogue(
        "C: a IDLE
         S: + idling",
    );
    lab.put("Subject: new\n\n");
    lab.notify();
    lab.dialogue("S: * 5 EXISTS\nS: * 5 RECENT");
    lab.store.expunge(BOB, "INBOX", &[2]).unwrap();
    lab.notify();
    lab.notify();
    lab.dialogue(
        "S: * 2 EXPUNGE
         C: done
         S: a OK IDLE completed
         C: b IDLE
         S: + idling
         C: c NOOP
         S: b BAD Only DONE ends IDLE",
    );
}

#[test]
fn copy_and_move_tell_where_things_went() {
    let mut lab = Lab::selected();
    lab.dialogue(
        "C: a COPY 1:2 Nowhere
         S: a NO [TRYCREATE] There is no such mailbox
         C: b COPY 1,3 Archive
         S: b OK [COPYUID 12 1,3 1:2] COPY completed
         C: c UID MOVE 2:3 Archive
         S: * OK [COPYUID 12 2:3 3:4] Moved
         S: * 2 EXPUNGE
         S: * 2 EXPUNGE
         S: c OK UID MOVE completed
         C: d UID COPY 77 Archive
         S: d OK UID COPY completed
         C: e STATUS Archive (MESSAGES UIDNEXT UIDVALIDITY UNSEEN RECENT SIZE)
         S: * STATUS Archive (MESSAGES 4 UIDNEXT 5 UIDVALIDITY 12 UNSEEN 4 RECENT 4 SIZE 120)
         S: e OK STATUS completed",
    );
}

#[test]
fn append_with_both_kinds_of_literal() {
    let mut lab = Lab::selected();
    lab.dialogue(
        "C: a APPEND Nowhere {3+}
         C: abc
         S: a NO [TRYCREATE] There is no such mailbox
         C: b APPEND INBOX (\\Seen $Mine) \" 1-Feb-1994 21:52:25 -0800\" {3}
         S: + Ready for 3 octets
         C: abc
         S: * 5 EXISTS
         S: * 5 RECENT
         S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Mine)
         S: b OK [APPENDUID 7 5] APPEND completed
         C: c FETCH 5 (FLAGS INTERNALDATE)
         S: * 5 FETCH (FLAGS ($Mine \\Seen \\Recent) INTERNALDATE \" 2-Feb-1994 05:52:25 +0000\")
         S: c OK FETCH completed
         C: d APPEND Sent {3+}
         C: abc {4+}
         C: defg
         S: d OK [APPENDUID 9 1:2] APPEND completed
         C: e APPEND INBOX {99999999}
         S: e NO [TOOBIG] …
         C: f APPEND INBOX {0+}
         C:
         S: f NO …",
    );
}

#[test]
fn names_and_their_levels() {
    let mut lab = Lab::new();
    lab.open(1);
    lab.exchange(1, b"l LOGIN bob@example.net secret\r\n");
    lab.dialogue(
        "C: a CREATE a/b/c/
         S: a OK CREATE completed
         C: b CREATE inbox
         S: b NO [ALREADYEXISTS] …
         C: c LIST \"\" \"\"
         S: * LIST (\\Noselect) \"/\" \"\"
         S: c OK LIST completed
         C: d LIST a %/%
         S: * LIST (\\Noselect \\HasChildren) \"/\" a/b
         S: d OK LIST completed
         C: e LIST a/ %
         S: * LIST (\\Noselect \\HasChildren) \"/\" a/b
         S: e OK LIST completed
         C: f LIST \"\" (inb* S%)
         S: * LIST (\\HasNoChildren) \"/\" INBOX
         S: * LIST (\\HasNoChildren \\Sent) \"/\" Sent
         S: f OK LIST completed
         C: g RENAME a x
         S: g OK RENAME completed
         C: h SUBSCRIBE x/b/c
         S: h OK SUBSCRIBE completed
         C: i LSUB \"\" x%
         S: * LSUB (\\Noselect) \"/\" x
         S: i OK LSUB completed
         C: j LIST (SUBSCRIBED) \"\" x*
         S: * LIST (\\HasNoChildren \\Subscribed) \"/\" x/b/c
         S: j OK LIST completed
         C: k DELETE INBOX
         S: k NO [CANNOT] …
         C: l DELETE x/b
         S: l NO [NONEXISTENT] …
         C: m DELETE x/b/c
         S: m OK DELETE completed
         C: n UNSUBSCRIBE x/b/c
         S: n OK UNSUBSCRIBE completed
         C: o CREATE ../../etc
         S: o NO [CANNOT] …
         C: p CREATE \"Entw&APw-rfe 1\"
         S: p OK CREATE completed
         C: q LIST \"\" Ent* RETURN (STATUS (MESSAGES) CHILDREN)
         S: * LIST (\\HasNoChildren) \"/\" \"Entw&APw-rfe 1\"
         S: * STATUS \"Entw&APw-rfe 1\" (MESSAGES 0)
         S: q OK LIST completed
         C: r ENABLE IMAP4rev2
         S: * ENABLED IMAP4rev2
         S: r OK ENABLE completed
         C: s LIST \"\" Ent*
         S: * LIST (\\HasNoChildren) \"/\" \"Entwürfe 1\"
         S: s OK LIST completed
         C: t SELECT Nowhere
         S: t NO [NONEXISTENT] …",
    );
}

#[test]
fn renaming_inbox_leaves_it_empty_and_renaming_another_keeps_sessions() {
    let mut lab = Lab::selected();
    lab.dialogue(
        "C: a RENAME INBOX old
         S: * 1 EXPUNGE
         S: * 1 EXPUNGE
         S: * 1 EXPUNGE
         S: * 1 EXPUNGE
         S: a OK RENAME completed
         C: b SELECT old
         S: * FLAGS …
         S: * OK …
         S: * 4 EXISTS
         S: * 4 RECENT
         S: * OK …
         S: * OK …
         S: * OK …
         S: * OK …
         S: b OK …
         2C: l LOGIN bob@example.net secret
         2S: l OK …
         2C: a RENAME old older
         2S: a OK RENAME completed
         C: c FETCH 1 UID
         S: * 1 FETCH (UID 1)
         S: c OK FETCH completed
         2C: b DELETE older
         2S: b OK DELETE completed
         C: d NOOP
         S: * BYE The selected mailbox was deleted, closing
         2C: c SELECT Trash
         2S: * FLAGS …
         2S: * OK …
         2S: * 0 EXISTS
         2S: * 0 RECENT
         2S: * OK …
         2S: * OK …
         2S: * OK …
         2S: c OK …
         2C: d DELETE INBOX
         2S: d NO …
         2C: e DELETE Trash
         2S: e OK DELETE completed
         2C: f CHECK
         2S: f BAD CHECK needs a selected mailbox",
    );
}

#[test]
fn search_by_everything() {
    let mut lab = Lab::new();
    lab.put(
        "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nFrom: a@b\nDate: Mon, 7 Feb 1994 21:52:25 -0800\n\nplain\n",
    );
    lab.put("Subject: two\nX-Own:\nContent-Transfer-Encoding: base64\n\nSGVsbG8gV29ybGQ=\n");
    lab.now = lab.now + Duration::from_secs(86_400);
    lab.put("Subject: three\nTo: x@y\n\nthe third one is longer than the others, so that it is larger than they are\n");
    lab.open(1);
    lab.exchange(1, b"l LOGIN bob@example.net secret\r\ns SELECT INBOX\r\nt STORE 2 +FLAGS (\\Seen $K)\r\n");
    for (key, want) in [
        ("ALL", " 1 2 3"),
        ("SUBJECT \"two\"", " 2"),
        ("CHARSET UTF-8 SUBJECT {7+}\r\nGRÜSSE", ""),
        ("CHARSET UTF-8 SUBJECT {6+}\r\ngrüß", " 1"),
        ("BODY hello", " 2"),
        ("TEXT X@Y", " 3"),
        ("HEADER X-Own \"\"", " 2"),
        ("HEADER Nothing \"\"", ""),
        ("FROM a@ SENTON 7-Feb-1994", " 1"),
        ("SENTBEFORE 7-Feb-1994", ""),
        ("SENTSINCE 1-Jan-1990", " 1"),
        ("BEFORE 15-Nov-2023", " 1 2"),
        ("ON 15-Nov-2023", " 3"),
        ("SINCE 14-Nov-2023 NOT 3", " 1 2"),
        ("SEEN", " 2"),
        ("UNSEEN", " 1 3"),
        ("NEW", " 1 3"),
        ("OLD", ""),
        ("KEYWORD $k", " 2"),
        ("UNKEYWORD $k", " 1 3"),
        ("OR 1 TO x", " 1 3"),
        ("NOT (OR 1 TO x)", " 2"),
        ("NOT NOT 1", " 1"),
        ("UID 2:*", " 2 3"),
        ("1:4294967295", " 1 2 3"),
        ("LARGER 100", " 3"),
        ("SMALLER 100", " 1 2"),
        ("YOUNGER 10", " 3"),
        ("OLDER 10", " 1 2"),
        ("UNDELETED UNDRAFT UNANSWERED UNFLAGGED 1:2", " 1 2"),
    ] {
        let got = lab.exchange(1, format!("q SEARCH {key}\r\n").as_bytes());
        assert_eq!(got, format!("* SEARCH{want}\r\nq OK SEARCH completed\r\n"), "{key}");
    }
    lab.dialogue(
        "C: a SEARCH CHARSET KLINGON ALL
         S: a NO [BADCHARSET (US-ASCII UTF-8)] …
         C: b SEARCH RETURN (MIN MAX COUNT) 1,3
         S: * ESEARCH (TAG \"b\") MIN 1 MAX 3 COUNT 2
         S: b OK SEARCH completed
         C: c UID SEARCH RETURN () ALL
         S: * ESEARCH (TAG \"c\") UID ALL 1:3
         S: c OK UID SEARCH completed
         C: d SEARCH RETURN (SAVE) UNSEEN
         S: d OK SEARCH completed
         C: e FETCH $ UID
         S: * 1 FETCH (UID 1)
         S: * 3 FETCH (UID 3)
         S: e OK FETCH completed
         C: f SEARCH RETURN (COUNT) $ LARGER 100
         S: * ESEARCH (TAG \"f\") COUNT 1
         S: f OK SEARCH completed
         C: g SEARCH MODSEQ 5
         S: * OK [HIGHESTMODSEQ 5] …
         S: * SEARCH 2 (MODSEQ 5)
         S: g OK SEARCH completed",
    );
}

/// RFC 7162: CONDSTORE and QRESYNC.
#[test]
fn modification_sequences() {
    let mut lab = Lab::selected();
    lab.dialogue(
        "C: a FETCH 1 (MODSEQ)
         S: * OK [HIGHESTMODSEQ 5] …
         S: * 1 FETCH (MODSEQ (2))
         S: a OK FETCH completed
         C: b STORE 1 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Seen)
         S: * 1 FETCH (MODSEQ (6))
         S: b OK STORE completed
         C: c STORE 1:2 (UNCHANGEDSINCE 5) +FLAGS (\\Deleted)
         S: * 2 FETCH (MODSEQ (7) FLAGS (\\Deleted \\Recent))
         S: c OK [MODIFIED 1] …
         C: d FETCH 1:* (FLAGS) (CHANGEDSINCE 6)
         S: * 2 FETCH (FLAGS (\\Deleted \\Recent) MODSEQ (7))
         S: d OK FETCH completed
         C: e CLOSE
         S: e OK CLOSE completed
         C: f ENABLE QRESYNC
         S: * ENABLED QRESYNC
         S: f OK ENABLE completed
         C: g SELECT INBOX (QRESYNC (7 5 1:4))
         S: * FLAGS …
         S: * OK [PERMANENTFLAGS …
         S: * 3 EXISTS
         S: * 0 RECENT
         S: * OK [UNSEEN 2] …
         S: * OK [UIDVALIDITY 7] …
         S: * OK [UIDNEXT 5] …
         S: * OK [HIGHESTMODSEQ 8] …
         S: * VANISHED (EARLIER) 2
         S: * 1 FETCH (UID 1 MODSEQ (6) FLAGS (\\Seen))
         S: g OK [READ-WRITE] …
         C: h UID FETCH 1:* (FLAGS) (CHANGEDSINCE 6 VANISHED)
         S: * VANISHED (EARLIER) 2
         S: h OK UID FETCH completed
         C: i UID STORE 3 +FLAGS.SILENT (\\Deleted)
         S: * 2 FETCH (UID 3 MODSEQ (9))
         S: i OK UID STORE completed
         C: j EXPUNGE
         S: * VANISHED 3
         S: j OK EXPUNGE completed",
    );
}

#[test]
fn rev2_has_no_recent_and_answers_esearch() {
    let mut lab = Lab::new();
    lab.put("Subject: x\n\ny\n");
    lab.open(1);
    lab.exchange(1, b"l LOGIN bob@example.net secret\r\n");
    lab.dialogue(
        "C: a ENABLE IMAP4rev2 NONSENSE
         S: * ENABLED IMAP4rev2
         S: a OK ENABLE completed
         C: b SELECT INBOX
         S: * FLAGS …
         S: * OK [PERMANENTFLAGS …
         S: * 1 EXISTS
         S: * OK [UIDVALIDITY 7] …
         S: * OK [UIDNEXT 2] …
         S: * OK [HIGHESTMODSEQ 2] …
         S: * LIST () \"/\" INBOX
         S: b OK [READ-WRITE] SELECT completed
         C: c SEARCH ALL
         S: * ESEARCH (TAG \"c\") ALL 1
         S: c OK SEARCH completed
         C: d FETCH 1 FLAGS
         S: * 1 FETCH (FLAGS ())
         S: d OK FETCH completed
         C: e SELECT Sent
         S: * OK [CLOSED] …
         S: * FLAGS …
         S: * OK …
         S: * 0 EXISTS
         S: * OK …
         S: * OK …
         S: * OK …
         S: * LIST () \"/\" Sent
         S: e OK …",
    );
}

#[test]
fn limits_are_answered_and_errors_counted() {
    let mut lab = Lab::new();
    lab.open(1);
    let got = lab.exchange(1, &[b"a ".as_slice(), &vec![b'x'; 100_000], b"\r\n"].concat());
    assert!(got.starts_with("a BAD [LIMIT]"), "{got}");
    let got = lab.exchange(1, b"b LOGIN {4294967295+}\r\n");
    assert!(got.starts_with("b NO [TOOBIG]"), "{got}");
    let mut lab = Lab::new();
    lab.open(1);
    let got = lab.exchange(1, &b"a\r\n".repeat(50));
    assert_eq!(got.matches("BAD").count(), 20);
    assert!(got.ends_with("* BYE Too many errors (20), closing\r\n"), "{got}");
}

/// RFC 7162 §3.2.10: a server that forgot which messages were removed may tell more than it must, never less.
#[test]
fn resynchronising_after_the_store_forgot() {
    use crate::world::mailboxes::StoreLimits;
    let mut lab = Lab::new();
    lab.store = Mailboxes::with_limits(StoreLimits { removed: 1, ..StoreLimits::default() });
    let setup = AccountSetup { password: Secret::new("secret"), ..AccountSetup::new(BOB, 7) };
    lab.store.add_account(setup);
    for _ in 0..5 {
        lab.put("Subject: x\n\n");
    }
    lab.store.expunge(BOB, "INBOX", &[1, 3, 5]).unwrap();
    lab.open(1);
    lab.exchange(1, b"l LOGIN bob@example.net secret\r\ne ENABLE QRESYNC\r\n");
    let said = lab.exchange(1, b"s SELECT INBOX (QRESYNC (7 6))\r\n");
    assert!(said.contains("* VANISHED (EARLIER) 1,3,5\r\n"), "{said}");
}

#[test]
fn silence_ends_the_connection() {
    let mut lab = Lab::selected();
    lab.now = lab.now + Duration::from_secs(29 * 60);
    lab.drain(1);
    assert_eq!(lab.said(1), "");
    lab.now = lab.now + Duration::from_secs(60);
    lab.drain(1);
    assert!(lab.said(1).starts_with("* BYE"));
    assert!(lab.sessions[0].3);
}

#[test]
fn the_owner_is_consulted() {
    let mut server = Server::new(ServerConfig { consult: true, ..ServerConfig::new("h") });
    let now = Instant::default();
    assert_eq!(server.poll(now), Output::Event(ServerEvent::Consult { verb: "CONNECT".into() }));
    assert_eq!(server.poll(now), Output::Idle);
    server.proceed();
    assert!(matches!(server.poll(now), Output::Send(_)));
    server.receive(b"a NOOP\r\nb UID FETCH 1 FLAGS\r\n", now);
    assert_eq!(server.poll(now), Output::Event(ServerEvent::Consult { verb: "NOOP".into() }));
    server.answer_line("NO [UNAVAILABLE] later".into());
    assert_eq!(server.poll(now), Output::Send(b"a NO [UNAVAILABLE] later\r\n".to_vec()));
    assert_eq!(server.poll(now), Output::Event(ServerEvent::Consult { verb: "UID FETCH".into() }));
    server.answer_line("BYE gone".into());
    assert_eq!(server.poll(now), Output::Send(b"* BYE gone\r\n".to_vec()));
    assert_eq!(server.poll(now), Output::Close);
}

#[test]
fn a_big_fetch_comes_in_bounded_pieces() {
    let mut lab = Lab::new();
    for _ in 0..100 {
        lab.put(&format!("Subject: x\n\n{}", "y".repeat(1 << 16)));
    }
    lab.open(1);
    lab.exchange(1, b"l LOGIN bob@example.net secret\r\ns SELECT INBOX\r\n");
    lab.sessions[0].0.receive(b"f FETCH 1:* BODY.PEEK[]\r\n", lab.now);
    let (mut pieces, mut asked) = (0, 0);
    loop {
        let (server, session, ..) = &mut lab.sessions[0];
        match server.poll(lab.now) {
            Output::Send(bytes) => {
                assert!(bytes.len() < 1 << 18);
                pieces += 1;
            }
            Output::Event(ServerEvent::Ask(ask)) => {
                if let Ask::Bodies { uids, .. } = &ask {
                    assert!(uids.len() <= 16);
                    asked += 1;
                }
                let answer = answer_ask(&mut lab.store, session, ask, lab.now);
                server.answer(answer);
            }
            _ => break,
        }
    }
    assert_eq!(asked, 7);
    assert!(pieces > 50);
}

/// Commands of every kind, some of them broken.
fn command() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "1",
        "1:*",
        "2,3",
        "*",
        "$",
        "900",
        "INBOX",
        "Archive",
        "a/b",
        "\"\"",
        "%",
        "FLAGS",
        "+FLAGS.SILENT",
        "(\\Deleted)",
        "(\\Seen $x)",
        "BODY[]",
        "BODY.PEEK[1.2.MIME]<1.2>",
        "BODYSTRUCTURE",
        "ENVELOPE",
        "ALL",
        "(UID MODSEQ)",
        "UNSEEN",
        "TEXT body",
        "NOT",
        "OR",
        "RETURN (SAVE)",
        "(CHANGEDSINCE 2)",
        "{3+}\r\nabc",
        "(MESSAGES UNSEEN)",
        "QRESYNC",
        "IMAP4rev2",
        "x\"",
        "BINARY[1]",
        "RFC822",
    ]);
    let verb = prop::sample::select(vec![
        "NOOP",
        "FETCH",
        "UID FETCH",
        "STORE",
        "UID STORE",
        "SEARCH",
        "UID SEARCH",
        "COPY",
        "UID COPY",
        "MOVE",
        "UID MOVE",
        "EXPUNGE",
        "UID EXPUNGE",
        "SELECT",
        "EXAMINE",
        "CLOSE",
        "UNSELECT",
        "CREATE",
        "DELETE",
        "RENAME",
        "LIST",
        "LSUB",
        "STATUS",
        "APPEND",
        "IDLE\r\nDONE",
        "ENABLE",
        "CHECK",
        "SUBSCRIBE",
        "ID NIL",
    ]);
    (verb, prop::collection::vec(word, 0..4))
        .prop_map(|(verb, words)| format!("t {verb} {}\r\n", words.join(" ")).replace(" \r\n", "\r\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_split_gives_the_same_dialogue(
        commands in prop::collection::vec(command(), 0..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let bytes = commands.concat().into_bytes();
        let whole = Lab::selected().exchange(1, &bytes);
        let mut cuts: Vec<usize> = cuts.iter().map(|c| c.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let mut lab = Lab::selected();
        let mut got = String::new();
        let mut at = 0;
        for cut in cuts.into_iter().chain([bytes.len()]) {
            got.push_str(&lab.exchange(1, &bytes[at..cut]));
            at = cut;
        }
        prop_assert_eq!(got, whole);
    }

    #[test]
    fn nothing_panics_on_noise(bytes in prop::collection::vec(any::<u8>(), 0..300), selected in any::<bool>()) {
        let mut lab = if selected { Lab::selected() } else { Lab::new() };
        lab.open(1);
        lab.exchange(1, &bytes);
        lab.exchange(1, b"\r\nz NOOP\r\n");
    }

    /// A model of the mailbox against what each session was told: after NOOP both must know the same.
    #[test]
    fn sessions_agree_with_the_store(
        turns in prop::collection::vec((1_usize..=3, command()), 0..25),
    ) {
        let mut lab = Lab::selected();
        lab.open(3);
        for n in 2..=3 {
            lab.exchange(n, b"l LOGIN bob@example.net secret\r\ns SELECT INBOX\r\n");
        }
        let mut models = [4_usize; 4];
        for (n, command) in turns {
            // Who changes mailboxes would need a model of its own.
            if ["SELECT", "EXAMINE", "CLOSE", "UNSELECT", "ENABLE"].iter().any(|v| command.contains(v)) {
                continue;
            }
            let said = lab.exchange(n, command.as_bytes());
            follow(&mut models[n], &said)?;
        }
        let inbox = lab.store.messages(BOB, "INBOX").map(|m| m.len()).unwrap_or(0);
        for (n, model) in models.iter_mut().enumerate().skip(1) {
            let said = lab.exchange(n, b"n NOOP\r\nu UID SEARCH ALL\r\n");
            if said.contains("BYE") || said.is_empty() {
                continue;
            }
            follow(model, &said)?;
            prop_assert_eq!(*model, inbox, "session {} was told wrongly", n);
        }
    }
}

/// What a client makes of EXISTS and EXPUNGE: how many messages there are.
fn follow(model: &mut usize, said: &str) -> Result<(), TestCaseError> {
    for line in said.split("\r\n") {
        let mut words = line.split(' ');
        let (star, number, what) = (words.next(), words.next(), words.next());
        let (Some("*"), Some(Ok(number)), Some(what)) = (star, number.map(str::parse::<usize>), what) else {
            continue;
        };
        match what {
            "EXISTS" => {
                prop_assert!(number >= *model, "EXISTS may not shrink: {} after {}", number, *model);
                *model = number;
            }
            "EXPUNGE" => {
                prop_assert!((1..=*model).contains(&number), "EXPUNGE {} of {}", number, *model);
                *model -= 1;
            }
            "FETCH" => prop_assert!((1..=*model).contains(&number), "FETCH {} of {}", number, *model),
            _ => {}
        }
    }
    Ok(())
}
