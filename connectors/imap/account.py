"""What we ask of a mailbox. Mails are only looked at: EXAMINE and BODY.PEEK, so that none becomes "read"."""

from __future__ import annotations

import asyncio
import re
import selectors
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import methodcaller
from typing import TYPE_CHECKING, Any, Final, Literal

from connectors.contract import Record
from connectors.errors import TransientError
from connectors.imap.connection import Connection, RefusedError
from connectors.imap.mime import mail_of
from connectors.wording import worded

if TYPE_CHECKING:
    from imapclient import IMAPClient

    from connectors.imap.settings import Settings
    from connectors.imap.token import AccessTokens
    from connectors.session import Pacing

Role = Literal["inbox", "junk", "sent"]

LARGEST: Final = 10 * 1024 * 1024  # bytes; of a larger mail only the beginning is fetched
BEGINNING: Final = 1024 * 1024
AT_ONCE: Final = 4 * 1024 * 1024  # bytes of mail in one answer
MOST_NUMBERS: Final = 500  # in one command; servers take lines of 8 kB
FIRST_TURN: Final = 1.0  # seconds of IDLE
NEXT_TURNS: Final = 20.0
_NOT_OURS: Final = frozenset({"NONEXISTENT", "NOPERM"})
_CLOSED: Final = frozenset({rb"\noselect", rb"\nonexistent"})
_NAMES: Final[dict[str, tuple[bytes, frozenset[str]]]] = {
    "junk": (
        rb"\Junk",
        frozenset({"junk", "spam", "junk e-mail", "junk email", "bulk mail", "垃圾邮件", "垃圾郵件", "垃圾信件"}),
    ),
    "sent": (
        rb"\Sent",
        frozenset(
            {"sent", "sent items", "sent messages", "sent mail", "已发送", "已发送邮件", "已發送郵件", "寄件備份"}
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Place:
    """A folder and what it is to us."""

    mailbox: str
    role: Role


@dataclass(frozen=True, slots=True)
class Status:
    """What EXAMINE says. None: the server does not tell."""

    validity: int  # UIDVALIDITY; 0: not told
    count: int
    next_uid: int | None
    modseq: int | None


class Account:
    """One account, over one connection."""

    def __init__(self, source: str, settings: Settings, pacing: Pacing | None, tokens: AccessTokens | None) -> None:
        self._source = source
        self._settings = settings
        self._named: frozenset[str] = frozenset()  # folders that the server lists, and may open
        self._connection = Connection(source, settings, pacing, tokens)
        self._idles = True

    async def close(self) -> None:
        await self._connection.close()

    async def secret(self) -> str:
        """The password, or an access token that is good for some minutes. Raises as a poll."""
        return await self._connection.secret()

    def expiry(self, now: datetime) -> str | None:
        """What to do about access that ends soon; None: nothing that we know of."""
        return self._connection.expiry(now)

    async def append(self, mailbox: str, raw: bytes) -> None:
        """Put a mail of ours into a folder, as read."""
        await self._connection.run(lambda client: client.append(mailbox, raw, flags=[rb"\Seen"]))

    async def is_there(self) -> None:
        """Find out whether a connection that was left open still is; the next command opens a new one."""
        if self._connection.is_open:
            try:
                await self._connection.run(lambda client: client.noop())
            except TransientError:
                return

    async def places(self) -> tuple[list[Place], list[str]]:
        """The folders to read, and what is missing in words."""
        listed = await self._connection.run(lambda client: client.list_folders())
        self._named = frozenset(name for flags, _, name in _folders(listed) if not _is_closed(flags))
        found = [Place(name, "inbox") for name in self._settings.mailboxes]
        missing = []
        wanted: tuple[tuple[Role, bool | str], ...] = (("junk", self._settings.junk), ("sent", self._settings.sent))
        for role, chosen in wanted:
            name = _special(listed, role) if chosen is True else chosen
            if name and name not in self._settings.mailboxes:
                found.append(Place(name, role))
            elif chosen is True:
                missing.append(worded(f"no folder is marked as {role}: write its name under `{role}`, or false"))
        return found, missing

    async def examine(self, mailbox: str) -> Status | None:
        """Open a folder to read. None: there is none of that name, or it is not ours to read.

        A server in trouble refuses those that are there, too; nothing else is asked of it over that connection.
        """
        try:
            told: dict[bytes, Any] = await self._connection.run(
                lambda client: client.select_folder(mailbox, readonly=True)
            )
        except RefusedError as refused:
            host, code = self._settings.host, refused.code or mailbox
            if refused.code in _NOT_OURS or not (mailbox.upper() == "INBOX" or mailbox in self._named):
                return None
            await self._connection.drop()
            raise TransientError(f"{self._source}: {host} cannot serve us at the moment [{code}].") from refused
        return Status(
            validity=told.get(b"UIDVALIDITY", 0),
            count=told.get(b"EXISTS", 0),
            next_uid=told.get(b"UIDNEXT"),
            modseq=told.get(b"HIGHESTMODSEQ"),
        )

    async def search(self, *criteria: str | int | datetime) -> list[int]:
        """UIDs in the open folder, ascending."""
        asked = [each.date() if isinstance(each, datetime) else each for each in criteria]
        return sorted(await self._connection.run(lambda client: client.search(asked)))

    async def arrivals(self, uids: Sequence[int]) -> dict[int, datetime | None]:
        """When each arrived."""
        found: dict[int, datetime | None] = {}
        for at in range(0, len(uids), MOST_NUMBERS):
            ask = methodcaller("fetch", uids[at : at + MOST_NUMBERS], ["INTERNALDATE"])
            told = await self._connection.run(ask)
            found |= {uid: _in_utc(answer.get(b"INTERNALDATE")) for uid, answer in told.items()}
        return found

    async def headers(self, uids: Sequence[int]) -> dict[int, bytes]:
        """The headers of each, as sent."""
        told = await self._connection.run(lambda client: client.fetch(uids, ["BODY.PEEK[HEADER]"]))
        return {uid: _content(answer) or b"" for uid, answer in told.items()}

    async def mails(self, place: Place, validity: int, uids: Sequence[int]) -> list[Record]:
        """A record for each, in their order; what was deleted meanwhile is missing."""
        wanted = ["FLAGS", "INTERNALDATE", "RFC822.SIZE"]
        told = await self._connection.run(lambda client: client.fetch(uids, wanted))
        records = []
        for bunch in _bunches([(uid, _size(told[uid])) for uid in uids if uid in told]):
            contents = await self._contents(bunch)
            for uid, size in bunch:
                raw = contents.get(uid)
                records.append(
                    {
                        "account": self._settings.user,
                        "mailbox": place.mailbox,
                        "role": place.role,
                        "validity": validity,
                        "uid": uid,
                        "flags": _flags(told[uid]),
                        "arrived": _iso(_in_utc(told[uid].get(b"INTERNALDATE"))),
                        "size": size,
                    }
                    | (
                        {"unreadable": "withheld by the server"}
                        if raw is None
                        else await asyncio.to_thread(mail_of, raw)
                    )
                    | ({"cut": True} if size > LARGEST else {})
                )
        return records

    async def _contents(self, bunch: Sequence[tuple[int, int]]) -> dict[int, bytes]:
        part = "BODY.PEEK[]" if bunch[0][1] <= LARGEST else f"BODY.PEEK[]<0.{BEGINNING}>"
        try:
            told = await self._connection.run(lambda client: client.fetch([uid for uid, _ in bunch], [part]))
        except RefusedError:
            if len(bunch) == 1:  # one that the server itself cannot read must not hold up all others
                return {}
            alone = [await self._contents([each]) for each in bunch]
            return {uid: raw for contents in alone for uid, raw in contents.items()}
        return {uid: raw for uid, answer in told.items() if (raw := _content(answer)) is not None}

    async def waits(self, mailbox: str, seconds: float) -> bool:
        """Whether something changed there within that time. False at once: the server does not call (no IDLE)."""
        if not self._idles or await self.examine(mailbox) is None:
            return False
        changed = await self._connection.run(lambda client: _idle(client, seconds))
        self._idles = changed is not None
        return bool(changed)

    async def capabilities(self) -> frozenset[str]:
        told = await self._connection.run(lambda client: client.capabilities())
        return frozenset(each.decode("ascii", "replace") for each in told)


def _idle(client: IMAPClient, seconds: float) -> bool | None:
    """Whether something changed. None: the server cannot tell. RFC 2177."""
    if not client.has_capability("IDLE"):
        return None
    until = time.monotonic() + seconds
    turn = FIRST_TURN
    while (left := until - time.monotonic()) > 0:
        if not _begins_to_idle(client):
            return None
        # Not idle_check(): it takes a line whose end is still on its way for a broken connection. What comes in one
        # packet with the server's "+" lies in a buffer that nothing but idle_done() looks into: hence turns, the first
        # one short.
        _wait_for_word(client, min(left, turn))
        told = client.idle_done()[1]
        if any(each and isinstance(each[0], int) for each in told):  # not "* OK Still here"
            return True
        turn = NEXT_TURNS
    return False


def _wait_for_word(client: IMAPClient, seconds: float) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(client.socket(), selectors.EVENT_READ)
        selector.select(seconds)


def _begins_to_idle(client: IMAPClient) -> bool:
    """False: it cannot, though it says so, and answers BAD."""
    try:
        client.idle()
    except client.AbortError:
        raise
    except client.Error as error:
        if re.search(r"b'\S+ BAD\b", str(error)):
            return False
        if re.search(r"b'\S+ NO\b", str(error)):
            raise
        raise ConnectionResetError from error  # news came before the "+": begin anew
    return True


def _special(answer: Sequence[tuple[Any, Any, Any]], role: Role) -> str | None:
    """The folder of that role."""
    mark, names = _NAMES[role]
    listed = _folders(answer)
    marked = [name for flags, _, name in listed if mark in flags]
    called = [name for _, delimiter, name in listed if _last(name, delimiter).lower() in names]
    return next(iter(marked + called), None)


def _folders(answer: Sequence[tuple[Any, Any, Any]]) -> list[tuple[Sequence[Any], bytes | None, str]]:
    """Flags, delimiter and name of each folder. What the library reads out of a garbled answer may be anything."""
    return [
        (flags, delimiter if isinstance(delimiter, bytes) else None, name)
        for flags, delimiter, name in answer
        if isinstance(flags, tuple | list) and isinstance(name, str)
    ]


def _is_closed(flags: Sequence[Any]) -> bool:
    return any(isinstance(flag, bytes) and flag.lower() in _CLOSED for flag in flags)


def _last(name: str, delimiter: bytes | None) -> str:
    return name.rsplit(delimiter.decode("latin-1"), 1)[-1] if delimiter else name


def _bunches(sizes: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Mails to fetch together; a very large one goes alone."""
    bunch: list[tuple[int, int]] = []
    for uid, size in sizes:
        if bunch and (size > LARGEST or bunch[0][1] > LARGEST or sum(each for _, each in bunch) + size > AT_ONCE):
            yield bunch
            bunch = []
        bunch.append((uid, size))
    if bunch:
        yield bunch


def _size(answer: dict[bytes, Any]) -> int:
    told = answer.get(b"RFC822.SIZE")
    return told if isinstance(told, int) else 0


def _flags(answer: dict[bytes, Any]) -> list[str]:
    told = answer.get(b"FLAGS")
    listed = told if isinstance(told, tuple | list) else ()
    return sorted(flag.decode("ascii", "replace") for flag in listed if isinstance(flag, bytes))


def _content(answer: dict[bytes, Any]) -> bytes | None:
    """The BODY[...] of an answer; a server that cuts it says so in the name."""
    found = next((value for name, value in answer.items() if name.startswith(b"BODY[")), None)
    return str(found).encode() if isinstance(found, int) else found if isinstance(found, bytes) else None


def _in_utc(date: object) -> datetime | None:
    try:
        return date.astimezone(UTC) if isinstance(date, datetime) and date.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _iso(date: datetime | None) -> str | None:
    return None if date is None else date.isoformat()
