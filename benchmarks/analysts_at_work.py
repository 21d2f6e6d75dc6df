"""One analyst of `benchmarks.analysts`: the example queries of the docs, one after the other, and whether what is read
is whole.

In the service's process (`among`, a thread for each); or a plain DuckDB in a process of its own, as `python -m
benchmarks.analysts_at_work MODE PORT TOKEN PAUSE NUMBER`: it says that it is ready, begins at the first line of its
input, stops when that ends, and prints what it did.
"""

from __future__ import annotations

import itertools
import re
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

import duckdb
import orjson

from aggregator.analysts.client import open_live
from aggregator.analysts.door import EXTENSIONS
from aggregator.importer.files import PAGE
from aggregator.store import extensions
from aggregator.store.database import Database

Mode = Literal["scan", "pushdown", "within"]
Ask = Callable[[str], list[tuple[Any, ...]]]

DOCS: Final = Path(__file__).parents[1] / "docs" / "queries.md"
# All posts of a page of an import are one transaction, and so are their inquiries.
WHOLE_PAGES: Final = "SELECT count(*), count(DISTINCT post_id) FROM posts"
AGREE: Final = (
    "SELECT coalesce((SELECT sum(posts) FROM inquiries), 0) - "
    "(SELECT count(*) FROM posts WHERE inquiry_id IS NOT NULL AND NOT staff)"
)
# Over an endpoint that reads one view after the other the second is the later one, never an earlier one.
EARLIER: Final = (
    "CREATE OR REPLACE TEMP TABLE said AS SELECT inquiry_id FROM posts WHERE inquiry_id IS NOT NULL AND NOT staff"
)
FORWARDS: Final = (
    "WITH begun AS MATERIALIZED (SELECT inquiry_id, posts FROM inquiries) "
    "SELECT (SELECT count(*) FROM said WHERE inquiry_id NOT IN (SELECT inquiry_id FROM begun)), "
    "greatest(0, (SELECT count(*) FROM said) - coalesce((SELECT sum(posts) FROM begun), 0))"
)


@dataclass(slots=True)
class Done:
    """errors: any at all; locked: those that speak of a lock or a conflict. torn: answers that no moment can have."""

    asked: int = 0
    checked: int = 0
    errors: int = 0
    locked: int = 0
    torn: int = 0
    first_error: str = ""

    def add(self, other: Done) -> None:
        self.asked, self.checked = self.asked + other.asked, self.checked + other.checked
        self.errors, self.locked = self.errors + other.errors, self.locked + other.locked
        self.torn, self.first_error = self.torn + other.torn, self.first_error or other.first_error


def example_queries() -> list[str]:
    found = re.findall(r"^```sql\n(.*?)^```$", DOCS.read_text(encoding="utf-8"), re.M | re.S)
    return [query.strip().rstrip(";") for query in found]


def at_work(ask: Ask, mode: Mode, number: int, pause: float, stop: threading.Event) -> Done:
    """Until `stop`: a query, a pause, the next; after each fifth one whether what is read is whole. `number`: who of
    them it is: they do not ask the same at the same time."""
    queries, done = example_queries(), Done()
    for turn in itertools.count():
        if stop.wait(pause):
            return done
        try:
            if turn % 5 == 4:
                done.checked += 1
                done.torn += is_torn(ask, mode)
            else:
                done.asked += 1
                ask(queries[(turn + 3 * number) % len(queries)])
        except duckdb.Error as error:
            done.errors += 1
            done.locked += "lock" in str(error).lower() or "conflict" in str(error).lower()
            done.first_error = done.first_error or str(error).partition("\n")[0]
    raise AssertionError("it counts for ever")


def is_torn(ask: Ask, mode: Mode) -> bool:
    posts, different = ask(WHOLE_PAGES)[0]
    if posts != different:
        return True
    if posts % PAGE and ask(WHOLE_PAGES)[0][0] != posts:  # a part of a page can only be the last, which stays so
        return True
    if mode != "scan":
        return ask(AGREE) != [(0,)]
    ask(EARLIER)
    return ask(FORWARDS) != [(0, 0)]


@contextmanager
def among(db: Database, how_many: int, pause: float) -> Iterator[Callable[[], Done]]:
    """So many at work in this process. What is yielded stops them, and tells what they did in all."""
    stop = threading.Event()

    def one(number: int) -> Done:
        with db.reading() as cursor:
            return at_work(lambda query: cursor.execute(query).fetchall(), "within", number, pause, stop)

    with ThreadPoolExecutor(max(1, how_many)) as pool:
        each = [pool.submit(one, number) for number in range(how_many)]

        def stopped() -> Done:
            stop.set()
            total = Done()
            for future in each:
                total.add(future.result())
            return total

        try:
            yield stopped
        finally:
            stop.set()


def _asking(mode: str, port: int, token: str) -> Ask:
    if mode == "scan":
        con = open_live(token, port)
        con.execute("SET enable_progress_bar = false; SET threads = 1")  # the bar goes to standard output
        return lambda query: con.execute(query).fetchall()
    con = duckdb.connect(config={"threads": 1})
    con.execute("SET enable_progress_bar = false")
    extensions.load(con, EXTENSIONS)
    con.execute(f"ATTACH 'quack:localhost:{port}' AS live (TYPE quack, TOKEN '{token}')")
    return lambda query: con.execute("FROM live.query('" + query.replace("'", "''") + "')").fetchall()


def main() -> None:
    mode, port, token, pause, number = sys.argv[1:]
    ask: Ask = _asking(mode, int(port), token)
    ask(WHOLE_PAGES)
    print("ready", flush=True)
    sys.stdin.readline()
    stop = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    done = at_work(ask, "pushdown" if mode == "pushdown" else "scan", int(number), float(pause), stop)
    print(orjson.dumps(asdict(done)).decode(), flush=True)


if __name__ == "__main__":
    main()
