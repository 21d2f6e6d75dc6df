"""The list of the feed: one page of a view in its order, where a row stands in it, and how many each view holds.

History is another table, and is read only if a view asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from aggregator.identity import Id, written
from aggregator.store.database import Connection
from aggregator.store.filters import LANG, SORTS, Bound, Filters, Sort, where
from aggregator.store.keeping_rows import KeptRows
from aggregator.store.reading import OPEN, RANKED, FeedRow, closed_ones, listed_rows

if TYPE_CHECKING:
    from aggregator.config import Bands


# Of `feed_at`, what each row says of itself.
_OPEN_ALONE = "FROM (SELECT * REPLACE (state_at(state, owner, snoozed_until, $moment) AS state) FROM inquiry_open) AS f"


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Rows in order; `more`: there are further ones after the last, which has this rank. `total` of the view; -1: not
    counted, as on all pages but the first."""

    rows: tuple[FeedRow, ...]
    more: bool
    last: tuple[float, Id] | None
    total: int


@dataclass(frozen=True, slots=True)
class Tally:
    """How many inquiries each of the named views holds, and what the open ones are made of."""

    views: Mapping[str, int] = field(default_factory=dict)
    channels: Mapping[str, int] = field(default_factory=dict)
    langs: Mapping[str, int] = field(default_factory=dict)
    kinds: Mapping[str, int] = field(default_factory=dict)


def feed_page(
    cursor: Connection,
    filters: Filters,
    *,
    moment: datetime,
    bands: Bands,
    sort: Sort = "priority",
    after: tuple[float, Id] | None = None,
    limit: int = 50,
    kept: KeptRows | None = None,
) -> FeedPage:
    """One page of a view.

    Args:
        moment: one instant for all pages of one load; the order ages with time.
        after: (rank, inquiry_id) of the last row of the page before.
        kept: what was read before.
    """
    view, bound = selecting(filters, bands, sort, RANKED)
    bound |= {"moment": moment}
    further, total, kind = "true", "-1", ""
    if after:
        further = "(rank, inquiry_id) < ($rank, $after::UUID)"
        bound |= {"rank": after[0], "after": written(after[1])}
    elif filters.sought:  # what was found in history is dear to find again
        total, kind = "(SELECT count(*) FROM v)", "MATERIALIZED "
    else:
        total = f"({_counting(filters, bands)[0]})"
    found = cursor.execute(
        f"WITH v AS {kind}({view}) SELECT v.*, {total} AS total FROM v WHERE {further} "
        f"ORDER BY rank DESC, inquiry_id DESC LIMIT {limit + 1}",
        bound,
    ).fetchall()
    listed = found[:limit]
    return FeedPage(
        listed_rows(cursor, [row[1:-1] for row in listed], kept or KeptRows(), moment=moment),
        len(found) > limit,
        (listed[-1][0], listed[-1][1].bytes) if listed else None,
        found[0][-1] if found else 0,
    )


def place_of(
    cursor: Connection, inquiry: Id, filters: Filters, *, moment: datetime, bands: Bands, sort: Sort
) -> int | None:
    """How many rows of the view stand before this one; None: the view does not hold it."""
    view, bound = selecting(filters, bands, sort)
    found = cursor.execute(
        f"WITH v AS MATERIALIZED ({view}) SELECT (SELECT count(*) FROM v AS o "
        "WHERE (o.rank, o.inquiry_id) > (m.rank, m.inquiry_id)) FROM v AS m WHERE m.inquiry_id = $inquiry::UUID",
        bound | {"moment": moment, "inquiry": written(inquiry)},
    ).fetchone()
    return found[0] if found else None


def tally(cursor: Connection, views: Mapping[str, Filters], *, moment: datetime, bands: Bands) -> Tally:
    """Count many views in one look at the open ones; those that look into history or texts have one each."""
    together = {name: one for name, one in views.items() if not one.sought and "closed" not in one.states}
    counts = _counted(cursor, together, moment, bands)
    for name in views.keys() - together.keys():
        counts[name] = _size(cursor, views[name], moment, bands)
    return Tally(counts, *(_made_of(cursor, of) for of in ("channel", LANG.format("lang"), "kind")))


def _counted(cursor: Connection, views: Mapping[str, Filters], moment: datetime, bands: Bands) -> dict[str, int]:
    if not views:
        return {}
    counts, bound = [], Bound()
    for number, filters in enumerate(views.values()):
        conditions, words = where(filters, bands, f"v{number}_")
        counts.append(f"count(*) FILTER ({' AND '.join(conditions) or 'true'})")
        bound |= words
    sql = f"SELECT {', '.join(counts)} {OPEN}"
    found = cursor.execute(sql, bound | {"moment": moment}).fetchone()
    assert found is not None
    return dict(zip(views, found, strict=True))


def _size(cursor: Connection, filters: Filters, moment: datetime, bands: Bands) -> int:
    counting, bound = _counting(filters, bands)
    (size,) = cursor.execute(counting, bound | {"moment": moment}).fetchone() or (0,)
    return int(size)


def _made_of(cursor: Connection, column: str) -> dict[str, int]:
    sql = f"SELECT {column}, count(*) FROM inquiry_open GROUP BY 1 ORDER BY 2 DESC, 1"
    return dict(cursor.execute(sql).fetchall())


@dataclass(frozen=True, slots=True)
class Day:
    """What was done since a moment: `closed` and `answered` by anybody, `mine`: deeds of one person."""

    closed: int
    answered: int
    mine: int


def done_since(cursor: Connection, since: datetime, me: str) -> Day:
    """For an empty list: that it is empty is somebody's work."""
    (closed,) = cursor.execute("SELECT count(*) FROM inquiry_closed WHERE closed_at >= ?", [since]).fetchone() or (0,)
    (answered,) = cursor.execute(
        "SELECT count(DISTINCT inquiry_id) FROM post WHERE posted_at >= ? AND staff AND inquiry_id IS NOT NULL", [since]
    ).fetchone() or (0,)
    (mine,) = cursor.execute(
        "SELECT count(DISTINCT inquiry_id) FROM inquiry_event WHERE happened_at >= ? AND who = ?", [since, me]
    ).fetchone() or (0,)
    return Day(closed, answered, mine)


def selecting(filters: Filters, bands: Bands, sort: Sort, columns: str = "f.inquiry_id") -> tuple[str, Bound]:
    """The statement for (rank, ...) of all rows that a view holds, and what it binds besides `$moment`."""
    return _selecting(filters, bands, f"{SORTS[sort]} AS rank, {columns}", OPEN)


def _counting(filters: Filters, bands: Bands) -> tuple[str, Bound]:
    """The statement for the number of rows that a view holds, and what it binds besides `$moment`.

    No rank is asked for where the view does not ask for it: planning that takes DuckDB as long as reading a page.
    """
    view, bound = _selecting(filters, bands, "1", OPEN if filters.beside else _OPEN_ALONE)
    return f"SELECT count(*) FROM ({view})", bound


def _selecting(filters: Filters, bands: Bands, columns: str, open_ones: str) -> tuple[str, Bound]:
    conditions, bound = where(replace(filters, sought=None), bands)
    in_history, fewer = where(replace(filters, sought=None, states=()), bands)  # all of it is closed
    tables = tables_of(filters)
    if "inquiry_open" not in tables:
        bound = fewer
    of_open, of_closed = ["true"], ["true"]
    if filters.sought:
        of_open, words = filters.sought.where(of="f")
        of_closed, _ = filters.sought.where(of="i")
        bound |= words
    sources = {
        "inquiry_open": f"{open_ones} WHERE {' AND '.join((*of_open, *conditions))}",
        "inquiry_closed": f"{closed_ones(' AND '.join(of_closed))} WHERE {' AND '.join(in_history) or 'true'}",
    }
    selects = (f"SELECT {columns} {sources[table]}" for table in tables)
    return " UNION ALL ".join(selects), bound


def tables_of(filters: Filters) -> list[str]:
    """Where a view looks."""
    asked = set(filters.states)
    return ["inquiry_open"] * (asked != {"closed"}) + ["inquiry_closed"] * ("closed" in asked)
