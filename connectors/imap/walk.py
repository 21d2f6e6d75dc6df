"""What is new in one folder since the cursor, and which mails have been answered meanwhile. RFC 3501, RFC 7162."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from connectors.contract import Record
from connectors.errors import RecordError, ThrottledError, TransientError
from connectors.imap.account import Account, Place, Status
from connectors.imap.connection import RefusedError
from connectors.imap.finding import CANDIDATES, look_up, mail_with
from connectors.imap.mail import Mail
from connectors.imap.quotes import bare_subject, is_reply_subject

PAGE: Final = 20  # mails
DAY: Final = timedelta(days=1)
NEAR: Final = timedelta(days=14)  # within which mails of one person and one subject are one conversation
REBUILT: Final = timedelta(days=2)  # read again before the newest mail, when a server gave all mails new numbers
POLLS_FAILED: Final = 2  # by a look-up; where it fails once more, the conversation counts as not found

Marks = dict[str, Any]
"""A folder's part of the cursor: `validity` (UIDVALIDITY), `uid` (the last one stored), `until` (newest arrival, ISO),
`modseq` where the server counts changes; else `answered`, UIDs of the last days that were marked so already."""


class Walk:
    """Reads folders one after the other over one connection. `since`: nothing older is asked for.

    `failed`: how many polls were ended by each kind of look-up, the last one included; kept from walk to walk.
    """

    def __init__(self, account: Account, since: datetime, failed: Counter[str]) -> None:
        self._account = account
        self._since = since
        self._failed = failed
        self._found: set[str] = set()  # kinds of look-ups that worked
        self._given_up: set[str] = set()
        self.places: Sequence[Place] = ()  # all that are read
        self.rebuilt: set[str] = set()  # folders whose mails were numbered anew
        self.missing: set[str] = set()

    async def folder(self, place: Place, known: Marks | None) -> AsyncGenerator[tuple[list[Record], Marks], None]:
        """Pages of records, each with the marks that follow it; the last page may be empty."""
        status = await self._account.examine(place.mailbox)
        if status is None:
            self.missing.add(place.mailbox)
            return
        self.missing.discard(place.mailbox)
        marks, uids, first = await self._begin(place, status, known)
        read: list[Record] = []
        for at in range(0, len(uids), PAGE):
            some = uids[at : at + PAGE]
            records = await self._new(place, status, some)
            marks = {**marks, "uid": some[-1], "until": _newest(records, marks["until"])}
            read += [{"uid": record["uid"], "arrived": record["arrived"]} for record in records]
            if records:
                yield records, marks
        answered, after = await self._answered(place, status, marks, first, read)
        for at in range(0, len(answered), PAGE):
            yield await self._marked(place, status, answered[at : at + PAGE], read), marks
        yield [], after

    def ended(self) -> None:
        """All folders were read: what failed before and has worked now may fail anew."""
        for kind in self._found - self._given_up:
            del self._failed[kind]

    async def _begin(self, place: Place, status: Status, known: Marks | None) -> tuple[Marks, list[int], bool]:
        """From where to go on, the UIDs to read, ascending, and whether this is the first reading."""
        if known is not None and known["validity"] == status.validity:
            if status.next_uid == known["uid"] + 1:
                return known, [], False
            found = await self._account.search("UID", f"{known['uid'] + 1}:*")
            # "*" is the highest UID, and a range has no direction: it always names the last mail.
            if not _begins_anew(status, known, found):
                return known, [uid for uid in found if uid > known["uid"]], False
        bound = self._since
        if known is not None:
            # Restored, moved or made anew: the numbers mean nothing any more, but the mails are mostly known.
            self.rebuilt.add(place.mailbox)
            bound = max(self._since, datetime.fromisoformat(known["until"]) - REBUILT)
        found = await self._account.search("SINCE", bound - DAY) if status.count else []
        last = (status.next_uid or max(found, default=0) + 1) - 1
        marks = {"validity": status.validity, "uid": last, "until": bound.isoformat(), "modseq": status.modseq}
        return marks, found, True

    async def _new(self, place: Place, status: Status, uids: Sequence[int]) -> list[Record]:
        # A search by date knows only days of the server's own time zone, and moved mails keep their time.
        arrivals = await self._account.arrivals(uids)
        wanted = [uid for uid in uids if uid in arrivals and (arrivals[uid] or self._since) >= self._since]
        if not wanted:
            return []
        records = await self._account.mails(place, status.validity, wanted)
        for record in records:
            if joined := await self._root(place, record):
                record["joined"] = joined
        return records

    # Answered by a colleague

    async def _answered(
        self, place: Place, status: Status, marks: Marks, first: bool, read: Sequence[Record]
    ) -> tuple[list[int], Marks]:
        """UIDs that were marked as answered since the last look, and the marks to go on from."""
        after = {**marks, "modseq": status.modseq}
        if place.role == "sent" or not status.count:
            return [], after
        new = {record["uid"] for record in read}
        upto = f"1:{max(marks['uid'], 1)}"
        if status.modseq and marks.get("modseq"):
            if first or status.modseq == marks["modseq"]:
                return [], after
            changed = await self._account.search("MODSEQ", marks["modseq"] + 1, "ANSWERED", "UID", upto)
            return await self._in_time([uid for uid in changed if uid not in new]), after
        recent = datetime.fromisoformat(marks["until"]) - NEAR
        found = await self._account.search("ANSWERED", "SINCE", recent, "UID", upto)
        told = set(marks.get("answered", ())) | new
        fresh = [] if first else await self._in_time([uid for uid in found if uid not in told])
        return fresh, {**after, "answered": found}

    async def _in_time(self, uids: Sequence[int]) -> list[int]:
        if not uids:
            return []
        arrivals = await self._account.arrivals(uids)
        return [uid for uid in uids if uid in arrivals and (arrivals[uid] or self._since) >= self._since]

    async def _marked(self, place: Place, status: Status, uids: Sequence[int], read: Sequence[Record]) -> list[Record]:
        """The mails once more, each with the arrival of the first mail that was new together with its mark."""
        before = min((record["arrived"] for record in read if record["arrived"]), default=None)
        records = await self._account.mails(place, status.validity, uids)
        for record in records:
            record["marked_before"] = before
            if joined := await self._root(place, record):
                record["joined"] = joined
        return records

    # Threads that a mail program tore apart

    async def _root(self, place: Place, record: Record) -> str | None:
        """The conversation of a mail that names only what it answers, or not even that. None: it says so itself."""
        try:
            mail = Mail(record)
        except RecordError:
            return None
        if mail.header("references"):
            return None
        kind = "subject" if mail.parent is None else "parent"
        if kind in self._given_up:
            return None
        try:
            root = await self._root_by_subject(mail) if mail.parent is None else await self._root_of(place, mail.parent)
        except ThrottledError:
            raise
        except TransientError as error:
            self._note_failed(kind, error)
            await self._account.examine(place.mailbox)  # another folder may be open, or none
            return None
        self._found.add(kind)
        return root

    def _note_failed(self, kind: str, error: TransientError) -> None:
        """Raises it while it may pass. Servers exist that do not search by one thing or the other, or break at it."""
        if isinstance(error, RefusedError):
            return
        if self._failed[kind] < POLLS_FAILED:
            self._failed[kind] += 1
            raise error
        self._given_up.add(kind)

    async def _root_of(self, place: Place, parent: str) -> str | None:
        """The conversation to which that mail belongs, wherever it lies."""
        if not parent.isascii():
            return None
        elsewhere = [each.mailbox for each in self.places if each.mailbox != place.mailbox]
        found = (await look_up(self._account, parent)).mail
        while found is None and elsewhere:
            if await self._account.examine(elsewhere.pop(0)) is not None:
                found = (await look_up(self._account, parent)).mail
        await self._account.examine(place.mailbox)
        return None if found is None or found.root == parent else found.root

    async def _root_by_subject(self, mail: Mail) -> str | None:
        """That of the first mail of the same person and subject, where it says "Re:" and came soon after."""
        sender, subject, arrived = mail.sender, bare_subject(mail.subject), mail.record["arrived"]
        if sender is None or not sender.address.isascii() or not arrived:
            return None
        if not subject or not is_reply_subject(mail.subject):
            return None
        since = datetime.fromisoformat(arrived) - NEAR
        found = await self._account.search("FROM", sender.address, "SINCE", since)
        earlier = [uid for uid in found if uid < mail.record["uid"]][-CANDIDATES:]
        headers = await self._account.headers(earlier) if earlier else {}
        for _, raw in sorted(headers.items()):
            other = mail_with(raw)
            same_person = other is not None and other.sender and other.sender.address == sender.address
            if other is not None and same_person and bare_subject(other.subject) == subject:
                return other.root
        return None


def _begins_anew(status: Status, known: Marks, found: Sequence[int]) -> bool:
    """Whether numbers that were given are given again, which no server may do: the folder was deleted and made anew,
    and bears the same UIDVALIDITY. A server that merely tells a wrong next number still has mails with higher ones."""
    return status.next_uid is not None and status.next_uid <= known["uid"] and max(found, default=0) < known["uid"]


def _newest(records: Sequence[Record], until: str) -> str:
    arrivals: list[str] = [record["arrived"] for record in records if record["arrived"]]
    return max([*arrivals, until])
