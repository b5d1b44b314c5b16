//! POP3 as the side that listens: RFC 1939 by section, and RFC 2449.

use crate::talk::{MX1, POP3, Talk, dialogue, facts, in_world};
use postroad::trace::Fact;
use std::time::Duration;

const LOGIN: &str = "C: USER bob@example.net\nC: PASS ship-in-a-bottle\nS: +OK …\nS: +OK …\n";

/// Two messages for Bob; the second has dots at line starts.
fn two_messages(talk: &Talk) {
    talk.put("bob@example.net", "Subject: one\n\nfirst\nsecond\nthird\n");
    talk.put("bob@example.net", "Subject: two\n\n.\n..dots\nend\n");
}

/// RFC 1939 §3 MUST: status indicators are in upper case; keywords may come in any case.
/// RFC 1939 §3 MUST: what is unknown, not implemented or malformed gets -ERR.
/// RFC 1939 §3 MUST: a command in the wrong state gets -ERR.
/// RFC 1939 §7 MUST: PASS comes after USER only.
/// RFC 1939 §4 MUST: there is a way to authenticate; who did not identify themself gets nothing.
#[test]
fn authorization() {
    dialogue(
        MX1,
        POP3,
        r"
        S: +OK mx1.example.net …
        C: STAT
        S: -ERR …AUTHORIZATION…
        C: XYZZY
        S: -ERR …
        C: LIST one
        S: -ERR …
        C:
        S: -ERR …
        C: PASS ship-in-a-bottle
        S: -ERR PASS comes right after USER
        C: user bob@example.net
        S: +OK …
        C: pass wrong
        S: -ERR [AUTH] …
        C: USER nobody@example.net
        S: +OK …
        C: PASS wrong
        S: -ERR [AUTH] …
        C: APOP bob@example.net c4c9334bac560ecc979e58001b3e22fb
        S: -ERR [AUTH] …
        C: User bob@example.net
        S: +OK …
        C: Pass ship-in-a-bottle
        S: +OK …0 messages (0 octets)
        C: USER bob@example.net
        S: -ERR …TRANSACTION…
        C: quit
        S: +OK …
        S: (closed)
    ",
    );
    dialogue(MX1, POP3, "S: +OK …\nC: QUIT\nS: +OK …\nS: (closed)");
}

/// RFC 2449 §5 MUST: CAPA lists what there is, before and after login.
/// RFC 2449 §6.6 MUST: pipelined commands each get their reply, in order.
#[test]
fn capabilities_and_pipelining() {
    dialogue(MX1, POP3, &format!(r"
        S: +OK …
        C: CAPA
        S: +OK …
        S: TOP
        S: USER
        S: SASL PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256
        S: RESP-CODES
        S: AUTH-RESP-CODE
        S: PIPELINING
        S: EXPIRE NEVER
        S: UIDL
        S: IMPLEMENTATION postroad
        S: .
        {LOGIN}
        C: CAPA
        C: STAT
        C: NOOP
        C: NOOP
        S: +OK …
        S+: …
    ").replace("S+: …", "S: TOP\nS: USER\nS: SASL PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256\nS: RESP-CODES\nS: AUTH-RESP-CODE\nS: PIPELINING\nS: EXPIRE NEVER\nS: UIDL\nS: IMPLEMENTATION postroad\nS: .\nS: +OK 0 0\nS: +OK…\nS: +OK…"));
}

/// RFC 1939 §7 MUST: STAT, LIST, RETR, DELE, NOOP and RSET are there.
/// RFC 1939 §11 MUST: octets are counted with CR LF and without stuffed dots.
/// RFC 1939 §3: lines that begin with the termination octet are stuffed.
/// RFC 1939 §7 SHOULD: TOP gives the header, the empty line, and so many lines of the body.
/// RFC 1939 §7 MUST: UIDL gives each message an id that stays the same over sessions and is never used again.
#[test]
fn transaction() {
    in_world(async |talk| {
        two_messages(talk);
        talk.open("a", MX1, POP3).await;
        talk.says(&format!(
            r"
            S: +OK …
            {LOGIN}
            C: STAT
            S: +OK 2 70
            C: LIST
            S: +OK 2 messages (70 octets)
            S: 1 38
            S: 2 32
            S: .
            C: LIST 2
            S: +OK 2 32
            C: LIST 3
            S: -ERR no such message…
            C: LIST 0
            S: -ERR …
            C: RETR 2
            S: +OK 32 octets
            S: Subject: two
            S:
            S: ..
            S: ...dots
            S: end
            S: .
            C: TOP 1 1
            S: +OK …
            S: Subject: one
            S:
            S: first
            S: .
            C: TOP 1 0
            S: +OK …
            S: Subject: one
            S:
            S: .
            C: TOP 1
            S: -ERR …
            C: TOP 3 1
            S: -ERR …
            C: UIDL 1
            S: +OK 1 1767603600.1
            C: UIDL
            S: +OK …
            S: 1 1767603600.1
            S: 2 1767603600.2
            S: .
            C: DELE 1
            S: +OK …
            C: DELE 1
            S: -ERR …already deleted
            C: RETR 1
            S: -ERR …
            C: UIDL 1
            S: -ERR …
            C: STAT
            S: +OK 1 32
            C: LIST
            S: +OK 1 message (32 octets)
            S: 2 32
            S: .
            C: QUIT
            S: +OK …
            S: (closed)
        "
        ))
        .await;
        // The number is given anew, the unique-id is not.
        talk.put("bob@example.net", "Subject: three\n\n");
        talk.open("b", MX1, POP3).await;
        talk.says(&format!("S: +OK …\n{LOGIN}C: UIDL\nS: +OK …\nS: 1 1767603600.2\nS: 2 1767603600.3\nS: ."))
            .await;
    });
}

/// RFC 1939 §5: RSET unmarks what was marked as deleted.
/// RFC 1939 §6 MUST NOT: a session that ends without QUIT removes nothing.
/// RFC 1939 §6: QUIT removes what was marked, and only QUIT does.
#[test]
fn deletions_are_undone_by_rset_and_by_a_dropped_connection() {
    let records = in_world(async |talk| {
        two_messages(talk);
        talk.open("a", MX1, POP3).await;
        talk.says(&format!("S: +OK …\n{LOGIN}C: DELE 1\nC: DELE 2\nC: RSET\nC: STAT\nS: +OK …\nS: +OK …\nS: +OK …\nS: +OK 2 70\nC: DELE 1\nS: +OK …")).await;
        talk.drop_connection("a");
        talk.wait(Duration::from_secs(1)).await;
        assert_eq!(talk.inbox("bob@example.net").len(), 2, "dropped: nothing is removed");
        talk.open("b", MX1, POP3).await;
        talk.says(&format!("S: +OK …\n{LOGIN}C: STAT\nS: +OK 2 70\nC: DELE 2\nS: +OK …\nC: QUIT\nS: +OK …1 message left…\nS: (closed)")).await;
        assert_eq!(talk.inbox("bob@example.net").len(), 1);
    });
    let unlocked: Vec<bool> = facts(&records)
        .into_iter()
        .filter_map(|f| if let Fact::MaildropUnlocked { updated, .. } = f { Some(*updated) } else { None })
        .collect();
    assert_eq!(unlocked, [false, true]);
}

/// RFC 1939 §4: the maildrop is locked for one session; RFC 2449 §8.1.2: the other is told [IN-USE].
/// RFC 1939 §4 MUST: a session that is refused holds no lock.
#[test]
fn the_maildrop_is_one_sessions_at_a_time() {
    in_world(async |talk| {
        two_messages(talk);
        talk.open("a", MX1, POP3).await;
        talk.says(&format!("S: +OK …\n{LOGIN}")).await;
        talk.open("b", MX1, POP3).await;
        talk.says(
            "S: +OK …\nC: USER bob@example.net\nC: PASS ship-in-a-bottle\nS: +OK …\nS: -ERR [IN-USE] …",
        )
        .await;
        // Dave's is another one.
        talk.says("C: USER dave@example.net\nC: PASS rain-on-tuesday\nS: +OK …\nS: +OK …").await;
        // What arrives meanwhile is not in this session's list.
        talk.put("bob@example.net", "Subject: late\n\n");
        talk.says("a C: STAT\nS: +OK 2 70\nC: LIST 3\nS: -ERR …\nC: QUIT\nS: +OK …\nS: (closed)").await;
        talk.open("c", MX1, POP3).await;
        talk.says(&format!("S: +OK …\n{LOGIN}C: STAT\nS: +OK 3 87")).await;
    });
}

/// RFC 1939 §3 MUST: an inactivity timer, where there is one, is at least ten minutes; it removes nothing.
#[test]
fn ten_minutes_of_silence_end_a_session() {
    in_world(async |talk| {
        two_messages(talk);
        talk.open("a", MX1, POP3).await;
        talk.says(&format!("S: +OK …\n{LOGIN}C: DELE 1\nS: +OK …")).await;
        talk.wait(Duration::from_secs(595)).await;
        talk.says("C: NOOP\nS: +OK…").await;
        talk.wait(Duration::from_secs(605)).await;
        talk.says("S: (closed)").await;
        assert_eq!(talk.inbox("bob@example.net").len(), 2);
        talk.open("b", MX1, POP3).await;
        talk.says(&format!("S: +OK …\n{LOGIN}C: STAT\nS: +OK 2 70")).await;
    });
}

/// RFC 1939 §3: responses end in CR LF; a line within one that the message ends without gets its own.
#[test]
fn a_message_without_a_last_line_end_is_closed_properly() {
    in_world(async |talk| {
        talk.put("bob@example.net", "Subject: open\n\n.no end");
        talk.open("a", MX1, POP3).await;
        talk.says(&format!("S: +OK …\n{LOGIN}C: RETR 1\nC: NOOP\nS: +OK 26 octets\nS: Subject: open\nS:\nS: ..no end\nS: .\nS: +OK…")).await;
    });
}
