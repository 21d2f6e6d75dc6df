"""What other words, weights or another model would make of the open inquiries, without changing one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from aggregator.config import clock_of
from aggregator.folding.fold import STATE_RULES, FoldPost, fold
from aggregator.folding.refold import events_of, posts_of, subject_of
from aggregator.identity import as_uuid, share_of_ids
from aggregator.inquiry import Inquiry, shown
from aggregator.moving_points import Beside, priority_of
from aggregator.store import rows
from aggregator.triage import judge, search_text, understand
from aggregator.triage.secrets import Found
from aggregator.triage.terms import RULES

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from aggregator.config import Settings
    from aggregator.store.database import Database
    from aggregator.store.rows import Connection

PAGE = 4000  # each page reads the columns of all posts once, so few large ones
MOST = 20  # moves that are told one by one
LEAST = 0.5  # points
POINTS: Mapping[str, float] = {**RULES, **STATE_RULES}
"""Every rule that `points:` may name, with its own points."""

Points = Mapping[str, float]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Move:
    """One inquiry: its score and kind as they are, and as they would be; `why`: rule, points before and after."""

    code: str
    excerpt: str
    before: int
    after: int
    kind: str
    new_kind: str
    points: float
    why: tuple[tuple[str, float, float], ...] = ()


class _Words(NamedTuple):
    """A post as it is understood again."""

    text: str
    public: bool
    facts: str
    followers: int | None


@dataclass(slots=True)
class Rescored:
    """What would move. bands: how many inquiries each would hold, less what it holds now. crossing: how many would go
    from a band to another, as "P2>P1"."""

    inquiries: int = 0
    moved: int = 0
    bands: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("P0", "P1", "P2", "P3"), 0))
    crossing: dict[str, int] = field(default_factory=dict)
    most: list[Move] = field(default_factory=list)
    risen: list[Move] = field(default_factory=list)
    fallen: list[Move] = field(default_factory=list)

    def add(self, moves: Sequence[Move], settings: Settings) -> None:
        self.moved += len(moves)
        for move in moves:
            before, after = settings.bands.of(move.before), settings.bands.of(move.after)
            self.bands[before] -= 1
            self.bands[after] += 1
            if before != after:
                self.crossing[f"{before}>{after}"] = self.crossing.get(f"{before}>{after}", 0) + 1
        self.most = sorted([*self.most, *moves], key=lambda move: -abs(move.points))[:MOST]
        up, down = ([move for move in moves if (move.points > 0) is rises] for rises in (True, False))
        self.risen = sorted([*self.risen, *up], key=lambda move: -move.points)[:MOST]
        self.fallen = sorted([*self.fallen, *down], key=lambda move: move.points)[:MOST]


async def weigh_again(
    db: Database,
    settings: Settings,
    now: datetime,
    progress: Progress | None = None,
    *,
    points: Points | None = None,
    share: tuple[int, int] = (1, 1),
) -> Rescored:
    """Understand the posts of open inquiries again. Reads only; the service goes on beside it.

    Args:
        points: None: what is stored is compared with what today's words, weights and model say. Else these are compared
            with the points in force, by today's words and model, wherever a rule counts that has others.
        share: which of how many shares of the inquiries.
    """
    result = Rescored()
    after, last = share_of_ids(*share)
    counted = "SELECT count(*) FROM inquiry_open WHERE inquiry_id > ? AND inquiry_id <= ?"
    total = await db.read(lambda con: (con.execute(counted, [after, last]).fetchone() or (0,))[0])
    while page := await db.read(partial(_page, after, last)):
        after = as_uuid(page[-1].inquiry_id)
        moves = await db.read(partial(_moves, page, settings, now, points))
        result.inquiries += len(page)
        result.add(moves, settings)
        if progress:
            progress(result.inquiries, total)
    return result


def changed_rules(settings: Settings, points: Points) -> frozenset[str]:
    """Rules to which these give other points than those in force."""
    in_force = {**POINTS, **settings.points}
    wanted = {**POINTS, **points}
    return frozenset(rule for rule in POINTS if in_force[rule] != wanted[rule])


def _page(after: UUID, last: UUID, con: Connection) -> list[Inquiry]:
    found = con.execute(
        f"SELECT {rows.INQUIRY_COLUMNS} FROM inquiry_open WHERE inquiry_id > ? AND inquiry_id <= ? "
        f"ORDER BY inquiry_id LIMIT {PAGE}",
        [after, last],
    )
    return [rows.to_inquiry(row) for row in found.fetchall()]


def _moves(
    page: Sequence[Inquiry], settings: Settings, now: datetime, points: Points | None, con: Connection
) -> list[Move]:
    ids = {inquiry.inquiry_id: inquiry for inquiry in page}
    oldest = min(inquiry.opened_at for inquiry in page)
    posts = posts_of(con, set(ids), oldest)
    if points is not None:
        ids = _concerned(ids, posts, changed_rules(settings, points))
    if not ids:
        return []
    words = _words(con, [post for key in ids for post in posts.get(key, ())])
    events, beside = events_of(con, ids, oldest), _beside(con, ids, now)
    ids = _still_there(ids, posts, words, beside)
    asked = [post for key in ids for post in posts[key]]
    both = [settings.points] if points is None else [settings.points, points]
    again = [dict(each) for each in _understood(asked, words, both)]
    moves = []
    for key, inquiry in ids.items():
        folded = [
            fold(
                subject_of(inquiry),
                [said[post.post_id] for post in posts[key]],
                events.get(key, ()),
                clock_of(settings, inquiry.channel),
                weights,
                inquiry.ver,
            )
            for said, weights in zip(again, both, strict=True)
        ]
        old, new = (inquiry, *folded)[-2:]
        before, after = (_priority(each, beside[key], now) for each in (old, new))
        if abs(after - before) >= LEAST or new.kind != old.kind:
            moves.append(
                Move(
                    inquiry.code, inquiry.excerpt, shown(before), shown(after), old.kind, new.kind, after - before,
                    _why(old, new),
                )
            )  # fmt: skip
    return moves


def _concerned(
    ids: Mapping[bytes, Inquiry], posts: Mapping[bytes, Sequence[FoldPost]], rules: frozenset[str]
) -> dict[bytes, Inquiry]:
    """Those in which one of the rules counts, or would if others counted less."""
    return {
        key: inquiry
        for key, inquiry in ids.items()
        if any(reason.rule in rules for reason in inquiry.reasons)
        or any(reason.rule in rules for post in posts.get(key, ()) for reason in post.reasons)
    }


def _still_there(
    ids: Mapping[bytes, Inquiry],
    posts: Mapping[bytes, Sequence[FoldPost]],
    words: Mapping[bytes, _Words],
    beside: Mapping[bytes, Beside],
) -> dict[bytes, Inquiry]:
    """Those with words of a customer that nobody has closed, or erased, between one statement and the next."""
    return {
        key: inquiry
        for key, inquiry in ids.items()
        if key in beside
        and any(not post.staff for post in posts.get(key, ()))
        and all(post.staff or post.post_id in words for post in posts[key])
    }


def _priority(inquiry: Inquiry, beside: Beside, now: datetime) -> float:
    """Within the band that a colleague has set, as the feed has it."""
    computed = priority_of(inquiry, beside, now)
    if inquiry.at_least is not None:
        computed = max(computed, inquiry.at_least)
    return computed if inquiry.at_most is None else min(computed, inquiry.at_most)


def _why(old: Inquiry, new: Inquiry) -> tuple[tuple[str, float, float], ...]:
    """The terms that differ, the widest first."""
    before, after = ({reason.rule: reason.points for reason in each.reasons} for each in (old, new))
    told = [(rule, before.get(rule, 0.0), after.get(rule, 0.0)) for rule in dict.fromkeys([*before, *after])]
    return tuple(sorted((each for each in told if each[1] != each[2]), key=lambda each: -abs(each[2] - each[1])))


def _words(con: Connection, posts: Sequence[FoldPost]) -> dict[bytes, _Words]:
    """What customers wrote in these posts."""
    found = rows.select(
        con,
        "SELECT p.post_id, p.text, p.public, p.facts, a.followers FROM post AS p LEFT JOIN account AS a "
        "USING (account_id) WHERE p.rowid IN (SELECT rowid FROM post WHERE post_id IN (SELECT id FROM wanted))",
        rows.ids(post.post_id for post in posts if not post.staff),
    )
    return {post: _Words(*said) for post, *said in found}


def _understood(
    posts: Sequence[FoldPost], words: Mapping[bytes, _Words], weights: Sequence[Points]
) -> Iterator[Iterator[tuple[bytes, FoldPost]]]:
    """Each post with what it means by today's rules, once for each of the weights; ours stay as they are."""
    asked = [post for post in posts if not post.staff]
    grades = judge([search_text(words[post.post_id].text) for post in asked])
    for points in weights:
        yield _weighed(posts, asked, words, grades, points)


def _weighed(
    posts: Sequence[FoldPost],
    asked: Sequence[FoldPost],
    words: Mapping[bytes, _Words],
    grades: Sequence[Any],
    points: Points,
) -> Iterator[tuple[bytes, FoldPost]]:
    yield from ((post.post_id, post) for post in posts if post.staff)
    for post, grade in zip(asked, grades, strict=True):
        text, public, facts, followers = words[post.post_id]
        said = understand(
            text, grade, lang=post.lang, public=public, followers=followers, secrets=_marks(facts, post.secret),
            staff=False, points=points,
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
