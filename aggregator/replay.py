"""Read stored records again with today's code. Unchanged code changes nothing.

Posts are gone through by id, which is a hash: so they fall into shares of a size, for as many processes over a lake.
How far one has come is noted, and whoever is stopped goes on there, as long as code and configuration are the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

from aggregator import resuming
from aggregator.identity import Id, as_uuid, share_of_ids
from aggregator.ingest.arrivals import Outcome
from aggregator.ingest.drafts import Prepared
from aggregator.ingest.ingest import Ingest
from aggregator.ingest.origin import Origin
from aggregator.ingest.packing import pack
from aggregator.ingest.prepare import read_again
from aggregator.ingest.reading import ReadPage
from aggregator.store import rows, sources
from aggregator.store.database import Connection

PAGE = 1000
FEW = 200
Stored = tuple[UUID, str, str, str | None, datetime, int]
"""post_id, source, body, secrets, seen_at, version"""
Unread = tuple[UUID, str, str | None, datetime]
"""rejected_id, body, secrets, fetched_at"""

_STORED = (
    "SELECT p.post_id, p.source, r.body, r.secrets, p.seen_at, p.version "
    "FROM post AS p JOIN record AS r ON r.post_id = p.post_id AND r.version = p.version"
)


@dataclass(slots=True)
class Replayed:
    """What a replay did."""

    posts: int = 0
    changed_posts: int = 0
    changed_inquiries: int = 0
    rejected: int = 0  # still unreadable
    recovered: int = 0  # rejected earlier, read now
    unknown_sources: set[str] = field(default_factory=set)  # no longer configured: left as they are
    went_on: bool = False  # where an earlier one was stopped


async def replay(
    ingest: Ingest,
    origins: Mapping[str, Origin],
    progress: Callable[[int, int], None] | None = None,
    *,
    share: tuple[int, int] = (1, 1),
    by: str | None = None,
) -> Replayed:
    """Read stored posts and rejected records again, page by page.

    Args:
        origins: by source name; how each source's records are read today.
        share: which of how many shares.
        by: what code and configuration do it; None: it is not noted how far it came.
    """
    result = Replayed()
    first, last = share_of_ids(*share)
    after = await ingest.db.read(partial(resuming.begun, share=share, by=by)) or first
    result.went_on = after != first
    total = await ingest.db.read(partial(_count_of, after, last))
    while page := await ingest.db.read(partial(_page, after, last)):
        after = page[-1][0]
        for source in dict.fromkeys(row[1] for row in page):
            if source not in origins:
                result.unknown_sources.add(source)
                continue
            _count(result, await _reread(ingest, origins[source], [row for row in page if row[1] == source]))
        result.posts += len(page)
        if by is not None:
            await ingest.db.write(partial(resuming.note, share=share, by=by, after=after), bulk=True)
        if progress:
            progress(result.posts, total)
    for source, origin in origins.items():
        await _rejected(ingest, origin, source, (first, last), result)
    if by is not None:
        await ingest.db.write(partial(resuming.forget, share=share), bulk=True)
    return result


def _count_of(after: UUID, last: UUID, con: Connection) -> int:
    counted = "SELECT count(*) FROM post WHERE post_id > ? AND post_id <= ?"
    (count,) = con.execute(counted, [after, last]).fetchone() or (0,)
    return int(count)


def _page(after: UUID, last: UUID, con: Connection) -> list[Stored]:
    return con.execute(
        f"{_STORED} WHERE p.post_id > ? AND p.post_id <= ? ORDER BY p.post_id LIMIT ?", [after, last, PAGE]
    ).fetchall()


def _of_posts(posts: Sequence[UUID], con: Connection) -> list[Stored]:
    return con.execute(f"{_STORED} WHERE list_contains(?, p.post_id)", [list(posts)]).fetchall()


async def read_these_again(ingest: Ingest, origins: Mapping[str, Origin], posts: Collection[Id]) -> None:
    """The same of some posts, whose records were changed; a few at a time, for live pages go first."""
    wanted = [*map(as_uuid, posts)]
    for first in range(0, len(wanted), FEW):
        some = wanted[first : first + FEW]
        found = await ingest.db.read(partial(_of_posts, some))
        for source in dict.fromkeys(row[1] for row in found):
            if source in origins:
                await _reread(ingest, origins[source], [row for row in found if row[1] == source])


async def _reread(ingest: Ingest, origin: Origin, stored: Sequence[Stored]) -> Outcome:
    now = ingest.clock()
    prepared = await asyncio.to_thread(_prepared, stored, origin, now)
    versions = {row[0].bytes: row[5] for row in stored}
    drafts = prepared.drafts

    def write(con: Connection) -> Outcome:
        # What was edited, or erased, since it was read is left as it is; so is what an older version was put before.
        still = set(rows.fetch(con, "post", "post_id, version", "post_id", versions))
        prepared.drafts = [draft for draft in drafts if (draft.post_id, versions[draft.post_id]) in still]
        return ingest.write(con, origin, prepared, None, now, reread=True)

    outcome = await ingest.db.write(write, bulk=True)
    ingest.tell(outcome.inquiries)
    return outcome


def _prepared(stored: Sequence[Stored], origin: Origin, now: datetime) -> Prepared:
    """Of each record the post that it was kept for: it may carry older copies of others, and marks of what is back."""
    page = read_again(((body, secrets, seen_at) for _, _, body, secrets, seen_at, _ in stored), origin)
    posts = [row[0].bytes for row in stored]
    own = [each for each in page.readings if each.post_id == posts[each.said.record]]
    return pack(ReadPage(own, rejected=page.rejected, records=page.records), origin, now)


def _count(result: Replayed, outcome: Outcome) -> None:
    result.changed_posts += outcome.edited
    result.changed_inquiries += len(outcome.inquiries)
    result.rejected += outcome.rejected


async def _rejected(ingest: Ingest, origin: Origin, source: str, share: tuple[UUID, UUID], result: Replayed) -> None:
    after, last = share
    while found := await ingest.db.read(partial(_unread, source, after, last)):
        after = found[-1][0]
        read = await asyncio.to_thread(_readable, found, origin)
        result.rejected += len(found) - len(read)
        if not read:
            continue
        recovered, outcome = await ingest.db.write(partial(_recover, ingest, origin, read), bulk=True)
        result.recovered += recovered
        result.changed_inquiries += len(outcome.inquiries)
        ingest.hear(outcome, source)
        ingest.tell(outcome.inquiries)


def _unread(source: str, after: UUID, last: UUID, con: Connection) -> list[Unread]:
    return con.execute(
        "SELECT rejected_id, body, secrets, fetched_at FROM rejected_record WHERE source = ? AND resolved_at IS NULL "
        "AND body IS NOT NULL AND rejected_id > ? AND rejected_id <= ? ORDER BY rejected_id LIMIT ?",
        [source, after, last, FEW],
    ).fetchall()


def _readable(found: Sequence[Unread], origin: Origin) -> dict[UUID, ReadPage]:
    """Those that can be read now; each alone, for all that a record tells is taken, or nothing."""
    pages = {rejected_id: read_again([(body, secrets, at)], origin) for rejected_id, body, secrets, at in found}
    return {rejected_id: page for rejected_id, page in pages.items() if not page.rejected}


def _recover(ingest: Ingest, origin: Origin, read: Mapping[UUID, ReadPage], con: Connection) -> tuple[int, Outcome]:
    """How many, and what came of them. What was erased, or came again, since it was read is left as it is."""
    now, page = ingest.clock(), ReadPage()
    left = con.execute(
        "SELECT rejected_id FROM rejected_record WHERE resolved_at IS NULL AND list_contains(?, rejected_id)",
        [list(read)],
    ).fetchall()
    for (rejected_id,) in left:
        page.add(read[rejected_id])
    outcome = ingest.write(con, origin, pack(page, origin, now), None, now)
    sources.resolve(con, [rejected_id.bytes for (rejected_id,) in left], now)
    return len(left), outcome
