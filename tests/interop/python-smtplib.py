"""Python's smtplib hands letters in: three ways to log in, STARTTLS, TLS from the first byte, DSN, and UTF-8 in an address."""

import smtplib

from lib import FROM, FROM_PASSWORD, HOST, TLS, TO, arrived, letter, port

ME = "laptop.example.com"


def hand_in(server: smtplib.SMTP, subject: str, **more) -> None:
    server.login(FROM, FROM_PASSWORD)
    server.send_message(letter(subject), **more)
    arrived(f"Subject: {subject}")


for mechanism in ("plain", "login", "cram_md5"):
    with smtplib.SMTP(HOST, port("SUBMISSION"), local_hostname=ME) as server:
        server.ehlo()
        server.user, server.password = FROM, FROM_PASSWORD
        name = mechanism.upper().replace("_", "-")
        server.auth(name, getattr(server, f"auth_{mechanism}"))
        server.send_message(letter(f"by {name}"))
        arrived(f"Subject: by {name}")
with smtplib.SMTP(HOST, port("SUBMISSION"), local_hostname=ME) as server:
    server.starttls(context=TLS)
    hand_in(server, "in STARTTLS")
    # The same connection again, and what the sender wants to be told (RFC 3461).
    server.send_message(letter("with DSN"), mail_options=["RET=HDRS", "ENVID=tea"], rcpt_options=["NOTIFY=SUCCESS"])
    arrived("Original-Envelope-Id: tea", account=FROM)
    assert server.noop()[0] == 250 and server.rset()[0] == 250
    assert server.verify("carol@example.com")[0] == 252
    server.help()
with smtplib.SMTP_SSL(HOST, port("SUBMISSIONS"), local_hostname=ME, context=TLS) as server:
    hand_in(server, "in TLS")
with smtplib.SMTP(HOST, port("SUBMISSION"), local_hostname=ME) as server:
    server.login(FROM, FROM_PASSWORD)
    server.send_message(letter("to an address in UTF-8", to="jörg@example.net"))
    arrived("to an address in UTF-8", account="jörg@example.net")
    try:
        server.sendmail(FROM, ["nobody@example.nett"], "Subject: lost\r\n\r\nAt four?")
        raise SystemExit("it was taken")
    except smtplib.SMTPRecipientsRefused as refused:
        code, why = refused.recipients["nobody@example.nett"]
        assert code == 550 and b"example.nett" in why, (code, why)
