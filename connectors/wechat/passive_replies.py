"""The sentence that a customer gets at once, in the answer to the callback (`passive_reply`)."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

from connectors.contract import Record

QUIET: Final = timedelta(hours=24)  # who writes several messages gets the sentence once
REMEMBERED: Final = 10_000  # people


class PassiveReplies:
    """Whom to answer with `text`. A repeated call is answered as it was, for the first answer came too late."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._told: OrderedDict[str, tuple[str, datetime]] = OrderedDict()  # openid -> MsgId, when
        self._lock = threading.Lock()  # each callback is taken in a thread of its own

    def to(self, message: Record, now: datetime) -> dict[str, str | int] | None:
        """The reply's fields; None: nothing is to be said."""
        openid, number = str(message.get("FromUserName", "")), str(message.get("MsgId", ""))
        if not self._text or not number or message.get("MsgType") == "event":
            return None
        if not self._is_turn(openid, number, now):
            return None
        return {
            "ToUserName": openid,
            "FromUserName": str(message.get("ToUserName", "")),
            "CreateTime": int(now.timestamp()),
            "MsgType": "text",
            "Content": self._text,
        }

    def _is_turn(self, openid: str, number: str, now: datetime) -> bool:
        with self._lock:
            before, at = self._told.get(openid, ("", now - QUIET))
            if number != before and now - at < QUIET:
                return False
            self._told[openid] = number, now
            self._told.move_to_end(openid)
            if len(self._told) > REMEMBERED:
                self._told.popitem(last=False)
            return True
