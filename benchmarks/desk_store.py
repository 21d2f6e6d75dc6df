"""The database of a desk with a long history: 30,000 open inquiries, half of them Chinese, and a million in all.

Some tens of thousands are imported as they are: those that stay open, and one stretch of history, answered and closed,
folded by the code that folds everything. The rest of the history are earlier copies of that stretch, made by SQL:
with ids and times of their own, other figures in the texts, and more said in each, recombined from what all say. So no
two texts are alike, and every row is what folding it again would make. What the platforms sent is kept of the
imported ones only: no page reads it.

Made once, into `.data/bench/`, and opened by benchmarks as it is; those that write take a copy.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from aggregator.backup import DATABASE
from aggregator.config import Settings, clock_of
from aggregator.folding.refold import refold
from aggregator.store.daily import RECOUNT
from aggregator.store.database import Connection, Database
from aggregator.triage import search_text
from benchmarks.big_store import AGAIN, CODE, REASONS
from benchmarks.children import run
from benchmarks.posts import BEGINS, FOLDER, LASTS, file_of

OPEN: Final = 30_000
IMPORTED: Final = 100_000
SIZES: Final = {"1M": 1_000_000, "4M": 4_000_000, "10M": 10_000_000}
ENDS: Final = BEGINS + LASTS
"""The moment at which this desk is looked at: its newest post has just come."""

HISTORY_DAYS: Final = 1000
CLAUSES: Final = 60_000  # of each language, at most
COLLEAGUES: Final = ("amy", "ben", "林")
_CLAUSES: Final = "clauses.parquet"
_FOLDED_AT_ONCE: Final = 4000

_OF_BASE: Final = (
    "CREATE TEMP TABLE staying AS SELECT inquiry_id FROM (SELECT inquiry_id, row_number() OVER ("
    "PARTITION BY lang LIKE 'zh%' ORDER BY last_post_at DESC, inquiry_id) AS place FROM inquiry_open) "
    "WHERE place <= $half",
    "CREATE TEMP TABLE history AS SELECT inquiry_id FROM inquiry_open ANTI JOIN staying USING (inquiry_id)",
    "UPDATE post SET backfill = false",
    """INSERT INTO account BY NAME SELECT md5('bench/staff')::UUID AS account_id, 'bench' AS space,
        'staff' AS native_id, 'Support' AS name, 'staff' AS role, md5('bench/staff')::UUID AS person_id""",
    # Half are answered within about 20 minutes, nine of ten within four hours.
    """INSERT INTO post BY NAME
    SELECT md5('answer/' || i.inquiry_id)::UUID AS post_id, p.space, 'answer/' || p.native_id AS native_id, p."source",
        p.thread_id, md5('bench/staff')::UUID AS account_id, p.post_id AS reply_to,
        i.last_post_at + to_seconds(CAST(60 + 1200 * exp(3 * (hash(i.inquiry_id) % 1000 / 1000 - 0.5)) AS BIGINT))
            AS posted_at,
        p.native_order, posted_at AS seen_at, 1 AS version, c.said[2:] AS text, c.sought[2:] AS search_text, i.lang,
        i.public, true AS staff, false AS backfill, '{"kind":"other"}' AS facts, i.inquiry_id
    FROM inquiry_open AS i JOIN history USING (inquiry_id)
    JOIN post AS p ON p.post_id = i.lead_post_id
    JOIN clause AS c ON c.lang = side(i.lang) AND c.number = hash(i.inquiry_id) % $clauses""",
    """INSERT INTO inquiry_event BY NAME
    SELECT md5('close/' || inquiry_id)::UUID AS event_id, inquiry_id, max(posted_at) + INTERVAL 1 HOUR AS happened_at,
        $colleagues[1 + CAST(hash(inquiry_id) % len($colleagues) AS BIGINT)] AS who, 'close' AS what,
        '{"reason":"resolved"}' AS details
    FROM post JOIN history USING (inquiry_id) GROUP BY inquiry_id""",
    """INSERT INTO inquiry_event BY NAME
    SELECT md5('claim/' || inquiry_id)::UUID AS event_id, inquiry_id, last_post_at + INTERVAL 5 MINUTE AS happened_at,
        $colleagues[1 + CAST(hash(inquiry_id) % len($colleagues) AS BIGINT)] AS who, 'claim' AS what, '{}' AS details
    FROM inquiry_open JOIN staying USING (inquiry_id) WHERE hash(inquiry_id) % 10 = 0""",
)
_MACROS: Final = (
    AGAIN,
    CODE,
    REASONS,
    "CREATE TEMP MACRO side(lang) AS CASE WHEN lang LIKE 'zh%' THEN 'zh' ELSE 'en' END",
    "CREATE TEMP MACRO other_figures(text, digits) AS translate(text, '0123456789', digits)",
    # As aggregator.folding.fold.excerpt.
    "CREATE TEMP MACRO excerpt_of(text) AS trim(regexp_replace(text[:320], '[\\s\\x{3000}\\x{a0}]+', ' ', 'g'))[:160]",
)
_COPY: Final = (
    """CREATE OR REPLACE TEMP TABLE again_said AS
    SELECT p.* REPLACE (again(post_id, $n) AS post_id, $n || '/' || native_id AS native_id,
        again(thread_id, $n) AS thread_id, CASE WHEN staff THEN account_id ELSE again(account_id, $n) END AS account_id,
        again(reply_to, $n) AS reply_to, again(inquiry_id, $n) AS inquiry_id, posted_at - $earlier AS posted_at,
        seen_at - $earlier AS seen_at, other_figures(title, $digits) AS title, permalink || '?' || $n AS permalink,
        other_figures(text || a.said || b.said, $digits) AS text,
        other_figures(search_text || a.sought || b.sought, $digits) AS search_text)
    FROM early_said AS p
    JOIN clause AS a ON a.lang = side(p.lang) AND a.number = hash(p.post_id, $n, 1) % $clauses
    JOIN clause AS b ON b.lang = side(p.lang) AND b.number = hash(p.post_id, $n, 2) % $clauses
    WHERE p.inquiry_id IN (SELECT inquiry_id FROM history WHERE number < $most)""",
    "INSERT INTO post FROM again_said",
    """INSERT INTO account SELECT account.* REPLACE (again(account_id, $n) AS account_id,
        $n || '/' || native_id AS native_id, again(person_id, $n) AS person_id)
    FROM early_account AS account""",
    """INSERT INTO inquiry_event SELECT e.* REPLACE (again(event_id, $n) AS event_id,
        again(inquiry_id, $n) AS inquiry_id, happened_at - $earlier AS happened_at)
    FROM early_event AS e JOIN history AS h USING (inquiry_id) WHERE h.number < $most""",
    """INSERT INTO inquiry_closed SELECT i.* REPLACE (again(i.inquiry_id, $n) AS inquiry_id,
        code_of(again(i.inquiry_id, $n)) AS code, again(i.thread_id, $n) AS thread_id,
        again(i.person_id, $n) AS person_id, s.post_id AS lead_post_id, reasons_again(i.reasons, $n) AS reasons,
        i.opened_at - $earlier AS opened_at, i.last_post_at - $earlier AS last_post_at,
        i.first_answer_at - $earlier AS first_answer_at, i.answered_at - $earlier AS answered_at,
        i.closed_at - $earlier AS closed_at, i.seen_at - $earlier AS seen_at, s.permalink AS permalink,
        other_figures(i.title, $digits) AS title, excerpt_of(s.text) AS excerpt)
    FROM early_closed AS i JOIN history AS h USING (inquiry_id)
    JOIN again_said AS s ON s.post_id = again(i.lead_post_id, $n) WHERE h.number < $most""",
)
_OF_COPY: Final = (
    "CREATE TEMP TABLE history AS SELECT inquiry_id, "
    "row_number() OVER (ORDER BY last_post_at, inquiry_id) - 1 AS number FROM inquiry_closed",
    "CREATE TEMP TABLE early_said AS FROM post SEMI JOIN history USING (inquiry_id)",
    "CREATE TEMP TABLE early_account AS FROM account AS a WHERE role = 'customer' "
    "AND account_id IN (SELECT account_id FROM early_said)",
    "CREATE TEMP TABLE early_event AS FROM inquiry_event SEMI JOIN history USING (inquiry_id)",
    "CREATE TEMP TABLE early_closed AS FROM inquiry_closed",
)


def desk() -> Path:
    """The folder of the desk of the size that SIZE in the environment names (else "1M"), made at its first use."""
    size = os.environ.get("SIZE", "1M")
    folder = FOLDER / f"desk-{size}"
    if not folder.exists():
        base = FOLDER / "desk-base"
        if not base.exists():
            _made(base, make_base)
        _made(folder, lambda unfinished: lengthen(base, unfinished, SIZES[size]))
    return folder


def _made(folder: Path, make: Callable[[Path], None]) -> None:
    """What is half done when somebody stops it is begun anew."""
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    make(unfinished)
    unfinished.replace(folder)


@contextmanager
def copied(folder: Path) -> Iterator[Path]:
    """A copy that a benchmark may write into."""
    with TemporaryDirectory(prefix="copy-", dir=folder.parent) as copy:
        shutil.copy(folder / DATABASE, Path(copy) / DATABASE)
        yield Path(copy)


def make_base(data: Path, opened: int = OPEN, imported: int = IMPORTED) -> None:
    """Put what is not copied into the folder `data`."""
    config = data / "connectors.yaml"
    config.write_text("data: .\nsources: {}\n", encoding="utf-8")
    file = file_of(imported).resolve()
    run(sys.executable, "-m", "aggregator", "import", file, "--source", "bench", "--config", config, "--json")
    clauses = _clauses(file)
    db = Database(data / DATABASE)
    try:
        _settle(db, clauses, opened)
    finally:
        db.close()
    pq.write_table(clauses, data / _CLAUSES)


def lengthen(base: Path, data: Path, inquiries: int) -> None:
    """Put a desk with so many inquiries into the folder `data`."""
    shutil.copy(base / DATABASE, data / DATABASE)
    with duckdb.connect(str(data / DATABASE), config={"memory_limit": "6GB", "preserve_insertion_order": False}) as con:
        _lengthen(con, pq.read_table(base / _CLAUSES), inquiries)


def _settle(db: Database, clauses: pa.Table, opened: int) -> None:
    """Answer and close what is not to stay open; what stays has come just now, and a tenth of it is somebody's."""
    bound: dict[str, object] = {"half": opened // 2, "clauses": len(clauses) // 2, "colleagues": list(COLLEAGUES)}

    def prepare(con: Connection) -> list[bytes]:
        for macro in _MACROS:
            con.execute(macro)
        con.register("clause", clauses)
        for statement in _OF_BASE:
            con.execute(statement, {name: value for name, value in bound.items() if f"${name}" in statement})
        con.unregister("clause")
        return [
            one.bytes for (one,) in con.execute("SELECT inquiry_id FROM inquiry_open ORDER BY opened_at").fetchall()
        ]

    settings = Settings(sources={})
    every = db.submit(prepare).result()
    for first in range(0, len(every), _FOLDED_AT_ONCE):
        some = set(every[first : first + _FOLDED_AT_ONCE])
        fold: Callable[[Connection], object] = partial(
            refold, touched=some, clock_of=partial(clock_of, settings), points={}
        )
        db.submit(fold).result()


def _lengthen(con: Connection, clauses: pa.Table, inquiries: int) -> None:
    """Put earlier copies of the history before it, the earliest first, as they would have been stored."""
    con.execute("SET TimeZone = 'UTC'")
    for macro in _MACROS:
        con.execute(macro)
    con.execute("CREATE TEMP TABLE clause AS FROM clauses")
    for statement in _OF_COPY:
        con.execute(statement)
    ((stored, each),) = con.execute("SELECT (SELECT count(*) FROM inquiry), (SELECT count(*) FROM history)").fetchall()
    sizes = [min(each, left) for left in range(inquiries - stored, 0, -each)] if each else []
    for n, most in reversed(list(enumerate(sizes, start=1))):
        bound = {
            "n": n,
            "most": most,
            "clauses": len(clauses) // 2,
            "digits": "".join(random.Random(n).sample("0123456789", 10)),
            "earlier": n * min(LASTS, timedelta(seconds=86_400 * HISTORY_DAYS // len(sizes))),
        }
        con.execute("BEGIN")
        for statement in _COPY:
            con.execute(
                statement, {name: value for name, value in bound.items() if re.search(rf"\${name}\b", statement)}
            )
        con.execute("COMMIT")
        if n % 10 == 0:
            print(f"{n} stretches of history are left to be copied", file=sys.stderr)
    con.execute(RECOUNT)
    con.execute("CHECKPOINT")


def _clauses(file: Path) -> pa.Table:
    """What people say between two stops, each with the stop before it; as many of one language as of the other."""
    found: dict[str, dict[str, None]] = {"zh": {}, "en": {}}
    with file.open("rb") as lines:
        for line in lines:
            text: str = orjson.loads(line)["text"]
            lang, stop = ("en", ", ") if text.isascii() else ("zh", "，")
            for clause in re.split(r"[，。！？；、,.!?;\n]+(?:\s+|(?=[^\d\s]))", text):
                if 4 <= len(clause) <= 60:
                    found[lang][stop + clause.strip()] = None
    many = min(CLAUSES, *map(len, found.values()))
    rows = [(lang, number, said) for lang, of in found.items() for number, said in enumerate(list(of)[:many])]
    langs, numbers, said = zip(*rows, strict=True)
    return pa.table({"lang": langs, "number": numbers, "said": said, "sought": [search_text(one) for one in said]})


if __name__ == "__main__":
    print(desk())
