"""What the small dialogs propose: colleagues by their load, tags in use, accounts of a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aggregator.identity import Id, as_uuid

if TYPE_CHECKING:
    from aggregator.store.rows import Connection

_TAGS: Final = 30
_ACCOUNTS: Final = 30


def workload(cursor: Connection) -> dict[str, int]:
    """How many inquiries are to be done by each owner."""
    found = cursor.execute(
        "SELECT owner, count(*) FROM inquiry_open WHERE owner IS NOT NULL AND state IN ('claimed', 'snoozed') "
        "GROUP BY owner"
    ).fetchall()
    return dict(found)


def tags_in_use(cursor: Connection) -> list[str]:
    """Tags of open inquiries, the commonest first."""
    found = cursor.execute(
        "SELECT tag FROM (SELECT unnest(string_split(tags, ',')) AS tag FROM inquiry_open WHERE tags IS NOT NULL) "
        f"GROUP BY tag ORDER BY count(*) DESC, tag LIMIT {_TAGS}"
    ).fetchall()
    return [tag for (tag,) in found]


def accounts_in(cursor: Connection, thread: Id, inquiry: Id) -> list[tuple[Id, str, str | None]]:
    """Who speaks in a thread, with their handles, ours left out; whose inquiry it is, then whoever wrote last."""
    found = cursor.execute(
        "SELECT a.account_id, a.name, a.handle FROM post AS p JOIN account AS a USING (account_id) "
        "WHERE (p.thread_id = ? OR p.inquiry_id = ?) AND NOT p.staff "
        "GROUP BY ALL ORDER BY bool_or(p.inquiry_id IS NOT DISTINCT FROM ?) DESC, max(p.posted_at) DESC "
        f"LIMIT {_ACCOUNTS}",
        [as_uuid(thread), as_uuid(inquiry), as_uuid(inquiry)],
    ).fetchall()
    return [(account.bytes, name, handle) for account, name, handle in found]
