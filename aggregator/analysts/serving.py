"""The door for live SQL, open as long as the service runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import duckdb
import structlog

from aggregator.analysts.door import Door, require_extensions
from aggregator.clocks import Clock
from aggregator.config import Sql
from aggregator.listener import PortTakenError
from aggregator.store.database import Database
from aggregator.store.desk import Desk

log = structlog.get_logger()


@asynccontextmanager
async def live_sql(db: Database, desk: Desk, settings: Sql, clock: Clock) -> AsyncIterator[Door | None]:
    """None: it is off.

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
    except duckdb.Error as error:
        raise PortTakenError(f"live SQL cannot be served on port {settings.port}: {error}") from error
    db.before_swap, db.after_swap = door.shut, lambda: _reopen(door)
    log.info("sql.open", url=door.url, mode=settings.mode)
    try:
        yield door
    finally:
        db.before_swap = db.after_swap = lambda: None
        await asyncio.to_thread(door.shut)


def _reopen(door: Door) -> None:
    """After the file was swapped. Whoever was connected connects again."""
    try:
        door.open()
    except duckdb.Error as error:
        log.error("sql.not_reopened", why=str(error))
