"""A page on its way from a connector to the feed: mask -> read -> understand -> commit -> tell.

Records, posts, inquiries, rejected records and the cursor of a page are in one transaction. Only when `page` has
returned is the connector resumed, or the webhook answered.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog

from aggregator.clocks import Clock
from aggregator.config import Settings, clock_of, official_of, staff_of
from aggregator.identity import Id
from aggregator.incidents.keeping import Incidents, said_on
from aggregator.incidents.reports import Said
from aggregator.ingest.arrivals import Arrival, Move, Outcome
from aggregator.ingest.calls import Calls
from aggregator.ingest.commit import commit_pages
from aggregator.ingest.drafts import Draft, Prepared
from aggregator.ingest.early_deletions import EarlyDeletions
from aggregator.ingest.origin import Origin, any_of
from aggregator.ingest.own_answers import OwnAnswers
from aggregator.ingest.pieces import Pieces
from aggregator.ingest.prepare import prepare, rejected_id
from aggregator.ingest.surfacing import Surfacing
from aggregator.ingest.together import Together
from aggregator.keeping.left_out import LeftOut
from aggregator.people.links import People
from aggregator.people.suspects import Suspects, our_names
from aggregator.store import sources
from aggregator.store.database import Connection, Database, StoreError
from aggregator.store.known_ids import KnownIds, SeenAccounts
from connectors.contract import Connector, Page, Record
from connectors.replying import Replying

log = structlog.get_logger()

GROUP_AFTER = 0.2  # seconds from a page's commit until its posts are grouped: pages that come together go together
GROUP_LATEST = 2.0  # so long where the writer is busy: the more go together, the less of it they take
GROUP_AT_ONCE = 200  # posts

Listener = Callable[[Collection[Id]], None]


class Ingest:
    """What every path into the database shares. `changed` is called from the event loop after each commit."""

    def __init__(self, db: Database, settings: Settings, clock: Clock, changed: Listener | None = None) -> None:
        self.db = db
        self.settings = settings
        self.clock = clock
        self.changed = changed
        self.lost: Callable[[UUID], Awaitable[None]] | None = None
        """Told of an answer of ours that did not arrive, by its outbox_id."""
        self.compact_due = threading.Event()
        """Overwritten words are still in the file: `db.compact()` takes them off the disk."""
        self.surfacing = Surfacing()
        self._pieces = Pieces()
        self._people = People()
        self._suspects = Suspects()
        self._names = our_names(settings)
        self._known = KnownIds()
        self._left_out = LeftOut(settings.retention)
        self._seen = SeenAccounts()
        self.own = OwnAnswers()
        self._early = EarlyDeletions()
        self._calls = Calls(partial(self._commit, move=None))
        self.together = Together(db, self.write_all, self._written)
        self._written_in = self._grouped_in = -1  # which of the writer's jobs
        db.rolled_back = self._rolled_back
        self._heard: list[tuple[str, Prepared, list[Draft]]] = []  # the first: of which source
        db.others_wrote = self._others_wrote
        self._grouping: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._ending = asyncio.Event()
        self.incidents = Incidents(
            persons=settings.incidents.persons, quiet=timedelta(hours=settings.incidents.quiet_hours)
        )

    def origin(self, connector: Connector, live_since: datetime | None) -> Origin:
        """What reading this connector's records takes."""
        return Origin(
            source=connector.source,
            space=connector.space,
            channel=connector.channel,
            read=connector.post,
            staff=staff_of(self.settings, connector.space),
            official=official_of(self.settings, connector.space),
            live_since=live_since,
            points=self.settings.points,
            clocks=self.settings.clocks,
            include=any_of(connector.config.include),
            exclude=any_of(connector.config.exclude),
            names=self._names,
            own=connector.is_own if isinstance(connector, Replying) else None,
        )

    async def page(self, origin: Origin, page: Page, fence: int) -> Outcome:
        """Commit one polled page and its cursor.

        Raises:
            FenceLostError: another process collects this source.
            StoreError: the database refused it; nothing of the page was kept.
        """
        return await self._commit(origin, page.records, Move(fence, page.cursor, page.gaps, page.quota))

    async def pushed(self, origin: Origin, records: Sequence[Record]) -> Outcome:
        """Commit what a webhook brought; it moves no cursor. What several calls of a source bring at the same time is
        committed together, and told to the first of them."""
        return await self._calls.commit(origin, records)

    async def _commit(self, origin: Origin, records: Sequence[Record], move: Move | None) -> Outcome:
        now = self.clock()
        prepared = await asyncio.to_thread(prepare, records, origin, now)
        return await self.together.commit(Arrival(origin, prepared, move, now))

    async def _written(self, arrivals: Sequence[Arrival], outcomes: Sequence[Outcome]) -> None:
        """Tell what was committed."""
        for arrival, outcome in zip(arrivals, outcomes, strict=True):
            source = arrival.origin.source
            if outcome.new or outcome.edited or outcome.deleted or outcome.rejected:
                log.info(
                    "page.committed",
                    source=source,
                    posts=outcome.new,
                    edited=outcome.edited,
                    rejected=outcome.rejected,
                    inquiries=len(outcome.inquiries),
                )
            self.hear(outcome, source)
        self.tell(set[Id]().union(*(outcome.inquiries for outcome in outcomes)))
        visible_at = self.clock()
        for arrival, outcome in zip(arrivals, outcomes, strict=True):
            for outbox_id in outcome.lost:
                log.warning("outbox.lost", source=arrival.origin.source)
                if self.lost is not None:
                    await self.lost(outbox_id)
            for posted_at in outcome.arrived:
                self.surfacing.took(arrival.origin.source, (visible_at - posted_at).total_seconds())

    def write(
        self,
        con: Connection,
        origin: Origin,
        prepared: Prepared,
        move: Move | None,
        now: datetime,
        *,
        reread: bool = False,
    ) -> Outcome:
        """`write_all` of a single page."""
        (outcome,) = self.write_all(con, [Arrival(origin, prepared, move, now)], reread=reread)
        return outcome

    def write_all(self, con: Connection, arrivals: Sequence[Arrival], *, reread: bool = False) -> list[Outcome]:
        """The transaction's body, for the writer thread: pages, each of another space."""
        self._written_in = self.db.written.jobs
        if not reread:
            for each in arrivals:
                self._left_out.leave_out(con, each.page, each.origin, self._known, each.seen_at)
        try:
            outcomes = commit_pages(
                con,
                arrivals,
                clock_of=partial(clock_of, self.settings),
                pieces=self._pieces,
                people=self._people,
                suspects=self._suspects,
                known=self._known,
                seen=self._seen,
                own=self.own,
                early=self._early,
                reread=reread,
            )
        except BaseException:
            self._forget()
            raise
        for each, outcome in zip(arrivals, outcomes, strict=True):
            if outcome.hidden:
                self.compact_due.set()
            if outcome.passed_over:
                sources.pass_over(con, each.origin.source, outcome.passed_over)
        self._resolve(con, arrivals)
        return outcomes

    def _rolled_back(self) -> None:
        """A transaction failed: if it was one of ours, at whatever point, what was noted in it does not hold."""
        if self._written_in == self.db.written.jobs:
            self._forget()
        if self._grouped_in == self.db.written.jobs:
            self.incidents.forget(lost=True)

    def _forget(self) -> None:
        self._pieces.forget()
        self._people.forget()
        self._suspects.forget()
        self._seen.forget()
        self._known.early_answers.forget()
        self.own.forget()
        self._early.forget()

    def forget_all(self) -> None:
        """Rows went that ingest did not write: nothing that was noted of them holds, but for ids, of which more may be
        known than are stored. For the writer thread."""
        self._forget()
        self._left_out.forget()
        self.incidents.forget()

    def give_back_ids(self) -> None:
        """Ids of much that was deleted take room: at the next page those that are stored are read anew, which takes a
        second or two beside ten million. For the writer thread."""
        self._known = KnownIds()

    def _others_wrote(self, con: Connection, since: int) -> None:
        """Another process has written since we noted anything: only ids stay known, and theirs are added."""
        self._forget()
        self._left_out.forget()
        self.incidents.forget()
        self._known.hear_of_others(con, since)

    def _resolve(self, con: Connection, arrivals: Sequence[Arrival]) -> None:
        """What could not be read earlier, and came again, is no longer missing."""
        arrived = [each for each in arrivals if each.page.drafts]
        waiting = sources.with_rejected(con) if arrived else set()
        for each in arrived:
            source = each.origin.source
            if source in waiting:
                names = each.page.posts["native_id"].to_pylist()
                sources.resolve(con, [rejected_id(source, name) for name in names], each.seen_at)

    # -- incidents --------------------------------------------------------------------------------

    def hear(self, outcome: Outcome, source: str) -> None:
        """What a committed page reports is grouped soon, beside further pages, which need not wait for it."""
        if outcome.page is not None:
            self._heard.append((source, outcome.page, outcome.asked))
            self.group_soon()

    def group_soon(self) -> None:
        """Group what was heard, and what a former process left, unless that is under way."""
        if self._grouping is None or self._grouping.done():
            self._grouping = asyncio.create_task(self._group_in_a_moment())

    async def _group_in_a_moment(self) -> None:
        pause, loop = GROUP_AFTER, asyncio.get_running_loop()
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), pause)
            began = loop.time()
            try:
                await self.group()
            except StoreError as error:
                log.error("incidents.failed", message=str(error))
            if not self._heard:
                return
            pause = min(max(GROUP_AFTER, 2 * (loop.time() - began)), GROUP_LATEST)

    async def group(self) -> None:
        """Group what was heard, now.

        Raises:
            StoreError: it could not be written; it is read again from the store at the next time.
        """
        async with self._one_at_a_time:
            heard, self._heard = self._heard, []
            pages = await asyncio.to_thread(lambda: [said_on(page, asked) for _, page, asked in heard])
            now, told, heard_of = self.clock(), set[Id](), {source for source, _, _ in heard}
            for some in _in_parts(pages):  # at least once: a former process may have left something
                group = partial(self._group, pages=some, now=now, heard_of=heard_of)
                told |= await self.db.write(group, bulk=True)  # live pages go first
        self.tell(told)

    def _group(self, con: Connection, pages: Sequence[Sequence[Said]], now: datetime, heard_of: set[str]) -> set[Id]:
        self._grouped_in = self.db.written.jobs
        return self.incidents.take(con, pages, now, heard_of)

    async def finish(self) -> None:
        """Write what waits, and group what is left, before the database is closed."""
        await self.together.finish()
        self._ending.set()
        if self._grouping is not None:
            await self._grouping

    def tell(self, inquiries: Collection[Id]) -> None:
        """Let the feed know."""
        if inquiries and self.changed:
            self.changed(inquiries)


def _in_parts(pages: Sequence[Sequence[Said]]) -> list[list[Sequence[Said]]]:
    """Pages, or pieces of them, in order: each part is grouped in one transaction, which holds the writer shortly."""
    parts: list[list[Sequence[Said]]] = [[]]
    room = GROUP_AT_ONCE
    for page in pages:
        for start in range(0, len(page), GROUP_AT_ONCE):
            piece = page[start : start + GROUP_AT_ONCE]
            if len(piece) > room:
                parts.append([])
                room = GROUP_AT_ONCE
            parts[-1].append(piece)
            room -= len(piece)
    return parts
