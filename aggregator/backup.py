"""Both databases into one folder, consistent, beside a running service; and back again."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson

from aggregator.clocks import Clock, system_clock
from aggregator.control import RefusedError
from aggregator.locking import lock
from aggregator.store.database import Database
from aggregator.store.desk import Desk
from aggregator.store.put_back import doubt_what_was_due

DATABASE, DESK, MANIFEST = "inquiries.duckdb", "desk.db", "manifest.json"
_UNDER_WAY = "{data}: a backup is being restored there; wait for it"
RESTORING, COPIED = ".restoring", "restore.copied"
RESTORED = "restored.json"
"""From when to when the database knows nothing since a backup was put in place; until the sources have noted it."""


def back_up(db: Database, desk: Desk, target: Path, now: datetime) -> dict[str, Any]:
    """Write the folder `target` whole, or not at all. Returns its manifest.

    Raises:
        RefusedError: the folder exists, or another backup is being written there.
        OSError: it cannot be written.
    """
    unfinished = target.with_name(target.name + ".unfinished")
    if not target.exists():
        unfinished.mkdir(parents=True, mode=0o700, exist_ok=True)
        with lock(unfinished) as alone:
            if not alone:
                raise RefusedError(f"{target}: another backup is being written there; wait for it")
            if not target.exists():
                return _backed_up(db, desk, unfinished, target, now)
            unfinished.rmdir()
    raise RefusedError(f"{target} exists already; name a new folder")


def _backed_up(db: Database, desk: Desk, unfinished: Path, target: Path, now: datetime) -> dict[str, Any]:
    unfinished.chmod(0o700)
    for left in unfinished.iterdir():  # by one that was killed
        left.unlink()
    try:
        db.copy_to(unfinished / DATABASE)
        desk.copy_to(unfinished / DESK)
        manifest = {
            "made_at": now.isoformat(),
            "posts": _posts(unfinished / DATABASE),
            "files": {name: _digest(unfinished / name) for name in (DATABASE, DESK)},
        }
        (unfinished / MANIFEST).write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        for name in (DATABASE, DESK, MANIFEST):  # they may be moved into another folder
            (unfinished / name).chmod(0o600)
        unfinished.rename(target)
    except BaseException as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        if isinstance(error, duckdb.Error | sqlite3.Error):
            raise RefusedError(f"{target}: the backup could not be written: {error}") from error
        raise
    return manifest


def restore(folder: Path, data: Path, *, force: bool = False, clock: Clock = system_clock) -> dict[str, Any]:
    """Put a backup in place of the data directory's databases. Nothing may be running there.

    Raises:
        RefusedError: the backup is not whole, or of a newer version, or the directory holds data and `force` is not
            given.
        OSError: there is no room for it; what was there is as it was.
    """
    manifest = _checked(folder)
    if not force and any((data / name).exists() for name in (DATABASE, DESK)):
        raise RefusedError(f"{data} holds data already; add --force to replace it")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with lock(data) as alone:
        if not alone:
            raise RefusedError(f"{data} is in use; stop the service, or wait for the command that is at work there")
        _settle(data)
        try:
            for name in (DATABASE, DESK):
                _copy_durably(folder / name, data / (name + RESTORING))
            now = clock()
            _doubt_what_was_due(data / (DATABASE + RESTORING), now)
            unknown = {"from": manifest["made_at"], "to": now}
            _write_durably(data / (RESTORED + RESTORING), orjson.dumps(unknown))
            (data / COPIED).touch()  # from here on it is the new one, whatever happens
        finally:
            _settle(data)
    return manifest


def settle(data: Path) -> None:
    """Finish a restore that was killed when all was copied; throw away what one left that had not got so far. To be
    called before the databases are opened.

    Raises:
        RefusedError: one is under way.
    """
    if not any((data / name).exists() for name in (COPIED, DATABASE + RESTORING, DESK + RESTORING)):
        return
    with lock(data) as alone:
        if not alone:
            raise RefusedError(_UNDER_WAY.format(data=data))
        _settle(data)


@contextmanager
def in_use(data: Path) -> Iterator[None]:
    """Nothing is restored meanwhile, and what was begun is settled.

    Raises:
        RefusedError: a backup is being restored.
    """
    if not data.is_dir():
        yield
        return
    with lock(data, shared=True) as free:
        if not free:
            raise RefusedError(_UNDER_WAY.format(data=data))
        _settle(data)
        yield


def unknown_since_restored(data: Path) -> tuple[datetime, datetime] | None:
    """From when to when a database that was put in place knows nothing; None: that is noted, or it never was."""
    try:
        told = orjson.loads((data / RESTORED).read_bytes())
    except FileNotFoundError:
        return None
    return datetime.fromisoformat(told["from"]), datetime.fromisoformat(told["to"])


def _settle(data: Path) -> None:
    copied = (data / COPIED).exists()
    for name in (DATABASE, DESK, RESTORED):
        fresh = data / (name + RESTORING)
        if copied and fresh.exists():
            for leftover in (".wal", "-wal", "-shm"):
                (data / (name + leftover)).unlink(missing_ok=True)
            fresh.replace(data / name)
        fresh.unlink(missing_ok=True)
        fresh.with_name(fresh.name + ".wal").unlink(missing_ok=True)
    (data / COPIED).unlink(missing_ok=True)


def _doubt_what_was_due(database: Path, now: datetime) -> None:
    """Raises RefusedError: a newer version has written it."""
    try:
        with duckdb.connect(str(database)) as con:
            doubt_what_was_due(con, now)
    except duckdb.Error as error:
        raise RefusedError(f"the backup cannot be opened: {error}") from error


def _write_durably(target: Path, content: bytes) -> None:
    target.touch(0o600)
    with target.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _copy_durably(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    with target.open("rb") as written:
        os.fsync(written.fileno())


def _checked(folder: Path) -> dict[str, Any]:
    """The manifest of a backup whose files are what was written."""
    try:
        manifest: dict[str, Any] = orjson.loads((folder / MANIFEST).read_bytes())
        told = {"made_at": manifest["made_at"], "posts": int(manifest["posts"])}
        datetime.fromisoformat(told["made_at"])
        broken = [name for name in (DATABASE, DESK) if _digest(folder / name) != manifest["files"][name]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RefusedError(f"{folder} is no whole backup: {error}") from error
    if broken:
        raise RefusedError(f"{folder} is damaged: {', '.join(broken)} differs from what was backed up")
    return told


def _posts(database: Path) -> int:
    with duckdb.connect(str(database), read_only=True) as con:
        row = con.execute("SELECT count(*) FROM post").fetchone()
    return int(row[0]) if row else 0


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
