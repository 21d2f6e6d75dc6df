"""The calls for comments that are left today, as WeChat counts them and as we do in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from connectors.contract import Quota
from connectors.wechat.account import Account
from connectors.wechat.articles import CHINA
from connectors.wechat_api.errcode import NotPermittedError, QuotaSpentError

ASKED_EVERY: Final = 3600.0  # seconds
LOW: Final = 0.1  # of the day's calls: from here on only the articles of the last day are looked at


@dataclass
class Budget:
    """limit 0: WeChat does not say. Times are Unix seconds; kept in the cursor, so that a restart forgets nothing."""

    left: int = 0
    limit: int = 0
    resets_at: float = 0.0
    asked_at: float = 0.0

    def load(self, stored: Sequence[float]) -> None:
        left, limit, self.resets_at, self.asked_at = stored or (0, 0, 0.0, 0.0)
        self.left, self.limit = int(left), int(limit)

    def stored(self) -> list[float]:
        return [self.left, self.limit, self.resets_at, self.asked_at]

    def quota(self) -> Quota | None:
        if not self.limit:
            return None
        return Quota(max(self.left, 0), self.limit, datetime.fromtimestamp(self.resets_at, UTC))

    @property
    def is_low(self) -> bool:
        return self.limit > 0 and self.left < self.limit * LOW

    async def ask(self, account: Account, now: datetime) -> None:
        """Learn from time to time what WeChat has counted: another program may spend from the same account."""
        at = now.timestamp()
        if at < self.resets_at and at - self.asked_at < ASKED_EVERY:
            return
        try:
            left, limit = await account.comment_calls()
        except NotPermittedError:
            left = limit = 0
        self.left, self.limit, self.resets_at, self.asked_at = left, limit, midnight_after(now), at

    def spend(self, now: datetime) -> None:
        """Count one call.

        Raises:
            QuotaSpentError: none is left today.
        """
        if self.limit and self.left <= 0 and now.timestamp() < self.resets_at:
            raise QuotaSpentError("today's calls for comments are used up; WeChat counts anew at 00:00 +08:00")
        self.left -= 1

    def is_spent(self, now: datetime) -> None:
        """WeChat says so."""
        self.left, self.limit, self.resets_at = 0, max(self.limit, 1), midnight_after(now)


def midnight_after(now: datetime) -> float:
    """When WeChat counts anew."""
    tomorrow = now.astimezone(CHINA).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), CHINA).timestamp()
