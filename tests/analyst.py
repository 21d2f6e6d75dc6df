"""An analyst's own DuckDB, in a process of its own, as it reaches the service's live SQL."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

# Each statement's rows, or the sentence that refused it.
_ASKS = """
import json, sys
import duckdb
from aggregator.analysts.client import open_live
from aggregator.analysts.door import EXTENSIONS
from aggregator.store import extensions
told = json.loads(sys.stdin.readline())
if told["live"]:
    con = open_live(*told["live"])
else:
    con = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
    extensions.load(con, EXTENSIONS)
    con.execute("SET TimeZone = 'UTC'")
answers = []
for statement in told["statements"]:
    try:
        answers.append({"rows": con.execute(statement).fetchall()})
    except duckdb.Error as error:
        answers.append({"error": str(error)})
print(json.dumps(answers, default=str))
"""

# A hundred attachments, all asking at the same time.
_CROWD = """
import json, sys, threading
from concurrent.futures import ThreadPoolExecutor
import duckdb
from aggregator.analysts.door import EXTENSIONS
from aggregator.store import extensions
told = json.loads(sys.stdin.readline())
con = duckdb.connect(config={"threads": 1})
extensions.load(con, EXTENSIONS)
cursors = [con.cursor() for _ in range(100)]
together = threading.Barrier(100)

def ask(number):
    cursors[number].execute(told["attach"].replace("live", f"live{number}"))
    together.wait()
    return cursors[number].execute(told["query"].format(f"live{number}")).fetchone()

with ThreadPoolExecutor(100) as pool:
    print(json.dumps(list(pool.map(ask, range(100)))))
"""


def asks(statements: Sequence[str], *, live: tuple[str, int] | None = None) -> list[Any]:
    """What an analyst's DuckDB answers to each: rows (values that JSON has no form for as text), or an error's words.

    live: token and port, to be connected by `open_live`.
    """
    answers = _run(_ASKS, {"statements": list(statements), "live": live})
    return [answer["rows"] if "rows" in answer else answer["error"] for answer in answers]


def crowd(attach: str, query: str) -> list[Any]:
    """The first row that each of a hundred clients gets; `query` names its attachment {0}."""
    return _run(_CROWD, {"attach": attach, "query": query})


def _run(program: str, told: dict[str, Any]) -> list[Any]:
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[Any] = json.loads(done.stdout)
    return answers
