"""Places that could not be read, and when to try them again without spending the day's calls on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.errors import TransientError

FIRST_REST = timedelta(seconds=30)
LONGEST_REST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Trouble:
    message: str
    failures: int
    at: datetime
    until: datetime


class Troubles:
    """By place. They last until that place was read: a poll that does not ask it has not succeeded."""

    def __init__(self) -> None:
        self._by_place: dict[str, _Trouble] = {}

    def note(self, place: str, message: str, now: datetime, rest_until: datetime | None = None) -> None:
        """The first time it may be tried again at once, then after ever longer rests."""
        before = self._by_place.get(place)
        failures = before.failures + 1 if before else 1
        rest = min(FIRST_REST * 2 ** min(failures - 2, 10), LONGEST_REST) if failures > 1 else timedelta(0)
        self._by_place[place] = _Trouble(message, failures, now, rest_until or now + rest)

    def end(self, place: str) -> None:
        self._by_place.pop(place, None)

    def rests(self, place: str, now: datetime) -> bool:
        trouble = self._by_place.get(place)
        return trouble is not None and trouble.at <= now < trouble.until

    def first(self) -> TransientError | None:
        """What the health page should say."""
        return next((TransientError(trouble.message) for trouble in self._by_place.values()), None)
