"""`aggregator web`: the feed alone, over a lake that collectors fill. As many of them as wanted, on any hosts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import duckdb
import structlog

from aggregator.allocating import started
from aggregator.clocks import Clock, system_clock
from aggregator.config import Settings
from aggregator.listener import serve
from aggregator.poller import PAUSED
from aggregator.service import feed_of
from aggregator.stopping import ended, until_signalled
from aggregator.store import sources
from aggregator.store.database import Connection, StoreError
from aggregator.store.folder import warn_if_open_to_others
from aggregator.store.lake import Lake
from aggregator.store.lake_changes import Others
from aggregator.vocabulary import load_vocabulary
from aggregator.web.stream import Stream
from aggregator.workplace import Workplace
from connectors.errors import AuthError, ConfigError

log = structlog.get_logger()

LOOKS_EVERY = 0.25  # seconds between looks at what other processes changed


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The sources, of which other processes take care: they see within a third of a lease what is written here."""

    work: Workplace

    async def pause(self, name: str, who: str) -> None:
        self._known(name)
        await self.work.db.write(partial(self._paused, name=name, who=who))

    async def go_on(self, name: str) -> None:
        self._known(name)
        await self.work.db.write(lambda con: sources.pause(con, name, None))

    def poll_soon(self, name: str) -> None:
        """They are polled at their own pace."""
        self._known(name)

    def _known(self, name: str) -> None:
        if name not in self.work.connectors:
            raise KeyError(name)

    def _paused(self, con: Connection, name: str, who: str) -> None:
        sources.pause(con, name, who)
        sources.report(con, name, "paused", PAUSED.format(who=who), 0, self.work.clock(), None, ())


@dataclass(frozen=True, slots=True)
class Serving:
    """A process at work."""

    work: Workplace
    stream: Stream
    url: str


@asynccontextmanager
async def serving_feed(
    settings: Settings, *, clock: Clock = system_clock, port: int | None = None
) -> AsyncIterator[Serving]:
    """Serve the feed until the block ends.

    Raises:
        ConfigError: there is no lake.
        StoreError, PortTakenError: it cannot start.
    """
    if settings.lake is None:
        raise ConfigError("web: this needs a lake (docs/lake.md); with a file everything is in `aggregator run`")
    async with AsyncExitStack() as stack:
        work = await stack.enter_async_context(Workplace(settings, clock=clock, listen=False))
        assert isinstance(work.db, Lake)
        warn_if_open_to_others(settings.data)
        stream, app = feed_of(work, Elsewhere(work))
        others = await asyncio.to_thread(Others, work.db)
        web = settings.web
        url = await stack.enter_async_context(serve(app, web.host, web.port if port is None else port, lifespan=True))
        stack.callback(stream.stop)  # before the listener closes: it would wait for its open answers
        await load_vocabulary()
        stack.enter_context(started())
        following = asyncio.create_task(_follow(others, stream))
        stack.push_async_callback(ended, following)
        log.info("web.started", url=url)
        yield Serving(work, stream, url)
    log.info("web.stopped")


async def serve_feed(settings: Settings, greet: Callable[[str], None], port: int | None = None) -> None:
    """`serving_feed` until SIGINT or SIGTERM. Raises as that."""
    stop = asyncio.get_running_loop().create_future()
    with until_signalled(stop):
        async with serving_feed(settings, port=port) as serving:
            greet(serving.url)
            await stop


async def _follow(others: Others, stream: Stream) -> None:
    while True:
        await asyncio.sleep(LOOKS_EVERY)
        try:
            stream.publish(await asyncio.to_thread(others.look))
        # PostgreSQL, or a key of S3, is out of reach: what changed is told once it is back.
        except (duckdb.Error, StoreError, AuthError) as error:
            log.warning("web.cannot_look", why=str(error)[:300])
