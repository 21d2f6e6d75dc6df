"""A server that takes mails to send, for a simulated mailbox. RFC 5321, RFC 4954."""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from aggregator.demo.mail import MailSimulator

Lost = Literal["timeout", "reset"]
LARGEST: Final = 10_000_000  # bytes


@dataclass
class Submission:
    """One account's way out.

    refuses: at which command (`MAIL`, `RCPT`, `DATA`, `.` for the mail itself) the next mail is answered how. loses:
    the next mails are taken, but what says so never arrives. breaks: so many connections end before a mail is taken.
    keeps_copy: it puts what it sends into Sent. names_anew: it gives each mail another Message-ID, and keeps the one
    that it came with in this header, as QQ Mail (X-OQ-MSGID). sent: what went out.
    """

    mail: MailSimulator
    keeps_copy: bool = False
    names_anew: str = ""
    tls: ssl.SSLContext | None = None
    refuses: deque[tuple[str, str]] = field(default_factory=deque)
    loses: deque[Lost] = field(default_factory=deque)
    breaks: int = 0
    hangs: bool = False
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """Yield the port on 127.0.0.1."""
        talking: set[asyncio.Task[None]] = set()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            talking.add(task)
            try:
                with suppress(ConnectionError, asyncio.IncompleteReadError, ValueError):
                    await _Talk(self, reader, writer).run()
            finally:
                talking.discard(task)
                writer.transport.abort()

        server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=LARGEST)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for task in list(talking):
                task.cancel()
            await asyncio.gather(*talking, return_exceptions=True)


class _Talk:
    """One client, from the greeting to the end."""

    def __init__(self, server: Submission, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._is_in = False
        self._to = ""

    async def run(self) -> None:
        await self._say("220 harbor mail takes your letters")
        while True:
            line = (await self._reader.readuntil(b"\r\n")).decode("utf-8", "replace").strip()
            verb, _, rest = line.partition(" ")
            if verb.upper() == "QUIT":
                await self._say("221 see you")
                return
            await self._answer(verb.upper(), rest)

    async def _answer(self, verb: str, rest: str) -> None:
        refused = self._refusal(verb)
        if refused:
            await self._say(refused)
        elif verb == "EHLO":
            clear = self._server.tls is not None and not self._writer.get_extra_info("sslcontext")
            able = ["harbor", *(["STARTTLS"] if clear else []), "AUTH PLAIN XOAUTH2", "8BITMIME"]
            for each in able[:-1]:
                await self._say(f"250-{each}")
            await self._say(f"250 {able[-1]}")
        elif verb == "STARTTLS" and self._server.tls is not None:
            await self._say("220 go on")
            await self._writer.start_tls(self._server.tls)
        elif verb == "AUTH":
            await self._auth(rest)
        elif not self._is_in:
            await self._say("530 5.7.0 Authentication required")
        elif verb in ("MAIL", "RCPT"):
            self._to = rest.partition("<")[2].partition(">")[0] if verb == "RCPT" else self._to
            await self._say("250 2.1.0 fine")
        elif verb == "DATA":
            await self._data()
        else:
            await self._say("502 5.5.1 what is that")

    def _refusal(self, verb: str) -> str | None:
        refuses = self._server.refuses
        return refuses.popleft()[1] if refuses and refuses[0][0] == verb else None

    async def _auth(self, rest: str) -> None:
        mail = self._server.mail
        way, _, proof = rest.partition(" ")
        given = base64.b64decode(proof)
        if way.upper() == "XOAUTH2":
            right = f"user={mail.user}\1auth=Bearer {mail.access_token}\1\1".encode()
        else:
            right = f"\0{mail.user}\0{mail.password}".encode()
        good = given == right and mail.credential_is_good
        if not good and way.upper() == "XOAUTH2":
            await self._say("334 " + base64.b64encode(b'{"status":"400"}').decode())
            await self._reader.readuntil(b"\r\n")
        self._is_in = good
        await self._say("235 2.7.0 come in" if good else "535 5.7.8 Username and Password not accepted")

    async def _data(self) -> None:
        await self._say("354 go on")
        if self._server.breaks:
            self._server.breaks -= 1
            raise ConnectionError
        raw = (await self._reader.readuntil(b"\r\n.\r\n")).removesuffix(b".\r\n")
        if refused := self._refusal("."):
            await self._say(refused)
            return
        if self._server.hangs:
            await self._waits_in_vain()
        self._server.sent.append(self._named(re.sub(rb"(?m)^\.\.", b".", raw)))
        self._server.recipients.append(self._to)
        if self._server.keeps_copy:
            self._server.mail.keeps(self._server.sent[-1])
        if self._server.loses:
            if self._server.loses.popleft() == "timeout":
                await self._waits_in_vain()
            raise ConnectionError
        await self._say("250 2.0.0 on its way")

    def _named(self, raw: bytes) -> bytes:
        if not self._server.names_anew:
            return raw
        named = f"Message-ID: <tencent_{len(self._server.sent) + 1:04d}@qq.example>\r\n{self._server.names_anew}:"
        return re.sub(rb"(?im)^message-id:", named.encode(), raw, count=1)

    async def _waits_in_vain(self) -> None:
        self._server.waiting.set()
        await self._reader.read()  # until the client has had enough
        raise ConnectionError

    async def _say(self, line: str) -> None:
        self._writer.write(line.encode() + b"\r\n")
        await self._writer.drain()
