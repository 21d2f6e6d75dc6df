"""Run in the peers' environment: `with_sling.py DATABASE FILE...` loads each file by one run of sling.

Prints the seconds of each load, a JSON line each; sling is a program, so its start is part of them.
"""

import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path


def main() -> None:
    database, *files = sys.argv[1:]
    spec = find_spec("sling_linux_amd64")
    assert spec is not None
    assert spec.origin is not None
    program = Path(spec.origin).parent / "bin" / "sling-linux-amd64"
    program.chmod(0o755)
    # It would fetch DuckDB and its extensions from the network: it is given those of the wheels instead.
    env = os.environ | {
        "DUCKDB_PATH": str(Path(sys.executable).parent / "duckdb"),
        "DUCKDB_USE_INSTALLED_EXTENSIONS": "true",
    }
    for file in files:
        words = (
            "run", "--src-conn", "LOCAL", "--src-stream", f"file://{Path(file).resolve()}",
            "--tgt-conn", f"duckdb://{Path(database).resolve()}", "--tgt-object", "main.post",
            "--src-options", '{"flatten": true}', "--mode", "incremental", "--primary-key", "native_id",
        )  # fmt: skip
        wall = time.perf_counter()
        subprocess.run((program, *words), env=env, stdout=subprocess.DEVNULL, check=True)
        print(json.dumps({"seconds": time.perf_counter() - wall}), flush=True)


if __name__ == "__main__":
    main()
