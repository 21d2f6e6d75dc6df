"""How many closed inquiries began on each day, kept true in each transaction that closes, reopens or deletes some.

`daily_counts` (aggregator/sql/0021_daily_counts.sql) adds the open ones when it is read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from aggregator.store import rows

if TYPE_CHECKING:
    from aggregator.identity import Id
    from aggregator.inquiry import Inquiry
    from aggregator.store.rows import Connection

_COUNTED = ("opened_at", "first_answer_at", "closed_at", "channel", "source", "kind", "lang", "backfill", "secret")
_SCHEMA = rows.Schema({name: rows.INQUIRY[name] for name in _COUNTED} | {"sign": rows.INT})
_CHANGE = (
    "INSERT INTO closed_count SELECT day_of(opened_at, team_zone()), channel, source, kind, lang, backfill, sum({0}), "
    "coalesce(sum({0}) FILTER (first_answer_at IS NOT NULL), 0), coalesce(sum({0}) FILTER (closed_at IS NOT NULL), 0), "
    "coalesce(sum({0}) FILTER (secret), 0) FROM {1} GROUP BY ALL HAVING sum({0}) <> 0 "
    "OR sum({0}) FILTER (first_answer_at IS NOT NULL) <> 0 OR sum({0}) FILTER (secret) <> 0"
)
RECOUNT = "DELETE FROM closed_count; INSERT INTO closed_count FROM closed_by_day"
_CHECK = """
WITH kept AS (
    SELECT opened_on, channel, c.source, kind, lang, backfill, sum(inquiries) AS inquiries, sum(answered) AS answered,
        sum(closed) AS closed, sum(key_exposed) AS key_exposed
    FROM closed_count AS c GROUP BY ALL HAVING sum(inquiries) <> 0
)
SELECT
    (SELECT count(*) FROM (FROM kept EXCEPT FROM closed_by_day))
        + (SELECT count(*) FROM (FROM closed_by_day EXCEPT FROM kept)),
    (SELECT count(*) FROM closed_count), (SELECT count(*) FROM kept)"""


def note(con: Connection, closed: Sequence[Inquiry], no_longer: Sequence[Inquiry]) -> None:
    """These are closed now, and those, as they stood, no longer are."""
    changed = [(*_values(each), 1) for each in closed] + [(*_values(each), -1) for each in no_longer]
    if changed:
        rows.put(con, _CHANGE.format("sign", "incoming"), rows.table(_SCHEMA, changed))


def _values(inquiry: Inquiry) -> tuple[object, ...]:
    return tuple(getattr(inquiry, name) for name in _COUNTED)


def note_deleted(con: Connection, inquiries: Collection[Id]) -> None:
    """Before they are deleted; those that are not closed were not counted."""
    gone = "inquiry_closed WHERE inquiry_id IN (SELECT id FROM incoming)"
    rows.put(con, _CHANGE.format("-1", gone), rows.ids(inquiries))


def checked(con: Connection) -> tuple[int, bool]:
    """How many counts are not what counting anew gives, which should be none; and whether that is worth writing: then,
    or where many rows say what one could."""
    found = con.execute(_CHECK).fetchone()
    assert found is not None
    wrong, stored, needed = found
    return wrong, bool(wrong) or stored > 2 * needed


def recount(con: Connection) -> None:
    """Count all anew, into one row for each key."""
    con.execute(RECOUNT)
