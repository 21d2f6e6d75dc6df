"""Run a command in a process of its own, and take its time and memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MAXRSS_BYTES: Final = 1 if sys.platform == "darwin" else 1024  # getrusage(2) of the two systems


class ChildFailedError(Exception):
    """A measured command ended with an error; its own message stands above."""


@dataclass(frozen=True, slots=True)
class Ran:
    """seconds: from start to end; cpu_seconds: of all its threads. peak_mb: resident, in 10^6 bytes."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: bytes


def run(*command: str | Path, env: Mapping[str, str] | None = None) -> Ran:
    """Wait for the end of a command. Its peak is never reported lower than the caller's own memory, which the kernel
    counts between fork and exec: so measure from a small process.

    Raises:
        ChildFailedError: it did not end with 0.
    """
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, env=env)
    assert child.stdout is not None
    with child.stdout:
        output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise ChildFailedError(f"{' '.join(map(str, command))}: ended with {child.returncode}")
    return Ran(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * MAXRSS_BYTES / 1e6, output)
