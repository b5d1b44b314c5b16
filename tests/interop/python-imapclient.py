"""IMAPClient at a message store: waits with IDLE until a letter comes; files, searches, moves, asks for what has changed."""

import smtplib

from imapclient import IMAPClient
from lib import HOST, TLS, TO, TO_PASSWORD, arrived, letter, port


def bring(subject: str) -> None:
    with smtplib.SMTP(HOST, port("TO_RELAY"), local_hostname="mail.example.com") as server:
        server.send_message(letter(subject))
    arrived(f"Subject: {subject}")


with IMAPClient(HOST, port("TO_IMAP"), ssl=False, timeout=60) as store:
    store.login(TO, TO_PASSWORD)
    store.id_({"name": "IMAPClient"})
    store.namespace()
    store.enable("CONDSTORE")
    store.select_folder("INBOX")
    store.idle()
    bring("the first")
    assert any(line[1] == b"EXISTS" for line in store.idle_check(timeout=60))
    store.idle_done()
    bring("the second")
    assert store.noop()
    uids = store.search(["SUBJECT", "second"])
    assert len(uids) == 1, uids
    assert store.search(["TEXT", "ü"], charset="UTF-8") == []
    seen = store.fetch(uids, ["ENVELOPE", "FLAGS", "BODYSTRUCTURE", "MODSEQ", "BODY.PEEK[HEADER]"])
    assert seen[uids[0]][b"ENVELOPE"].subject == b"the second"
    modseq = seen[uids[0]][b"MODSEQ"][0]
    store.add_flags(uids, [b"\\Flagged", b"$Important"])
    changed = store.fetch(store.search("ALL"), ["FLAGS"], modifiers=[f"CHANGEDSINCE {modseq}"])
    assert list(changed) == uids, changed
    store.create_folder("Entwürfe")
    assert "Entwürfe" in [name for _, _, name in store.list_folders()]
    store.find_special_folder(b"\\Sent")
    store.subscribe_folder("Entwürfe")
    store.list_sub_folders()
    store.move(uids, "Entwürfe")
    arrived("Subject: the second", folder=".Entw&APw-rfe")
    assert store.folder_status("Entwürfe", ["MESSAGES", "UNSEEN"])[b"MESSAGES"] == 1
    first = store.search("ALL")
    store.copy(first, "Entwürfe")
    store.delete_messages(first)
    store.uid_expunge(first)
    store.append("Entwürfe", letter("kept").as_bytes().replace(b"\n", b"\r\n"), flags=[b"\\Draft"])
    arrived("Subject: kept", folder=".Entw&APw-rfe")
    store.multiappend("Entwürfe", [b"Subject: one\r\n\r\n1\r\n", b"Subject: two\r\n\r\n2\r\n"])
    store.unselect_folder()
with IMAPClient(HOST, port("TO_IMAP"), ssl=False, timeout=60) as store:
    store.starttls(TLS)
    store.plain_login(TO, TO_PASSWORD)
    assert store.select_folder("Entwürfe", readonly=True)[b"EXISTS"] == 5
with IMAPClient(HOST, port("TO_IMAPS"), ssl_context=TLS, timeout=60) as store:
    store.sasl_login("PLAIN", lambda _: f"\0{TO}\0{TO_PASSWORD}".encode())
    store.select_folder("INBOX")
    store.close_folder()
