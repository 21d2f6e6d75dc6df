"""An analyst's own DuckDB, in a process of its own, as it reaches the service's live SQL."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

# Each statement's rows, or the sentence that refused it.
_CLIENT = """
import json, sys
import duckdb
from aggregator.analysts.door import load_extensions
asked = json.loads(sys.stdin.readline())
con = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
load_extensions(con)
con.execute("SET TimeZone = 'UTC'")
answers = []
for statement in asked:
    try:
        answers.append({"rows": con.execute(statement).fetchall()})
    except duckdb.Error as error:
        answers.append({"error": str(error)})
print(json.dumps(answers, default=str))
"""


def asks(statements: Sequence[str], *, seconds: float = 60) -> list[Any]:
    """What an analyst's DuckDB answers to each: rows (values JSON has no form for as text), or an error's words."""
    done = subprocess.run(
        [sys.executable, "-c", _CLIENT],
        input=json.dumps(list(statements)),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [answer["rows"] if "rows" in answer else answer["error"] for answer in json.loads(done.stdout)]
