//! Mailboxes and what is put into them: COPY, MOVE, APPEND, CREATE, LIST, RENAME (RFC 9051 §6.3, §6.4).

use super::*;

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
