"""Which inquiries say some words: a look through all texts, in parts that are read at the same time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

import pyarrow as pa

from aggregator.identity import Id, written
from aggregator.store.database import Connection

PART = 250_000  # posts: below that a second thread costs more than it brings
MOST_PARTS = 4
_BEYOND = 1 << 62  # all row numbers

Bound = dict[str, object]


def inquiries_saying(cursor: Connection, words: Sequence[tuple[str, Sequence[Id]]], since: datetime) -> pa.Table:
    """One column `id`, in no order: inquiries that hold each of the words, in whichever of their posts.

    Args:
        words: each, as `search_text` has it, with the accounts whose posts hold it too.
        since: no earlier post is looked at.
    """
    look = partial(_look, words=words, since=since)
    bounds = [*_parts(cursor), _BEYOND]
    if len(bounds) == 2:
        return _saying_all(cursor, [look(cursor, *bounds)], len(words))
    cursors = [cursor.cursor() for _ in bounds[1:]]
    try:
        with ThreadPoolExecutor(len(cursors)) as threads:
            return _saying_all(cursor, list(threads.map(look, cursors, bounds, bounds[1:])), len(words))
    finally:
        for each in cursors:
            each.close()


def _parts(cursor: Connection) -> list[int]:
    """The row numbers with which parts begin. Of a file: the rows of a lake have no place by which they are found."""
    posts, of_file = cursor.execute(
        "SELECT (SELECT count(*) FROM post), type = 'duckdb' FROM duckdb_databases() "
        "WHERE database_name = current_database()"
    ).fetchone() or (0, False)
    parts = max(1, min(posts // PART, MOST_PARTS, os.cpu_count() or 1)) if of_file else 1
    return [posts * number // parts for number in range(parts)]


def _look(
    cursor: Connection, first: int, end: int, *, words: Sequence[tuple[str, Sequence[Id]]], since: datetime
) -> pa.Table:
    """`id`, and `said0`, `said1`, ... for each word, of the posts in these rows that hold any."""
    bound: Bound = {"first": first, "end": end, "since": since}
    said = []
    for number, (word, accounts) in enumerate(words):
        bound[f"word{number}"] = word
        # Hardly a post has a title. In one condition with it, for a condition on texts alone DuckDB may try before that
        # on row numbers, and look through the other parts as well.
        title = f"(title IS NOT NULL AND contains(lower(title), $word{number}))"
        either = [f"contains(search_text, $word{number})", title]
        if accounts:
            bound[f"by{number}"] = [written(one) for one in accounts]
            either.append(f"account_id IN (SELECT unnest($by{number}::UUID[]))")
        said.append(f"({' OR '.join(either)})")
    told = ", ".join(f"bool_or({one}) AS said{number}" for number, one in enumerate(said))
    return cursor.execute(
        f"SELECT CAST(inquiry_id AS VARCHAR) AS id, {told} FROM post WHERE inquiry_id IS NOT NULL "
        f"AND rowid >= $first AND rowid < $end AND posted_at >= $since AND ({' OR '.join(said)}) GROUP BY inquiry_id",
        bound,
    ).to_arrow_table()


def _saying_all(cursor: Connection, parts: Sequence[pa.Table], words: int) -> pa.Table:
    every = " AND ".join(f"bool_or(said{number})" for number in range(words))
    said = cursor.from_arrow(pa.concat_tables(parts)).aggregate(f"id, {every} AS all_said", "id")
    return said.filter("all_said").project("id").to_arrow_table()
