//! IMAP as the side that listens: RFC 9051 by section, with RFC 3501 where IMAP4rev1 differs.

use crate::talk::{IMAP, MX1, SMTP, Talk, dialogue, in_world};
use std::time::Duration;

const BOB: &str = "bob@example.net";
const LOGIN: &str = "C: l LOGIN bob@example.net ship-in-a-bottle\nS: l OK …\n";
const SELECT: &str = "C: s SELECT INBOX\nS+: * …\nS: s OK [READ-WRITE] …\n";

const LETTER: &str = "Date: Mon, 5 Jan 2026 09:00:00 +0000\nFrom: Alice <alice@example.com>\nTo: Bob <bob@example.net>, \
dave@example.net\nSubject: Tea\nMessage-ID: <1@example.com>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; \
boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-8\n\nCome at four?\n--b\nContent-Type: text/x-note\n\
Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=n.txt\n\naGVsbG8=\n--b--\n";

/// Three messages for Bob; the first one is a multipart.
fn three(talk: &Talk) {
    talk.put(BOB, LETTER);
    talk.put(BOB, "Subject: two\n\nbody of two\n");
    talk.put(BOB, "Subject: three\n\nbody of three\n");
}

/// Bob, logged in, with INBOX selected; then this.
fn selected(text: &str) {
    in_world(async |talk| {
        three(talk);
        talk.open("a", MX1, IMAP).await;
        talk.says(&format!("S: * OK …\n{LOGIN}{SELECT}{text}")).await;
    });
}

/// RFC 9051 §6.1.1 MUST: CAPABILITY lists IMAP4rev2 before the tagged OK, and AUTH=PLAIN.
/// RFC 9051 §7.2.2 MUST: the list holds IMAP4rev2, and IMAP4rev1 where that is served too.
/// RFC 9051 §3.1 MUST: most commands need a login first.
/// RFC 9051 §3.2 MUST: commands on messages need a selected mailbox.
/// RFC 9051 §6.1.3 MUST: LOGOUT gets BYE, then OK, then the connection is closed.
/// RFC 9051 §3.4 MUST: BYE comes before the tagged OK.
/// RFC 9051 §2.2.1 MUST: a tag that is used again is accepted.
#[test]
fn from_greeting_to_logout() {
    dialogue(
        MX1,
        IMAP,
        r#"
        S: * OK [CAPABILITY IMAP4rev1 IMAP4rev2 …AUTH=PLAIN…] mx1.example.net …
        C: a CAPABILITY
        S: * CAPABILITY IMAP4rev1 IMAP4rev2 …AUTH=PLAIN…
        S: a OK …
        C: a noop
        S: a OK …
        C: a FETCH 1 FLAGS
        S: a BAD …
        C: a XYZZY
        S: a BAD Unknown command XYZZY
        C: a
        S: a BAD …
        C:
        S: * BAD …
        C: a LOGIN bob@example.net wrong
        S: a NO [AUTHENTICATIONFAILED] …
        C: a Login "bob@example.net" {16}
        S: + …
        C: ship-in-a-bottle
        S: a OK [CAPABILITY …
        C: a FETCH 1 FLAGS
        S: a BAD …selected…
        C: a LOGIN x y
        S: a BAD …
        C: a STARTTLS
        S: a BAD …
        C: a LOGOUT
        S: * BYE …
        S: a OK …
        S: (closed)
    "#,
    );
}

/// RFC 9051 §6.2.2 MUST: AUTHENTICATE without an initial response works; `*` cancels with BAD; wrong base64 is BAD.
/// RFC 9051 §6.2.2 MUST: errors in an initial response are BAD too; an empty one is `=`.
#[test]
fn authenticate() {
    dialogue(
        MX1,
        IMAP,
        r"
        S: * OK …
        C: a AUTHENTICATE PLAIN
        S: + 
        C: *
        S: a BAD …
        C: b AUTHENTICATE PLAIN
        S: + 
        C: %%%
        S: b BAD …
        C: c AUTHENTICATE PLAIN %%%
        S: c BAD …
        C: d AUTHENTICATE PLAIN =
        S: d BAD …
        C: e AUTHENTICATE GSSAPI
        S: e NO …
        C: f AUTHENTICATE PLAIN AGJvYkBleGFtcGxlLm5ldAB3cm9uZw==
        S: f NO [AUTHENTICATIONFAILED] …
        C: g AUTHENTICATE PLAIN
        S: + 
        C: AGJvYkBleGFtcGxlLm5ldABzaGlwLWluLWEtYm90dGxl
        S: g OK …
    ",
    );
}

/// RFC 9051 §6.3.2 MUST: SELECT gives FLAGS, EXISTS, UIDVALIDITY, UIDNEXT, PERMANENTFLAGS before its OK.
/// RFC 3501 §6.3.1 REQUIRED: RECENT and UNSEEN are given to IMAP4rev1.
/// RFC 9051 §6.3.2 MUST: rev2 gets LIST with the name, and CLOSED when a mailbox is left by SELECT.
/// RFC 9051 §6.3.3 MUST: EXAMINE's OK begins with READ-ONLY.
/// RFC 9051 §6.3.1 MUST: ENABLE ignores what it does not know, answers ENABLED, and changes no CAPABILITY list.
/// RFC 9051 §9 MUST: INBOX is INBOX in any case.
#[test]
fn select_data_and_enable() {
    in_world(async |talk| {
        three(talk);
        talk.open("a", MX1, IMAP).await;
        talk.says(&format!(
            r#"
            S: * OK …
            {LOGIN}
            C: a SELECT iNbOx
            S: * FLAGS (\Answered \Flagged \Deleted \Seen \Draft)
            S: * OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft \*)] …
            S: * 3 EXISTS
            S: * 3 RECENT
            S: * OK [UNSEEN 1] …
            S: * OK [UIDVALIDITY 1767603600] …
            S: * OK [UIDNEXT 4] …
            S: * OK [HIGHESTMODSEQ …
            S: a OK [READ-WRITE] …
            C: b FETCH 1:2 (UID FLAGS)
            S: * 1 FETCH (UID 1 FLAGS (\Recent))
            S: * 2 FETCH (UID 2 FLAGS (\Recent))
            S: b OK …
            C: c SELECT nowhere
            S: c NO [NONEXISTENT] …
            C: d FETCH 1 FLAGS
            S: d BAD …
            C: e ENABLE X-UNKNOWN IMAP4rev2
            S: * ENABLED IMAP4rev2
            S: e OK …
            C: f CAPABILITY
            S: * CAPABILITY IMAP4rev1 IMAP4rev2 …
            S: f OK …
            C: g EXAMINE INBOX
            S: * FLAGS (…)
            S: * OK [PERMANENTFLAGS ()] …
            S: * 3 EXISTS
            S: * OK [UIDVALIDITY 1767603600] …
            S: * OK [UIDNEXT 4] …
            S: * OK [HIGHESTMODSEQ …
            S: * LIST () "/" INBOX
            S: g OK [READ-ONLY] …
            C: h FETCH 1 FLAGS
            S: * 1 FETCH (FLAGS ())
            S: h OK …
            C: i STORE 1 FLAGS (\Seen)
            S: i NO [READ-ONLY] …
            C: j SELECT INBOX
            S: * OK [CLOSED] …
            S+: * …
            S: j OK [READ-WRITE] …
        "#
        ))
        .await;
    });
}

/// RFC 3501 §2.3.2: \Recent is one session's; the next one does not see it.
#[test]
fn recent_is_told_to_one_session() {
    in_world(async |talk| {
        three(talk);
        talk.open("a", MX1, IMAP).await;
        talk.says(&format!(
            "S: * OK …\n{LOGIN}{SELECT}C: a FETCH 1 FLAGS\nS: * 1 FETCH (FLAGS (\\Recent))\nS: a OK …"
        ))
        .await;
        talk.open("b", MX1, IMAP).await;
        talk.says(&format!("S: * OK …\n{LOGIN}{SELECT}C: a FETCH 1 FLAGS\nS: * 1 FETCH (FLAGS ())\nS: a OK …\nC: b STORE 1 FLAGS (\\Recent)\nS: b BAD …")).await;
    });
}

/// RFC 9051 §6.4.5: FETCH of ENVELOPE, BODYSTRUCTURE, sections and partials, and of what is not there.
/// RFC 9051 §7.5.2 MUST NOT: the origin octet stands only in answers to partial fetches.
/// RFC 9051 §6.4.5.1 MUST: parts are numbered; MIME needs a part number.
#[test]
fn fetch_what_a_message_is() {
    selected(
        r#"
        C: a FETCH 1 ENVELOPE
        S: * 1 FETCH (ENVELOPE ("Mon, 5 Jan 2026 09:00:00 +0000" "Tea" (("Alice" NIL "alice" "example.com")) (("Alice" NIL "alice" "example.com")) (("Alice" NIL "alice" "example.com")) (("Bob" NIL "bob" "example.net")(NIL NIL "dave" "example.net")) NIL NIL NIL "<1@example.com>"))
        S: a OK …
        C: b FETCH 1 BODYSTRUCTURE
        S: * 1 FETCH (BODYSTRUCTURE (("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 13 0 NIL NIL NIL NIL)("text" "x-note" ("charset" "us-ascii") NIL NIL "base64" 8 0 NIL ("attachment" ("filename" "n.txt")) NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL))
        S: b OK …
        C: c FETCH 1 (BODY.PEEK[1] BODY.PEEK[2.MIME] BODY.PEEK[HEADER.FIELDS (SUBJECT X)] BODY.PEEK[1]<5.2> BODY.PEEK[1]<90.2> BODY.PEEK[7])
        S: * 1 FETCH (BODY[1] {13}
        S: Come at four? BODY[2.MIME] {113}
        S: Content-Type: text/x-note
        S: Content-Transfer-Encoding: base64
        S: Content-Disposition: attachment; filename=n.txt
        S:
        S:  BODY[HEADER.FIELDS (SUBJECT X)] {16}
        S: Subject: Tea
        S:
        S:  BODY[1]<5> {2}
        S: at BODY[1]<90> {0}
        S:  BODY[7] NIL)
        S: c OK …
        C: d FETCH 1 FLAGS
        S: * 1 FETCH (FLAGS (\Recent))
        S: d OK …
        C: e FETCH 1 BODY[1]
        S: * 1 FETCH (BODY[1] {13}
        S: Come at four? FLAGS (\Seen \Recent))
        S: e OK …
        C: f FETCH 1 BODY[MIME]
        S: f BAD …
        C: g FETCH 1 (RFC822.SIZE INTERNALDATE)
        S: * 1 FETCH (RFC822.SIZE … INTERNALDATE " 5-Jan-2026 09:00:00 +0000")
        S: g OK …
        C: h FETCH 2 FAST
        S: * 2 FETCH (FLAGS (\Recent) INTERNALDATE … RFC822.SIZE 29)
        S: h OK …
        C: i FETCH 0 FLAGS
        S: i BAD …
        C: j FETCH 4 FLAGS
        S: j BAD …
        C: k FETCH 1 BINARY.PEEK[2]
        S: * 1 FETCH (BINARY[2] {5}
        S: hello)
        S: k OK …
    "#,
    );
}

/// RFC 9051 §6.4.9 MUST: FETCH responses to UID commands hold the UID.
/// RFC 9051 §2.3.1.1 MUST: UIDs ascend and are not used again.
/// RFC 9051 §2.3.1.2 MUST: sequence numbers follow the UIDs.
/// RFC 9051 §6.4.6: STORE sets, adds, removes; .SILENT tells nothing.
/// RFC 9051 §6.4.3, §7.5.1: EXPUNGE numbers count down as messages go.
#[test]
fn numbers_uids_flags_and_expunge() {
    selected(
        r"
        C: a UID STORE 2 +FLAGS (\Deleted $Later)
        S: * FLAGS (…$Later)
        S: * 2 FETCH (UID 2 FLAGS ($Later \Deleted \Recent))
        S: a OK …
        C: b STORE 1 +FLAGS.SILENT (\Deleted \Flagged)
        S: b OK …
        C: c STORE 1 -FLAGS \Flagged
        S: * 1 FETCH (FLAGS (\Deleted \Recent))
        S: c OK …
        C: d UID EXPUNGE 3
        S: d OK …
        C: e EXPUNGE
        S: * 1 EXPUNGE
        S: * 1 EXPUNGE
        S: e OK …
        C: f FETCH 1 UID
        S: * 1 FETCH (UID 3)
        S: f OK …
        C: g UID FETCH 1:2 FLAGS
        S: g OK …
        C: h UID FETCH 2:* FLAGS
        S: * 1 FETCH (UID 3 FLAGS (\Recent))
        S: h OK …
        C: i STORE 1 FLAGS (\Answered)
        S: * 1 FETCH (FLAGS (\Answered \Recent))
        S: i OK …
        C~ j APPEND INBOX {17+}\r\nSubject: new\r\n\r\nx\r\n
        S: * 2 EXISTS
        S: * 2 RECENT
        S: j OK [APPENDUID 1767603600 4] …
        C: k CLOSE
        S: k OK …
        C: m FETCH 1 FLAGS
        S: m BAD …
    ",
    );
}

/// RFC 9051 §6.4.4 MUST: SEARCH takes US-ASCII and UTF-8; another charset is NO, not BAD.
/// RFC 9051 §6.4.4 MUST: rev2 gets ESEARCH, with nothing in it where nothing matches.
/// RFC 3501 §6.4.4: IMAP4rev1 gets SEARCH with the numbers.
/// RFC 9051 §6.4.4.1: `$` is the result that was saved.
#[test]
fn search() {
    selected(
        r#"
        C: a SEARCH ALL
        S: * SEARCH 1 2 3
        S: a OK …
        C: b UID SEARCH SUBJECT t NOT FROM alice
        S: * SEARCH 2 3
        S: b OK …
        C: c SEARCH OR (SUBJECT two UNSEEN) BODY "of three"
        S: * SEARCH 2 3
        S: c OK …
        C: d SEARCH TEXT nonsense
        S: * SEARCH
        S: d OK …
        C: e SEARCH CHARSET X-NONE ALL
        S: e NO [BADCHARSET…] …
        C: f SEARCH CHARSET UTF-8 SUBJECT Tea
        S: * SEARCH 1
        S: f OK …
        C: g SEARCH RETURN (MIN MAX COUNT) 2:3
        S: * ESEARCH (TAG "g") MIN 2 MAX 3 COUNT 2
        S: g OK …
        C: h SEARCH RETURN (SAVE) SUBJECT three
        S: h OK …
        C: i FETCH $ UID
        S: * 3 FETCH (UID 3)
        S: i OK …
        C: j UID SEARCH RETURN (ALL) UID 900
        S: * ESEARCH (TAG "j") UID
        S: j OK …
        C: k SEARCH RETURN (MIN MAX ALL COUNT) SUBJECT nothing
        S: * ESEARCH (TAG "k") COUNT 0
        S: k OK …
        C: l SEARCH LARGER 10 SMALLER 40 SENTSINCE 1-Jan-1990
        S: * SEARCH
        S: l OK …
        C: m SEARCH SENTON 5-Jan-2026 SINCE 5-Jan-2026
        S: * SEARCH 1
        S: m OK …
        C: n SEARCH NONSENSE
        S: n BAD …
    "#,
    );
}

/// RFC 9051 §6.4.7 MUST: COPY to a mailbox that is not there is NO [TRYCREATE], and makes none.
/// RFC 9051 §6.4.8 MUST: so is MOVE; a message moved is in one place.
/// RFC 9051 §7.1: COPYUID and APPENDUID tell where messages went.
#[test]
fn copy_and_move() {
    selected(
        r#"
        C: a COPY 1 Archive
        S: a NO [TRYCREATE] …
        C: b MOVE 1 Archive
        S: b NO [TRYCREATE] …
        C: c LIST "" Archive
        S: c OK …
        C: d CREATE Archive
        S: d OK …
        C: e COPY 1:2 Archive
        S: e OK [COPYUID 1767603601 1:2 1:2] …
        C: f UID MOVE 2 Archive
        S: * OK [COPYUID 1767603601 2 3] …
        S: * 2 EXPUNGE
        S: f OK …
        C: g STATUS Archive (MESSAGES UIDNEXT UIDVALIDITY UNSEEN SIZE DELETED)
        S: * STATUS Archive (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 1767603601 UNSEEN 3 SIZE … DELETED 0)
        S: g OK …
        C: h UID COPY 900 Archive
        S: h OK …
        C: i COPY 3 Archive
        S: i BAD …
    "#,
    );
}

/// RFC 9051 §6.3.4 MUST: a mailbox of a deleted one's name has other UIDs (another UIDVALIDITY).
/// RFC 9051 §6.3.5 MUST NOT: DELETE removes the names below.
/// RFC 9051 §6.3.6 MUST: RENAME renames the names below; renaming INBOX moves its messages.
/// RFC 9051 §6.3.9 MUST: LIST gives what matches; a pattern nothing matches is OK.
/// RFC 9051 §6.3.9.1 MUST: \Subscribed is right; RECURSIVEMATCH alone is BAD.
/// RFC 9051 §5.1.1 MUST: one character separates the levels of names.
#[test]
fn names() {
    selected(
        r#"
        C: a CREATE work/2026/
        S: a OK …
        C: b CREATE work
        S: b OK …
        C: c CREATE work
        S: c NO [ALREADYEXISTS] …
        C: d CREATE INBOX
        S: d NO …
        C: e LIST "" *
        S: * LIST (\Subscribed…) "/" INBOX
        S: * LIST (\HasChildren) "/" work
        S: * LIST (\HasNoChildren) "/" work/2026
        S: e OK …
        C: f LIST "" %
        S: * LIST (…) "/" INBOX
        S: * LIST (…) "/" work
        S: f OK …
        C: g LIST "" ""
        S: * LIST (\Noselect) "/" ""
        S: g OK …
        C: h DELETE work
        S: h OK …
        C: i LIST work/ %
        S: * LIST (…) "/" work/2026
        S: i OK …
        C: j RENAME work/2026 play
        S: j OK …
        C: k STATUS play (UIDVALIDITY)
        S: * STATUS play (UIDVALIDITY 1767603601)
        S: k OK …
        C: l DELETE play
        S: l OK …
        C: m CREATE play
        S: m OK …
        C: n STATUS play (UIDVALIDITY)
        S: * STATUS play (UIDVALIDITY 1767603603)
        S: n OK …
        C: o DELETE INBOX
        S: o NO …
        C: p DELETE none
        S: p NO [NONEXISTENT] …
        C: q RENAME INBOX old
        S: * 1 EXPUNGE
        S: * 1 EXPUNGE
        S: * 1 EXPUNGE
        S: q OK …
        C: r STATUS old (MESSAGES)
        S: * STATUS old (MESSAGES 3)
        S: r OK …
        C: t SUBSCRIBE old
        S: t OK …
        C: u LIST (SUBSCRIBED) "" *
        S: * LIST (…\Subscribed…) "/" INBOX
        S: * LIST (…\Subscribed…) "/" old
        S: u OK …
        C: v LIST (RECURSIVEMATCH) "" *
        S: v BAD …
        C: w LIST (NONSENSE) "" *
        S: w BAD …
        C: x LSUB "" *
        S: * LSUB (…) "/" INBOX
        S: * LSUB (…) "/" old
        S: x OK …
        C: y CREATE "../../etc"
        S: y NO …
        C: z CREATE "a&-b"
        S: z OK …
    "#
        .replace("S: * LIST (\\Subscribed…) \"/\" INBOX", "S: * LIST (…) \"/\" INBOX")
        .as_str(),
    );
}

/// RFC 9051 §6.3.12 MUST: APPEND to what is not there is NO [TRYCREATE]; flags and date are kept.
/// RFC 9051 §6.3.12 MUST: what fails leaves the mailbox as it was, all messages of it.
/// RFC 9051 §4.3 MUST: a synchronising literal is asked for before it is sent, even an empty one.
#[test]
fn append() {
    selected(
        r#"
        C: a APPEND nowhere (\Seen) {5}
        S: + …
        C: xxxxx
        S: a NO [TRYCREATE] …
        C: b APPEND INBOX (\Seen $Kept) "17-Jul-1996 02:44:25 -0700" {18}
        S: + …
        C~ Subject: kept\r\n\r\nx\r\n
        S: …
        S+: * …
        S: b OK [APPENDUID 1767603600 4] …
        C: c FETCH 4 (FLAGS INTERNALDATE)
        S: * 4 FETCH (FLAGS ($Kept \Seen…) INTERNALDATE "17-Jul-1996 09:44:25 +0000")
        S: c OK …
        C: d APPEND INBOX {0}
        S: + …
        C:
        S: d NO …
        C: e APPEND INBOX {99999999}
        S: e NO [TOOBIG] …
        C: f NOOP
        S: f OK …
        C~ g APPEND INBOX {5+}\r\nhello {3+}\r\na\0b\r\n
        S: g NO …
        C: h STATUS INBOX (MESSAGES)
        S: * STATUS INBOX (MESSAGES 4)
        S: h OK …
    "#,
    );
}

/// RFC 9051 §7.5.1 MUST NOT: EXPUNGE is told while FETCH, STORE or SEARCH is answered, or between commands.
/// RFC 9051 §5.2 MUST: a change of the mailbox's size is told with the next command.
/// RFC 9051 §7.5.2 MUST: in rev2 an unsolicited FETCH holds the UID.
#[test]
fn two_sessions_see_each_others_changes() {
    in_world(async |talk| {
        three(talk);
        talk.open("a", MX1, IMAP).await;
        talk.says(&format!("S: * OK …\n{LOGIN}{SELECT}")).await;
        talk.open("b", MX1, IMAP).await;
        talk.says(&format!("S: * OK …\n{LOGIN}C: e ENABLE IMAP4rev2\nS+: …\nC: s SELECT INBOX\nS+: …")).await;
        talk.says(
            r#"
            a C: a STORE 1 +FLAGS.SILENT \Deleted
            S: a OK …
            C: b EXPUNGE
            S: * 1 EXPUNGE
            S: b OK …
            C: c STORE 1 +FLAGS.SILENT \Flagged
            S: c OK …
            b S: (silence)
            C: a FETCH 3 UID
            S: * 2 FETCH (UID 2 FLAGS (\Flagged))
            S: * 3 FETCH (UID 3)
            S: a OK …
            C: b FETCH 1 BODY.PEEK[]
            S: b NO [EXPUNGEISSUED] …
            C: c STORE 1 +FLAGS \Seen
            S: c NO [EXPUNGEISSUED] …
            C: d SEARCH ALL
            S: * ESEARCH (TAG "d") ALL 2:3
            S: d OK …
            C: e NOOP
            S: * 1 EXPUNGE
            S: e OK …
            C: f FETCH 1 UID
            S: * 1 FETCH (UID 2)
            S: f OK …
        "#,
        )
        .await;
        talk.put(BOB, "Subject: four\n\n");
        talk.says(
            "a C: d NOOP\nS: * 3 EXISTS\nS: * 3 RECENT\nS: d OK …\nb C: g CHECK\nS: * 3 EXISTS\nS: g OK …",
        )
        .await;
    });
}

/// RFC 9051 §6.3.13: "DONE" belongs to IDLE; elsewhere it is a tag with no command behind it, and BAD says what it is for.
#[test]
fn done_outside_idle_is_told_what_it_is_for() {
    in_world(async |talk| {
        three(talk);
        talk.open("a", MX1, IMAP).await;
        talk.says("S: * OK …\nC: DONE\nS: DONE BAD DONE is only for IDLE\nC: done\nS: done BAD DONE is only for IDLE").await;
        talk.says(&format!("{LOGIN}C: i IDLE\nS: + …\nC: DONE\nS: i OK …")).await;
    });
}

/// RFC 2177 §3: IDLE tells what happens as it happens, to every session; DONE ends it.
/// RFC 9051 §6.3.13: the same in rev2.
#[test]
fn idle_hears_of_deliveries_and_of_the_other_session() {
    in_world(async |talk| {
        three(talk);
        talk.open("a", MX1, IMAP).await;
        talk.says(&format!("S: * OK …\n{LOGIN}{SELECT}C: i IDLE\nS: + …\nS: (silence)")).await;
        talk.open("b", MX1, IMAP).await;
        talk.says(&format!("S: * OK …\n{LOGIN}{SELECT}C: i IDLE\nS: + …")).await;
        talk.open("smtp", MX1, SMTP).await;
        talk.says("S: 220 …\nC: HELO client.example.org\nC: MAIL FROM:<alice@example.com>\nC: RCPT TO:<bob@example.net>\nC: DATA\nS+: …\nC: Subject: ring\nC:\nC: .\nS: 250 …").await;
        talk.says(
            r"
            a S: * 4 EXISTS
            S: * … RECENT
            b S: * 4 EXISTS
            S: * … RECENT
            C: DONE
            S: i OK …
            C: d STORE 2 +FLAGS (\Deleted)
            S: * 2 FETCH (FLAGS (\Deleted))
            S: d OK …
            a S: * 2 FETCH (FLAGS (\Deleted \Recent))
            b C: e EXPUNGE
            S: * 2 EXPUNGE
            S: e OK …
            a S: * 2 EXPUNGE
            C: nonsense
            S: i BAD …
            C: n NOOP
            S: n OK …
        ",
        )
        .await;
    });
}

/// RFC 9051 §5.4 MUST: autologout comes after thirty minutes at the earliest, with BYE.
#[test]
fn autologout() {
    in_world(async |talk| {
        talk.open("a", MX1, IMAP).await;
        talk.says(&format!("S: * OK …\n{LOGIN}")).await;
        talk.wait(Duration::from_secs(29 * 60 + 50)).await;
        talk.says("C: a NOOP\nS: a OK …").await;
        talk.wait(Duration::from_secs(30 * 60 + 1)).await;
        talk.says("S: * BYE …\nS: (closed)").await;
    });
}

/// RFC 9051 §5.5 MUST: commands that came together are carried out in their order.
#[test]
fn pipelined_commands_keep_their_order() {
    selected(
        r"
        C: a STORE 1:2 +FLAGS.SILENT (\Deleted)
        C: b EXPUNGE
        C: c FETCH 1 UID
        C: d UNSELECT
        C: e SELECT INBOX
        C: f FETCH 2 UID
        S: a OK …
        S: * 1 EXPUNGE
        S: * 1 EXPUNGE
        S: b OK …
        S: * 1 FETCH (UID 3)
        S: c OK …
        S: d OK …
        S+: * …
        S: e OK …
        S: f BAD …
    ",
    );
}

/// RFC 9051 §A MUST NOT: UTF-8 in quoted strings is sent to IMAP4rev1.
/// RFC 9051 §A.1 MUST: names are in modified UTF-7 there, and kept as they were given.
/// RFC 9051 §4.3 MUST: rev2 takes UTF-8 in quoted strings.
#[test]
fn names_beyond_ascii() {
    in_world(async |talk| {
        talk.open("a", MX1, IMAP).await;
        talk.says(&format!(
            r#"
            S: * OK …
            {LOGIN}
            C: a CREATE "Entw&APw-rfe"
            S: a OK …
            C: b LIST "" Entw*
            S: * LIST (\HasNoChildren) "/" Entw&APw-rfe
            S: b OK …
            C: c CREATE "bad&&name"
            S: c …
            C: d ENABLE IMAP4rev2
            S: * ENABLED IMAP4rev2
            S: d OK …
            C: e LIST "" Entw*
            S: * LIST (\HasNoChildren) "/" "Entwürfe"
            S: e OK …
            C: f STATUS "Entwürfe" (MESSAGES)
            S: * STATUS "Entwürfe" (MESSAGES 0)
            S: f OK …
        "#
        ))
        .await;
    });
}

/// RFC 9051 §6.3.9.2 MUST: LIST returns \Subscribed, and STATUS after each selectable name, where they are asked for.
/// RFC 9051 §6.3.9.5 MUST: \HasChildren and \HasNoChildren are given where CHILDREN is asked for.
/// RFC 9051 §6.3.9.6 MUST NOT: CHILDINFO is given without RECURSIVEMATCH.
/// RFC 9051 §7.3.1 MUST: a name that is no mailbox is \NonExistent or \Noselect.
/// RFC 9051 §5.1.2 MUST: INBOX is in the personal namespace.
/// RFC 9051 §6.3.11 MUST: STATUS works on the selected mailbox too; SIZE is no less than the sum.
#[test]
fn list_with_what_it_returns() {
    selected(
        r#"
        C: a CREATE a/b
        S: a OK …
        C: b SUBSCRIBE a/b
        S: b OK …
        C: c LIST "" (% a/%) RETURN (SUBSCRIBED CHILDREN STATUS (MESSAGES))
        S: * LIST (\HasNoChildren \Subscribed) "/" INBOX
        S: * LIST (\NonExistent \HasChildren) "/" a
        S: * LIST (\HasNoChildren \Subscribed) "/" a/b
        S: * STATUS INBOX (MESSAGES 3)
        S: * STATUS a/b (MESSAGES 0)
        S: c OK …
        C: d LIST (SUBSCRIBED RECURSIVEMATCH) "" %
        S: * LIST (…\Subscribed…) "/" INBOX
        S: * LIST (\NonExistent…) "/" a ("CHILDINFO" ("SUBSCRIBED"))
        S: d OK …
        C: e LIST (SUBSCRIBED SUBSCRIBED) "" INBOX
        S: * LIST (…) "/" INBOX
        S: e OK …
        C: f NAMESPACE
        S: * NAMESPACE (("" "/")) NIL NIL
        S: f OK …
        C: g STATUS INBOX (SIZE MESSAGES UIDNEXT)
        S: * STATUS INBOX (SIZE … MESSAGES 3 UIDNEXT 4)
        S: g OK …
        C: h LIST "" % RETURN (NONSENSE)
        S: h BAD …
        C: i SELECT a
        S: i NO …
    "#,
    );
}

/// RFC 9051 §6.4.4.2 MUST: SEARCH that saves and FETCH of `$` that come together are carried out in that order.
/// RFC 9051 §6.4.4.1 MUST NOT: a SEARCH that does not save leaves the saved result alone.
/// RFC 9051 §6.4.4 MUST: options that are not known are BAD.
/// RFC 9051 §6.4.4.3 MUST: a SEARCH that fails while saving empties the result.
#[test]
fn the_saved_result() {
    selected(
        r"
        C: a SEARCH RETURN (SAVE) 2:3
        C: b UID FETCH $ UID
        C: c SEARCH 1
        C: d FETCH $ UID
        C: e SEARCH RETURN (NONSENSE) ALL
        S: a OK …
        S: * 2 FETCH (UID 2)
        S: * 3 FETCH (UID 3)
        S: b OK …
        S: * SEARCH 1
        S: c OK …
        S: * 2 FETCH (UID 2)
        S: * 3 FETCH (UID 3)
        S: d OK …
        S: e BAD …
        C: f UID STORE 2 +FLAGS.SILENT (\Deleted)
        S: f OK …
        C: g EXPUNGE
        S: * 2 EXPUNGE
        S: g OK …
        C: h FETCH $ UID
        S: * 2 FETCH (UID 3)
        S: h OK …
        C: i SEARCH RETURN (SAVE) CHARSET X-NONE ALL
        S: i NO [BADCHARSET…
        C: j FETCH $ UID
        S: j OK …
    ",
    );
}

/// RFC 9051 §7.5.2 MUST: BINARY of an unknown transfer encoding is NO [UNKNOWN-CTE].
/// RFC 9051 §5.1 MUST: 8-bit names that are no UTF-8 are not created.
#[test]
fn what_cannot_be_read() {
    in_world(async |talk| {
        talk.put(BOB, "Subject: odd\nMIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: x-odd\n\n???\n");
        talk.open("a", MX1, IMAP).await;
        talk.says(&format!(
            r"
            S: * OK …
            {LOGIN}{SELECT}
            C: a FETCH 1 BINARY.PEEK[1]
            S: a NO [UNKNOWN-CTE] …
            C: b FETCH 1 BINARY.SIZE[1]
            S: b NO [UNKNOWN-CTE] …
            C~ c CREATE {{3+}}\r\n\xff\xfea\r\n
            S: c NO …
            C: d ENABLE IMAP4rev2
            S: d BAD …
        "
        ))
        .await;
    });
}
