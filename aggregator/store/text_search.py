"""Which inquiries say some words: a look through all texts, in parts that are read at the same time.

One word after the other, the rarest first: what does not hold it need not be looked at for the next one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import chain

from arro3.core import Table

from aggregator.identity import Id, written
from aggregator.store.database import Connection
from aggregator.store.rows import read

PART = 250_000  # posts: below that a second thread costs more than it brings
MOST_PARTS = 4
SAMPLES, SAMPLE = 8, 2_000  # places, and posts of each, that tell how rare a word is: what is alike came together
_BEYOND = 1 << 62  # all row numbers

Word = tuple[str, Sequence[Id]]
"""As `search_text` has it, with the accounts whose posts hold it too."""


def inquiries_saying(cursor: Connection, words: Sequence[Word], since: datetime) -> Table:
    """One column `id`, of 16 bytes, in no order: inquiries that hold each of the words, in whichever of their posts.

    Args:
        since: no earlier post is looked at.
    """
    posts, of_file = cursor.execute(
        "SELECT (SELECT count(*) FROM post), type = 'duckdb' FROM duckdb_databases() "
        "WHERE database_name = current_database()"
    ).fetchone() or (0, False)
    # Of a file: the rows of a lake have no place by which they are found.
    parts = max(1, min(posts // PART, MOST_PARTS, os.cpu_count() or 1)) if of_file else 1
    bounds = [*(posts * number // parts for number in range(parts)), _BEYOND]
    found: Table | None = None
    with _readers(cursor, parts) as looks:
        for word in _rarest_first(cursor, words, posts) if parts > 1 else words:
            tables = list(looks(partial(_look, word=word, since=since, among=found), bounds))
            batches = chain.from_iterable(table.to_batches() for table in tables)
            found = Table.from_batches(list(batches), schema=tables[0].schema)
            if not found.num_rows:
                break
    assert found is not None, "no word is sought"
    return found


Look = Callable[[Connection, int, int], Table]


@contextmanager
def _readers(cursor: Connection, parts: int) -> Iterator[Callable[[Look, Sequence[int]], Iterator[Table]]]:
    """What looks at all parts at the same time, each with a cursor of its own."""
    if parts == 1:  # this one sees what its own transaction sees, and a lake
        yield lambda look, bounds: iter([look(cursor, *bounds)])
        return
    cursors = [cursor.cursor() for _ in range(parts)]
    try:
        with ThreadPoolExecutor(parts) as threads:
            yield lambda look, bounds: threads.map(look, cursors, bounds, bounds[1:])
    finally:
        for each in cursors:
            each.close()


def _rarest_first(cursor: Connection, words: Sequence[Word], posts: int) -> Sequence[Word]:
    if len(words) == 1:
        return words
    counts = ", ".join(f"count(*) FILTER (contains(search_text, $word{number}))" for number in range(len(words)))
    begins = [posts * number // SAMPLES for number in range(SAMPLES)]
    some = " UNION ALL ".join(
        f"SELECT search_text FROM post WHERE rowid >= {begin} AND rowid < {begin + SAMPLE}" for begin in begins
    )
    held = cursor.execute(
        f"SELECT {counts} FROM ({some})", {f"word{number}": word for number, (word, _) in enumerate(words)}
    ).fetchone()
    assert held is not None
    return [words[number] for number in sorted(range(len(words)), key=held.__getitem__)]


def _look(cursor: Connection, first: int, end: int, *, word: Word, since: datetime, among: Table | None) -> Table:
    """`id`, of the posts in these rows that hold the word; `among`: of these inquiries alone."""
    text, accounts = word
    bound: dict[str, object] = {"first": first, "end": end, "since": since, "word": text}
    # Hardly a post has a title. In one condition with it, for a condition on texts alone DuckDB may try before that on
    # row numbers, and look through the other parts as well.
    holding = "contains(search_text, $word) OR (title IS NOT NULL AND contains(lower(title), $word))"
    if accounts:
        bound["by"] = [written(one) for one in accounts]
        holding += " OR account_id IN (SELECT unnest($by::UUID[]))"
    rows = "inquiry_id IS NOT NULL AND rowid >= $first AND rowid < $end AND posted_at >= $since"
    those = f"SELECT inquiry_id FROM post WHERE {rows} AND ({holding})"
    if among is not None:
        cursor.register("among", among)
        # Kept apart, else texts are looked at before it is known whose they are.
        those = (
            "WITH near AS MATERIALIZED (SELECT inquiry_id, search_text, title, account_id FROM post "
            f"WHERE {rows} AND inquiry_id IN (SELECT CAST(id AS UUID) FROM among)) "
            f"SELECT inquiry_id FROM near WHERE {holding}"
        )
    sql = f"SELECT CAST(inquiry_id AS BLOB) AS id FROM ({those}) GROUP BY inquiry_id"
    return read(cursor, sql, bound)
