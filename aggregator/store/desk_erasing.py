"""Take somebody's words out of desk.db: drafts to that person, and what quotes them."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from aggregator.identity import Id
    from aggregator.store.desk import Desk


class Words(Protocol):
    """aggregator.keeping.black.Black"""

    def text(self, text: str) -> str: ...

    def spans(self, text: str) -> list[tuple[int, int]]: ...


# Of colleagues and rows, and words of ours.
_NAMES = ("user", "owner", "who", "changed_by", "id", "kept", "kind", "kinds", "lang", "origin", "why", "what", "code")
_WITHOUT_ROWID = ("draft", "read_mark", "first_look")
_APART = ("user", "session", "link", "token", "stretch", "desk_event")  # hold nothing but what is colleagues' own


def erase_from_desk(desk: Desk, inquiries: Collection[Id], words: Words, *, dry_run: bool) -> Counter[str]:
    """What colleagues keep about these inquiries goes; elsewhere these words are blacked out. Rows by table."""
    done: Counter[str] = Counter()
    try:
        with desk.writing() as con:
            done += _forget(con, inquiries)
            for table, column in _columns(con):
                if table not in _APART and column not in _NAMES:
                    done[table] += _black_out(con, table, column, words)
            if dry_run:
                raise _TriedError
    except _TriedError:
        pass
    return +done


def forget_inquiries(desk: Desk, inquiries: Collection[Id]) -> Counter[str]:
    """What colleagues keep about these inquiries goes. Rows by table."""
    if not inquiries:
        return Counter()
    with desk.writing() as con:
        return _forget(con, inquiries)


def _forget(con: sqlite3.Connection, inquiries: Collection[Id]) -> Counter[str]:
    con.execute("CREATE TEMP TABLE gone (inquiry BLOB PRIMARY KEY) WITHOUT ROWID")
    con.executemany("INSERT INTO gone VALUES (?)", [(inquiry,) for inquiry in inquiries])
    done: Counter[str] = Counter()
    for table in [table for table, column in _columns(con) if column == "inquiry"]:
        # Of each user: by user and inquiry most of these tables find their rows at once.
        done[table] = con.execute(
            f"DELETE FROM {table} WHERE user IN (SELECT name FROM user) AND inquiry IN (SELECT inquiry FROM gone)"
        ).rowcount
    con.execute("DROP TABLE gone")
    return +done


class _TriedError(Exception):
    """Rolls back."""


def _black_out(con: sqlite3.Connection, table: str, column: str, words: Words) -> int:
    key = "user || char(0) || hex(inquiry)" if table in _WITHOUT_ROWID else "rowid"
    changed = [
        (after, one)
        for one, before in con.execute(f'SELECT {key}, "{column}" FROM {table} WHERE typeof("{column}") = \'text\'')
        if (after := words.text(before)) != before
    ]
    con.executemany(f'UPDATE {table} SET "{column}" = ? WHERE {key} = ?', changed)
    return len(changed)


def rewrite(desk: Desk) -> bool:
    """Write the file anew, and empty its log: only so do deleted bytes leave the disk. False: another process reads."""
    with desk.reading() as con:
        con.execute("VACUUM")
        (busy, *_) = con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def found_in_desk(desk: Desk, words: Words) -> Counter[str]:
    """Columns in which one of these words stands, whatever the table."""
    left: Counter[str] = Counter()
    with desk.reading() as con:
        for table, column in _columns(con):
            values = con.execute(f'SELECT "{column}" FROM "{table}" WHERE typeof("{column}") = \'text\'')
            count = sum(bool(words.spans(value)) for (value,) in values)
            if count:
                left[f"{table}.{column}"] = count
    return left


def _columns(con: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    for (table,) in con.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        for _, column, *_ in con.execute(f'PRAGMA table_info("{table}")').fetchall():
            yield table, column
