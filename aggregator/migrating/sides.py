"""The two stores of a migration, a file and a lake: one is only read, into the other is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import duckdb

from aggregator.config.lake_settings import LakeSettings
from aggregator.control import RefusedError
from aggregator.store.database import Connection, Database, explain, newest_schema
from aggregator.store.lake import Lake

T = TypeVar("T")


class Side(Protocol):
    """One of the two, open."""

    @property
    def name(self) -> str:
        """As a person calls it."""

    def read(self, job: Callable[[Connection], T]) -> T:
        """What `job` reads."""

    def close(self) -> None:
        """Let it go."""


class Source(Side, Protocol):
    """Where from. Nothing is ever written there."""

    def stamp(self) -> str:
        """Changes whenever somebody writes into it."""


class Target(Side, Protocol):
    """Where to."""

    def write(self, job: Callable[[Connection], T]) -> T:
        """Do `job` in one transaction."""


class FileSource:
    """A file that nobody writes as long as this has it open."""

    def __init__(self, path: Path, *, may_be_new: bool = False) -> None:
        self.name, self._path = f"the file {path}", path
        if not path.exists():
            raise RefusedError(f"{path} does not exist; there is nothing to be moved")
        try:
            self._con = duckdb.connect(str(path), read_only=True, config={"autoload_known_extensions": False})
        except duckdb.Error as error:
            raise explain(path, error) from error
        self._con.execute("SET GLOBAL TimeZone = 'UTC'")
        try:
            if not may_be_new or rows(self, "SELECT 1 FROM duckdb_tables()"):
                _require_newest(self)
        except BaseException:
            self._con.close()
            raise

    def read(self, job: Callable[[Connection], T]) -> T:
        cursor = self._con.cursor()
        try:
            return job(cursor)
        finally:
            cursor.close()

    def stamp(self) -> str:
        files = sorted(self._path.parent.glob(self._path.name + "*"))
        seen = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()]
        return repr((str(self._path.resolve()), seen))

    def close(self) -> None:
        self._con.close()


class _OfLake:
    """A lake at which no process of ours is at work. Closed again where that is not so."""

    def __init__(self, lake: Lake) -> None:
        self.name, self._lake = f"the lake {lake.settings.dsn}", lake
        try:
            self._look()
        except BaseException:
            self.close()
            raise

    def _look(self) -> None:
        """Raises RefusedError: it may not be used."""
        _require_alone(self._lake)

    def read(self, job: Callable[[Connection], T]) -> T:
        return self._lake.read_now(job)

    def close(self) -> None:
        self._lake.close()


class LakeSource(_OfLake):
    """A lake that others may look into, but not write."""

    def __init__(self, settings: LakeSettings) -> None:
        super().__init__(Lake(settings, read_only=True))

    def _look(self) -> None:
        _require_newest(self)
        super()._look()

    def stamp(self) -> str:
        ((which,),) = self._lake.ask("SELECT schema_uuid::text FROM ducklake_schema WHERE schema_id = 0")
        return f"{which} at {self._lake.newest()}"


class FileTarget:
    """A file of our own, new or begun before."""

    def __init__(self, path: Path) -> None:
        self.name = f"the file {path}"
        if path.exists() and path.stat().st_size:
            FileSource(path, may_be_new=True).close()  # one that is somebody else's gets no tables of ours
        self._db = Database(path)

    def read(self, job: Callable[[Connection], T]) -> T:
        return self._db.read_now(job)

    def write(self, job: Callable[[Connection], T]) -> T:
        return self._db.submit(job).result()

    def close(self) -> None:
        self._db.close()


class LakeTarget(_OfLake):
    """A lake of our own, new or begun before."""

    def __init__(self, settings: LakeSettings) -> None:
        super().__init__(Lake(settings))
        self._lake.others_wrote = self._others_wrote

    def write(self, job: Callable[[Connection], T]) -> T:
        return self._lake.submit(job).result()

    def _others_wrote(self, _: Connection, since: int) -> None:
        if since >= 0:
            raise RefusedError(f"{self.name}: somebody else writes there; stop that first, then run this again")


def rows(side: Side, sql: str, parameters: object = None) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    return side.read(lambda con: con.execute(sql, parameters).fetchall())


def _require_newest(side: Side) -> None:
    made = rows(side, "SELECT 1 FROM duckdb_tables() WHERE table_name = 'meta' AND database_name = current_database()")
    found = rows(side, "SELECT value FROM meta WHERE key = 'schema_version'") if made else []
    version, newest = int(found[0][0]) if found else 0, newest_schema()
    if version != newest:
        raise RefusedError(
            f"{side.name} has tables of schema {version}, and this program knows {newest}: it is not changed here. "
            "Start the program on it once, and stop it again; then run this"
        )


def _require_alone(lake: Lake) -> None:
    """Raises RefusedError: a process of ours is at work there."""
    others = lake.others()
    if others:
        raise RefusedError(
            f"the lake {lake.settings.dsn} is in use ({', '.join(others)}); stop all collectors and web processes"
        )
