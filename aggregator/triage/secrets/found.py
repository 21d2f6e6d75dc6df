"""What a finder reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MASK = "█"

Kind = Literal["phrase", "fragment", "private_key", "wif", "xprv", "keystore", "solana_key"]


@dataclass(frozen=True, slots=True)
class Found:
    """One secret in a text, from `start` up to `end`, offsets as Python counts characters."""

    kind: Kind
    start: int
    end: int
    published: bool = False  # a test vector that anyone can look up: masked, but no alarm
    checked: bool = False  # its checksum is right, so it is no accident
    doubtful: bool = False  # it may as well be a transaction id: only its middle is masked, and nobody is alarmed

    @property
    def alarming(self) -> bool:
        """Whether it is worth waking somebody."""
        return not (self.published or self.doubtful)
