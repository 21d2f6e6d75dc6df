"""Run a command and take the time and memory of its whole tree of processes; or kill the tree on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

EVERY: Final = 0.05  # seconds between two looks at the memory
AT_MOST: Final = 900.0  # seconds


@dataclass(frozen=True, slots=True)
class Watched:
    """cpu_seconds: of all processes that were waited for. peak_mb: the most that the tree had at one of our looks,
    memory that several share counted once, in 10^6 bytes. status: as a shell tells it, negative when killed."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    status: int
    output: bytes
    errors: bytes


def watched(
    command: Sequence[str | Path], folder: Path, env: Mapping[str, str], kill_after: float | None = None
) -> Watched:
    """Wait for its end; after so many seconds it and all that it started are killed."""
    with (folder / "stdout").open("w+b") as output, (folder / "stderr").open("w+b") as errors:
        began = time.perf_counter()
        child = subprocess.Popen(
            command, cwd=folder, env=dict(env), stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
            start_new_session=True,
        )  # fmt: skip
        over, peaks = threading.Event(), [0.0]
        watcher = threading.Thread(target=_watch, args=(child.pid, over, peaks))
        watcher.start()
        killer = threading.Timer(AT_MOST if kill_after is None else kill_after, _kill, (child.pid,))
        killer.start()
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - began
        killer.cancel()
        over.set()
        watcher.join()
        _kill(child.pid)  # what it may have left running
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        cpu = usage.ru_utime + usage.ru_stime
        return Watched(seconds, cpu, peaks[0], child.returncode, output.read(), errors.read())


def _kill(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _watch(pid: int, over: threading.Event, peaks: list[float]) -> None:
    while not over.wait(EVERY):
        with suppress(psutil.Error):
            parent = psutil.Process(pid)
            sizes = [_size(each) for each in (parent, *parent.children(recursive=True))]
            peaks[0] = max(peaks[0], sum(sizes) / 1e6)


def _size(process: psutil.Process) -> float:
    """Its share of the memory, where the system tells it; else what is resident."""
    try:
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    with suppress(psutil.Error):
        return float(process.memory_info().rss)
    return 0.0
