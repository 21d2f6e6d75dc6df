"""What a command works with: the open databases, the sources, and how to read each source's records."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial
from types import TracebackType

from aggregator.alerting.noting import Alerting
from aggregator.backup import DATABASE, DESK, RESTORED, in_use, unknown_since_restored
from aggregator.clocks import Clock, system_clock
from aggregator.config import Settings
from aggregator.identity import Id
from aggregator.importer.connector import FileConnector
from aggregator.ingest.ingest import Ingest
from aggregator.ingest.origin import Origin
from aggregator.migrating.tables import MARK
from aggregator.outbox import Outbox
from aggregator.poller import Poller
from aggregator.store import put_back, sources
from aggregator.store.database import Connection, Database, StoreError
from aggregator.store.desk import Desk
from aggregator.store.zone import keep_zone
from connectors.contract import Connector, PullConnector
from connectors.registry import connector_class
from connectors.session import Pacing


class Workplace:
    """Open it with `async with`; closing finishes what is being written.

    `listen` False: the sources' records can be read, but no connection is opened and no secret is needed.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock = system_clock,
        changed: Callable[[Collection[Id]], None] | None = None,
        listen: bool = True,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.connectors: dict[str, Connector] = {}
        self.origins: dict[str, Origin] = {}
        self.poller: Poller
        self.erasing = asyncio.Lock()
        """Held while somebody is erased."""
        self._stack = AsyncExitStack()
        self._changed = changed
        self._listen = listen

    async def __aenter__(self) -> Workplace:
        data = self.settings.data
        self._stack.enter_context(in_use(data))
        try:
            self.db = open_store(self.settings)
            self._stack.callback(self.db.close)
            lake_unknown = await self.db.write(self._as_found)
            self.desk = Desk(data / DESK)
            self._stack.callback(self.desk.close)
            self.ingest = Ingest(self.db, self.settings, self.clock, self._changed)
            self._stack.push_async_callback(self.compact_if_due)
            self._stack.push_async_callback(self.ingest.finish)
            self.poller = Poller(self.ingest)
            self._stack.push_async_callback(self.poller.close)
            self.outbox = Outbox(
                self.db, self.settings, self.clock, self.connectors, self.ingest.own, self.poller.ready
            )
            self.ingest.lost = self.outbox.lost
            self.alerting = Alerting(self.db, self.settings, self.clock)
            if self.alerting.is_used:
                await self.alerting.start()
                self.db.teller = self.alerting
            if self.db.query("SELECT 1 FROM meta WHERE key = 'compact_due'"):
                self.ingest.compact_due.set()
            await self._take_up_sources(lake_unknown)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def _as_found(self, con: Connection) -> tuple[datetime, datetime] | None:
        """From when to when a lake knows nothing, for its catalog was put back; None: it was not, or that is noted."""
        keep_zone(con, self.settings.timezone)
        if self.settings.lake is None:
            return None
        from aggregator.store.lake import Lake

        assert isinstance(self.db, Lake)
        return put_back.catalog_was_put_back(con, *self.db.catalog_place(), self.clock())

    async def _take_up_sources(self, lake_unknown: tuple[datetime, datetime] | None) -> None:
        """lake_unknown: see `_as_found`."""
        pacing = Pacing()
        unknown = lake_unknown or unknown_since_restored(self.settings.data)
        for name, config in self.settings.sources.items():
            if not config.enabled:
                continue
            connector = connector_class(config.connector)(name, config, since=self.clock(), pacing=pacing)
            state = await self.db.write(
                partial(
                    sources.start,
                    source=name,
                    space=connector.space,
                    channel=connector.channel,
                    now=self.clock(),
                    backfill=config.backfill,
                    cursor_of=connector.cursor_of,
                )
            )
            if unknown and connector.tells_once:
                await self.db.write(partial(sources.lose_restored, source=name, since=unknown[0], now=unknown[1]))
            connector.since, connector.clock = state.backfill_from, self.clock
            self.connectors[name] = connector
            self.origins[name] = self.ingest.origin(connector, state.live_since)
            if not self._listen:
                continue
            if isinstance(connector, PullConnector):  # opened at its first poll: a platform that is down delays nobody
                self.poller.add(connector, config, self.origins[name], state)
            else:
                await self._stack.enter_async_context(connector)
        if lake_unknown:
            await self.db.write(put_back.is_noted)
        elif unknown:
            (self.settings.data / RESTORED).unlink()

    async def compact_if_due(self) -> None:
        """Copy the database, if overwritten words of a recovery phrase are still in its file."""
        if not self.ingest.compact_due.is_set():
            return
        self.ingest.compact_due.clear()  # first: what is overwritten meanwhile is due again
        try:
            await asyncio.to_thread(self.db.compact)
        except BaseException:
            self.ingest.compact_due.set()
            raise

    def size(self) -> int:
        """Bytes of the inquiry database on disk; with a lake 0, for they are elsewhere."""
        return sum(path.stat().st_size for path in self.settings.data.glob(DATABASE + "*"))

    def readers(self) -> dict[str, Origin]:
        """How the records of every source are read today, past imports included."""
        imported = self.db.query("SELECT source FROM source_state WHERE starts_with(space, 'import/')")
        files = {name: self.ingest.origin(FileConnector(name), None) for (name,) in imported}
        return {**files, **self.origins}


def open_store(settings: Settings) -> Database:
    """The inquiry database: a file of our own, or the lake that several machines share.

    Raises:
        StoreError: it cannot be used.
        ConfigError: the extra [lake] is not installed.
    """
    if settings.lake is None:
        return _whole(Database(settings.data / DATABASE), f"--to file --file {settings.data / DATABASE}")
    from aggregator.store.lake import Lake

    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _whole(Lake(settings.lake), "--to lake")


def _whole(db: Database, way: str) -> Database:
    if db.query("SELECT 1 FROM meta WHERE key = ?", [MARK]):
        db.close()
        raise StoreError(f"this store is only partly filled: finish it with `aggregator migrate-store {way}`")
    return db
