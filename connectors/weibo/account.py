"""Whose token we hold, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.secret import Secret
from connectors.weibo.times import epoch, moment
from connectors.wording import worded

WARN_AHEAD = timedelta(days=7)
ASK_EVERY = timedelta(days=1)
ASK_AT_A_START = timedelta(hours=1)  # for a person may have renewed it; a poll by cron is a start each time


@dataclass
class Account:
    """As last told by Weibo. us: our account's id, empty: not asked yet."""

    us: str = ""
    expires_at: datetime | None = None
    asked_at: datetime | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Account:
        return cls(stored.get("us", ""), moment(stored.get("expires_at")), moment(stored.get("asked_at")))

    def cursor(self) -> dict[str, Any]:
        return {"us": self.us, "expires_at": epoch(self.expires_at), "asked_at": epoch(self.asked_at)}

    def is_stale(self, now: datetime, *, at_a_start: bool) -> bool:
        if self.asked_at is None or (at_a_start and self._ends_soon(now)):
            return True
        return now - self.asked_at >= (ASK_AT_A_START if at_a_start else ASK_EVERY)

    def _ends_soon(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at - now <= WARN_AHEAD

    def expiry(self, token: Secret, now: datetime) -> str | None:
        """What to do about the token's end, once it is near. Weibo renews no token: a person has to."""
        if self.expires_at is None or not self._ends_soon(now):
            return None
        return worded(
            f"the token {token} expires at {self.expires_at:%Y-%m-%d %H:%M} UTC: authorise the app anew with our "
            "account before, and put the new token there"
        )
