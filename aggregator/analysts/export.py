"""`aggregator export`: the analysts' views in a folder, as Parquet by day and as one DuckDB file.

The whole folder is made beside the old one and put in its place at the end, so nobody ever reads half an export. Days
in which nothing changed are linked from the old one, not written again.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson

from aggregator.analysts import VIEWS
from aggregator.analysts.csv_cells import write_csv
from aggregator.control import RefusedError
from aggregator.store.database import Connection, Database, alias_of_its_own

DATABASE, MANIFEST = "inquiries.duckdb", "manifest.json"
DAYS = {
    "inquiries": "opened_on", "inquiry_texts": "opened_on", "posts": "posted_on", "post_texts": "posted_on",
    "incidents": "began_on", "events": "happened_on", "answer_times": "opened_on", "score_terms": "opened_on",
    "daily_counts": "opened_on",
}  # fmt: skip
"""By which column a view is parted; those that are not named are one file."""

_PERSONAL = {
    "inquiry_texts": "inquiry_texts_of(true)",
    "post_texts": "post_texts_of(true)",
    "accounts": "(SELECT account_id AS person_id, space, native_id, name, handle FROM account)",
}
_MARK = {"comment": "made by `aggregator export`"}

Tell = Callable[[str, int, int], None]


class StoppedError(Exception):
    """Somebody pressed Ctrl-C; nothing is left of what was begun."""


@dataclass
class Export:
    """One run. `run` and `stop` are for different threads."""

    db: Database
    target: Path
    now: datetime
    personal: bool = False
    csv: bool = False
    _stopped: threading.Event = field(default_factory=threading.Event)
    _busy: Connection | None = None

    def run(self, tell: Tell) -> dict[str, Any]:
        """Make or renew the folder; its manifest, with how many files were `written` and `kept`.

        Raises:
            RefusedError: the folder is something else, or an export into it is under way.
            StoppedError: `stop` was called.
            OSError, duckdb.Error: it could not be written; the old one is as it was.
        """
        before = _manifest_of(self.target)
        with _alone(self.target), _fresh(self.target) as folder:
            total = 2 * len(self._relations())
            self._snapshot(folder / DATABASE, lambda done: tell("views", done, total))
            with duckdb.connect(str(folder / DATABASE), read_only=True, config={"threads": 1}) as con:
                con.execute("SET TimeZone = 'UTC'")
                manifest = self._parts(con, folder, before, lambda done: tell("views", total // 2 + done, total))
            (folder / MANIFEST).write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
            self._go_on()
            for path in (*folder.rglob("*"), folder):
                path.chmod(0o700 if path.is_dir() else 0o400)
            _put_in_place(folder, self.target)
        return manifest

    def stop(self) -> None:
        self._stopped.set()
        if (con := self._busy) is not None:
            con.interrupt()

    def _go_on(self) -> None:
        if self._stopped.is_set():
            raise StoppedError

    def _relations(self) -> dict[str, str]:
        plain = {view: view for view in VIEWS}
        return plain | _PERSONAL if self.personal else plain

    def _snapshot(self, file: Path, done: Callable[[int], None]) -> None:
        """All views as they are at one moment, each in order of its days."""
        path, exported = str(file).replace("'", "''"), alias_of_its_own("exported")
        with self.db.reading() as con:
            self._busy = con
            con.execute(f"ATTACH '{path}' AS {exported}")
            try:
                con.execute("BEGIN")
                for number, (name, relation) in enumerate(self._relations().items(), start=1):
                    self._go_on()
                    order = f" ORDER BY {DAYS[name]}" if name in DAYS else ""
                    con.execute(f"CREATE TABLE {exported}.{name} AS SELECT * FROM {relation}{order}")
                    done(number)
                _explain(con, exported, self._relations())
                con.execute("COMMIT")
            except duckdb.InterruptException:
                raise StoppedError from None
            finally:
                self._busy = None
                with suppress(duckdb.Error):
                    con.execute("ROLLBACK")
                con.execute(f"DETACH {exported}")

    def _parts(
        self, con: Connection, folder: Path, before: Mapping[str, Any], done: Callable[[int], None]
    ) -> dict[str, Any]:
        known = before.get("views", {}) if before.get("duckdb") == duckdb.__version__ else {}
        views, written, kept = {}, 0, 0
        for number, name in enumerate(self._relations(), start=1):
            parts = _fingerprints(con, name)
            (folder / name).mkdir()
            for day, mark in parts.items():
                self._go_on()
                place = _place(name, day)
                (folder / place).parent.mkdir(exist_ok=True)
                if known.get(name, {}).get("parts", {}).get(day) == mark and (self.target / place).exists():
                    os.link(self.target / place, folder / place)
                    kept += 1
                else:
                    _write_part(con, name, day, folder / place)
                    written += 1
            if self.csv:
                (folder / "csv").mkdir(exist_ok=True)
                write_csv(con, name, folder / "csv" / f"{name}.csv")
            views[name] = {"rows": sum(rows for rows, _ in parts.values()), "parts": parts}
            done(number)
        return {
            **_MARK,
            "made_at": self.now.isoformat(),
            "duckdb": duckdb.__version__,
            "personal_data": self.personal,
            "written": written,
            "kept": kept,
            "views": views,
        }


def _explain(con: Connection, exported: str, relations: Mapping[str, str]) -> None:
    """The file explains itself: the views' comments go along."""
    of_views = con.execute("SELECT view_name, NULL, comment FROM duckdb_views() WHERE comment IS NOT NULL").fetchall()
    of_columns = con.execute(
        "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE comment IS NOT NULL"
    ).fetchall()
    for name, column, comment in [*of_views, *of_columns]:
        if name in relations:
            what = f"TABLE {exported}.{name}" if column is None else f'COLUMN {exported}.{name}."{column}"'
            literal = comment.replace("'", "''")
            con.execute(f"COMMENT ON {what} IS '{literal}'")


def _fingerprints(con: Connection, name: str) -> dict[str, list[int]]:
    """By day (or "", for a view without days or rows): how many rows, and a number that changes with any of them."""
    day = DAYS.get(name)
    what = f"coalesce(CAST({day} AS VARCHAR), 'unknown')" if day else "''"
    found = con.execute(
        f"SELECT {what} AS day, count(*), CAST(bit_xor(hash(t)) AS VARCHAR) FROM {name} AS t GROUP BY ALL ORDER BY day"
    ).fetchall()
    parts = {part: [rows, mark] for part, rows, mark in found}
    return parts or {"": [0, "0"]}


def _place(name: str, day: str) -> Path:
    return Path(name) / f"day={day}" / f"{name}.parquet" if day else Path(name) / f"{name}.parquet"


def _write_part(con: Connection, name: str, day: str, path: Path) -> None:
    where = f"WHERE coalesce(CAST({DAYS[name]} AS VARCHAR), 'unknown') = '{day}'" if day else ""
    literal = str(path).replace("'", "''")
    con.execute(f"COPY (SELECT * FROM {name} {where}) TO '{literal}' (FORMAT parquet, COMPRESSION zstd)")


# -- folders --------------------------------------------------------------------------------------

_under_way: set[Path] = set()


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """One at a time; other processes are kept away by the database's lock."""
    if target in _under_way:
        raise RefusedError(f"an export into {target} is under way; wait for it, or name another folder")
    _under_way.add(target)
    try:
        yield
    finally:
        _under_way.discard(target)


@contextmanager
def _fresh(target: Path) -> Iterator[Path]:
    """An empty folder beside it, which is gone afterwards, whatever happens."""
    folder = target.with_name(target.name + ".unfinished")
    _remove(folder)
    folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        _remove(folder)


def _put_in_place(folder: Path, target: Path) -> None:
    old = _old(target)
    _remove(old)
    if target.exists():
        target.rename(old)
    folder.rename(target)
    _remove(old)


def _manifest_of(target: Path) -> dict[str, Any]:
    """What an earlier run wrote there; nothing where none has been.

    Raises:
        RefusedError: the folder is no export.
    """
    if not target.exists() and _old(target).exists():  # killed in the middle of putting it in place
        _old(target).rename(target)
    if not target.exists():
        return {}
    try:
        found: dict[str, Any] = orjson.loads((target / MANIFEST).read_bytes())
    except (OSError, ValueError):
        found = {}
    if found.get("comment") != _MARK["comment"]:
        raise RefusedError(f"{target} exists already and is no export; name another folder")
    return found


def _old(target: Path) -> Path:
    return target.with_name(target.name + ".old")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
