"""Pages become rows: posts, inquiries, rejected records and their cursors, in one transaction.

Everything here runs on the writer's connection between BEGIN and COMMIT (aggregator/store/database.py). What
it computes depends on the pages and on what is stored, never on the order in which pages arrived. Each statement has
its price, however few rows it moves: so pages of several sources are written as if they were one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from arro3.core import RecordBatch

from aggregator.folding.refold import refold
from aggregator.identity import Id, as_uuid
from aggregator.ingest import assign, moving, undelivered
from aggregator.ingest.arrivals import Arrival, Move, Outcome, Row, Writes
from aggregator.ingest.drafts import Draft, Prepared, Tally
from aggregator.ingest.early_deletions import EarlyDeletions
from aggregator.ingest.joining import joined
from aggregator.ingest.origin import Origin
from aggregator.ingest.own_answers import OwnAnswers
from aggregator.ingest.pieces import SPAN, Pieces, hide_draft, hide_stored, is_hidden, note_compaction
from aggregator.ingest.versions import take_drafts
from aggregator.people import blocked
from aggregator.people.links import People, waiting_inquiries
from aggregator.people.suspects import Suspects
from aggregator.store import rows, sources
from aggregator.store.known_ids import KnownIds, SeenAccounts

if TYPE_CHECKING:
    from aggregator.config import ChannelClock
    from aggregator.store.rows import Connection

REPORTS = timedelta(days=1)  # older posts report nothing that is happening
VIEWS_GREW = 1.1  # a post's views are stored again when they grew by a tenth


def commit_pages(
    con: Connection,
    arrivals: Sequence[Arrival],
    *,
    clock_of: Callable[[str], ChannelClock],
    pieces: Pieces,
    people: People,
    suspects: Suspects,
    known: KnownIds,
    seen: SeenAccounts,
    own: OwnAnswers,
    early: EarlyDeletions,
    reread: bool = False,
) -> list[Outcome]:
    """Write pages, each of another space, so that no two tell of one post. Returns what came of each, in their order.
    The transaction may be tried again, with all of them or with each alone.

    Args:
        pieces: of recovery phrases, that came before.
        people: who showed what, as far as it was looked up.
        suspects: impostors, as far as they are marked.
        known: the ids of what is stored.
        seen: accounts that are stored as they are told.
        own: answers that were sent from here, and have not come back.
        early: deletions that were told before their post.
        reread: these are stored records read again with today's code: no new version, but today's understanding.

    Raises:
        FenceLostError: a cursor was moved by somebody else.
    """
    assert len({each.origin.space for each in arrivals}) == len(arrivals)
    now = max(each.seen_at for each in arrivals)
    origins = {each.origin.source: each.origin for each in arrivals}
    for each in arrivals:
        if each.move is not None:
            _move_cursor(con, each.origin, each.move)
    page = _as_one([each.page for each in arrivals])
    outcomes = {
        each.origin.source: Outcome(
            records=each.page.records,
            rejected=len(each.page.rejected),
            unread=frozenset(one.rejected_id for one in each.page.rejected),
        )
        for each in arrivals
    }
    writes = Writes()
    _move_threads(con, page.moved, known)
    deleted = _by_own_id(con, page, arrivals, known)
    wanted = {draft.post_id for draft in page.drafts} | {post for some in deleted.values() for post, _ in some}
    wanted |= {post for post, _ in page.counts}
    oldest = min((draft.posted_at for draft in page.drafts), default=now)
    writes.known = posts_by_id(con, known.among(con, wanted), oldest)
    hidden = _hide_pieces(con, page, origins, now, pieces, writes)
    suspects.clear(con, page, origins, now)
    called = {each.origin.source for each in arrivals if each.move is None}
    take_drafts(con, page, now, writes, outcomes, reread, called=called)
    moved = [writes.known[post] for post in writes.moved]
    moving.follow(con, moved)
    fresh = list(writes.fresh.values())
    sent = own.among(con, page, fresh, now)
    approaches = suspects.approaches(con, fresh, known)
    asking = list(writes.asking.values())
    silenced = blocked.silence(con, page, fresh + asking)
    answers = assign.assign(
        con, fresh + asking, moved, known, {post: answer.inquiry_id for post, answer in sent.items()}
    )
    writes.known |= {row["post_id"]: row for row in answers}
    writes.changed.update(row["post_id"] for row in answers)
    writes.touched.update(row["inquiry_id"] for row in answers)
    for draft in asking:
        if draft.inquiry_id is not None:
            writes.known[draft.post_id]["inquiry_id"] = draft.inquiry_id
            writes.touched.add(draft.inquiry_id)  # folded from what is stored: of when it was seen a page knows nothing
    dead = early.of(con, (draft for draft in fresh if draft.source in called), now)
    for post in dead:
        writes.fresh[post].deleted = True
        outcomes[writes.fresh[post].source].deleted += 1
    for source, some in deleted.items():
        dead |= _take_deletions(some, now, writes, outcomes[source])
    early.note(con, writes.unknown, now)
    _write_posts(con, page, writes, now, dead)
    points = arrivals[0].origin.points  # of the configuration
    writes.touched |= own.arrived(con, sent, now, clock_of, points)
    for each in arrivals:
        if each.page.undelivered:
            lost = undelivered.take(con, each.origin.source, each.page.undelivered, now)
            writes.touched.update(one.inquiry_id for one in lost)
            outcomes[each.origin.source].lost = [one.outbox_id for one in lost]
            own.forget()
    known.add(writes.fresh)
    known.add(draft.alias_id for draft in fresh if draft.alias_id)
    known.add(row["alias_id"] for row in moved)
    known.early_answers.add(draft.thread_id for draft in fresh if draft.staff and draft.inquiry_id is None)
    known.early_answers.add(row["thread_id"] for row in map(writes.known.get, writes.changed) if row and row["staff"])
    _write_accounts(con, page.drafts, origins, seen)
    approached = suspects.mark(con, page.drafts, approaches, now)
    linked = people.note(con, page.drafts, now)
    if not reread:  # a stored record tells what was counted then, not now
        _write_counts(con, page, writes, now)
    _write_rejected(con, arrivals, now)
    changed = refold(con, writes.touched, page=page, fresh=fresh + asking, clock_of=clock_of, points=points)
    changed |= approached | waiting_inquiries(con, linked) | {each.inquiry_id for each in sent.values()}
    outcomes[arrivals[0].origin.source].hidden = hidden
    _tell(page, fresh, changed, silenced, outcomes, now)
    return list(outcomes.values())


def _as_one(pages: Sequence[Prepared]) -> Prepared:
    """All of them; where there are several, each may be written alone later."""
    if len(pages) == 1:
        return pages[0]
    return joined([replace(page, drafts=[copy(draft) for draft in page.drafts]) for page in pages])


def _tell(
    page: Prepared,
    fresh: Sequence[Draft],
    changed: set[Id],
    silenced: Collection[Id],
    outcomes: Mapping[str, Outcome],
    now: datetime,
) -> None:
    """To each source what came of its posts; the first one is told of what came of none."""
    for draft in fresh:
        outcome = outcomes[draft.source]
        if not draft.backfill:
            outcome.arrived.append(draft.posted_at)
        if draft.inquiry_id is None:
            outcome.passed_over += draft.passed_over and draft.post_id not in silenced
            continue
        if draft.inquiry_id in changed:
            outcome.inquiries.add(draft.inquiry_id)
        # History of which nobody told the time (`posted_at` is when we read it) says nothing of today.
        undated = draft.backfill and draft.posted_at == now
        if not (draft.staff or draft.thanks or draft.deleted or undated) and now - draft.posted_at < REPORTS:
            outcome.asked.append(draft)
            outcome.page = page
    first, *others = outcomes.values()
    first.inquiries |= changed.difference(*(each.inquiries for each in others))


def _hide_pieces(
    con: Connection,
    page: Prepared,
    origins: Mapping[str, Origin],
    now: datetime,
    pieces: Pieces,
    writes: Writes,
) -> int:
    """Black out what makes up a recovery phrase. Returns how many posts turned out to be pieces of one."""
    fresh = {draft.post_id: draft for draft in page.drafts if draft.post_id not in writes.known}
    if len(fresh) < len(page.drafts):
        for number, draft in enumerate(page.drafts):
            row = writes.known.get(draft.post_id)
            if row is not None and is_hidden(page.text(draft), row["text"]):
                hide_draft(page, number, origins[draft.source], now)
    due = pieces.complete(con, fresh.values(), now)
    if not due:
        return 0
    note_compaction(con, now)
    by_space = {each.space: each for each in origins.values()}
    for number, draft in enumerate(page.drafts):
        if draft.post_id in due:
            hide_draft(page, number, origins[draft.source], now)
    writes.known |= posts_by_id(con, due - fresh.keys() - writes.known.keys(), now - SPAN)
    for post in due & writes.known.keys():
        row = writes.known[post]
        hide_stored(con, row, origins.get(row["source"]) or by_space[row["space"]])
        writes.changed.add(post)
        if row["inquiry_id"]:
            writes.touched.add(row["inquiry_id"])
    return len(due)


def posts_by_id(con: Connection, wanted: Collection[Id], since: datetime) -> dict[Id, Row]:
    """Stored post rows, which are probably not older than `since`."""
    found = rows.fetch_since(con, "post", tuple(rows.POST), wanted, "posted_at", since)
    return {row[0]: dict(zip(rows.POST, row, strict=True)) for row in found}


def _move_cursor(con: Connection, origin: Origin, move: Move) -> None:
    sources.move(con, origin.source, move.fence, move.cursor, move.quota)
    for gap in move.gaps:
        con.execute("INSERT INTO coverage VALUES (?, ?, ?, 'lost', ?)", [origin.source, gap.start, gap.end, gap.reason])


def _move_threads(con: Connection, moved: Sequence[tuple[Id, Id]], known: KnownIds) -> None:
    if moved:
        known.early_answers.forget()
    for old, new in moved:
        ids = [as_uuid(new), as_uuid(old)]
        con.execute("UPDATE post SET thread_id = ? WHERE thread_id = ?", ids)
        # Whoever has read it before knows by `ver` that it has changed.
        for table in ("inquiry_open", "inquiry_closed"):
            con.execute(f"UPDATE {table} SET thread_id = ?, ver = ver + 1 WHERE thread_id = ?", ids)


def _by_own_id(
    con: Connection, page: Prepared, arrivals: Sequence[Arrival], known: KnownIds
) -> dict[str, list[tuple[Id, datetime | None]]]:
    """By source the deletions, with the post's id where the platform named its alias; of two with one alias, the
    newer's."""
    if not page.deleted:
        return {}
    stored = rows.select(
        con,
        "SELECT alias_id, post_id FROM post WHERE alias_id IN (SELECT id FROM wanted) ORDER BY posted_at",
        rows.ids(known.among(con, {post for post, _ in page.deleted})),
    )
    own = dict(stored) | {draft.alias_id: draft.post_id for draft in page.drafts if draft.alias_id}
    return {each.origin.source: [(own.get(post, post), at) for post, at in each.page.deleted] for each in arrivals}


def _take_deletions(
    deleted: Sequence[tuple[Id, datetime | None]], now: datetime, writes: Writes, outcome: Outcome
) -> dict[Id, datetime]:
    """Mark known posts, and note those that are not. Returns those of this page's new ones that are gone already."""
    dead = {}
    for post, at in deleted:
        row, draft = writes.known.get(post), writes.fresh.get(post)
        if draft is not None:
            dead[post] = at or now
            draft.deleted = True
        elif row is None:
            writes.unknown[post] = at or now
            continue
        elif row["deleted_at"] is not None:
            continue
        else:
            row["deleted_at"] = at or now
            writes.changed.add(post)
            if row["inquiry_id"]:
                writes.touched.add(row["inquiry_id"])
        outcome.deleted += 1
    return dead


def _write_posts(con: Connection, page: Prepared, writes: Writes, now: datetime, dead: dict[Id, datetime]) -> None:
    changed = [tuple(writes.known[post].values()) for post in writes.changed]
    rows.merge(con, "post", rows.POST, changed, "post_id")
    # There is one writer, and this transaction has looked: none of these is stored.
    if writes.fresh:
        rows.append(con, "post", _fresh_rows(page, list(writes.fresh.values()), dead))
    if writes.records:
        rows.append(con, "record", _record_rows(page, writes.records, now))
    rows.insert(con, "sighting", rows.SIGHTING, writes.sightings)


def _fresh_rows(page: Prepared, fresh: Sequence[Draft], dead: dict[Id, datetime]) -> RecordBatch:
    """The rows of the new posts, with what was decided since they were read."""
    decided: dict[str, list[Any]] = {
        "inquiry_id": [draft.inquiry_id for draft in fresh],
        "version": [draft.version for draft in fresh],
        "deleted_at": [dead.get(draft.post_id) for draft in fresh] if dead else [None] * len(fresh),
        "staff": [draft.staff for draft in fresh],
    }
    told = rows.taken(page.posts, [draft.at for draft in fresh])
    return rows.of_columns(
        rows.POST,
        [rows.array(kind, decided[name]) if name in decided else told[name] for name, kind in rows.POST.items()],
    )


def _record_rows(page: Prepared, kept: Sequence[tuple[Draft, int]], now: datetime) -> RecordBatch:
    bodies = rows.taken(page.bodies, [draft.at for draft, _ in kept])
    told = {
        "post_id": rows.array(rows.RECORD["post_id"], [draft.post_id for draft, _ in kept]),
        "version": rows.array(rows.RECORD["version"], [version for _, version in kept]),
        "fetched_at": rows.constant(rows.RECORD["fetched_at"], now, len(kept)),
        "source": rows.array(rows.RECORD["source"], [draft.source for draft, _ in kept]),
    }
    told |= {name: bodies[name] for name in ("body", "secrets")}
    return rows.of_columns(rows.RECORD, [told[name] for name in rows.RECORD])


def _write_accounts(
    con: Connection, drafts: Sequence[Draft], origins: Mapping[str, Origin], seen: SeenAccounts
) -> None:
    accounts = {draft.account.account_id: draft.account for draft in drafts if draft.account}
    accounts = {key: account for key, account in accounts.items() if not seen.has(key, account)}
    if not accounts:
        return
    seen.add(accounts)
    spaces = {draft.account.account_id: origins[draft.source].space for draft in drafts if draft.account}
    known = rows.fetch(con, "account", "account_id, name, handle, followers, role, person_id", "account_id", accounts)
    persons = {}
    for account, *said, person in known:
        persons[account] = person
        mine = accounts[account]
        if said == [mine.name, mine.handle, mine.followers, mine.role]:
            del accounts[account]
    changed: list[tuple[Any, ...]] = []
    fresh: list[tuple[Any, ...]] = []
    for key, account in accounts.items():
        (changed if key in persons else fresh).append(
            (key, spaces[key], account.native_id, account.name, account.handle, account.followers, account.role,
             persons.get(key, key))
        )  # fmt: skip
    rows.merge(con, "account", rows.ACCOUNT, changed, "account_id")
    rows.insert(con, "account", rows.ACCOUNT, fresh)


def _write_counts(con: Connection, page: Prepared, writes: Writes, now: datetime) -> None:
    """Of posts that are stored: a platform may count others, too, and nobody would ever delete those rows."""
    said = {draft.post_id: draft.counts for draft in page.drafts if any(draft.counts)} | dict(page.counts)
    said = {post: counts for post, counts in said.items() if post in writes.known or post in writes.fresh}
    if not said:
        return
    last = _last_counts(con, [writes.known[post] for post in said if post in writes.known])
    changed = [(post, now, *counts) for post, counts in said.items() if _counts_moved(last.get(post), counts)]
    rows.insert(con, "post_count", rows.POST_COUNT, changed)


def _last_counts(con: Connection, posts: Sequence[Row]) -> dict[Id, Tally]:
    if not posts:
        return {}
    found = rows.select(
        con,
        "SELECT post_id, max_by(likes, counted_at), max_by(replies, counted_at), max_by(shares, counted_at), "
        "max_by(views, counted_at) FROM post_count WHERE post_id IN (SELECT id FROM wanted) AND counted_at >= ? "
        "GROUP BY post_id",
        rows.ids(row["post_id"] for row in posts),
        [min(row["seen_at"] for row in posts)],
    )
    return {post: tuple(counts) for post, *counts in found}


def _counts_moved(last: Tally | None, now: Tally) -> bool:
    if last is None:
        return any(now)
    return last[:3] != now[:3] or (now[3] or 0) > VIEWS_GREW * (last[3] or 0)


def _write_rejected(con: Connection, arrivals: Sequence[Arrival], now: datetime) -> None:
    rejected = {
        one.rejected_id: (one.rejected_id, each.origin.source, now, one.reason, one.body, one.secrets, one.size, None)
        for each in arrivals
        for one in each.page.rejected
    }
    rows.merge(con, "rejected_record", rows.REJECTED, list(rejected.values()), "rejected_id")
