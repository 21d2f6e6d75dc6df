"""Secrets in files are renewed while a source is at work: were they, and may a refusal be over soon?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from connectors.secret import GRACE, Secret

LOOK_EVERY: Final = timedelta(seconds=2)
FIRST_WAIT: Final = 60.0  # seconds; doubled each time, for a mailbox is locked by whoever tries too often


class Renewal:
    """The files that hold a source's secrets."""

    def __init__(self, secrets: Sequence[Secret]) -> None:
        self._secrets = [each for each in secrets if each.file is not None]
        self._stamps = self._seen()
        self._renewed_at: datetime | None = None
        self._tries = 0

    def look(self, now: datetime) -> bool:
        """Whether one was changed since the last look."""
        stamps = self._seen()
        if stamps == self._stamps:
            return False
        self._stamps, self._renewed_at, self._tries = stamps, now, 0
        return True

    def patience(self, now: datetime) -> float | None:
        """Seconds after which to try a new secret again that is refused; None: a person has to look.

        Whoever renews a secret in our file first, and then at the platform, has ten minutes for that.
        """
        if self._renewed_at is None or not 0 <= (now - self._renewed_at).total_seconds() < GRACE:
            return None
        self._tries += 1
        return FIRST_WAIT * 2.0 ** (self._tries - 1)

    def _seen(self) -> list[tuple[int, ...]]:
        return [each.stamp() for each in self._secrets]
