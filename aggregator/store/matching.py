"""Which inquiries a whole view holds, not only the page of it that is on screen."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from aggregator.identity import Id
from aggregator.store.reading import _both, _oldest_open, _where

if TYPE_CHECKING:
    from aggregator.config import Bands
    from aggregator.store.reading import Filters
    from aggregator.store.rows import Connection

MOST: Final = 5000
"""More than anybody means to act on at once."""


def matching(cursor: Connection, filters: Filters, *, as_of: datetime, bands: Bands) -> list[tuple[Id, int]]:
    """Id and version of each, most pressing first; of `MOST` + 1 at most.

    as_of: when the person loaded the view. What has come since, or has news from its customer since, was not seen and
    is left out.
    """
    where, bound = _where(filters, bands)
    if filters.search.strip() and "closed" not in filters.states:
        bound["since"] = _oldest_open(cursor, as_of)
    condition = " AND ".join([*where, "f.seen_at <= $moment"])
    selects = (f"SELECT f.priority, f.inquiry_id, f.ver {table} WHERE {condition}" for table in _both(filters.states))
    found = cursor.execute(
        f"{' UNION ALL '.join(selects)} ORDER BY priority DESC, inquiry_id DESC LIMIT {MOST + 1}",
        bound | {"moment": as_of},
    ).fetchall()
    return [(inquiry.bytes, ver) for _, inquiry, ver in found]
