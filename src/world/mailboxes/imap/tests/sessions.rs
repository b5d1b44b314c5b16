//! Several sessions at once, and what changes under them (RFC 9051 §5.5, §6.3.13, RFC 7162).

use super::*;

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
