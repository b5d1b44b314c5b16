//! A session with one mailbox: SELECT, FETCH, STORE, EXPUNGE, SEARCH (RFC 9051 §6.3, §6.4).

use super::*;

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
