"""`python -m tests.fuzzing [--target NAME] [--runs N] [--seconds S]`: one process for each target, one after another.

Prints a JSON line for each: how many inputs it took, the slowest of them, and whether one was not taken as it should.
What reached new code is kept below `--folder`, so that the next call goes on there; counts add up in `counts.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from tests.fuzzing.running import Counted, guided, unguided


def main() -> int:
    told = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__)
    told.add_argument("--target", action="append", help="only these; may stand several times")
    told.add_argument("--runs", type=int, default=0, help="inputs for each target; 0: as many as the time allows")
    told.add_argument("--seconds", type=int, default=60, help="for each target")
    told.add_argument("--folder", type=Path, default=Path(".fuzz"))
    told.add_argument("--unguided", action="store_true", help="by chance, without atheris")
    told.add_argument("--inside", help=argparse.SUPPRESS)
    asked = told.parse_args()
    if asked.inside:
        _inside(asked.inside, asked.runs, asked.seconds, asked.folder, by_chance=asked.unguided)
        return 0
    from tests.fuzzing.targets import TARGETS

    if unknown := set(asked.target or ()) - TARGETS.keys():
        told.error(f"unknown: {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    failed = [name for name in asked.target or TARGETS if not _run(name, asked)]
    return 1 if failed else 0


def _run(name: str, asked: argparse.Namespace) -> bool:
    """Whether every input was taken as it should be."""
    folder: Path = asked.folder / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "now.json").unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.fuzzing", "--inside", name, "--folder", str(folder)]
    command += ["--runs", str(asked.runs), "--seconds", str(asked.seconds), *(["--unguided"] * asked.unguided)]
    with (folder / "log").open("wb") as log:
        # A fixed seed of hashes, so that an input does the same again.
        code = subprocess.run(
            command, stdout=log, stderr=subprocess.STDOUT, env=os.environ | {"PYTHONHASHSEED": "0"}, check=False
        ).returncode
    now = json.loads((folder / "now.json").read_bytes()) if (folder / "now.json").exists() else {"inputs": 0}
    counts = asked.folder / "counts.json"
    all_ = json.loads(counts.read_bytes()) if counts.exists() else {}
    all_[name] = all_.get(name, 0) + now["inputs"]
    counts.write_text(json.dumps(all_, indent=1), encoding="utf-8")
    print(json.dumps({"target": name, **now, "in_all": all_[name], "ok": code == 0}), flush=True)
    if code:
        lines = (folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()
        print("\n".join(line[:2000] for line in lines[-40:]), file=sys.stderr, flush=True)
    return code == 0


def _inside(name: str, runs: int, seconds: int, folder: Path, *, by_chance: bool) -> None:
    def report(counted: Counted) -> None:
        told = {"inputs": counted.inputs, "slowest": round(counted.slowest, 3)}
        (folder / "now.json").write_text(json.dumps(told), encoding="utf-8")

    watched: Any = nullcontext()
    if not by_chance:
        import atheris

        watched = atheris.instrument_imports(include=["connectors", "aggregator"], enable_loader_override=False)
    with watched:  # only what is imported in here guides the fuzzer
        from tests.fuzzing.targets import TARGETS
    if by_chance:
        report(unguided(TARGETS[name], runs or 1000))
    else:
        guided(TARGETS[name], runs=runs, seconds=seconds, corpus=folder / "corpus", report=report)


if __name__ == "__main__":
    sys.exit(main())
