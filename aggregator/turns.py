"""How threads share the interpreter."""

from __future__ import annotations

import sys
from typing import Final

TURN: Final = 0.0005
"""Seconds after which a thread that computes lets another one go on; Python's own value is ten times that.

The writer leaves the interpreter for DuckDB some forty times a page, and wants it back each time: with longer turns it
waits for the others more than it works.
"""


def take_short_turns() -> None:
    """Of all threads of this process."""
    sys.setswitchinterval(TURN)
