"""What changed, as Server-Sent Events: `hello`, `new`, `upd`, `gone`, `told`, `presence`, `conn`, `counts`, `ping`,
`resync`.

A change is read and rendered once per language, however many browsers listen. All clients follow one ring of
the last changes, so a slow one costs no memory: it is cut off and catches up by Last-Event-ID, or by `resync`. Of older
changes than a client may miss only the inquiries are remembered, for programs that ask what has changed.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

import orjson

from aggregator.identity import Id, as_written, written
from aggregator.store.desk import DeskFullError
from aggregator.store.filters import Filters
from aggregator.store.inquiry_cache import InquiryCache
from aggregator.store.listing import tally
from aggregator.store.reading import FeedRow, rows_by_id
from aggregator.store.troubles import Trouble, troubles
from aggregator.web import pages
from aggregator.web.i18n import Lang
from aggregator.web.presence import Doing, Presence

if TYPE_CHECKING:
    from starlette.types import Receive, Send

    from aggregator.config import Settings
    from aggregator.store.database import Database

log = logging.getLogger(__name__)

RING = 5000
BACKLOG = 500  # changes that a client may lag behind, and the most that one commit is told row by row
PING_EVERY = 15.0
COUNTS_EVERY = 2.0
GATHERED, GATHERED_LATEST = 0.15, 0.6  # seconds from one look at what changed to the next: twice as long as it took
WATCH_EVERY = 5.0  # seconds between looks at who is away from the desk, and at how the sources fare
SETTLED_WITHIN = 1.0
STALLED = 30.0  # seconds that a client may take nothing at all


@dataclass(slots=True)
class _Change:
    """One event of the ring. `row` None: the inquiry is gone, or everything must be read again. `inquiry`: which one
    changed."""

    number: int
    event: str
    data: dict[str, object]
    row: FeedRow | None = None
    inquiry: Id | None = None
    texts: dict[Lang, bytes] = field(default_factory=dict)

    def grows_old(self) -> None:
        """Nobody who listens is told of it any more: which inquiry changed is all that is asked for."""
        self.data, self.row, self.texts = {}, None, {}


class Stream:
    """One per process. `publish` may be called from any thread; the rest belongs to the event loop."""

    def __init__(self, db: Database, *, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._pending: set[Id] = set()
        self._handing: set[Id] = set()  # taken from there, and not in the ring yet
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._stopped = asyncio.Event()
        self._moved = asyncio.Condition()
        self._ring: deque[_Change] = deque(maxlen=RING)
        # A later life of the process must not repeat numbers that browsers remember.
        self.number = time.time_ns() // 1_000_000
        self._uncounted = False
        self._counted = 0.0  # loop time
        self.ping_every = PING_EVERY
        self.watch_every = WATCH_EVERY
        self.clients = 0
        self.cache = InquiryCache()
        """Rows that were read, for whoever reads them next: who hears of a change asks for it."""
        self.presence = Presence()
        self.remember: Callable[[Mapping[str, object]], None] | None = None
        self.looks_too: Callable[[], Awaitable[None]] | None = None
        """Called at each look around."""
        self._troubles: list[Trouble] = []

    def publish(self, inquiry_ids: Collection[Id]) -> None:
        """Tell of inquiries that a commit touched. Safe from any thread, before and after `run` as well."""
        with self._lock:
            self._pending.update(inquiry_ids)
            loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                loop.call_soon_threadsafe(self._wake.set)

    def since(self, number: int, most: int) -> tuple[int, set[Id]] | None:
        """Which inquiries changed after this event, `most` of them, and up to which event. None: that is too long ago,
        or so many changed that they were not told one by one."""
        oldest = self._ring[0].number if self._ring else self.number + 1
        if not oldest - 1 <= number <= self.number:
            return None
        changed: set[Id] = set()
        seen = number
        for change in self._after(number):
            if change.event == "resync":
                return None
            if change.inquiry is not None:
                changed.add(change.inquiry)
            if len(changed) > most:
                break
            seen = change.number
        return seen, changed

    def unsaid(self) -> set[Id]:
        """What was published and has no number yet."""
        with self._lock:
            return self._pending | self._handing

    async def settled(self) -> int:
        """The newest number, once everything that was published before has one (or after a second of waiting)."""
        before = self.unsaid()
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLED_WITHIN), self._moved:
                await self._moved.wait_for(lambda: not before & self.unsaid())
        return self.number

    async def tell(self, message: dict[str, object]) -> None:
        """Tell one person, `to`, something that concerns an inquiry; only that person's browsers show it. Whoever has
        none open finds it later."""
        if self.remember is not None and message["what"] != "progress":
            with suppress(DeskFullError):  # whoever is here is told all the same
                await asyncio.to_thread(self.remember, message)
        await self._append([("told", message, None)])

    @property
    def told_to(self) -> int | None:
        """The number of the newest event; None: something changed that is not told yet."""
        with self._lock:
            return None if self._pending or self._handing else self.number

    async def noted(self, who: str, tab: str, inquiry: Id, doing: Doing) -> None:
        """A colleague has an inquiry before them, answers it, or has left it."""
        await self._tell_presence(self.presence.note(who, tab, inquiry, doing))

    def stop(self) -> None:
        """End all open streams at once, so that the server can end. Call it on the event loop."""
        self._stopped.set()
        self._wake.set()

    async def run(self) -> None:
        """Read what was published and hand it on, until `stop`. Counts follow at most every 2 s. What cannot be told,
        for whatever reason, open pages read for themselves: they must not stand still unseen."""
        with self._lock:
            self._loop = asyncio.get_running_loop()
        self._wake.set()
        watching = asyncio.create_task(self._watch())
        try:
            while not self._stopped.is_set():
                await self._wake.wait()
                self._wake.clear()
                with self._lock:
                    ids, self._pending = self._pending, set()
                began = time.monotonic()
                try:
                    await self._tell_of(ids)
                except Exception as error:
                    log.error("stream.failed", exc_info=error)
                    await self._append([("resync", {}, None)])
                if ids:
                    await self._gather(2 * (time.monotonic() - began))
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
        async with self._moved:
            self._moved.notify_all()

    async def _tell_of(self, ids: set[Id]) -> None:
        if ids:
            self._uncounted, self._handing = True, ids
            try:
                await self._hand_on(ids)
            finally:
                self._handing = set()
        await self._count()

    async def _gather(self, seconds: float) -> None:
        """At a busy desk a page comes each 50 ms: reading what it changed takes as long, and of several no longer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(min(max(GATHERED, seconds), GATHERED_LATEST)):
                await self._stopped.wait()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self.watch_every)
            try:
                await self.look_around()
            except Exception as error:
                log.error("stream.failed", exc_info=error)  # the next look tells what this one could not

    async def look_around(self) -> None:
        """Tell what changes without a commit of an inquiry: who has gone quiet, and how the sources fare."""
        await self._tell_presence(self.presence.sweep())
        if self.looks_too is not None:
            await self.looks_too()
        now = await self._db.read(troubles)
        if now != self._troubles:
            self._troubles = now
            await self._append([("conn", {"sources": [one.source for one in now]}, None)])

    async def _tell_presence(self, inquiries: Collection[Id]) -> None:
        told: list[dict[str, object]] = [{"id": written(one), "people": self.presence.of(one)} for one in inquiries]
        await self._append([("presence", one, None) for one in told])

    async def _hand_on(self, ids: set[Id]) -> None:
        if len(ids) > BACKLOG:
            await self._append([("resync", {}, None)])
            return
        now = self._clock()
        rows = await self._db.read(lambda cursor: rows_by_id(cursor, ids, moment=now, cache=self.cache))
        changes: list[tuple[str, dict[str, object], FeedRow | None]] = []
        for row in rows:
            facts = pages.facts(row, self._settings.bands)
            event = "new" if row.inquiry.ver == 1 else "upd"
            changes.append((event, {"facts": facts}, row))
        changes += [("gone", {"id": written(one)}, None) for one in ids - {row.inquiry.inquiry_id for row in rows}]
        await self._append(changes)

    async def _count(self) -> None:
        """Send the figures if they moved and somebody listens, or come back when their time has come."""
        loop = asyncio.get_running_loop()
        if not (self._uncounted and self.clients):
            return
        if (wait := self._counted + COUNTS_EVERY - loop.time()) > 0:
            loop.call_later(wait, self._wake.set)
            return
        self._uncounted, self._counted = False, loop.time()
        views = {"open": Filters(), "urgent": Filters(bands=("P0",))}
        now = self._clock()
        counts = await self._db.read(lambda cursor: tally(cursor, views, moment=now, bands=self._settings.bands))
        await self._append([("counts", {**counts.views, "now": now.timestamp()}, None)])

    async def _append(self, changes: list[tuple[str, dict[str, object], FeedRow | None]]) -> None:
        async with self._moved:
            for event, data, row in changes:
                self.number += 1
                gone = as_written(str(data["id"])) if event == "gone" else None
                self._ring.append(_Change(self.number, event, data, row, row.inquiry.inquiry_id if row else gone))
                if len(self._ring) > BACKLOG:
                    self._ring[-BACKLOG - 1].grows_old()
            self._moved.notify_all()

    # -- listening -------------------------------------------------------------------------------

    async def listen(
        self,
        receive: Receive,
        send: Send,
        *,
        lang: Lang,
        last: int | None,
        still_valid: Callable[[], bool],
    ) -> None:
        """Answer one request with events until the client leaves, lags too far, or `stop`.

        Args:
            last: Last-Event-ID; None: from now on.
            still_valid: asked before each ping, however much there is to tell; False ends the stream (signed out).
        """
        ended = asyncio.ensure_future(_disconnected(receive))
        loop = asyncio.get_running_loop()
        self.clients += 1
        self._wake.set()  # what moved while nobody listened was not counted
        try:
            await send(_START)
            seen = await self._greet(send, last)
            ping_at = loop.time() + self.ping_every
            while not ended.done() and not self._stopped.is_set():
                if self.number - seen > BACKLOG:
                    break
                if loop.time() >= ping_at:
                    if not await asyncio.to_thread(still_valid):
                        break
                    await _body(send, _event("ping", {"now": self._clock().timestamp()}))
                    ping_at = loop.time() + self.ping_every
                elif fresh := self._after(seen):
                    seen = fresh[-1].number
                    await _body(send, b"".join(self._text(change, lang) for change in fresh))
                else:
                    await self._something_new(seen, ended, ping_at - loop.time())
            await _body(send, b"", more=False)
        except (TimeoutError, OSError):
            return
        finally:
            self.clients -= 1
            ended.cancel()

    async def _greet(self, send: Send, last: int | None) -> int:
        hello = {
            "seq": self.number,
            "now": self._clock().timestamp(),
            "build": pages.BUILD,
            "presence": self.presence.everybody(),
            "ping": self.ping_every,
        }
        text = _event("hello", hello)
        oldest = self._ring[0].number if self._ring else self.number + 1
        seen = self.number if last is None else last
        if (last is not None and not oldest - 1 <= last <= self.number) or self.number - seen > BACKLOG:
            text += _event("resync", {}, self.number)
            seen = self.number
        await _body(send, text)
        return seen

    def _after(self, seen: int) -> list[_Change]:
        """From the near end of the ring: mostly one change of thousands is new."""
        return list(islice(reversed(self._ring), self.number - seen))[::-1]

    async def _something_new(self, seen: int, ended: asyncio.Future[None], within: float) -> None:
        """Wait for a change, an end, or until so many seconds are over."""
        waiting = asyncio.ensure_future(self._until_moved(seen))
        await asyncio.wait({waiting, ended}, timeout=max(0.0, within), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting

    async def _until_moved(self, seen: int) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: self.number > seen or self._stopped.is_set())

    def _text(self, change: _Change, lang: Lang) -> bytes:
        if lang not in change.texts:
            data = change.data
            if change.row is not None:
                data = data | {"html": pages.row_html(change.row, lang, self._settings, unread=True)}
            change.texts[lang] = _event(change.event, data, change.number)
        return change.texts[lang]


_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    ],
}


def _event(name: str, data: object, number: int | None = None) -> bytes:
    head = f"id: {number}\n" if number is not None else "retry: 1000\n" if name == "hello" else ""
    return f"{head}event: {name}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"


async def _body(send: Send, body: bytes, *, more: bool = True) -> None:
    async with asyncio.timeout(STALLED):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
