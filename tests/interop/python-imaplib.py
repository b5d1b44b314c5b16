"""Python's imaplib at a message store: logs in three ways, files, searches, sets flags, copies, moves, deletes."""

import imaplib
import smtplib

from lib import HOST, TLS, TO, TO_PASSWORD, arrived, letter, port


def ok(answer):
    kind, data = answer
    assert kind == "OK", answer
    return data


with smtplib.SMTP(HOST, port("TO_RELAY"), local_hostname="mail.example.com") as server:
    for subject in ("the first", "the second"):
        server.send_message(letter(subject))
        arrived(f"Subject: {subject}")

with imaplib.IMAP4(HOST, port("TO_IMAP")) as store:
    ok(store.login(TO, TO_PASSWORD))
    ok(store.namespace())
    ok(store.enable("CONDSTORE"))
    ok(store.xatom("ID", "NIL"))
    assert ok(store.select("INBOX")) == [b"2"]
    assert ok(store.create("Archive")) and ok(store.subscribe("Archive"))
    assert any(b"Archive" in line for line in ok(store.list()))
    assert any(b"Archive" in line for line in ok(store.lsub()))
    assert ok(store.search(None, "SUBJECT", "second")) == [b"2"]
    assert ok(store.search("UTF-8", "BODY", '"four"')) == [b"1 2"]
    [(_, text), *_] = ok(store.fetch("1", "(FLAGS BODY.PEEK[])"))
    assert b"Subject: the first" in text
    ok(store.fetch("1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)"))
    ok(store.fetch("1", "(BODY[HEADER.FIELDS (SUBJECT FROM)] BODY[TEXT]<0.4>)"))
    ok(store.fetch("1", "(RFC822.HEADER RFC822.TEXT)"))
    ok(store.store("1", "+FLAGS", r"(\Flagged \Seen)"))
    ok(store.copy("1", "Archive"))
    ok(store.uid("MOVE", "2", "Archive"))
    ok(store.store("1", "+FLAGS", r"\Deleted"))
    ok(store.expunge())
    when = imaplib.Time2Internaldate(1767603600)
    ok(store.append("Archive", r"(\Seen $Forwarded)", when, letter("kept").as_bytes().replace(b"\n", b"\r\n")))
    arrived("Subject: kept", folder=".Archive")
    status = ok(store.status("Archive", "(MESSAGES UNSEEN UIDNEXT UIDVALIDITY SIZE HIGHESTMODSEQ)"))
    assert b"MESSAGES 3" in status[0], status
    ok(store.rename("Archive", "Old"))
    ok(store.unsubscribe("Archive"))
    ok(store.select("Old", readonly=True))
    ok(store.check())
    ok(store.unselect())
    ok(store.select("Old"))
    ok(store.close())
    ok(store.noop())
    ok(store.delete("Old"))

with imaplib.IMAP4(HOST, port("TO_IMAP")) as store:
    ok(store.login_cram_md5(TO, TO_PASSWORD))
with imaplib.IMAP4(HOST, port("TO_IMAP")) as store:
    ok(store.starttls(ssl_context=TLS))
    ok(store.authenticate("PLAIN", lambda _: f"\0{TO}\0{TO_PASSWORD}".encode()))
with imaplib.IMAP4_SSL(HOST, port("TO_IMAPS"), ssl_context=TLS) as store:
    try:
        store.login(TO, "not-the-password")
        raise SystemExit("it was let in")
    except imaplib.IMAP4.error as refused:
        assert "AUTHENTICATIONFAILED" in str(refused), refused
