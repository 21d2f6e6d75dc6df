"""`python -m benchmarks [NAME...]`: all of them, or those that are named. JSON lines, then a table on stderr.

Each runs in a process of its own, so that none measures the memory of another. `cluster`, `crash`, `peers` and `stages`
run only when they are named: three of them take minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any, Final

import orjson

BY_DEFAULT: Final = (
    "importing", "polling", "visible", "reading", "crowded", "claiming", "streaming", "painting", "starting",
    "resting", "tempo", "suggesting", "alerting", "live_sql", "analysts", "lake",
)  # fmt: skip
NAMED_ONLY: Final = ("cluster", "crash", "peers", "stages")
BY_THEMSELVES: Final = ("erasing", "grading", "growing", "soak")
"""What prints figures of another form, and takes options: `python -m benchmarks.soak --minutes 3`."""
OF_ANY_SIZE: Final = ("reading", "crowded", "claiming", "streaming", "painting")
"""What is measured with another SIZE than the usual one: at the desk of desk_store.py."""


def main() -> int:
    usual = os.environ.get("SIZE", "1M") == "1M"
    names = sys.argv[1:] or (BY_DEFAULT if usual else OF_ANY_SIZE)
    if unknown := [name for name in names if name not in (*BY_DEFAULT, *NAMED_ONLY)]:
        known = ", ".join((*BY_DEFAULT, *NAMED_ONLY))
        for name in unknown:
            alone = f"{name} runs by itself: python -m benchmarks.{name}"
            print(alone if name in BY_THEMSELVES else f"no such benchmark: {name}; there are {known}", file=sys.stderr)
        return 2
    figures: list[dict[str, Any]] = []
    failed = [name for name in names if not _run(name, figures)]
    for figure in figures:
        print(_row(figure), file=sys.stderr)
    for name in failed:
        print(f"{name}: ended with an error, which stands above", file=sys.stderr)
    return 1 if failed else 0


def _run(name: str, figures: list[dict[str, Any]]) -> bool:
    """Pass its lines on as they come; whether it ended well."""
    with subprocess.Popen((sys.executable, "-m", f"benchmarks.{name}"), stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        for line in child.stdout:
            print(line.decode(), end="", flush=True)
            figures.append(orjson.loads(line))
    return child.returncode == 0


def _row(figure: dict[str, Any]) -> str:
    measured = f"{figure['value']:g} {figure['unit']}"
    if "reach" not in figure:
        verdict = ""
    else:
        verdict = f"at most {figure['reach']:g}: " + ("reached" if figure["reached"] else "MISSED")
    against = f"{figure['ratio']:g} times the floor of {figure['floor']:g}" if "floor" in figure else ""
    return f"{figure['benchmark']:<10} {figure['what']:<46} {measured:>14}  {verdict:<22} {against}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
