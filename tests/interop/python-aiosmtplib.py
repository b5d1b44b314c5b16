"""aiosmtplib hands letters in: three ways to log in, STARTTLS, TLS from the first byte, several at once, and DSN."""

import asyncio

import aiosmtplib
from lib import FROM, FROM_PASSWORD, HOST, TLS, arrived, letter, port


def client(door: str, **more) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(hostname=HOST, port=port(door), local_hostname="laptop.example.com", tls_context=TLS, **more)


async def one(subject: str, door: str, **more) -> None:
    async with client(door, username=FROM, password=FROM_PASSWORD, **more) as server:
        await server.send_message(letter(subject))


async def main() -> None:
    for mechanism in ("plain", "login", "crammd5"):
        async with client("SUBMISSION", start_tls=False) as server:
            await server.ehlo()
            await getattr(server, f"auth_{mechanism}")(FROM, FROM_PASSWORD)
            await server.send_message(letter(f"by {mechanism}"))
    await asyncio.gather(
        one("in STARTTLS", "SUBMISSION", start_tls=True),
        one("in TLS", "SUBMISSIONS", use_tls=True),
        one("as it likes", "SUBMISSION"),
    )
    async with client("SUBMISSION", start_tls=True, username=FROM, password=FROM_PASSWORD) as server:
        await server.noop()
        await server.vrfy("carol@example.com")
        await server.help()
        await server.send_message(letter("with DSN"), mail_options=["RET=FULL"], rcpt_options=["NOTIFY=SUCCESS,FAILURE"])
        await server.rset()
    subjects = ["by plain", "by login", "by crammd5", "in STARTTLS", "in TLS", "as it likes", "with DSN"]
    for subject in subjects:
        arrived(f"Subject: {subject}")
    arrived("multipart/report", account=FROM)


asyncio.run(main())
