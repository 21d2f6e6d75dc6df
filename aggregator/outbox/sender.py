"""The one task that sends. Of each source one answer at a time, in the order in which they were written.

    held -> sending (committed before the call) -> sent | refused | unknown

What was `sending` when a process died is looked for, and never sent again by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog

from aggregator.clocks import real_seconds
from aggregator.due_work import DueWork
from aggregator.identity import as_uuid, post_id
from aggregator.outbox import asked, row
from aggregator.outbox.outbox import Outbox
from aggregator.outbox.row import Row, State, Turn
from aggregator.store.database import Connection
from connectors.errors import (
    AuthError,
    NotSentError,
    ReplyRefusedError,
    SourceGoneError,
    StatusError,
    ThrottledError,
)
from connectors.replying import CANNOT_TELL, Asked, Outgoing, Replying, Sent, Why

log = structlog.get_logger()

LONGEST: Final = 90.0  # seconds that an attempt may take; a platform's own time-out is shorter
LOOKS_FOR: Final = 30.0  # seconds that a look, or a connection, may take
GIVES_UP: Final = timedelta(minutes=10)  # an attempt that surely sent nothing is repeated for so long
BACK_OFF: Final = (2.0, 5.0, 15.0, 30.0, 60.0)  # seconds before it is
LOOKS_AGAIN: Final = (20.0, 120.0)  # seconds after a first look: an answer may take a while to be shown
TICK: Final = 0.2  # seconds; a clock of tests and demonstrations does not go like ours
LETS_FINISH: Final = 1.0  # seconds that a call under way has at the end


class Sender:
    """Run it once per process. `failed`: what the service cannot live with."""

    def __init__(self, outbox: Outbox, failed: asyncio.Future[None] | None = None) -> None:
        self._outbox = outbox
        self._work = DueWork(outbox.wake, "outbox.broken", failed)
        self._looks: dict[UUID, tuple[str, list[datetime]]] = {}  # at which source, and when

    def start(self) -> None:
        self._work.start(self.send_due, TICK, first=self.look_after_a_start)

    async def stop(self) -> None:
        """A call under way has a moment to end; else it is looked for after the next start."""
        await self._work.stop(LETS_FINISH)

    async def look_after_a_start(self) -> None:
        """Begin to look for what a former process was sending, or did not know of: it is sent, or nobody knows."""
        left = await self._outbox.db.read(lambda con: row.in_state(con, "sending", "unknown"))
        for source in {each.source for each in left}:
            self._work.begin(source, partial(self._look_for, [each for each in left if each.source == source]))

    async def _look_for(self, left: Sequence[Row]) -> None:
        for each in left:
            await self._look(each, "the service ended while it was being sent")

    async def send_due(self, *, until_done: bool = False) -> bool:
        """Begin what is due. `until_done`: and wait for its end. Returns whether something waits for its time."""
        now = self._outbox.clock()
        held, unsettled = await self._outbox.db.read(lambda con: (row.turns(con), row.unsettled_count(con)))
        self._outbox.unsettled_count = unsettled
        farthest = now + timedelta(seconds=real_seconds(self._outbox.clock, GIVES_UP.total_seconds()))
        held = [each if each.due_at <= farthest else each._replace(due_at=now) for each in held]  # by a clock set back
        for source, each in _next_of_each(held, now).items():
            if each.due_at <= now and not self._work.is_busy(source):
                self._work.begin(source, partial(self._send, each))
        await self._look_again(now)
        if until_done:
            await self._work.done()
        return bool(held or self._looks)

    # -- one answer ----------------------------------------------------------------------------------

    async def _send(self, held: Turn) -> None:
        connector = self._outbox.connectors.get(held.source)
        if not isinstance(connector, Replying):
            await self._end(held, "held", "refused", why="source_off")
            return
        now = self._outbox.clock()
        sending, to = await self._outbox.db.write(lambda con: _begun(con, held.outbox_id, now))
        if sending is None:
            return  # it was undone in the last moment, or went with its person
        self._outbox.changed([held.inquiry_id.bytes])
        if to is None or not to.record:
            await self._end(sending, "sending", "refused", why="gone")
            return
        outgoing = Outgoing(sending.key, sending.text, to, sending.who, sending.began_at or now)
        try:
            await self._ready(held.source)
            async with asyncio.timeout(LONGEST):
                sent = await connector.reply(outgoing)
        except ReplyRefusedError as error:
            await self._end(sending, "sending", "refused", why=error.why, detail=error.detail[:500])
        except AuthError as error:
            await self._end(sending, "sending", "refused", why="login", detail=str(error)[:500])
        except SourceGoneError as error:
            await self._end(sending, "sending", "refused", why="gone", detail=str(error)[:500])
        except NotSentError as error:
            await self._try_later(sending, BACK_OFF[min(sending.tries, len(BACK_OFF)) - 1], str(error))
        except ThrottledError as error:
            await self._try_later(sending, error.retry_after, str(error))
        except Exception as error:  # whatever it was: it may have been sent
            if isinstance(error, StatusError) and error.says_no:
                await self._end(sending, "sending", "refused", why="other", detail=str(error)[:500])
                return
            log.warning("outbox.unknown", source=held.source, message=str(error) or type(error).__name__)
            await self._look(sending, str(error) or type(error).__name__)
        else:
            await self._sent(sending, sent)

    async def _ready(self, source: str) -> None:
        """Its connection stands. What fails here has sent nothing."""
        try:
            async with asyncio.timeout(LOOKS_FOR):
                await self._outbox.ready(source)
        except (AuthError, SourceGoneError, ThrottledError, NotSentError):
            raise
        except Exception as error:
            raise NotSentError(str(error) or type(error).__name__) from error

    async def _try_later(self, sending: Row, seconds: float, detail: str) -> None:
        now = self._outbox.clock()
        due = now + timedelta(seconds=real_seconds(self._outbox.clock, seconds))
        if due - (sending.began_at or sending.written_at) > GIVES_UP:  # a lot's last ones may wait long for their turn
            await self._end(sending, "sending", "refused", why="unreachable", detail=detail[:500])
            return
        changes = {"state": "held", "due_at": due, "why": "unreachable", "detail": detail[:500]}
        await self._outbox.db.write(lambda con: row.move(con, sending.outbox_id, "sending", **changes))
        self._outbox.changed([sending.inquiry_id.bytes])

    async def _end(self, before: Row | Turn, state: State, to: State, *, why: Why, detail: str = "") -> None:
        now = self._outbox.clock()
        changes = {"state": to, "ended_at": now, "why": why, "detail": detail}
        await self._outbox.db.write(lambda con: row.move(con, before.outbox_id, state, **changes))
        log.info("outbox.refused", source=before.source, why=why)
        await self._did_not_get_there(before.outbox_id)

    async def _did_not_get_there(self, outbox_id: UUID) -> None:
        """Its page shows it, and whoever wrote it is told: that colleague may be elsewhere by now."""
        stands = await self._outbox.left(outbox_id)
        if stands is None:
            return
        self._outbox.changed([stands.inquiry_id.bytes])
        if self._outbox.tell is not None and stands.settled_at is None:
            await self._outbox.tell(stands)

    async def _sent(self, before: Row, sent: Sent, *, looked_for: bool = False) -> bool:
        """Of `sending` or `unknown`. False: what was found by its words is another answer from here."""
        space = self._outbox.connectors[before.source].space
        post = as_uuid(post_id(space, sent.native_id)) if sent.native_id is not None else None
        changes = {
            "state": "sent",
            "ended_at": self._outbox.clock(),
            "native_id": sent.native_id,
            "sent_post_id": post,
            "permalink": sent.permalink,
            "pending": sent.held,
            "why": None,
            "detail": None,
            "looked": None,
        }

        def do(con: Connection) -> bool:
            if looked_for and post is not None and row.is_another(con, before.outbox_id, post):
                return False
            if row.move(con, before.outbox_id, "sending", "unknown", **changes):
                self._outbox.answered(con, row.row(con, before.outbox_id), before.who)
            return True

        if not await self._outbox.db.write(do):
            return False
        log.info("outbox.sent", source=before.source)
        self._outbox.changed([before.inquiry_id.bytes])
        return True

    # -- when nobody knows -----------------------------------------------------------------------------

    async def _look(self, before: Row, detail: str) -> None:
        """Ask the platform whether it has it. Nothing is sent."""
        found = await self._found(before)
        if isinstance(found, Sent):
            if await self._sent(before, found, looked_for=True):
                return
            found = CANNOT_TELL
        now = self._outbox.clock()
        changes: dict[str, Any] = {"looked": "absent" if found is None else CANNOT_TELL}
        if before.state == "sending":
            changes |= {"state": "unknown", "ended_at": now, "detail": detail[:500]}
        asks = await self._outbox.db.write(lambda con: self._unknown(con, before, changes))
        if not asks or before.state == "unknown":
            self._outbox.changed([before.inquiry_id.bytes])
            return
        await self._did_not_get_there(before.outbox_id)
        if found is None:
            later = (timedelta(seconds=real_seconds(self._outbox.clock, each)) for each in LOOKS_AGAIN)
            self._looks[before.outbox_id] = before.source, [now + each for each in later]

    def _unknown(self, con: Connection, before: Row, changes: dict[str, Any]) -> bool:
        """Whether a person has to be asked: it is in no other state by now, and has not come back meanwhile."""
        self._outbox.own.forget()
        moved = row.move(con, before.outbox_id, before.state, **changes)
        return moved and not self._outbox.came_back(con, before.outbox_id)

    async def _found(self, before: Row) -> Sent | str | None:
        connector = self._outbox.connectors.get(before.source)
        to = await self._outbox.db.read(lambda con: asked.stored_post(con, before.post_id.bytes))
        if not isinstance(connector, Replying) or to is None or not to.record:
            return CANNOT_TELL
        outgoing = Outgoing(before.key, before.text, to, before.who, before.began_at or before.written_at)
        try:
            async with asyncio.timeout(LOOKS_FOR):
                await self._outbox.ready(before.source)
                return await connector.find_sent(outgoing)
        except Exception as error:  # it is only a look
            log.warning("outbox.look_failed", source=before.source, message=str(error) or type(error).__name__)
            return CANNOT_TELL

    async def _look_again(self, now: datetime) -> None:
        """A source that is busy is looked at later: no look is left out for it."""
        for outbox_id, (source, times) in list(self._looks.items()):
            if times[0] > now or self._work.is_busy(source):
                continue
            del self._looks[outbox_id]
            stands = await self._outbox.left(outbox_id)
            if stands is None or stands.state != "unknown" or stands.settled_at is not None:
                continue
            if to_come := [each for each in times if each > now]:
                self._looks[outbox_id] = source, to_come
            self._work.begin(source, partial(self._look, stands, stands.detail or ""))


def _next_of_each(held: Sequence[Turn], now: datetime) -> dict[str, Turn]:
    """Of each source the answer whose turn it is: the oldest. But one that was written for its inquiry alone goes
    before those of a lot, unless one of these is for the same inquiry. Where a platform lets us wait, all wait."""
    by_source: dict[str, list[Turn]] = {}
    for each in held:
        by_source.setdefault(each.source, []).append(each)
    found = {}
    for source, rows in by_source.items():
        alone = next((each for each in rows if each.lot is None), None)
        waits = rows[0].why is not None and rows[0].due_at > now
        if alone is None or waits or any(each.inquiry_id == alone.inquiry_id for each in rows[: rows.index(alone)]):
            found[source] = rows[0]
        else:
            found[source] = alone if alone.due_at <= now else next((each for each in rows if each.lot), alone)
    return found


def _begun(con: Connection, outbox_id: UUID, now: datetime) -> tuple[Row | None, Asked | None]:
    held = row.left(con, outbox_id)
    if held is None:
        return None, None
    began: dict[str, Any] = {"state": "sending", "began_at": held.began_at or now, "tries": held.tries + 1, "why": None}
    if not row.move(con, outbox_id, "held", **began):
        return None, None
    return held._replace(**began), asked.stored_post(con, held.post_id.bytes)
