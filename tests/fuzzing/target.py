"""What is fuzzed: a name, inputs to begin with, and what is done with each input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

SAMPLES: Final = Path(__file__).parents[1] / "samples"
NOON: Final = datetime(2026, 3, 14, 12, tzinfo=UTC)

Feed = Callable[[bytes], None]
"""Takes one input. Whatever it raises is a finding."""


@dataclass(frozen=True, slots=True)
class Target:
    """`seeds`: inputs to begin with. `ready`: makes what takes an input; called once, where the product is loaded."""

    name: str
    seeds: Callable[[], Sequence[bytes]]
    ready: Callable[[], Feed]


def moments(seeds: int) -> list[bytes]:
    """Beginnings for a target whose first byte chooses a sample."""
    return [bytes([number, *([number * 7 % 256] * 24)]) for number in range(min(seeds, 256))]


def is_aware(moment: datetime | None) -> bool:
    return moment is None or moment.utcoffset() is not None
