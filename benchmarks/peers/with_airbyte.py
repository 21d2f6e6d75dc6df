"""Run in Airbyte's environment: `with_airbyte.py DATABASE FILE...` reads each file into PyAirbyte's DuckDB cache.

The records come from `airbyte_posts.py` over Airbyte's protocol, in a process of its own. Prints the seconds of each
load, a JSON line each: what is timed begins once everything is imported.
"""

import json
import stat
import sys
import time
from pathlib import Path

import airbyte


def load(database: str, file: str) -> None:
    """One read, merged by the stream's primary key."""
    program = Path(__file__).with_name("airbyte_posts.py")
    starter = Path(database).resolve().with_name("source-posts")
    starter.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{program}" "$@"\n', encoding="utf-8")
    starter.chmod(starter.stat().st_mode | stat.S_IXUSR)
    source = airbyte.get_source(
        "source-posts", config={"path": str(Path(file).resolve())}, local_executable=starter, streams="*"
    )
    source.read(cache=airbyte.caches.DuckDBCache(db_path=database, schema_name="loaded"))


def main() -> None:
    database, *files = sys.argv[1:]
    for file in files:
        wall, cpu = time.perf_counter(), time.process_time()
        load(database, file)
        told = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
