"""Which inquiries a whole view holds, not only the page of it that is on screen."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from aggregator.identity import Id
from aggregator.store.listing import selecting

if TYPE_CHECKING:
    from aggregator.config import Bands
    from aggregator.store.filters import Filters
    from aggregator.store.rows import Connection

MOST: Final = 5000
"""More than anybody means to act on at once."""


def matching(cursor: Connection, filters: Filters, *, as_of: datetime, bands: Bands) -> list[tuple[Id, int]]:
    """Id and version of each, most pressing first; of `MOST` + 1 at most.

    as_of: when the person loaded the view. What has come since, or has news from its customer since, was not seen and
    is left out.
    """
    view, bound = selecting(filters, bands, "priority", "f.inquiry_id, f.ver, f.seen_at")
    found = cursor.execute(
        f"SELECT inquiry_id, ver FROM ({view}) WHERE seen_at <= $moment "
        f"ORDER BY rank DESC, inquiry_id DESC LIMIT {MOST + 1}",
        bound | {"moment": as_of},
    ).fetchall()
    return [(inquiry.bytes, ver) for inquiry, ver in found]
