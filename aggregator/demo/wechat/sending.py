"""Messages that a company or an official account sends to customers: within 48 hours, five to each of theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from aggregator.demo.wechat.protocol import ApiError

LASTS: Final = timedelta(hours=48)
MOST: Final = 5
LONGEST: Final = 2048  # bytes


class Codes(NamedTuple):
    """The errcodes with which the two platforms say the same."""

    over: int
    too_many: int


@dataclass
class Sending:
    """sent: customer and text, in order. Who has written last, and how many answers he has got since, is kept by what
    `heard` is told."""

    clock: Callable[[], datetime]
    codes: Codes
    sent: list[tuple[str, str]] = field(default_factory=list)
    _heard_at: dict[str, datetime] = field(default_factory=dict)
    _answers: dict[str, int] = field(default_factory=dict)

    def heard(self, customer: str, at: datetime) -> None:
        if at >= self._heard_at.get(customer, at):
            self._heard_at[customer], self._answers[customer] = at, 0

    def send(self, customer: str, text: str) -> None:
        """Raises ApiError: it is not taken."""
        at = self._heard_at.get(customer)
        if at is None or self.clock() >= at + LASTS:
            raise ApiError(self.codes.over, "response out of time limit or subscription is canceled")
        if self._answers[customer] >= MOST:
            raise ApiError(self.codes.too_many, "out of response count limit")
        if not text:
            raise ApiError(44004, "empty content")
        if len(text.encode()) > LONGEST:
            raise ApiError(45002, "content size out of limit")
        self._answers[customer] += 1
        self.sent.append((customer, text))
