"""Run in the peers' environment: `with_singer.py DATABASE FILE...` loads each file as Singer does, `tap | target`.

The tap keeps its state beside the database, as Meltano would; the target's is the next run's. With `--target` before
DATABASE only the target works, in this process and on messages that lie ready: what a load takes without two starts.
Prints the seconds of each load, a JSON line each.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

KEYS = {"primary_keys": ["native_id"], "stream_name": "post"}


def pipe(database: Path, file: str) -> None:
    """One run of both programs."""
    folder, programs = database.parent, Path(sys.executable).parent
    tap, target, state = folder / "tap.json", folder / "target.json", folder / "state.json"
    tap.write_text(json.dumps({"path": str(Path(file).resolve()), **KEYS}), encoding="utf-8")
    target.write_text(json.dumps(_target(database)), encoding="utf-8")
    known = ("--state", state) if state.exists() else ()
    with subprocess.Popen((programs / "tap-jsonl", "--config", tap, *known), stdout=subprocess.PIPE) as reads:
        told = subprocess.run(
            (programs / "target-duckdb", "--config", target), stdin=reads.stdout, stdout=subprocess.PIPE, check=True
        )
    if reads.returncode:
        raise SystemExit(f"tap-jsonl ended with {reads.returncode}")
    if lines := [line for line in told.stdout.splitlines() if line.strip() not in {b"", b"null"}]:
        state.write_bytes(lines[-1])


def _target(database: Path) -> dict[str, Any]:
    return {"path": str(database), "default_target_schema": "loaded", "temp_dir": str(database.parent)}


def messages(file: str) -> list[str]:
    """What a tap would say of the file, without its own columns."""
    schema: dict[str, Any] = {name: {"type": ["null", "string"]} for name in _strings()}
    schema |= {"public": {"type": ["null", "boolean"]}, "likes": {"type": ["null", "integer"]}}
    schema["created_at"] = {"type": ["null", "string"], "format": "date-time"}
    head = {"type": "SCHEMA", "stream": "post", "schema": {"properties": schema}, "key_properties": ["native_id"]}
    with Path(file).open("rb") as lines:
        said = [{"type": "RECORD", "stream": "post", "record": json.loads(line)} for line in lines]
    return [json.dumps(head), *map(json.dumps, said)]


def _strings() -> tuple[str, ...]:
    return ("native_id", "text", "thread_id", "author_id", "author_name", "channel", "reply_to", "url")


def main() -> None:
    alone = sys.argv[1] == "--target"
    database, *files = sys.argv[1 + alone :]
    if alone:
        import target_duckdb  # what only pipes needs none of it
    for file in files:
        said = messages(file) if alone else []
        wall, cpu = time.perf_counter(), time.process_time()
        if alone:
            config = _target(Path(database))
            connection = target_duckdb.duckdb_connect(config)
            target_duckdb.persist_lines(connection, config, said)
            connection.close()
        else:
            pipe(Path(database).resolve(), file)
        told = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
