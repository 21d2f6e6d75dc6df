"""What colleagues do with answers: send, undo, send again, say that one was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

from aggregator.acting.compare_and_set import note
from aggregator.clocks import Clock, real_seconds
from aggregator.config import Settings, clock_of
from aggregator.folding.refold import inquiries_by_id, refold
from aggregator.identity import Id, as_uuid, time_ordered_id
from aggregator.incidents.keeping import note as note_incident
from aggregator.ingest.own_answers import Awaited, OwnAnswers, reply_details, stored_answer
from aggregator.inquiry import Inquiry
from aggregator.outbox import asked, row, seen
from aggregator.outbox.lot import Candidate, candidates, once_each, told_since
from aggregator.outbox.lot import lot as lot_of
from aggregator.outbox.row import Row
from aggregator.outbox.seen import Answer
from aggregator.store.database import Connection, Database
from aggregator.triage.promises import promised_until
from connectors.contract import Connector
from connectors.errors import ReplyRefusedError
from connectors.replying import Asked, Window, measured

if TYPE_CHECKING:
    from datetime import datetime

HOLD: Final = 8.0  # seconds in which an answer can be taken back


class SaidMeanwhileError(Exception):
    """Somebody else has answered since the page was opened."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        super().__init__(f"{answers[-1].who} has answered meanwhile")
        self.answers = answers


class TooLateError(Exception):
    """It is in another state by now."""

    def __init__(self, row: Row) -> None:
        super().__init__(f"it is {row.state}")
        self.row = row


@dataclass(frozen=True, slots=True)
class Written:
    """Where an inquiry's answers stand. `shown`: what is on its way, or did not get there. `alone`: what the platform
    has, and no post of ours tells. `mark`: what a page says it has shown."""

    window: Window
    shown: tuple[Row, ...]
    alone: tuple[Row, ...]
    mark: str


@dataclass
class Outbox:
    """One per workplace. `ready` opens a source's connection; `changed` is told of inquiries that show something else,
    `wake` of an answer that waits, and `tell` lets its writer know that one did not get there."""

    db: Database
    settings: Settings
    clock: Clock
    connectors: Mapping[str, Connector]
    own: OwnAnswers
    ready: Callable[[str], Awaitable[None]]
    changed: Callable[[Collection[Id]], None] = lambda _: None
    tell: Callable[[Row], Awaitable[None]] | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    unsettled_count: int = 0  # as it was seen last

    def written(self, con: Connection, inquiry_id: Id) -> Written:
        """For its page. Raises KeyError: there is no such inquiry."""
        inquiry = inquiries_by_id(con, [inquiry_id])[inquiry_id]
        rows = row.of_inquiry(con, inquiry_id)
        target = asked.newest_post(con, inquiry, rows)
        return Written(
            window=self._window(inquiry, target[1] if target else None),
            shown=tuple(each for each in rows if each.is_shown),
            alone=tuple(each for each in rows if each.stands_alone),
            mark=seen.newest(seen.answers(con, inquiry, rows)),
        )

    async def send(self, inquiry_id: Id, who: str, text: str, seen_mark: str, key: str = "") -> Row:
        """Take an answer to the newest post; it is sent once the time for undoing it has passed.

        Args:
            key: 32 letters and digits. One that an answer to this inquiry has already gives that answer once more.

        Raises:
            KeyError: there is no such inquiry.
            SaidMeanwhileError: others have answered, and `seen_mark` says that the page had not shown it.
            ReplyRefusedError: it cannot be answered so; why, as far as we know before trying.
        """
        taken = await self.db.write(lambda con: self._take(con, inquiry_id, who, text, seen_mark, key))
        self._tell(taken)
        return taken

    def taken(self, con: Connection, inquiry_id: Id, key: str) -> Row | None:
        """The answer to this inquiry that was given this key."""
        return next((each for each in row.of_inquiry(con, inquiry_id) if each.key == key), None)

    async def everybody(self, incident: Id) -> list[Candidate]:
        """Who of an incident can be told its news, and who was. Raises KeyError: there is no such incident."""
        return await self.db.read(
            lambda con: candidates(con, incident, told_since(con, incident), self._window)
        )  # fmt: skip

    async def send_all(self, incident: Id, who: str, texts: Mapping[Id, str]) -> tuple[UUID, list[Row]]:
        """Take an answer to each of these inquiries of an incident: all of them in one transaction, so that none is
        forgotten. Left out is who has got one meanwhile, and no person gets two. No answer: there is no such lot.

        Raises:
            KeyError: there is no such incident.
        """
        lot = uuid4()
        taken = await self.db.write(lambda con: self._take_all(con, incident, who, texts, lot))
        self.changed([each.inquiry_id.bytes for each in taken])
        self.wake.set()
        return lot, taken

    async def undo_all(self, lot: UUID, who: str) -> list[Row]:
        """Take back what of a lot is still held. Raises KeyError: there is no such lot."""

        def do(con: Connection) -> list[Row]:
            _, answers = lot_of(con, lot)
            now = self.clock()
            changes = {"state": "undone", "ended_at": now, "settled_at": now, "settled_by": who}
            return [each for each in answers if row.move(con, each.outbox_id, "held", **changes)]

        undone = await self.db.write(do)
        self.changed([each.inquiry_id.bytes for each in undone])
        self.wake.set()
        return undone

    async def unsettled(self) -> list[Row]:
        """What did not get there, or may not have, and nobody has dealt with; oldest first."""
        return sorted(await self.db.read(lambda con: row.in_state(con, *row.UNSETTLED)))

    async def count_unsettled(self) -> None:
        """Some go without us: they come back by polling, their person is erased, another process sends them."""
        self.unsettled_count = await self.db.read(row.unsettled_count)

    async def find(self, outbox_id: UUID) -> Row:
        """Raises KeyError: there is none."""
        return await self.db.read(lambda con: row.row(con, outbox_id))

    async def left(self, outbox_id: UUID) -> Row | None:
        """None: the person whom it answered was erased meanwhile, and it with them."""
        return await self.db.read(lambda con: row.left(con, outbox_id))

    async def undo(self, outbox_id: UUID, who: str) -> Row:
        """Take it back. Raises KeyError; TooLateError: it is held no longer."""
        return await self._settle(outbox_id, who, "held", state="undone", ended_at=self.clock())

    async def dismiss(self, outbox_id: UUID, who: str) -> Row:
        """What was refused has been read. Raises KeyError; TooLateError: it is not refused, or was settled."""
        return await self._settle(outbox_id, who, "refused")

    async def was_sent(self, outbox_id: UUID, who: str) -> Row:
        """A colleague has looked: it is there. Raises KeyError; TooLateError: nobody asks any more."""

        def do(con: Connection) -> Row:
            if not row.move(con, outbox_id, "unknown", state="sent", looked=None):
                raise TooLateError(row.row(con, outbox_id))
            self.answered(con, row.row(con, outbox_id), who)
            return row.row(con, outbox_id)

        said = await self.db.write(do)
        self._tell(said)
        return said

    async def again(self, outbox_id: UUID, who: str) -> Row:
        """Send once more what was refused, or what a colleague has looked for in vain: as a new answer.

        Raises:
            KeyError: there is none.
            TooLateError: it is neither refused nor unknown, or another colleague was quicker.
            SaidMeanwhileError, ReplyRefusedError: as `send`.
        """

        def do(con: Connection) -> Row:
            before = row.row(con, outbox_id)
            now = self.clock()
            if not row.move(con, outbox_id, "refused", "unknown", settled_at=now, settled_by=who):
                raise TooLateError(before)
            self.own.forget()
            return self._take(con, before.inquiry_id.bytes, who, before.text, str(before.written_at.timestamp()))

        taken = await self.db.write(do)
        self._tell(taken)
        return taken

    async def lost(self, outbox_id: UUID) -> None:
        """The platform could not deliver it: whoever wrote it is told, and may be elsewhere by now."""
        self.wake.set()
        if self.tell is not None:
            stands = await self.left(outbox_id)
            if stands is not None:
                await self.tell(stands)

    def came_back(self, con: Connection, outbox_id: UUID) -> bool:
        """Whether one that is unknown was read as a post while it was being sent: then it is sent. On the writer's
        connection."""
        unknown = row.row(con, outbox_id)
        if stored_answer(con, _awaited(unknown)) is None:
            return False
        row.move(con, outbox_id, "unknown", state="sent", why=None, detail=None, looked=None)
        self.answered(con, unknown, unknown.who)
        return True

    def answered(self, con: Connection, sent: Row, who: str) -> None:
        """The platform has it: the inquiry is answered. On the writer's connection."""
        now, inquiry = self.clock(), sent.inquiry_id.bytes
        subject = inquiries_by_id(con, [inquiry])[inquiry]
        awaited = _awaited(sent)
        post = awaited.post_id or stored_answer(con, awaited)
        if post is not None and (elsewhere := _bring_home(con, post, sent, now)):
            refold(con, elsewhere, clock_of=partial(clock_of, self.settings), points=self.settings.points)
        working = clock_of(self.settings, subject.channel).working_time
        promise = promised_until(sent.text, now, working)
        note(con, self.settings, subject, who, "reply", now, reply_details(post, promise, sent.written_at))
        self.own.forget()

    # -- on the writer's connection ------------------------------------------------------------------

    def _take(self, con: Connection, inquiry_id: Id, who: str, text: str, seen_mark: str, key: str = "") -> Row:
        inquiry = inquiries_by_id(con, [inquiry_id])[inquiry_id]
        rows = row.of_inquiry(con, inquiry_id)
        if key and (before := self.taken(con, inquiry_id, key)):
            return before
        if others := seen.unseen(seen.answers(con, inquiry, rows), seen_mark, who):
            raise SaidMeanwhileError(others)
        target = asked.newest_post(con, inquiry, rows)
        window = self._window(inquiry, target[1] if target else None)
        place = _place_among(rows, self.clock())
        return self._put(con, inquiry, target[0] if target else None, window, who, text, place, key=key)

    def _take_all(self, con: Connection, incident: Id, who: str, texts: Mapping[Id, str], lot: UUID) -> list[Row]:
        now = self.clock()
        found = candidates(con, incident, told_since(con, incident), self._window)
        taken = []
        for number, (one, text) in enumerate(once_each(found, texts)):
            assert one.window is not None
            try:
                taken.append(self._put(con, one.inquiry, one.post, one.window, who, text, number, lot))
            except ReplyRefusedError:
                continue  # too long for this platform: its page has said so
        if taken:
            con.execute("INSERT INTO answer_lot VALUES (?, ?, ?, ?, ?)", [lot, as_uuid(incident), who, now, len(taken)])
            note_incident(con, incident, who, "answer", now, {"lot": str(lot), "answers": len(taken)})
        return taken

    def _put(
        self,
        con: Connection,
        inquiry: Inquiry,
        post: Id | None,
        window: Window,
        who: str,
        text: str,
        number: int,
        lot: UUID | None = None,
        key: str = "",
    ) -> Row:
        """Into the outbox, if its platform takes it as far as we know. `number`: among those of the same moment."""
        if window.why is not None or post is None:
            raise ReplyRefusedError(window.why or "gone", window.detail)
        if window.longest is not None and (length := measured(text, window.unit)) > window.longest:
            raise ReplyRefusedError("too_long", f"{length} / {window.longest}")
        now = self.clock()
        taken = Row(
            outbox_id=time_ordered_id(int(now.timestamp() * 1000), number),
            inquiry_id=as_uuid(inquiry.inquiry_id),
            thread_id=as_uuid(inquiry.thread_id),
            post_id=as_uuid(post),
            source=inquiry.source,
            who=who,
            text=text,
            key=key or uuid4().hex,
            state="held",
            written_at=now,
            due_at=now + timedelta(seconds=real_seconds(self.clock, HOLD)),
            lot=lot,
        )
        row.insert(con, taken)
        return taken

    def _window(self, inquiry: Inquiry, target: Asked | None) -> Window:
        return asked.window(self.connectors, inquiry, target, self.clock())

    async def _settle(self, outbox_id: UUID, who: str, *states: row.State, **changes: object) -> Row:
        def do(con: Connection) -> Row:
            if not row.move(con, outbox_id, *states, settled_at=self.clock(), settled_by=who, **changes):
                raise TooLateError(row.row(con, outbox_id))
            return row.row(con, outbox_id)

        settled = await self.db.write(do)
        self._tell(settled)
        return settled

    def _tell(self, changed: Row) -> None:
        self.changed([changed.inquiry_id.bytes])
        self.wake.set()


def _awaited(this: Row) -> Awaited:
    return Awaited(
        this.outbox_id,
        this.inquiry_id.bytes,
        this.thread_id.bytes,
        this.post_id.bytes,
        this.sent_post_id.bytes if this.sent_post_id else None,
        this.who,
        this.text,
        this.began_at or this.written_at,
        this.state,
    )


def _place_among(rows: Sequence[Row], now: datetime) -> int:
    """Ids of one millisecond rise, too."""
    return sum(each.written_at == now for each in rows)


def _bring_home(con: Connection, post: Id, sent: Row, now: datetime) -> set[Id]:
    """The post came back before we knew that it was sent: it belongs there. Returns another inquiry that it was in."""
    stood = con.execute("SELECT inquiry_id FROM post WHERE post_id = ?", [as_uuid(post)]).fetchone()
    if stood is None:
        return set()
    con.execute("UPDATE post SET staff = true, inquiry_id = ? WHERE post_id = ?", [sent.inquiry_id, as_uuid(post)])
    con.execute(
        "UPDATE outbox SET arrived_at = ?, sent_post_id = ? WHERE outbox_id = ?", [now, as_uuid(post), sent.outbox_id]
    )
    return {stood[0].bytes} - {sent.inquiry_id.bytes} if stood[0] else set()
