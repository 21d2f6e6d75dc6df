"""One page becomes rows: posts, inquiries, rejected records and the cursor, in one transaction.

Everything here runs on the writer's connection between BEGIN and COMMIT (aggregator/store/database.py). What
it computes depends on the page and on what is stored, never on the order in which pages arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from aggregator import assign
from aggregator.pieces import SPAN, Pieces, hide_draft, hide_stored, is_hidden, note_compaction
from aggregator.prepare import Draft, Origin, Prepared
from aggregator.refold import refold
from aggregator.store import rows, sources
from aggregator.store.known import KnownIds
from aggregator.store.rows import Connection
from connectors.contract import Cursor, Gap, Quota

if TYPE_CHECKING:
    from aggregator.config import ChannelClock

Row = dict[str, Any]  # a row of `post`, by column
Counts = tuple[int | None, int | None, int | None, int | None]

VIEWS_GREW = 1.1  # a post's views are stored again when they grew by a tenth


@dataclass(frozen=True, slots=True)
class Move:
    """From which fence the source's cursor moves, and to what."""

    fence: int
    cursor: Cursor
    gaps: Sequence[Gap] = ()
    quota: Quota | None = None


@dataclass(slots=True)
class Outcome:
    """What a page changed."""

    records: int = 0
    new: int = 0
    edited: int = 0
    deleted: int = 0
    rejected: int = 0
    hidden: int = 0  # posts that turned out to be pieces of a recovery phrase
    passed_over: int = 0  # new posts that the source's words kept out of the feed
    arrived: list[datetime] = field(default_factory=list)  # when the new ones were posted, without the backfill
    inquiries: set[UUID] = field(default_factory=set)


@dataclass(slots=True)
class Writes:
    """Stored post rows as they stand after this page, and what has to be written."""

    known: dict[UUID, Row] = field(default_factory=dict)
    fresh: dict[UUID, Draft] = field(default_factory=dict)
    changed: set[UUID] = field(default_factory=set)  # of the known ones
    records: list[tuple[Any, ...]] = field(default_factory=list)
    sightings: list[tuple[Any, ...]] = field(default_factory=list)
    counts: dict[UUID, Counts] = field(default_factory=dict)
    touched: set[UUID] = field(default_factory=set)  # inquiries to fold again


def commit_page(
    con: Connection,
    origin: Origin,
    page: Prepared,
    *,
    move: Move | None,
    now: datetime,
    clock_of: Callable[[str], ChannelClock],
    pieces: Pieces,
    known: KnownIds,
    reread: bool = False,
) -> Outcome:
    """Write one page.

    Args:
        move: None when no cursor belongs to the page (a webhook, a replay).
        pieces: of recovery phrases, that came before.
        known: the ids of what is stored.
        reread: these are stored records read again with today's code: no new version, but today's understanding.

    Raises:
        FenceLostError: the cursor was moved by somebody else.
    """
    if move is not None:
        _move_cursor(con, origin, move)
    outcome = Outcome(records=page.records, rejected=len(page.rejected))
    writes = Writes()
    _move_threads(con, page.moved)
    deleted = _by_own_id(con, page, known)
    wanted = {draft.post_id for draft in page.drafts} | {post for post, _ in deleted}
    oldest = min((draft.posted_at for draft in page.drafts), default=now)
    writes.known = posts_by_id(con, known.among(con, wanted), oldest)
    _hide_pieces(con, page.drafts, origin, now, pieces, writes, outcome)
    _take_drafts(con, page.drafts, origin, now, writes, outcome, reread, called=move is None)
    fresh = list(writes.fresh.values())
    answers = assign.assign(con, fresh, known)
    outcome.passed_over = sum(draft.passed_over and draft.inquiry_id is None for draft in fresh)
    outcome.arrived = [draft.posted_at for draft in fresh if not draft.backfill]
    writes.known |= {row["post_id"]: row for row in answers}
    writes.changed.update(row["post_id"] for row in answers)
    writes.touched.update(row["inquiry_id"] for row in answers)
    dead = _take_deletions(deleted, now, writes, outcome)
    _write_posts(con, writes, origin, now, dead)
    known.add(writes.fresh)
    known.add(draft.alias_id for draft in fresh if draft.alias_id)
    _write_accounts(con, page.drafts, origin)
    if not reread:  # a stored record tells what was counted then, not now
        _write_counts(con, page, writes, now)
    _write_rejected(con, page, origin, now)
    outcome.inquiries = refold(
        con, writes.touched, fresh=fresh, source=origin.source, seen_at=now, clock_of=clock_of, points=origin.points
    )
    return outcome


def _hide_pieces(
    con: Connection,
    drafts: list[Draft],
    origin: Origin,
    now: datetime,
    pieces: Pieces,
    writes: Writes,
    outcome: Outcome,
) -> None:
    fresh = {draft.post_id: draft for draft in drafts if draft.post_id not in writes.known}
    for number, draft in enumerate(drafts):
        if draft.post_id in writes.known and is_hidden(draft.text, writes.known[draft.post_id]["text"]):
            drafts[number] = hide_draft(draft, origin, now)
    due = pieces.complete(con, tuple(fresh.values()), now)
    if not due:
        return
    outcome.hidden = len(due)
    note_compaction(con, now)
    drafts[:] = [hide_draft(draft, origin, now) if draft.post_id in due else draft for draft in drafts]
    writes.known |= posts_by_id(con, due - fresh.keys() - writes.known.keys(), now - SPAN)
    for post in due & writes.known.keys():
        row = writes.known[post]
        hide_stored(con, row, origin)
        writes.changed.add(post)
        if row["inquiry_id"]:
            writes.touched.add(row["inquiry_id"])


def posts_by_id(con: Connection, wanted: Collection[UUID], since: datetime) -> dict[UUID, Row]:
    """Stored post rows, which are probably not older than `since`."""
    found = rows.fetch_since(con, "post", tuple(rows.POST), wanted, "posted_at", since)
    return {row[0]: dict(zip(rows.POST, row, strict=True)) for row in found}


def _move_cursor(con: Connection, origin: Origin, move: Move) -> None:
    sources.move(con, origin.source, move.fence, move.cursor, move.quota)
    for gap in move.gaps:
        con.execute("INSERT INTO coverage VALUES (?, ?, ?, 'lost', ?)", [origin.source, gap.start, gap.end, gap.reason])


def _move_threads(con: Connection, moved: Sequence[tuple[UUID, UUID]]) -> None:
    for old, new in moved:
        for table in ("post", "inquiry_open", "inquiry_closed"):
            con.execute(f"UPDATE {table} SET thread_id = ? WHERE thread_id = ?", [new, old])


def _take_drafts(
    con: Connection,
    drafts: Sequence[Draft],
    origin: Origin,
    now: datetime,
    writes: Writes,
    outcome: Outcome,
    reread: bool,
    *,
    called: bool,
) -> None:
    """Sort drafts into new posts, edits, and what we knew already.

    called: the platform called us. A call may be repeated late, so it brings no deleted post back; a listing does.
    """
    seen_elsewhere = set()
    for draft in drafts:
        row = writes.known.get(draft.post_id)
        if row is None:
            _take_new(draft, origin, now, writes, outcome)
            continue
        if row["source"] != origin.source:
            seen_elsewhere.add(draft.post_id)
        changed = (
            _read_again(draft, row) if reread else _take_version(con, draft, row, origin, now, writes, called=called)
        )
        if changed:
            writes.changed.add(draft.post_id)
            outcome.edited += 1
        if row["inquiry_id"] and (changed or reread):
            writes.touched.add(row["inquiry_id"])
    writes.sightings += _new_sightings(con, seen_elsewhere, origin.source, now)


def _take_new(draft: Draft, origin: Origin, now: datetime, writes: Writes, outcome: Outcome) -> None:
    """A new post; where the page holds several versions of it, the newest one, and the others as records."""
    earlier = writes.fresh.get(draft.post_id)
    if earlier is None:
        outcome.new += 1
    elif _says_the_same(draft, earlier.text):
        return
    else:
        draft.version = earlier.version + 1
        outcome.edited += 1
    writes.records.append((draft.post_id, draft.version, now, origin.source, draft.body.decode(), _text(draft.secrets)))
    if earlier is None or not _older(draft.edited_at, earlier.edited_at):
        writes.fresh[draft.post_id] = draft


def _row(draft: Draft, origin: Origin, now: datetime, deleted_at: datetime | None) -> tuple[Any, ...]:
    """A new post's row, in the order of rows.POST."""
    return (
        draft.post_id,
        origin.space,
        draft.native_id,
        draft.alias_id,
        origin.source,
        draft.thread_id,
        draft.account.account_id if draft.account else None,
        draft.reply_to,
        draft.posted_at,
        draft.order,
        draft.edited_at,
        deleted_at,
        now,
        draft.version,
        draft.title,
        draft.text,
        draft.search_text,
        draft.lang,
        draft.public,
        draft.staff,
        draft.backfill,
        draft.permalink,
        draft.can_reply_until,
        draft.facts.decode(),
        draft.inquiry_id,
    )


# What another reading of the same words may change.
_READING = ("title", "text", "search_text", "lang", "public", "staff", "permalink", "can_reply_until", "facts")


def _read_again(draft: Draft, row: Row) -> bool:
    fresh = {name: getattr(draft, name) for name in _READING} | {"facts": draft.facts.decode()}
    if all(row[name] == value for name, value in fresh.items()):
        return False
    row.update(fresh)
    return True


def _take_version(
    con: Connection, draft: Draft, row: Row, origin: Origin, now: datetime, writes: Writes, *, called: bool
) -> bool:
    """An edit becomes the post's words and the earlier version stays; an older version only joins the records."""
    recovered = row["deleted_at"] is not None and not called
    if recovered:
        row["deleted_at"] = None
    if _says_the_same(draft, row["text"]) and draft.title == row["title"]:
        return recovered
    body = draft.body.decode()
    if _older(draft.edited_at, row["edited_at"]):
        stored = con.execute("SELECT version, body FROM record WHERE post_id = ?", [draft.post_id]).fetchall()
        if body not in {each for _, each in stored}:
            number = max((version for version, _ in stored), default=0) + 1
            writes.records.append((draft.post_id, number, now, origin.source, body, _text(draft.secrets)))
        return recovered
    row["version"] += 1
    row["edited_at"] = draft.edited_at
    _read_again(draft, row)
    writes.records.append((draft.post_id, row["version"], now, origin.source, body, _text(draft.secrets)))
    return True


def _says_the_same(draft: Draft, known: str) -> bool:
    return draft.text == known or (draft.cut_short and known.startswith(draft.text))


def _older(left: datetime | None, right: datetime | None) -> bool:
    return right is not None and (left is None or left < right)


def _new_sightings(con: Connection, posts: set[UUID], source: str, now: datetime) -> list[tuple[Any, ...]]:
    if not posts:
        return []
    found = rows.select(
        con,
        "SELECT post_id FROM sighting WHERE source = ? AND post_id IN (SELECT id FROM wanted)",
        rows.ids(posts),
        [source],
    )
    return [(post, source, now) for post in posts - {post for (post,) in found}]


def _by_own_id(con: Connection, page: Prepared, known: KnownIds) -> list[tuple[UUID, datetime | None]]:
    """The deletions, with the post's id where the platform named its alias; of two with one alias, the newer's."""
    if not page.deleted:
        return []
    stored = rows.select(
        con,
        "SELECT alias_id, post_id FROM post WHERE alias_id IN (SELECT id FROM wanted) ORDER BY posted_at",
        rows.ids(known.among(con, {post for post, _ in page.deleted})),
    )
    own = dict(stored) | {draft.alias_id: draft.post_id for draft in page.drafts if draft.alias_id}
    return [(own.get(post, post), at) for post, at in page.deleted]


def _take_deletions(
    deleted: Sequence[tuple[UUID, datetime | None]], now: datetime, writes: Writes, outcome: Outcome
) -> dict[UUID, datetime]:
    """Mark known posts. Returns those of this page's new ones that are gone already."""
    dead = {}
    for post, at in deleted:
        row, draft = writes.known.get(post), writes.fresh.get(post)
        if draft is not None:
            dead[post] = at or now
            draft.deleted = True
        elif row is None or row["deleted_at"] is not None:
            continue
        else:
            row["deleted_at"] = at or now
            writes.changed.add(post)
            if row["inquiry_id"]:
                writes.touched.add(row["inquiry_id"])
        outcome.deleted += 1
    return dead


def _write_posts(con: Connection, writes: Writes, origin: Origin, now: datetime, dead: dict[UUID, datetime]) -> None:
    changed = [tuple(writes.known[post].values()) for post in writes.changed]
    rows.merge(con, "post", rows.POST, changed, "post_id")
    # There is one writer, and this transaction has looked: none of these is stored.
    fresh = [_row(draft, origin, now, dead.get(post)) for post, draft in writes.fresh.items()]
    rows.insert(con, "post", rows.POST, fresh)
    rows.insert(con, "record", rows.RECORD, writes.records)
    rows.insert(con, "sighting", rows.SIGHTING, writes.sightings)


def _write_accounts(con: Connection, drafts: Sequence[Draft], origin: Origin) -> None:
    accounts = {draft.account.account_id: draft.account for draft in drafts if draft.account}
    if not accounts:
        return
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
            (key, origin.space, account.native_id, account.name, account.handle, account.followers, account.role,
             persons.get(key, key))
        )  # fmt: skip
    rows.merge(con, "account", rows.ACCOUNT, changed, "account_id")
    rows.insert(con, "account", rows.ACCOUNT, fresh)


def _write_counts(con: Connection, page: Prepared, writes: Writes, now: datetime) -> None:
    said = {draft.post_id: draft.counts for draft in page.drafts if any(draft.counts)} | dict(page.counts)
    if not said:
        return
    last = _last_counts(con, [writes.known[post] for post in said if post in writes.known])
    changed = [(post, now, *counts) for post, counts in said.items() if _counts_moved(last.get(post), counts)]
    rows.insert(con, "post_count", rows.POST_COUNT, changed)


def _last_counts(con: Connection, posts: Sequence[Row]) -> dict[UUID, Counts]:
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


def _counts_moved(last: Counts | None, now: Counts) -> bool:
    if last is None:
        return any(now)
    return last[:3] != now[:3] or (now[3] or 0) > VIEWS_GREW * (last[3] or 0)


def _write_rejected(con: Connection, page: Prepared, origin: Origin, now: datetime) -> None:
    rejected = {
        each.rejected_id: (each.rejected_id, origin.source, now, each.reason, _text(each.body), _text(each.secrets),
                           each.size, None)
        for each in page.rejected
    }  # fmt: skip
    rows.merge(con, "rejected_record", rows.REJECTED, list(rejected.values()), "rejected_id")


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()
