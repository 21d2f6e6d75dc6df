"""Closed inquiries are kept for as long as `retention` says, per channel; then only their number is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aggregator.identity import Id
from aggregator.incidents.keeping import keep_highest_number
from aggregator.ingest.pieces import note_compaction
from aggregator.keeping.deleting import delete_accounts, delete_incidents, delete_inquiries, delete_posts
from aggregator.keeping.left_out import kept_for
from aggregator.people.links import forget_accounts
from aggregator.store import rows

if TYPE_CHECKING:
    from aggregator.store.rows import Connection

AT_ONCE = 1_000  # inquiries of a channel in one transaction
_NOT_BLOCKED = "account_id NOT IN (SELECT CAST(target AS UUID) FROM flag WHERE kind = 'account' AND state = 'blocked')"


@dataclass(slots=True)
class Kept:
    """What was deleted: inquiries, and rows by table. `gone`: these inquiries."""

    inquiries: int = 0
    deleted: Counter[str] = field(default_factory=Counter)
    gone: set[Id] = field(default_factory=set)

    def add(self, part: Kept) -> None:
        self.inquiries += part.inquiries
        self.deleted += part.deleted
        self.gone |= part.gone


def keep_to_retention(
    con: Connection, retention: Mapping[str, timedelta], now: datetime, zone: str, forget: Callable[[], None]
) -> Kept:
    """Delete a part of the inquiries that were closed, and last written in, before that time, with all that belongs to
    them; posts that belong to no inquiry; and records that could not be read. Open ones stay, and those to which an
    answer is on its way, or did not get there while nobody has dealt with that. Nothing was deleted: all is done, but
    for whoever has no post left.

    Args:
        forget: what ingest has noted is no longer so.
    """
    kept = Kept()
    for channel, sources, _ in _channels(con):
        span = kept_for(retention, channel)
        if span is None:
            continue
        oldest = now - span
        old = _ids(
            con,
            "SELECT inquiry_id FROM inquiry_closed WHERE channel = ? AND closed_at < ? AND last_post_at < ? "
            "AND inquiry_id NOT IN "
            "(SELECT inquiry_id FROM outbox WHERE settled_at IS NULL AND state NOT IN ('undone', 'sent')) "
            "ORDER BY last_post_at LIMIT ?",
            [channel, oldest, oldest, AT_ONCE],
        )
        _count(con, old, zone)
        posts = rows.select(con, "SELECT post_id FROM post WHERE inquiry_id IN (SELECT id FROM wanted)", rows.ids(old))
        loose = _ids(
            con,
            "SELECT post_id FROM post WHERE inquiry_id IS NULL AND list_contains(?, source) AND posted_at < ? "
            "ORDER BY posted_at LIMIT ?",
            [sources, oldest, 4 * AT_ONCE],
        )
        kept.inquiries += len(old)
        kept.gone |= old
        kept.deleted += delete_inquiries(con, old)
        kept.deleted += delete_posts(con, {post for (post,) in posts} | loose)
        kept.deleted += _unreadable(con, sources, oldest)
    if kept.deleted:
        kept.deleted += _empty_incidents(con)
        note_compaction(con, now)
        forget()
    return kept


def nobody(con: Connection, retention: Mapping[str, timedelta]) -> list[Id]:
    """Customers of whom no post is left, and who are not marked as impostors, or cleared of it, or blocked, where
    anything ever goes. This looks through all posts: for a reader, once all else is done."""
    spaces = [
        space
        for channel, _, some in _channels(con)
        for space in some
        if kept_for(retention, channel) is not None or (retention and space.startswith("import/"))  # of many channels
    ]
    if not spaces:
        return []
    found = _ids(
        con,
        "SELECT a.account_id FROM account AS a ANTI JOIN post AS p ON p.account_id = a.account_id "
        "ANTI JOIN inquiry AS i ON i.person_id = a.account_id "
        f"WHERE list_contains(?, a.space) AND a.role = 'customer' AND a.suspect IS NULL AND a.{_NOT_BLOCKED}",
        [spaces],
    )
    return list(found)


def delete_nobody(con: Connection, some: Collection[Id], now: datetime) -> Counter[str]:
    """Delete those of these accounts that have written nothing, and were marked as nothing, meanwhile."""
    wanted = "IN (SELECT id FROM wanted)"
    still = rows.select(
        con,
        f"SELECT account_id FROM account WHERE account_id {wanted} AND suspect IS NULL AND {_NOT_BLOCKED} "
        f"AND account_id NOT IN (SELECT account_id FROM post WHERE account_id {wanted}) "
        f"AND account_id NOT IN (SELECT person_id FROM inquiry WHERE person_id {wanted})",
        rows.ids(some),
    )
    gone = {account for (account,) in still}
    deleted = delete_accounts(con, gone)
    if gone:
        deleted += forget_accounts(con, gone, now).deleted
        note_compaction(con, now)
    return deleted


def _channels(con: Connection) -> list[tuple[str, list[str], list[str]]]:
    """Channels with their sources, and the spaces of these; and those that are named in rows of an import alone."""
    return con.execute(
        "SELECT channel, list(source), list(DISTINCT space) FROM source_state GROUP BY 1 UNION ALL "
        "SELECT DISTINCT channel, []::VARCHAR[], []::VARCHAR[] FROM inquiry_closed "
        "WHERE channel NOT IN (SELECT channel FROM source_state) ORDER BY 1"
    ).fetchall()


def _ids(con: Connection, sql: str, parameters: list[object]) -> set[Id]:
    return {one.bytes for (one,) in con.execute(sql, parameters).fetchall()}


def _count(con: Connection, inquiries: set[Id], zone: str) -> None:
    """Keep how many there were, by day, channel and kind."""
    if not inquiries:
        return
    counted = rows.select(
        con,
        "SELECT (opened_at AT TIME ZONE ?)::DATE, channel, kind, count(*), count(first_answer_at), "
        "coalesce(sum(epoch(first_answer_at) - epoch(opened_at)), 0.0) FROM inquiry_closed "
        "WHERE inquiry_id IN (SELECT id FROM wanted) GROUP BY ALL",
        rows.ids(inquiries),
        [zone],
    )
    for day, channel, kind, *counts in counted:
        key = [day, channel, kind]
        these = "FROM inquiry_count WHERE day = ? AND channel = ? AND kind = ?"
        before = con.execute(f"SELECT inquiries, answered, first_answer_seconds {these}", key).fetchone() or (0, 0, 0.0)
        con.execute(f"DELETE {these}", key)
        summed = [one + other for one, other in zip(before, counts, strict=True)]
        con.execute("INSERT INTO inquiry_count VALUES (?, ?, ?, ?, ?, ?)", [*key, *summed])


def _unreadable(con: Connection, sources: list[str], oldest: datetime) -> Counter[str]:
    (count,) = con.execute(
        "DELETE FROM rejected_record WHERE list_contains(?, source) AND fetched_at < ?", [sources, oldest]
    ).fetchone() or (0,)
    return Counter({"rejected_record": count}) if count else Counter()


def _empty_incidents(con: Connection) -> Counter[str]:
    gone = _ids(
        con,
        "SELECT i.incident_id FROM incident AS i ANTI JOIN incident_member AS m ON m.incident_id = i.incident_id "
        "WHERE i.state <> 'open' AND i.incident_id NOT IN "
        "(SELECT merged_into FROM incident WHERE merged_into IS NOT NULL)",
        [],
    )
    if gone:
        keep_highest_number(con)
    return delete_incidents(con, gone)
