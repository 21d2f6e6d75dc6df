"""A mail server with one mailbox: verbs for what people do, and IMAP on a socket.

RFC 3501 with IDLE, ID, ENABLE, CONDSTORE, SPECIAL-USE, STARTTLS and XOAUTH2. Verbs act at once and return native ids,
as the connector writes them: a mail's Message-ID without its brackets.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from typing import Final

from aggregator.demo.mail.boxes import Folder, Stored
from aggregator.demo.mail.letters import letter, report
from aggregator.demo.mail.submission import Submission
from aggregator.demo.mail.talk import Fault, Talk
from aggregator.demo.truth import Truth

INBOX: Final = "INBOX"
JUNK: Final = "垃圾邮件"
SENT: Final = "Sent"
DOMAIN: Final = "wallet.example"
_OPENS_NOTHING: Final = "simulated-mailbox"


@dataclass
class _Said:
    """A mail that somebody wrote, and where it lies."""

    native_id: str
    text: str  # as a connector should read it
    author: str
    references: tuple[str, ...]
    subject: str
    folder: Folder
    stored: Stored


@dataclass
class MailSimulator:
    """The mailbox of a support team. `clock`: when a mail arrives unless the verb says so.

    faults: what goes wrong, at which command (None: the next one), for how many seconds to wait, after how many
    commands. without: what this server does not know; demands_id: it opens no folder before ID, as 163 mail;
    wants_oauth: it refuses passwords, as Microsoft 365; refuses_idle: it says that it knows IDLE, and does not;
    refuses_search: what it does not search by (FROM, as Tencent Exmail), with the words of its NO, none: BAD;
    ignores_search: by what it seems to search, and lists every mail (HEADER, as QQ Mail);
    calls_in_pieces: the end of a line by which it calls comes only when the client says DONE.
    """

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    user: str = f"support@{DOMAIN}"
    password: str = f"{_OPENS_NOTHING}-password"
    access_token: str = f"{_OPENS_NOTHING}-token"
    credential_is_good: bool = True
    wants_oauth: bool = False
    demands_id: bool = False
    refuses_idle: bool = False
    refuses_search: dict[str, str] = field(default_factory=dict)
    ignores_search: set[str] = field(default_factory=set)
    calls_in_pieces: bool = False
    refuses_login_with: str = "[AUTHENTICATIONFAILED] Invalid credentials"
    tls: ssl.SSLContext | None = None
    abilities: tuple[str, ...] = ("IDLE", "ID", "ENABLE", "CONDSTORE", "SPECIAL-USE", "AUTH=XOAUTH2")
    without: frozenset[str] = frozenset()
    faults: deque[tuple[Fault, str | None, int, int]] = field(default_factory=deque)
    commands: list[str] = field(default_factory=list)
    logins: int = 0
    somebody_idles: asyncio.Event = field(default_factory=asyncio.Event)
    nobody_idles: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        marks = {INBOX: None, JUNK: r"\Junk", SENT: r"\Sent"}
        self.folders = {name: Folder(name, 1_700_000_000 + number, mark) for number, (name, mark) in
                        enumerate(marks.items())}  # fmt: skip
        self.submission = Submission(self)
        self._said: dict[str, _Said] = {}
        self._names: dict[str, str] = {}
        self._number = 0

    # What people do

    def user_named(self, handle: str, name: str = "") -> str:
        """The address of that handle; `name` is what programs show beside it."""
        self._names.setdefault(handle, name or handle.title())
        return handle if "@" in handle else f"{handle}@mail.example"

    def says(
        self,
        who: str,
        text: str,
        subject: str | None = None,
        *,
        reply_to: str | None = None,
        at: datetime | None = None,
        html: bool = False,
        charset: str = "utf-8",
        files: Mapping[str, bytes] | None = None,
        folder: str = INBOX,
        more: Mapping[str, str] | None = None,
        refers: bool = True,
    ) -> str:
        """A customer writes to us, or answers the mail `reply_to`, which the program quotes.

        `subject` None: the beginning of the text. `refers` False: a program that forgets what it answers.
        """
        answered = self._said[reply_to] if reply_to else None
        if subject is None:
            subject = f"Re: {answered.subject}" if answered else text.splitlines()[0][:30]
        return self._sends(
            (self._names.get(who, who.title()), self.user_named(who)),
            text,
            subject,
            answered if refers else None,
            quoted=answered.text if answered else "",
            at=at,
            html=html,
            charset=charset,
            files=files,
            folder=folder,
            more=more,
        )

    def answers(self, native_id: str, text: str, *, name: str = "Harbor Desk", at: datetime | None = None) -> str:
        """A colleague answers with a mail program: a copy in Sent, and the mark on the mail."""
        answered = self._said[native_id]
        sent = self._sends(
            (name, self.user), text, f"Re: {answered.subject}", answered, quoted=answered.text, at=at, folder=SENT
        )
        self.marks_answered(native_id)
        return sent

    def marks_answered(self, native_id: str) -> None:
        said = self._said[native_id]
        said.folder.mark_mail(said.stored, r"\Answered")

    def delivers(self, raw: bytes, *, at: datetime | None = None, folder: str = INBOX) -> Stored:
        """Any bytes arrive as a mail. truth() does not tell of them."""
        return self.folders[folder].add(raw, at or self.clock())

    def bounces(
        self, message_id: str, action: str = "failed", status: str = "5.1.1", why: str = "User unknown"
    ) -> None:
        """The customer's server reports what became of a mail of ours. RFC 3464."""
        number = len(self.submission.sent)
        if not self.submission.names_anew:
            self.delivers(report(self.user, message_id, action, status, why))
            return
        former = f"{self.submission.names_anew}: <{message_id}>\r\n"
        self.delivers(report(self.user, f"tencent_{number:04d}@qq.example", action, status, why, former))

    def keeps(self, raw: bytes, flags: set[str] | None = None, folder: str = SENT) -> None:
        """A mail that went out by our server, or that a program puts there."""
        message = message_from_bytes(raw, policy=default)
        native_id = str(message["Message-ID"]).strip("<> ")
        references = tuple(each.strip("<>") for each in str(message["References"] or "").split())
        body = message.get_body()
        whole = body.get_content().replace("\r\n", "\n") if body else ""
        text = re.split(r"\n(?:On|在) .*(?:wrote:|写道：)\n", whole, maxsplit=1)[0].strip()
        stored = self.folders[folder].add(raw, self.clock(), flags or {r"\Seen"})
        self._said[native_id] = _Said(
            native_id,
            text,
            str(message["From"]).rpartition("<")[2].strip("> "),
            references,
            str(message["Subject"]).removeprefix("Re: "),
            self.folders[folder],
            stored,
        )

    def malformed(self) -> None:
        """A mail of which nothing is left, as after a full disk."""
        self.delivers(b"")

    def moves(self, native_id: str, folder: str) -> None:
        """A colleague (or a filter) puts it elsewhere: it keeps its time and gets a number there."""
        said = self._said[native_id]
        said.folder.remove(said.stored)
        said.folder = self.folders[folder]
        said.stored = said.folder.add(said.stored.raw, said.stored.arrived, said.stored.flags)

    def deletes(self, native_id: str) -> None:
        said = self._said[native_id]
        said.folder.remove(said.stored)

    def sickens(self, native_id: str) -> None:
        """The server can no longer read it."""
        self._said[native_id].stored.sick = True

    def numbers_anew(self, folder: str = INBOX) -> None:
        self.folders[folder].number_anew()

    def fail_next(self, *faults: Fault, command: str | None = None, wait: int = 1, after: int = 0) -> None:
        """The next commands (of that name) fail, one after the other, each once `after` others went well."""
        self.faults.extend((fault, command, wait, after) for fault in faults)

    # What is true

    def truth(self) -> dict[str, Truth]:
        """Every mail that was sent and is still there, in the words of a connector that reads all folders."""
        lying = {id(stored) for folder in self.folders.values() for stored in folder.mails}
        return {
            said.native_id: Truth(
                said.native_id,
                said.text,
                said.author,
                said.references[0] if said.references else said.native_id,
                said.stored.arrived.replace(microsecond=0),
                deleted=False,
            )
            for said in self._said.values()
            if id(said.stored) in lying
        }

    def flags(self, native_id: str) -> set[str]:
        return set(self._said[native_id].stored.flags)

    # On a socket

    @asynccontextmanager
    async def serving(self, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
        """Yield the port on 127.0.0.1. `tls`: from the first byte on."""
        talking: set[asyncio.Task[None]] = set()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            talking.add(task)
            try:
                await Talk(self, reader, writer).run()
            finally:
                talking.discard(task)

        server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls, limit=2**20)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for task in list(talking):
                task.cancel()
            await asyncio.gather(*talking, return_exceptions=True)

    # How a mail comes about

    def _sends(
        self,
        sender: tuple[str, str],
        text: str,
        subject: str,
        answered: _Said | None,
        *,
        quoted: str,
        at: datetime | None,
        folder: str,
        html: bool = False,
        charset: str = "utf-8",
        files: Mapping[str, bytes] | None = None,
        more: Mapping[str, str] | None = None,
    ) -> str:
        self._number += 1
        native_id = f"{self._number:04d}.harbor@{sender[1].rpartition('@')[2]}"
        references: Sequence[str] = (*answered.references, answered.native_id) if answered else ()
        at = at or self.clock()
        raw = letter(
            sender=sender,
            to=self.user,
            subject=subject,
            text=text,
            message_id=native_id,
            at=at,
            references=references,
            quoted=quoted,
            html=html,
            charset=charset,
            files=files,
            more=more,
        )
        begins = not references and not subject.startswith("Re:") and subject not in text
        self._said[native_id] = _Said(
            native_id,
            f"{subject}\n\n{text}" if begins else text,
            sender[1],
            tuple(references),
            subject.removeprefix("Re: "),
            self.folders[folder],
            self.folders[folder].add(raw, at, {r"\Seen"} if folder == SENT else None),
        )
        return native_id
