"""A page on its way from a connector to the feed: mask -> read -> understand -> commit -> tell.

Records, posts, inquiries, rejected records and the cursor of a page are one transaction. Only when `page` has
returned is the connector resumed, or the webhook answered.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog

from aggregator.clocks import Clock
from aggregator.commit import Move, Outcome, commit_page
from aggregator.config import Settings, clock_of, official_of, staff_of
from aggregator.identity import Id
from aggregator.incidents import extract
from aggregator.incidents.keeping import Incidents
from aggregator.pieces import Pieces
from aggregator.prepare import Origin, Prepared, any_of, prepare, rejected_id
from aggregator.store import sources
from aggregator.store.database import Connection, Database
from aggregator.store.known import KnownIds, SeenAccounts
from aggregator.surfacing import Surfacing
from aggregator.triage import get_ready
from connectors.contract import Connector, Page, Record

log = structlog.get_logger()

Listener = Callable[[Collection[Id]], None]


class Ingest:
    """What every path into the database shares. `changed` is called from the event loop after each commit."""

    def __init__(self, db: Database, settings: Settings, clock: Clock, changed: Listener | None = None) -> None:
        extract.get_ready()
        get_ready()  # a broken lexicon must not turn every post into a rejected record
        self.db = db
        self.settings = settings
        self.clock = clock
        self.changed = changed
        self.compact_due = threading.Event()
        """Overwritten words are still in the file: `db.compact()` takes them off the disk."""
        self.surfacing = Surfacing()
        self._pieces = Pieces()
        self._known = KnownIds()
        self._seen = SeenAccounts()
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
        )

    async def page(self, origin: Origin, page: Page, fence: int) -> Outcome:
        """Commit one polled page and its cursor.

        Raises:
            FenceLostError: another process collects this source.
            StoreError: the database refused it; nothing of the page was kept.
        """
        return await self._commit(origin, page.records, Move(fence, page.cursor, page.gaps, page.quota))

    async def pushed(self, origin: Origin, records: Sequence[Record]) -> Outcome:
        """Commit what a webhook brought; it moves no cursor."""
        return await self._commit(origin, records, None)

    async def _commit(self, origin: Origin, records: Sequence[Record], move: Move | None) -> Outcome:
        now = self.clock()
        prepared = await asyncio.to_thread(prepare, records, origin, now)
        outcome = await self.db.write(lambda con: self.write(con, origin, prepared, move, now))
        if outcome.new or outcome.edited or outcome.deleted or outcome.rejected:
            log.info(
                "page.committed",
                source=origin.source,
                posts=outcome.new,
                edited=outcome.edited,
                rejected=outcome.rejected,
                inquiries=len(outcome.inquiries),
            )
        self.tell(outcome.inquiries | outcome.beside)
        visible_at = self.clock()
        for posted_at in outcome.arrived:
            self.surfacing.took(origin.source, (visible_at - posted_at).total_seconds())
        return outcome

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
        """The transaction's body, for the writer thread."""
        try:
            outcome = commit_page(
                con,
                origin,
                prepared,
                move=move,
                now=now,
                clock_of=partial(clock_of, self.settings),
                pieces=self._pieces,
                known=self._known,
                seen=self._seen,
                incidents=self.incidents,
                reread=reread,
            )
        except BaseException:
            self._pieces.forget()
            self._seen.forget()
            self.incidents.forget()
            raise
        if outcome.hidden:
            self.compact_due.set()
        if outcome.passed_over:
            sources.pass_over(con, origin.source, outcome.passed_over)
        self._resolve(con, origin, prepared, now)
        return outcome

    def _resolve(self, con: Connection, origin: Origin, prepared: Prepared, now: datetime) -> None:
        """What could not be read earlier, and came again, is no longer missing."""
        if prepared.drafts and sources.has_rejected(con, origin.source):
            read = [rejected_id(origin.source, name) for name in prepared.posts["native_id"].to_pylist()]
            sources.resolve(con, read, now)

    def tell(self, inquiries: Collection[Id]) -> None:
        """Let the feed know."""
        if inquiries and self.changed:
            self.changed(inquiries)
