"""A database with many posts: a real import, then copies of it made by SQL, older and closed.

A copy has ids, times, inquiries and closing events of its own that refer to one another as the imported ones do;
only, its ids are hashes of the imported ids and not of what a platform called it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import duckdb

from aggregator.backup import DATABASE
from aggregator.store.daily import RECOUNT
from benchmarks.children import run
from benchmarks.posts import file_of

IMPORTED: Final = 100_000  # of the posts; the others are copies
DAYS_APART: Final = 31

# The n-th copy of an id; NULL stays NULL.
AGAIN: Final = "CREATE TEMP MACRO again(id, n) AS CAST(md5(CAST(id AS VARCHAR) || '/' || n) AS UUID)"
_EARLIER: Final = f"CREATE TEMP MACRO earlier(moment, n) AS moment - to_days(CAST({DAYS_APART} * n AS INTEGER))"
# As aggregator.identity.code: 35 bits in base32.
CODE: Final = """CREATE TEMP MACRO code_of(id) AS array_to_string(list_transform(
    [35, 30, 25, 20, 15, 10, 5],
    lambda bits: substr('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567',
        1 + CAST((CAST('0x' || replace(CAST(id AS VARCHAR), '-', '')[:10] AS UBIGINT) >> bits) & 31 AS INTEGER), 1)
), '')"""
# Each reason names the post that it stands in.
REASONS: Final = """CREATE TEMP MACRO reasons_again(reasons, n) AS array_to_string(
    string_split(reasons, '"post_id":"')[:1] || list_transform(
        string_split(reasons, '"post_id":"')[2:], lambda part: CAST(again(part[:36], n) AS VARCHAR) || part[37:]
    ), '"post_id":"')"""
_COPIES: Final = (
    """INSERT INTO record SELECT record.* REPLACE (again(post_id, n) AS post_id, earlier(fetched_at, n) AS fetched_at,
        replace(body, '"native_id":"', '"native_id":"' || n || '/') AS body)
    FROM record, range(1, $copies) AS t(n)""",
    """INSERT INTO post SELECT post.* REPLACE (again(post_id, n) AS post_id, n || '/' || native_id AS native_id,
        again(thread_id, n) AS thread_id, again(account_id, n) AS account_id, again(reply_to, n) AS reply_to,
        again(inquiry_id, n) AS inquiry_id, earlier(posted_at, n) AS posted_at, earlier(seen_at, n) AS seen_at)
    FROM post, range(1, $copies) AS t(n)""",
    """INSERT INTO post_count SELECT post_count.* REPLACE (
        again(post_id, n) AS post_id, earlier(counted_at, n) AS counted_at)
    FROM post_count, range(1, $copies) AS t(n)""",
    """INSERT INTO account SELECT account.* REPLACE (again(account_id, n) AS account_id,
        n || '/' || native_id AS native_id, again(person_id, n) AS person_id)
    FROM account, range(1, $copies) AS t(n)""",
    """INSERT INTO inquiry_closed SELECT inquiry_open.* REPLACE (again(inquiry_id, n) AS inquiry_id,
        code_of(again(inquiry_id, n)) AS code, again(thread_id, n) AS thread_id, again(person_id, n) AS person_id,
        again(lead_post_id, n) AS lead_post_id, reasons_again(reasons, n) AS reasons, 'closed' AS state,
        earlier(opened_at, n) AS opened_at, earlier(last_post_at, n) AS last_post_at,
        earlier(waiting_since, n) AS waiting_since, earlier(seen_at, n) AS seen_at,
        earlier(last_post_at, n) + to_days(1) AS closed_at, 'solved' AS close_reason)
    FROM inquiry_open, range(1, $copies) AS t(n)""",
)
_CLOSED: Final = """INSERT INTO inquiry_event (event_id, inquiry_id, happened_at, who, what, details)
    SELECT again(inquiry_id, 0), inquiry_id, closed_at, 'system', 'close', '{"reason":"solved"}' FROM inquiry_closed"""


def fill(data: Path, posts: int, imported: int = IMPORTED) -> None:
    """Put a database with so many posts, a multiple of `imported` or fewer, into the folder `data`."""
    if not posts:
        return
    config = data / "connectors.yaml"
    config.write_text("data: .\nsources: {}\n", encoding="utf-8")
    file = file_of(min(posts, imported)).resolve()
    run(sys.executable, "-m", "aggregator", "import", file, "--source", "bench", "--config", config, "--json")
    if posts > imported:
        _copy(data / DATABASE, posts // imported)


def _copy(database: Path, copies: int) -> None:
    with duckdb.connect(str(database), config={"preserve_insertion_order": False}) as con:
        for macro in (AGAIN, _EARLIER, CODE, REASONS):
            con.execute(macro)
        con.execute("BEGIN")
        for statement in _COPIES:
            con.execute(statement, {"copies": copies})
        con.execute(_CLOSED)
        con.execute(RECOUNT)
        con.execute("COMMIT")
        con.execute("CHECKPOINT")
