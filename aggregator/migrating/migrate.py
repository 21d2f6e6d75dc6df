"""`aggregator migrate-store`: all that is in a file into a lake, or back; compared, and to be run again if killed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aggregator.backup import in_use
from aggregator.config import Settings
from aggregator.control import RefusedError, Say, listens, socket_path
from aggregator.migrating.comparing import compare
from aggregator.migrating.copying import BATCH, copy, finish
from aggregator.migrating.sides import FileSource, FileTarget, LakeSource, LakeTarget, Source, Target
from aggregator.migrating.tables import common_tables
from connectors.errors import ConfigError

Way = Literal["lake", "file"]


class StoppedError(Exception):
    """Somebody asked to stop."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """What is in both stores now. `differences`: sentences; none: they are the same."""

    tables: int
    rows: int
    copied: int
    differences: tuple[str, ...]


def migrate(
    settings: Settings,
    to: Way,
    file: Path,
    tell: Callable[[str, int, int], None],
    *,
    only_compare: bool = False,
    batch: int = BATCH,
) -> Migrated:
    """Fill one store with what the other holds, and compare them; or only compare.

    Raises:
        ConfigError: there is no lake.
        RefusedError: something is at work there, or the target is not empty; nothing was changed in it.
        StoreError: one of them cannot be used; it can be run again.
    """
    if settings.lake is None:
        raise ConfigError("migrate-store: write `lake` into connectors.yaml first (docs/lake.md), both ways need it")
    if listens(socket_path(settings.data)):
        raise RefusedError(f"the service of {settings.data} is running; stop it first")
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(in_use(settings.data))
        source: Source = FileSource(file) if to == "lake" else LakeSource(settings.lake)
        stack.callback(source.close)
        target: Target = LakeTarget(settings.lake) if to == "lake" else FileTarget(file)
        stack.callback(target.close)
        tables = common_tables(source, target)
        copied = 0 if only_compare else copy(source, target, tables, tell, batch=batch)
        compared = compare(source, target, tables, tell)
        if not (compared.differences or only_compare):
            finish(source, target)
    return Migrated(len(tables), compared.rows, copied, tuple(map(str, compared.differences)))


async def migrate_store(settings: Settings, to: Way, file: Path, say: Say, *, only_compare: bool = False) -> Migrated:
    """`migrate` in a thread; a cancelled one ends between two pieces. Raises as that."""
    loop, stopped = asyncio.get_running_loop(), threading.Event()

    def tell(what: str, done: int, total: int) -> None:
        if stopped.is_set():
            raise StoppedError
        loop.call_soon_threadsafe(say, {"progress": [what, done, total]})

    work = asyncio.ensure_future(asyncio.to_thread(migrate, settings, to, file, tell, only_compare=only_compare))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        stopped.set()
        with suppress(StoppedError):
            await work
        raise
