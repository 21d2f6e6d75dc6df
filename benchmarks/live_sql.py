"""What analysts' live SQL takes beside a million inquiries, against the same query in the service's own process.

By day and channel: over `daily_counts` in scan mode, and of `inquiries` in pushdown. The floor is the same question
asked of all inquiries in the service's process; `view` is what the queried view takes there. Each client is a DuckDB in
a process of its own; it attaches once, and each of its queries is timed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import orjson

from aggregator.analysts.door import Door, Mode
from aggregator.store import daily, tokens
from aggregator.store.database import Connection, Database
from aggregator.store.desk import Desk
from aggregator.store.zone import keep_zone
from benchmarks.figures import Figure, print_figures
from tests.ports import free_port

INQUIRIES: Final = 1_000_000
REACH: Final = 3.0  # times the same in-process
COUNTS: Final = "SELECT opened_on, channel, sum(inquiries) FROM {}daily_counts GROUP BY ALL"
EACH: Final = "SELECT opened_on, channel, count(*) FROM {}inquiries GROUP BY ALL"
ASKED: Final[tuple[tuple[str, Mode, str], ...]] = (
    ("daily_counts, scan", "scan", COUNTS),
    ("inquiries, scan", "scan", EACH),
    ("inquiries, pushdown", "pushdown", EACH),
)
_FILL: Final = """INSERT INTO inquiry_closed BY NAME
SELECT uuid() AS inquiry_id, upper(left(md5('code' || n), 7)) AS code, 'bench' AS source,
    ['telegram', 'forum', 'email', 'weibo', 'wechat', 'qq'][1 + CAST(hash(n) % 6 AS INTEGER)] AS channel,
    uuid() AS thread_id, uuid() AS person_id, 'closed' AS state,
    TIMESTAMPTZ '2024-01-01' + to_seconds(CAST(40 * n AS BIGINT)) AS opened_at, opened_at AS last_post_at,
    opened_at AS seen_at, opened_at AS closed_at, 1 AS posts, 1 AS asked,
    ['question', 'complaint', 'noise'][1 + CAST(hash(n + 1) % 3 AS INTEGER)] AS kind,
    CASE WHEN n % 2 = 0 THEN 'en' ELSE 'zh-Hans' END AS lang, true AS public, false AS backfill, false AS secret,
    false AS thanks, 0 AS deleted, uuid() AS lead_post_id, 'Where is my transfer?' AS excerpt, '[]' AS reasons,
    10.0 AS points, 0.0 AS wait_per_hour, 0.0 AS wait_cap, 1 AS scoring_version, 1 AS ver
FROM range($inquiries) AS t(n)"""
_CLIENT: Final = """
import json, sys, time
import duckdb
from aggregator.analysts.door import EXTENSIONS
from aggregator.store import extensions
url, token, query, runs = json.loads(sys.argv[1])
con = duckdb.connect(config={"threads": 1})
con.execute("SET enable_progress_bar = false")  # it goes to standard output
extensions.load(con, EXTENSIONS)
con.execute(f"ATTACH '{url}' AS live (TYPE quack, TOKEN '{token}')")
spent = []
for _ in range(runs):
    began = time.perf_counter()
    rows = len(con.execute(query).fetchall())
    spent.append(time.perf_counter() - began)
print(json.dumps([rows, sorted(spent)[len(spent) // 2]]))
"""


def measure(inquiries: int = INQUIRIES, runs: int = 5) -> Iterator[Figure]:
    with TemporaryDirectory(prefix="bench-live-sql-") as folder:
        db, desk = Database(Path(folder) / "inquiries.duckdb"), Desk(Path(folder) / "desk.db")
        db.submit(lambda con: keep_zone(con, "Asia/Shanghai")).result()
        db.submit(lambda con: con.execute(_FILL, {"inquiries": inquiries}).fetchall()).result()
        db.submit(daily.recount).result()
        desk.add_user("ana", "viewer")
        now = datetime.now(UTC)
        token = tokens.make(desk, "bench", "ana", ["sql"], who="ana", now=now, until=None)
        for what, mode, query in ASKED:
            with db.reading() as cursor:
                floor, view = (_here(cursor, asked.format(""), runs) for asked in (EACH, query))
            door = Door(db, desk, lambda: datetime.now(UTC), mode, free_port())
            door.open()
            sent = query.format("live.") if mode == "scan" else f"FROM live.query('{query.format('')}')"
            rows, spent = _client(door.url, token, sent, runs)
            door.shut()
            beside = {"floor": round(1000 * floor, 1), "ratio": round(spent / floor, 2), "rows": rows}
            beside |= {"ms": round(1000 * spent, 1), "view": round(1000 * view, 1)}
            reach = None if what == "inquiries, scan" else REACH
            yield Figure("live_sql", what, round(spent / floor, 2), "times", reach, beside)
        desk.close()
        db.close()


def _here(cursor: Connection, query: str, runs: int) -> float:
    spent = []
    for _ in range(runs):
        began = time.perf_counter()
        cursor.execute(query).fetchall()
        spent.append(time.perf_counter() - began)
    return median(spent)


def _client(url: str, token: str, query: str, runs: int) -> tuple[int, float]:
    told = orjson.dumps([url, token, query, runs]).decode()
    done = subprocess.run([sys.executable, "-c", _CLIENT, told], stdout=subprocess.PIPE, check=True)
    rows, spent = orjson.loads(done.stdout)
    return rows, spent


if __name__ == "__main__":
    print_figures(measure())
