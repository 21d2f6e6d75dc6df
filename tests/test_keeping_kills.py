"""Killed in the middle of keeping house, the data is the old or the new, whole; of erasing, after the next start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import orjson


def test_whatever_is_killed_leaves_the_old_data_or_the_new(tmp_path: Path) -> None:
    seed = int.from_bytes(os.urandom(4))
    done = subprocess.run(
        [sys.executable, "-m", "tests.killed_keeping", tmp_path, str(seed)],
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    result = orjson.loads(done.stdout.splitlines()[-1])
    assert {name: set(each["found"]) - {"old", "new"} for name, each in result.items()} == {
        "compact": set(), "erase": set(), "restore": set(),
    }, (seed, result)  # fmt: skip
    assert [result[name]["same"] for name in ("compact", "erase", "restore")] == [True, False, False]
    assert all(sum(each["found"].values()) >= 7 for each in result.values()), result
    assert sum(result["erase"]["found"].values()) >= 14, result  # after each of its transactions, too
    assert sum(each["found"].get("old", 0) for each in result.values()) > 0, result
