"""Python's poplib empties a maildrop: by password, by APOP, by STLS, by TLS from the first byte."""

import poplib
import smtplib

from lib import HOST, TLS, TO, TO_PASSWORD, arrived, letter, port

with smtplib.SMTP(HOST, port("TO_RELAY"), local_hostname="mail.example.com") as server:
    for subject in ("the first", "the second", "the third"):
        server.send_message(letter(subject))
        arrived(f"Subject: {subject}")

drop = poplib.POP3(HOST, port("TO_POP3"))
drop.user(TO)
drop.pass_(TO_PASSWORD)
assert drop.stat()[0] == 3
assert b"PIPELINING" in b" ".join(drop.list()[1]) or "UIDL" in drop.capa()
assert len(drop.uidl()[1]) == 3 and drop.uidl(2).startswith(b"+OK 2")
assert drop.list(1).startswith(b"+OK 1")
assert b"Subject: the first" in drop.top(1, 0)[1]
assert b"At four?" in drop.retr(1)[1]
drop.dele(1)
drop.rset()
drop.noop()
drop.dele(1)
drop.quit()

drop = poplib.POP3(HOST, port("TO_POP3"))
drop.apop(TO, TO_PASSWORD)
assert drop.stat()[0] == 2
drop.dele(1)
drop.quit()

drop = poplib.POP3(HOST, port("TO_POP3"))
drop.stls(context=TLS)
drop.user(TO)
drop.pass_(TO_PASSWORD)
assert b"Subject: the third" in drop.retr(1)[1]
drop.quit()

drop = poplib.POP3_SSL(HOST, port("TO_POP3S"), context=TLS)
try:
    drop.user(TO)
    drop.pass_("not-the-password")
    raise SystemExit("it was let in")
except poplib.error_proto as refused:
    assert "AUTH" in str(refused), refused
drop.user(TO)
drop.pass_(TO_PASSWORD)
drop.dele(1)
drop.quit()
