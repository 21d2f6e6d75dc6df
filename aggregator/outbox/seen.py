"""What has been answered, in the order in which it became known here: so nobody answers what another just has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from aggregator.identity import as_uuid, written
from aggregator.inquiry import NEAR, Inquiry
from aggregator.outbox.row import Row
from aggregator.store import rows

if TYPE_CHECKING:
    from aggregator.store.rows import Connection


class Answer(NamedTuple):
    """One answer to an inquiry, on its platform already or on its way from here. Sorted by when it was known here."""

    known_at: datetime
    name: str  # its id
    who: str
    text: str
    from_here: bool


def answers(con: Connection, inquiry: Inquiry, written_here: Sequence[Row]) -> list[Answer]:
    """All of them. One that was sent from here stays the same when it comes back as a post."""
    returned = {row.sent_post_id for row in written_here if row.sent_post_id}
    posts = rows.fetch(
        con,
        "post",
        "post_id, seen_at, account_id, text",
        "inquiry_id",
        [inquiry.inquiry_id],
        "staff AND deleted_at IS NULL AND posted_at >= ?",
        [inquiry.opened_at - NEAR],
    )
    authors = {account for _, _, account, _ in posts if account}
    names = dict(rows.fetch(con, "account", "account_id, name", "account_id", authors))
    found = [
        Answer(at, written(post), names.get(account, ""), text, False)
        for post, at, account, text in posts
        if as_uuid(post) not in returned
    ]
    found += [
        Answer(row.written_at, str(row.outbox_id), row.who, row.text, True)
        for row in written_here
        if row.state in ("held", "sending", "sent") or (row.state == "unknown" and row.settled_at is None)
    ]
    return sorted(found)


def newest(found: Sequence[Answer]) -> str:
    """The mark of what a page shows: the id of the newest answer; empty: there is none."""
    return found[-1].name if found else ""


def unseen(found: Sequence[Answer], seen: str, who: str) -> list[Answer]:
    """Answers by others that somebody has not seen. `seen`: the page's mark, or a Unix time."""
    known = [answer.name for answer in found]
    if seen in known:
        later = found[known.index(seen) + 1 :]
    else:
        since = _time(seen)
        later = [answer for answer in found if answer.known_at.timestamp() > since]
    return [answer for answer in later if not (answer.from_here and answer.who == who)]


def _time(seen: str) -> float:
    try:
        return float(seen)
    except ValueError:
        return 0.0
