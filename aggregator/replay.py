"""Read stored records again with today's code. Unchanged code changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

from aggregator.identity import Id, as_uuid
from aggregator.ingest.commit import Outcome
from aggregator.ingest.ingest import Ingest
from aggregator.ingest.origin import Origin
from aggregator.ingest.packing import pack
from aggregator.ingest.prepare import read_again
from aggregator.ingest.reading import ReadPage
from aggregator.store.database import Connection

PAGE = 1000
FEW = 200
FIRST = UUID(int=0)
_STORED = (
    "SELECT p.post_id, p.source, r.body, r.secrets, p.seen_at "
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


async def replay(
    ingest: Ingest, origins: Mapping[str, Origin], progress: Callable[[int, int], None] | None = None
) -> Replayed:
    """Read all stored posts and rejected records again, page by page.

    Args:
        origins: by source name; how each source's records are read today.
    """
    result = Replayed()
    total = (await ingest.db.read(lambda con: con.execute("SELECT count(*) FROM post").fetchone()) or (0,))[0]
    after = FIRST
    while page := await ingest.db.read(partial(_page, after)):
        after = page[-1][0]
        for source in dict.fromkeys(row[1] for row in page):
            if source not in origins:
                result.unknown_sources.add(source)
                continue
            rows = [row for row in page if row[1] == source]
            _count(result, await _reread(ingest, origins[source], rows))
        result.posts += len(page)
        if progress:
            progress(result.posts, total)
    for source, origin in origins.items():
        await _rejected(ingest, origin, source, result)
    return result


def _page(after: UUID, con: Connection) -> list[tuple[UUID, str, str, str | None, datetime]]:
    return con.execute(f"{_STORED} WHERE p.post_id > ? ORDER BY p.post_id LIMIT ?", [after, PAGE]).fetchall()


def _of_posts(posts: Sequence[UUID], con: Connection) -> list[tuple[UUID, str, str, str | None, datetime]]:
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


async def _reread(
    ingest: Ingest, origin: Origin, rows: Sequence[tuple[UUID, str, str, str | None, datetime]]
) -> Outcome:
    page = read_again(((body, secrets, seen_at) for _, _, body, secrets, seen_at in rows), origin)
    wanted = {row[0].bytes for row in rows}
    page.readings = [said for said in page.readings if said.post_id in wanted]
    now = ingest.clock()
    prepared = pack(page, origin, now)
    outcome = await ingest.db.write(lambda con: ingest.write(con, origin, prepared, None, now, reread=True), bulk=True)
    ingest.tell(outcome.inquiries)
    return outcome


def _count(result: Replayed, outcome: Outcome) -> None:
    result.changed_posts += outcome.edited
    result.changed_inquiries += len(outcome.inquiries)
    result.rejected += outcome.rejected


async def _rejected(ingest: Ingest, origin: Origin, source: str, result: Replayed) -> None:
    found = await ingest.db.read(
        lambda con: con.execute(
            "SELECT rejected_id, body, secrets, fetched_at FROM rejected_record "
            "WHERE source = ? AND resolved_at IS NULL AND body IS NOT NULL",
            [source],
        ).fetchall()
    )
    for rejected_id, body, secrets, fetched_at in found:
        page = read_again([(body, secrets, fetched_at)], origin)
        if page.rejected:
            result.rejected += 1
            continue
        outcome = await ingest.db.write(partial(_recover, ingest, origin, page, rejected_id), bulk=True)
        result.recovered += 1
        result.changed_inquiries += len(outcome.inquiries)
        ingest.hear(outcome, source)
        ingest.tell(outcome.inquiries)


def _recover(ingest: Ingest, origin: Origin, page: ReadPage, rejected_id: UUID, con: Connection) -> Outcome:
    now = ingest.clock()
    outcome = ingest.write(con, origin, pack(page, origin, now), None, now)
    con.execute("UPDATE rejected_record SET resolved_at = ? WHERE rejected_id = ?", [now, rejected_id])
    return outcome
