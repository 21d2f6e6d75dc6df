"""The list of the feed: one page of a view in its order, where a row stands in it, and how many each view holds.

History is another table, and is read only if a view asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aggregator.identity import Id, written
from aggregator.store.database import Connection
from aggregator.store.filters import LANG, SORTS, Bound, Filters, Sort, where
from aggregator.store.inquiry_cache import InquiryCache
from aggregator.store.reading import OPEN, RANKED, FeedRow, closed_ones, listed_rows

if TYPE_CHECKING:
    from aggregator.config import Bands


# Of `feed_at`, what each row says of itself.
_OPEN_ALONE = "FROM (SELECT * REPLACE (state_at(state, owner, snoozed_until, $moment) AS state) FROM inquiry_open) AS f"


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Rows in order; `more`: there are further ones after the last, which has this rank. `total` of the view; -1: not
    counted, as on all pages but the first. `counts`: how many the views hold that were counted in the same look."""

    rows: tuple[FeedRow, ...]
    more: bool
    last: tuple[float, Id] | None
    total: int
    counts: Mapping[str, int] | None = None


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
    cache: InquiryCache | None = None,
    counted: Mapping[str, Filters] | None = None,
) -> FeedPage:
    """One page of a view.

    Args:
        moment: one instant for all pages of one load; the order ages with time.
        after: (rank, inquiry_id) of the last row of the page before.
        cache: what was read before.
        counted: views to count in the same look, if it is one at the open ones alone (see `in_one_look`): counting
            them by themselves takes as long as the page.
    """
    if counted and after is None and in_one_look(filters):
        found, counts = _listed_and_counted(cursor, filters, counted, moment, bands, sort, limit + 1)
    else:
        found, counts = _listed(cursor, filters, moment, bands, sort, after, limit + 1), None
    listed = found[:limit]
    return FeedPage(
        listed_rows(cursor, [row[1:-1] for row in listed], cache or InquiryCache(), moment=moment),
        len(found) > limit,
        (listed[-1][0], listed[-1][1].bytes) if listed else None,
        found[0][-1] if found else 0,
        counts,
    )


_Ranked = tuple[Any, ...]
"""The rank, what `RANKED` names, and how many the view holds in all (-1: not counted)."""


def _listed(
    cursor: Connection,
    filters: Filters,
    moment: datetime,
    bands: Bands,
    sort: Sort,
    after: tuple[float, Id] | None,
    limit: int,
) -> list[_Ranked]:
    view, bound = selecting(filters, bands, sort, RANKED)
    bound |= {"moment": moment}
    further, total, once = "true", "-1", ""
    if after:
        further = "(rank, inquiry_id) < ($rank, $after::UUID)"
        bound |= {"rank": after[0], "after": written(after[1])}
    elif filters.sought:  # what was found in history is dear to find again
        total, once = "(SELECT count(*) FROM v)", "MATERIALIZED "
    else:
        total = f"({_counting(filters, bands)[0]})"
    return cursor.execute(
        f"WITH v AS {once}({view}) SELECT v.*, {total} AS total FROM v WHERE {further} "
        f"ORDER BY rank DESC, inquiry_id DESC LIMIT {limit}",
        bound,
    ).fetchall()


def _listed_and_counted(
    cursor: Connection,
    filters: Filters,
    counted: Mapping[str, Filters],
    moment: datetime,
    bands: Bands,
    sort: Sort,
    limit: int,
) -> tuple[list[_Ranked], dict[str, int]]:
    conditions, bound = where(filters, bands)
    held, words = _holding(counted, bands)
    columns = [f"({one}) AS holds{number}" for number, one in enumerate(held)]
    counts = [f"count(*) FILTER (holds{number}) AS held{number}" for number in range(len(held))]
    found = cursor.execute(
        f"""
        WITH every AS MATERIALIZED (
            SELECT {SORTS[sort]} AS rank, {RANKED}, ({" AND ".join(conditions) or "true"}) AS listed,
                   {", ".join(columns)}
            {OPEN}
        ),
        counts AS (SELECT count(*) FILTER (listed) AS total, {", ".join(counts)} FROM every),
        v AS (
            SELECT * EXCLUDE (listed, {", ".join(f"holds{number}" for number in range(len(held)))})
            FROM every WHERE listed ORDER BY rank DESC, inquiry_id DESC LIMIT {limit}
        )
        SELECT v.*, counts.* FROM counts LEFT JOIN v ON true ORDER BY rank DESC, inquiry_id DESC
        """,
        bound | words | {"moment": moment},
    ).fetchall()
    wide = len(found[0]) - len(held)
    rows = [row[:wide] for row in found if row[0] is not None]
    return rows, dict(zip(counted, found[0][wide:], strict=True))


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


def in_one_look(filters: Filters) -> bool:
    """Whether a look at the open ones shows what the view holds; others look into history, or texts."""
    return not filters.sought and "closed" not in filters.states


def tally(cursor: Connection, views: Mapping[str, Filters], *, moment: datetime, bands: Bands) -> Tally:
    """Count many views in one look at the open ones; those that look into history or texts have one each."""
    together = {name: one for name, one in views.items() if in_one_look(one)}
    counts = _counted(cursor, together, moment, bands)
    for name in views.keys() - together.keys():
        counts[name] = _size(cursor, views[name], moment, bands)
    return Tally(counts, *made_of(cursor))


def made_of(cursor: Connection) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """The open ones by channel, by language and by kind."""
    found = cursor.execute(
        "SELECT GROUPING(channel, l, kind) AS left_out, coalesce(channel, l, kind) AS name, count(*) AS n "
        f"FROM (SELECT channel, {LANG.format('lang')} AS l, kind FROM inquiry_open) "
        "GROUP BY GROUPING SETS ((channel), (l), (kind)) ORDER BY n DESC, name"
    ).fetchall()
    channels, langs, kinds = (
        {name: n for of, name, n in found if of == left_out} for left_out in (0b011, 0b101, 0b110)
    )
    return channels, langs, kinds


def _counted(cursor: Connection, views: Mapping[str, Filters], moment: datetime, bands: Bands) -> dict[str, int]:
    if not views:
        return {}
    held, bound = _holding(views, bands)
    sql = f"SELECT {', '.join(f'count(*) FILTER ({one})' for one in held)} {OPEN}"
    found = cursor.execute(sql, bound | {"moment": moment}).fetchone()
    assert found is not None
    return dict(zip(views, found, strict=True))


def _holding(views: Mapping[str, Filters], bands: Bands) -> tuple[list[str], Bound]:
    """Of each view the condition for its rows, and what all of them bind besides `$moment`."""
    held, bound = [], Bound()
    for number, filters in enumerate(views.values()):
        conditions, words = where(filters, bands, f"v{number}_")
        held.append(" AND ".join(conditions) or "true")
        bound |= words
    return held, bound


def _size(cursor: Connection, filters: Filters, moment: datetime, bands: Bands) -> int:
    counting, bound = _counting(filters, bands)
    (size,) = cursor.execute(counting, bound | {"moment": moment}).fetchone() or (0,)
    return int(size)


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
