"""What agents and customers wrote to each other (客服聊天记录), in windows of a day at most."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Final

from connectors.contract import Record
from connectors.errors import TransientError
from connectors.wechat.account import Account
from connectors.wechat.reading import FROM_CUSTOMER

WINDOW: Final = 24 * 3600  # seconds; a longer one is refused
OVERLAP: Final = 600  # seconds that are read again, for rows come late
ROWS: Final = 10_000


class Chats:
    """Reads on from `to` (Unix seconds), which is raised with each window that is complete."""

    def __init__(self, account: Account, *, customers_too: bool) -> None:
        self._account = account
        self._customers_too = customers_too
        self._delivered: dict[str, int] = {}  # digest -> time, of the overlap

    async def news(self, to: int, now: int) -> AsyncGenerator[tuple[list[Record], int], None]:
        """Yield records, and up to when everything is read once they are committed."""
        while to < now:
            start = to - OVERLAP
            end = min(start + WINDOW, now)
            same: Counter[str] = Counter()
            after, more = 1, True
            while more:
                rows, number, following = await self._account.chats(start, end, after, ROWS)
                more = max(number, len(rows)) >= ROWS  # fewer than asked for: the window is read
                if more and following <= after:
                    raise TransientError("WeChat says that there are more chats, but its msgid does not move")
                after = following
                records = [record for row in rows if (record := self._record(row, same)) is not None]
                to = to if more else end
                if records or not more:
                    yield records, to
                self._delivered |= {record["digest"]: _at(record["row"]) for record in records}
            self._delivered = {digest: at for digest, at in self._delivered.items() if at >= to - OVERLAP}

    def _record(self, row: Record, same: Counter[str]) -> Record | None:
        """The row with an id that it lacks. Rows that are alike to the second are told apart by counting them, which
        comes out the same whenever that second is read whole."""
        parts = "|".join(str(row.get(name)) for name in ("openid", "time", "opercode", "text"))
        same[parts] += 1
        same[str(row.get("time"))] += 1
        digest = digest_of(parts, same[parts])
        if digest in self._delivered or (row.get("opercode") == FROM_CUSTOMER and not self._customers_too):
            return None
        return {"row": row, "digest": digest, "order": same[str(row.get("time"))]}


def digest_of(parts: str, nth: int) -> str:
    """The id of a row's openid, time, opercode and text, joined with |, the nth of its kind."""
    return hashlib.blake2b(f"{parts}|{nth}".encode("utf-8", "replace"), digest_size=12).hexdigest()


def _at(row: Record) -> int:
    at = row.get("time")
    return at if isinstance(at, int) else 0
