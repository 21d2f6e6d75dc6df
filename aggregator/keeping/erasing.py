"""Erase a person: posts of all versions, records, inquiries, our answers, drafts, links; and that person's words and
names wherever others have quoted them. Verified evidence makes one person; claimed evidence never does.

Everything in the database is one transaction, in which a compaction becomes due: a crash leaves all or nothing of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from aggregator.identity import Id, written
from aggregator.keeping import sweep
from aggregator.keeping.black import Black
from aggregator.keeping.deleting import delete_accounts, delete_inquiries, delete_posts
from aggregator.keeping.persons import Person, find_person
from aggregator.keeping.telling import Left, words_of
from aggregator.people import forget_accounts
from aggregator.pieces import note_compaction
from aggregator.refold import refold
from aggregator.store import rows
from aggregator.store.desk_erasing import erase_from_desk

if TYPE_CHECKING:
    from aggregator.config import ChannelClock
    from aggregator.origin import Origin
    from aggregator.store.desk import Desk
    from aggregator.store.rows import Connection


@dataclass(frozen=True, slots=True)
class Erased:
    """What was, or would be, done: rows by table.

    since: when the first of it was stored: older copies cannot hold it. quoting: posts of others, to be read again.
    touched: inquiries whose rows changed or went.
    """

    person: Person
    black: Black
    left: list[Left]
    posts: frozenset[Id]
    since: datetime | None
    deleted: Counter[str]
    blacked: Counter[str]
    quoting: frozenset[Id]
    touched: frozenset[Id]


class _OnlyTriedError(Exception):
    """Rolls back what a dry run did."""

    def __init__(self, erased: Erased) -> None:
        self.erased = erased


def erase(
    con: Connection,
    desk: Desk,
    said: str,
    now: datetime,
    *,
    origins: Mapping[str, Origin],
    clock_of: Callable[[str], ChannelClock],
    points: Mapping[str, float],
    dry_run: bool,
) -> Erased:
    """Within a transaction; `dry_run` ends it with an error that `tried` takes.

    Raises:
        RefusedError: it is not clear whom `said` means.
    """
    person = find_person(con, said)
    inquiries = _ids(con, "SELECT inquiry_id FROM inquiry WHERE person_id IN (SELECT id FROM wanted)", person.ids)
    # Our answers belong to the conversation, and call the person by name.
    posts = _ids(
        con,
        "SELECT post_id FROM post WHERE account_id IN (SELECT id FROM wanted) OR post_id IN (SELECT id FROM wanted)",
        person.ids,
    ) | _ids(con, "SELECT post_id FROM post WHERE staff AND inquiry_id IN (SELECT id FROM wanted)", inquiries)
    own = _ids(con, "SELECT post_id FROM post WHERE NOT staff AND post_id IN (SELECT id FROM wanted)", posts)
    since = rows.select(con, "SELECT min(seen_at) FROM post WHERE post_id IN (SELECT id FROM wanted)", rows.ids(posts))
    words, left = words_of(con, person, own, origins)
    black = Black(words)
    deleted = erase_from_desk(desk, inquiries, black, dry_run=dry_run)
    detached = _ids(  # other people's, whom a colleague has put into such an inquiry
        con, "SELECT post_id FROM post WHERE inquiry_id IN (SELECT id FROM wanted)", inquiries
    ) - frozenset(posts)
    rows.put(con, "UPDATE post SET inquiry_id = NULL WHERE post_id IN (SELECT id FROM incoming)", rows.ids(detached))
    deleted += delete_inquiries(con, inquiries) + delete_posts(con, posts) + delete_accounts(con, person.ids)
    linked = forget_accounts(con, person.ids, now)
    deleted += linked.deleted + _flags(con, person.ids)
    unreadable = _unreadable(con, black)
    deleted["rejected_record"] += len(unreadable)
    swept = sweep.black_out(con, black)
    sweep.remember(con, "post", posts | swept.posts, now)
    sweep.remember(con, "record", unreadable, now)
    sweep.remember(con, "account", set(person.ids), now)
    theirs = _ids(con, "SELECT DISTINCT inquiry_id FROM post WHERE inquiry_id IS NOT NULL AND post_id IN "
                       "(SELECT id FROM wanted)", swept.posts)  # fmt: skip
    refold(con, set(theirs), clock_of=clock_of, points=points)
    note_compaction(con, now)
    erased = Erased(
        person, black, left, frozenset(posts), since[0][0] if since else None, +deleted, swept.values,
        frozenset(swept.posts), frozenset(inquiries | theirs | linked.inquiries),
    )  # fmt: skip
    if dry_run:
        raise _OnlyTriedError(erased)
    return erased


def tried(error: BaseException) -> Erased:
    """What a dry run would have done. Raises any other error."""
    if isinstance(error, _OnlyTriedError):
        return error.erased
    raise error


def _flags(con: Connection, accounts: Collection[Id]) -> Counter[str]:
    """What colleagues said of these accounts, wherever they met them."""
    gone = con.execute(
        "DELETE FROM flag WHERE kind = 'account' AND list_contains(?, target)", [[written(one) for one in accounts]]
    ).fetchone()
    return Counter({"flag": gone[0] if gone else 0})


def _unreadable(con: Connection, black: Black) -> set[Id]:
    """Delete records that could not be read, and were written by this person or tell of it. Returns which."""
    found = con.execute("SELECT rejected_id, body, reason FROM rejected_record").fetchall()
    gone = {one.bytes for one, body, reason in found if black.spans(reason) or (body and black.stands_in(body))}
    rows.delete(con, "rejected_record", "rejected_id", list(gone))
    return gone


def _ids(con: Connection, sql: str, wanted: Collection[Id]) -> set[Id]:
    return {one for (one,) in rows.select(con, sql, rows.ids(wanted))}
