"""Whether a post that a page tells of is new, an edit, an older version that comes late, or known already.

Runs on the writer's connection (aggregator/ingest/commit.py). Each version keeps its record; a post's version is the
number of its last one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aggregator.identity import Id, as_uuid
from aggregator.ingest.arrivals import Outcome, Row, Writes
from aggregator.ingest.drafts import Draft, Prepared
from aggregator.store import rows

if TYPE_CHECKING:
    from aggregator.store.rows import Connection


def take_drafts(
    con: Connection,
    page: Prepared,
    now: datetime,
    writes: Writes,
    outcomes: Mapping[str, Outcome],
    reread: bool,
    *,
    called: Collection[str],
) -> None:
    """Sort drafts into new posts, edits, and what we knew already.

    called: sources whose platform called us. A call may be repeated late, so it brings a deleted post back only where
    it says so, or tells of an edit after the deletion; a listing does.
    """
    seen_elsewhere = set[tuple[Id, str]]()
    for draft in page.drafts:
        outcome = outcomes[draft.source]
        row = writes.known.get(draft.post_id)
        if row is None:
            _take_new(con, page, draft, writes, outcome)
            continue
        if row["source"] != draft.source:
            seen_elsewhere.add((draft.post_id, draft.source))
        changed = (
            _read_again(page, draft, row)
            if reread
            else _take_version(con, page, draft, row, writes, called=draft.source in called)
        )
        if changed:
            writes.changed.add(draft.post_id)
            outcome.edited += 1
            if not reread and _asks_now(page, draft, row):
                writes.asking[draft.post_id] = draft
            else:
                writes.asking.pop(draft.post_id, None)
        if row["inquiry_id"] and (changed or reread):
            writes.touched.add(row["inquiry_id"])
    writes.sightings += _new_sightings(con, seen_elsewhere, now)


def _take_new(con: Connection, page: Prepared, draft: Draft, writes: Writes, outcome: Outcome) -> None:
    """A new post; where the page holds several versions of it, the newest one, and the others as records."""
    earlier = writes.fresh.get(draft.post_id)
    if earlier is not None:  # whichever of them stays, the post is back
        earlier.recovered = draft.recovered = earlier.recovered or draft.recovered
    if earlier is None:
        outcome.new += 1
        draft.version = 1  # a transaction that is tried again has numbered it before
    elif (
        _says_the_same(draft, page.text(draft), page.text(earlier))
        and not _is_moved(draft, earlier.thread_id, earlier.alias_id, earlier.edited_at)
    ) or page.body(draft) in _taken(page, draft, writes):
        return
    else:
        outcome.edited += 1
        if _older(draft.edited_at, earlier.edited_at):
            earlier.version = _slip_in(con, draft, earlier.version, writes)
            return
        draft.version = earlier.version + 1
    writes.records.append((draft, draft.version))
    writes.fresh[draft.post_id] = draft


# What another reading of the same words may change.
_READING = ("title", "text", "search_text", "lang", "public", "staff", "permalink", "can_reply_until", "facts")

# What changes, besides, where a post is moved.
_PLACE = ("thread_id", "alias_id", "reply_to")


def _read_again(page: Prepared, draft: Draft, row: Row) -> bool:
    said = page.row(draft)
    fresh = {name: said[name] for name in _READING}
    if all(row[name] == value for name, value in fresh.items()):
        return False
    row.update(fresh)
    return True


def _take_version(con: Connection, page: Prepared, draft: Draft, row: Row, writes: Writes, *, called: bool) -> bool:
    """An edit becomes the post's words and the earlier version stays; an older version joins the records before it."""
    deleted_at = row["deleted_at"]
    recovered = deleted_at is not None and (not called or tells_of_recovery(draft, deleted_at))
    if recovered:
        row["deleted_at"] = None
    said = page.row(draft)
    moved = _is_moved(draft, row["thread_id"], row["alias_id"], row["edited_at"])
    if not moved and _says_the_same(draft, said["text"], row["text"]) and said["title"] == row["title"]:
        return recovered
    if _older(draft.edited_at, row["edited_at"]):
        stored = con.execute("SELECT body FROM record WHERE post_id = ?", [as_uuid(draft.post_id)]).fetchall()
        if page.body(draft) not in {body for (body,) in stored} | _taken(page, draft, writes):
            row["version"] = _slip_in(con, draft, row["version"], writes)
            writes.changed.add(draft.post_id)
        return recovered
    row["version"] += 1
    row["edited_at"] = draft.edited_at
    _read_again(page, draft, row)
    if moved:
        row.update({name: said[name] for name in _PLACE})
        writes.moved.append(draft.post_id)
    writes.records.append((draft, row["version"]))
    return True


def _asks_now(page: Prepared, draft: Draft, row: Row) -> bool:
    """Whether a post that belongs to no inquiry begins one by what it says now."""
    stands = row["deleted_at"] is None and row["text"] == page.text(draft)
    return stands and row["inquiry_id"] is None and draft.begins is not None


def _taken(page: Prepared, draft: Draft, writes: Writes) -> set[str]:
    """What this page has told of the same post."""
    return {page.body(each) for each, _ in writes.records if each.post_id == draft.post_id}


def _slip_in(con: Connection, draft: Draft, newest: int, writes: Writes) -> int:
    """An older version that comes late takes the number of the newest, which goes one further: a post's version is the
    number of its last record. Returns that."""
    for place, (each, version) in enumerate(writes.records):
        if each.post_id == draft.post_id and version == newest:
            writes.records[place] = each, newest + 1
            break
    else:
        con.execute(
            "UPDATE record SET version = version + 1 WHERE post_id = ? AND version = ?",
            [as_uuid(draft.post_id), newest],
        )
    writes.records.append((draft, newest))
    return newest + 1


def tells_of_recovery(draft: Draft, deleted_at: datetime) -> bool:
    """Whether the post is back, or was edited, after it was deleted: a forum recovers a post without a later time."""
    return draft.recovered or _older(deleted_at, draft.edited_at)


def _says_the_same(draft: Draft, text: str, known: str) -> bool:
    return text == known or (draft.cut_short and known.startswith(text))


def _is_moved(draft: Draft, thread: Id, alias: Id | None, edited_at: datetime | None) -> bool:
    """Whether this version, which is no older one, stands in another thread: a moderator moved it there.

    Where a post has no second name in its thread, another thread is no other place: it is the thread that goes on
    under another id, or that another source names otherwise.
    """
    return (
        draft.thread_id != thread
        and alias is not None
        and draft.alias_id not in (None, alias)
        and not _older(draft.edited_at, edited_at)
    )


def _older(left: datetime | None, right: datetime | None) -> bool:
    return right is not None and (left is None or left < right)


def _new_sightings(con: Connection, seen: set[tuple[Id, str]], now: datetime) -> list[tuple[Any, ...]]:
    if not seen:
        return []
    found = rows.select(
        con,
        "SELECT post_id, source FROM sighting WHERE post_id IN (SELECT id FROM wanted)",
        rows.ids({post for post, _ in seen}),
    )
    return [(post, source, now) for post, source in seen.difference(found)]
