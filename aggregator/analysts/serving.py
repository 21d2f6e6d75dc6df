"""The door for live SQL, open as long as the service runs."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import duckdb
import structlog

from aggregator.analysts.door import Door, require_extensions
from aggregator.clocks import Clock
from aggregator.config import Sql
from aggregator.listener import PortTakenError
from aggregator.store import runaways
from aggregator.store.database import Database, StoreError
from aggregator.store.desk import Desk

log = structlog.get_logger()

LOOK_EVERY = 5.0  # seconds, or sooner where less is allowed
NOTED_WITHIN = 10.0  # seconds; then the service begins anew all the same

KeepHouse = Callable[[Callable[[], Awaitable[None]], timedelta], None]


@asynccontextmanager
async def live_sql(
    db: Database, desk: Desk, settings: Sql, clock: Clock, keep_house: KeepHouse
) -> AsyncIterator[Door | None]:
    """None: it is off. `keep_house` does a job from time to time.

    Raises:
        ConfigError: what it needs is not installed.
        PortTakenError: somebody else listens there.
    """
    if settings.mode == "off":
        yield None
        return
    require_extensions()
    door = Door(db, desk, clock, settings.mode, settings.port)
    try:
        await asyncio.to_thread(door.open)
    except (duckdb.Error, PortTakenError) as error:
        raise PortTakenError(f"live SQL cannot be served on port {settings.port}: {error}") from error
    db.before_swap, db.after_swap = door.leave, lambda: _reopen(door)
    log.info("sql.open", url=door.url, mode=settings.mode)
    await db.write(lambda con: runaways.end_all(con, clock()))
    if settings.mode == "pushdown":
        look = partial(_look, db, door, settings, clock, set[str]())
        keep_house(look, timedelta(seconds=min(LOOK_EVERY, settings.longest)))
    try:
        yield door
    finally:
        db.before_swap = db.after_swap = lambda: None
        await asyncio.to_thread(door.shut)


def _reopen(door: Door) -> None:
    """After the file was swapped. Whoever was connected connects again."""
    try:
        door.open()
    except (duckdb.Error, PortTakenError) as error:
        log.error("sql.not_reopened", why=str(error))


async def _look(db: Database, door: Door, settings: Sql, clock: Clock, running: set[str]) -> None:
    """Report queries that take too long, each once; end them, if that is wished, in the only way there is.

    running: those of the last look.
    """
    found = await asyncio.to_thread(door.slow, settings.longest)
    if not found and not running:
        return
    running.clear()
    running.update(query.session for query in found)
    told = [(query.session, query.owner, query.seconds) for query in found]
    noting = db.write(lambda con: runaways.note(con, told, clock()))
    try:
        fresh = await asyncio.wait_for(noting, NOTED_WITHIN)
    except (StoreError, TimeoutError) as error:  # by that the query must not live on
        log.error("sql.runaway_not_noted", why=str(error) or "the writer is busy")
        fresh = sorted(running)
    for query in found:
        if query.session in fresh:
            log.error("sql.runaway", owner=query.owner, seconds=round(query.seconds))
    if found and settings.restart_on_runaway:
        log.error("sql.restarting", owner=found[0].owner)
        _restart()


def _restart() -> None:
    """Begin anew in the same process, as after a kill: what is committed is kept, and DuckDB reads its log again. An
    end in order would wait for the query."""
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - our own command, as it was given
