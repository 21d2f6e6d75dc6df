"""A database that any earlier version has written is brought up to date, and nothing in it is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest

from aggregator.store.database import Connection, Database
from aggregator.store.desk import Desk
from aggregator.workplace import Workplace
from tests.conftest import Community, poll

NOW = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)


def scripts(package: str) -> list[tuple[int, str]]:
    files = sorted(
        (each for each in resources.files(package).iterdir() if each.name[:4].isdigit()), key=lambda e: e.name
    )
    return [(int(file.name[:4]), file.read_text(encoding="utf-8")) for file in files]


STORE, DESK = scripts("aggregator.sql"), scripts("aggregator.sql.desk")


def value(kind: str, name: str, number: int) -> Any:
    """Something of this type that no other row has."""
    if kind == "JSON":
        return "[]" if name in ("reasons", "warnings") else f'{{"a": {number}}}'
    of_kind = {
        "UUID": UUID(int=number),
        "TIMESTAMP WITH TIME ZONE": NOW,
        "BOOLEAN": number % 2 == 0,
        "DOUBLE": number / 8,
        "BLOB": bytes([number % 256]),
        "DATE": NOW.date(),
    }
    return of_kind.get(kind, number if "INT" in kind else f"words {number} 钱包")


def rows(con: duckdb.DuckDBPyConnection, columns: dict[str, list[str]]) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: con.execute(
            f"SELECT {', '.join(map('{!r}'.format, names)).replace(chr(39), chr(34))} FROM {table} ORDER BY ALL"
        ).fetchall()
        for table, names in columns.items()
    }


def fill(con: duckdb.DuckDBPyConnection, version: int) -> dict[str, list[str]]:
    """Put two rows into each table of this schema. Returns the tables, but for `meta`, with their columns."""
    numbers = count(1)
    told = con.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() JOIN duckdb_tables() "
        "USING (database_name, schema_name, table_name) "
        "WHERE NOT duckdb_tables.internal AND database_name = current_database() ORDER BY column_index"
    ).fetchall()
    columns: dict[str, list[str]] = {}
    kinds = {(table, name): kind for table, name, kind in told}
    for table, name, _ in told:
        columns.setdefault(table, []).append(name)
    for table, names in columns.items():
        marks = ", ".join("?" * len(names))
        for _ in range(2):
            con.execute(
                f"INSERT INTO {table} VALUES ({marks})",
                [value(kinds[table, name], name, next(numbers)) for name in names],
            )
    con.execute("INSERT INTO meta VALUES ('schema_version', ?)", [str(version)])
    del columns["meta"]
    return columns


@pytest.mark.parametrize("version", [number for number, _ in STORE])
def test_a_database_of_every_earlier_version_keeps_all_its_rows(tmp_path: Path, version: int) -> None:
    path = tmp_path / "inquiries.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute("SET TimeZone = 'UTC'")
        for _, script in [each for each in STORE if each[0] <= version]:
            con.execute(script)
        columns = fill(con, version)
        before = rows(con, columns)
    db = Database(path)
    with closing(db), db.reading() as cursor:
        assert rows(cursor, columns) == before
        views = cursor.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
        assert all(cursor.execute(f'FROM "{view}"').fetchall() is not None for (view,) in views)
        assert cursor.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone() == (str(STORE[-1][0]),)
    assert len(before) == len(columns) >= 10
    assert all(len(found) == 2 for found in before.values())


@pytest.mark.parametrize("version", [number for number, _ in DESK])
def test_a_desk_of_every_earlier_version_keeps_all_its_rows(tmp_path: Path, version: int) -> None:
    path = tmp_path / "desk.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as con:
        for number, script in DESK[:version]:
            con.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")
        columns = dict(_tables(con))
        for table, names in columns.items():
            told = [_desk_value(table, name, kind) for name, kind in names]
            con.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(told))})", told)
        before = _desk_rows(con, columns)
    with closing(Desk(path)) as desk, desk.reading() as con:
        assert _desk_rows(con, columns) == before
        assert con.execute("PRAGMA user_version").fetchone() == (len(DESK),)
        assert con.execute("PRAGMA foreign_key_check").fetchall() == []
    assert all(len(found) == 1 for found in before.values())


def _tables(con: sqlite3.Connection) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for (table,) in con.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    ).fetchall():
        yield table, [(name, kind) for _, name, kind, *_ in con.execute(f"PRAGMA table_info({table})").fetchall()]


def _desk_value(table: str, name: str, kind: str) -> Any:
    if name in ("user", "owner") or (table, name) == ("user", "name"):
        return "amy"
    return {"TEXT": "words 钱包", "BLOB": b"\1\2", "INTEGER": 1, "REAL": 1.5}[kind]


def _desk_rows(con: sqlite3.Connection, columns: dict[str, list[tuple[str, str]]]) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: con.execute(f"SELECT {', '.join(name for name, _ in names)} FROM {table}").fetchall()
        for table, names in columns.items()
    }


SAMPLES = {
    "VARCHAR": "'the swap of wallet ' || n % 7 || ' has failed again'",
    "JSON": "'{}'",
    "UUID": "uuid()",
    "BOOLEAN": "true",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ '2026-03-14 08:00:00+00'",
}


def test_texts_are_kept_as_they_are_for_a_search_reads_all_of_them(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "inquiries.duckdb")) as db, db.reading() as cursor:
        kinds = cursor.execute("SELECT data_type FROM duckdb_columns() WHERE table_name = 'post'").fetchall()
        values = ", ".join(SAMPLES.get(kind, "n") for (kind,) in kinds)
        cursor.execute(f"INSERT INTO post SELECT {values} FROM range(20000) AS numbers(n)")
        cursor.execute("CHECKPOINT")
        compressed = dict(
            cursor.execute(
                "SELECT column_name, list(DISTINCT compression) FROM pragma_storage_info('post') "
                "WHERE segment_type = 'VARCHAR' GROUP BY ALL"
            ).fetchall()
        )
    assert compressed["text"] == compressed["search_text"] == ["Uncompressed"]
    assert compressed["native_id"] != ["Uncompressed"]  # else this would prove nothing


async def edited_twice(community: Community, work: Workplace) -> list[int]:
    """Three posts, of which the first two are edited twice, read as they were each time. Returns their numbers."""
    posts = [community.forum.says("lin", f"question {number}") for number in range(3)]
    await poll(work)
    for words in ("it fails", "it fails again"):
        community.clock.pass_(minutes=1)
        for post in posts[:2]:
            community.forum.edits(post, words)
        for _ in range(3):
            await poll(work)
    assert work.db.query("SELECT count(*) FROM record") == [(7,)]
    return posts


def number_wrongly(con: Connection, posts: list[int]) -> None:
    """As a program of schema 27 did: an older version that came late got a number behind the newest, and the next edit
    the same number."""
    first, second = (f"post_id = (SELECT post_id FROM post WHERE native_id = 'p{each}')" for each in posts[:2])
    con.execute(f"UPDATE record SET version = 3 WHERE version = 2 AND {first}")  # two of one number
    con.execute(f"UPDATE record SET version = 5 - version WHERE version > 1 AND {second}")
    con.execute(f"UPDATE post SET version = 2 WHERE {second}")  # the newest is not the last
    con.execute("DROP TABLE early_deletion")  # of a later schema
    con.execute("UPDATE meta SET value = '27' WHERE key = 'schema_version'")


def require_right_numbers(work: Workplace) -> None:
    kept = work.db.query(
        "SELECT r.version, p.version, body->>'$.raw' FROM record AS r JOIN post AS p USING (post_id) "
        "ORDER BY native_id, r.version"
    )
    assert [(number, newest) for number, newest, _ in kept] == [(1, 3), (2, 3), (3, 3)] * 2 + [(1, 1)]
    assert {words for number, newest, words in kept if number == newest == 3} == {"it fails again"}


async def test_versions_that_an_earlier_program_numbered_wrongly_are_numbered_anew(community: Community) -> None:
    async with community.desk("forum") as work:
        posts = await edited_twice(community, work)
        await work.db.write(lambda con: number_wrongly(con, posts))
    async with community.desk("forum") as work:
        require_right_numbers(work)
