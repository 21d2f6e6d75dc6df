"""What today's words, weights and model would make of the open inquiries, without changing one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from aggregator.config import clock_of
from aggregator.fold import FoldPost, fold
from aggregator.identity import as_uuid
from aggregator.inquiry import Inquiry, shown
from aggregator.moving import Beside, priority_of
from aggregator.refold import events_of, posts_of, subject_of
from aggregator.store import rows
from aggregator.triage import judge, search_text, understand
from aggregator.triage.secrets import Found

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from aggregator.config import Settings
    from aggregator.store.rows import Connection
    from aggregator.workplace import Workplace

PAGE = 500
MOST = 20  # moves that are told one by one
FIRST = bytes(16)
LEAST = 0.5  # points


@dataclass(frozen=True, slots=True)
class Move:
    """One inquiry: its score and kind as they are, and as they would be."""

    code: str
    excerpt: str
    before: int
    after: int
    kind: str
    new_kind: str
    points: float


@dataclass(slots=True)
class Rescored:
    """What would move. bands: how many inquiries each would hold, less what it holds now."""

    inquiries: int = 0
    moved: int = 0
    bands: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("P0", "P1", "P2", "P3"), 0))
    most: list[Move] = field(default_factory=list)


async def rescore(work: Workplace, progress: Callable[[int, int], None]) -> Rescored:
    """Understand the posts of all open inquiries again. Reads only; the service goes on beside it."""
    now, result = work.clock(), Rescored()
    total = (await work.db.read(lambda con: con.execute("SELECT count(*) FROM inquiry_open").fetchone()) or (0,))[0]
    after = FIRST
    while page := await work.db.read(partial(_page, after)):
        after = page[-1].inquiry_id
        moves = await work.db.read(partial(_moves, page, work.settings, now))
        result.inquiries += len(page)
        result.moved += len(moves)
        for move in moves:
            result.bands[work.settings.bands.of(move.before)] -= 1
            result.bands[work.settings.bands.of(move.after)] += 1
        result.most = sorted([*result.most, *moves], key=lambda move: -abs(move.points))[:MOST]
        progress(result.inquiries, total)
    return result


def _page(after: bytes, con: Connection) -> list[Inquiry]:
    found = con.execute(
        f"SELECT {rows.INQUIRY_COLUMNS} FROM inquiry_open WHERE inquiry_id > ? ORDER BY inquiry_id LIMIT {PAGE}",
        [as_uuid(after)],
    )
    return [rows.to_inquiry(row) for row in found.fetchall()]


def _moves(page: Sequence[Inquiry], settings: Settings, now: datetime, con: Connection) -> list[Move]:
    ids = {inquiry.inquiry_id: inquiry for inquiry in page}
    oldest = min(inquiry.opened_at for inquiry in page)
    posts = posts_of(con, set(ids), oldest)
    again = dict(_understood(con, [post for each in posts.values() for post in each], settings))
    events, beside = events_of(con, ids, oldest), _beside(con, ids, now)
    moves = []
    for key, inquiry in ids.items():
        members = [again[post.post_id] for post in posts.get(key, ())]
        if not any(not post.staff for post in members):
            continue
        clock = clock_of(settings, inquiry.channel)
        new = fold(subject_of(inquiry), members, events.get(key, ()), clock, settings.points, inquiry.ver)
        before, after = (priority_of(each, beside[key], now) for each in (inquiry, new))
        if abs(after - before) >= LEAST or new.kind != inquiry.kind:
            moves.append(
                Move(inquiry.code, inquiry.excerpt, shown(before), shown(after), inquiry.kind, new.kind, after - before)
            )
    return moves


def _understood(con: Connection, posts: Sequence[FoldPost], settings: Settings) -> Iterator[tuple[bytes, FoldPost]]:
    """Each post with what it means by today's rules; ours stay as they are."""
    asked = [post for post in posts if not post.staff]
    yield from ((post.post_id, post) for post in posts if post.staff)
    known = {
        row[0]: row[1:]
        for row in rows.select(
            con,
            "SELECT p.post_id, p.text, p.public, p.facts, a.followers FROM post AS p LEFT JOIN account AS a "
            "USING (account_id) WHERE p.post_id IN (SELECT id FROM wanted)",
            rows.ids(post.post_id for post in asked),
        )
    }
    grades = judge([search_text(known[post.post_id][0]) for post in asked])
    for post, grade in zip(asked, grades, strict=True):
        text, public, facts, followers = known[post.post_id]
        said = understand(
            text, grade, lang=post.lang, public=public, followers=followers, secrets=_marks(facts, post.secret),
            staff=False, points=settings.points,
        )  # fmt: skip
        yield post.post_id, post._replace(kind=said.kind, reasons=said.reasons, thanks=said.thanks, solved=said.solved)


def _marks(facts: str, secret: bool) -> list[Found]:
    """The secrets that were masked in a post. It is not kept which of them were published ones: all, or none."""
    told: list[list[Any]] = orjson.loads(facts).get("secrets", [])
    return [Found(kind, start, end, not secret) for kind, start, end in told]


def _beside(con: Connection, inquiries: Iterable[bytes], now: datetime) -> dict[bytes, Beside]:
    """What other rows say of these inquiries: that stays as it is."""
    columns = "inquiry_id, repeats, first_since, approaches, incident_persons"
    found = rows.select(
        con,
        f"SELECT {columns} FROM feed_at(?) WHERE inquiry_id IN (SELECT id FROM wanted)",
        rows.ids(inquiries),
        [now],
    )
    return {row[0]: Beside(*row[1:]) for row in found}
