"""What the Python scripts share: the lab's doors and accounts, as the test gives them (see round.rs)."""

import os
import ssl
import time
import urllib.parse
from email.message import EmailMessage
from pathlib import Path

HOST = "localhost"
FROM, FROM_PASSWORD = os.environ["FROM"], os.environ["FROM_PASSWORD"]
TO, TO_PASSWORD = os.environ["TO"], os.environ["TO_PASSWORD"]
MAIL = Path(os.environ["MAIL"])
TLS = ssl.create_default_context(cafile=os.environ["CA"])


def port(name: str) -> int:
    """The port of a door, as in SUBMISSION or TO_IMAP."""
    return int(os.environ[name])


def letter(subject: str, to: str = TO) -> EmailMessage:
    """A letter from the first account to the second."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = FROM, to, subject
    message["Message-ID"] = f"<{''.join(filter(str.isalpha, subject)).lower()}@example.com>"
    message.set_content("At four?")
    return message


def arrived(subject: str, account: str = TO, folder: str = "") -> None:
    """Wait until a letter with these words lies in a mailbox."""
    for _ in range(600):
        for place in ("new", "cur"):
            for file in (MAIL / urllib.parse.quote(account, safe="@") / folder / place).glob("*"):
                try:
                    if subject in file.read_text(errors="replace"):
                        return
                except FileNotFoundError:
                    pass
        time.sleep(0.05)
    raise SystemExit(f"“{subject}” did not come for {account}")
