"""What was stored, held against what the platforms hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import quantiles
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from aggregator.demo.given_away import may_be_masked
from aggregator.demo.truth import Truth
from aggregator.identity import account_id, thread_id

if TYPE_CHECKING:
    from aggregator.demo.stage import Stage
    from aggregator.demo.visitor import Visitor
    from aggregator.store.database import Connection

MASK: Final = "█"
MOST_WRONG: Final = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """One source, or all of them.

    sent: posts that the platform holds and a connector can read.
    missing: of those, not stored. doubled: rows too many. differing: stored otherwise than they are (text, author,
    thread, time, deleted), or never sent at all. wrong: the first ids of these.
    never_seen: deleted before anybody asked, or given up by the platform; no connector could have them.
    shown: customers' posts whose arrival in the feed was timed. seconds: real ones, from published to visible; calm:
    leaving out what met a trouble that we made.
    """

    sent: int
    stored: int
    missing: int
    doubled: int
    differing: int
    wrong: tuple[str, ...]
    never_seen: int
    rejected: int
    planted: int
    inquiries: int
    shown: int
    p50_seconds: float | None
    p95_seconds: float | None
    calm_p95_seconds: float | None

    @property
    def is_good(self) -> bool:
        return not (self.missing or self.doubled or self.differing) and self.rejected == self.planted


@dataclass(frozen=True, slots=True)
class _Stored:
    """A row of `post`."""

    native_id: str
    text: str
    account_id: UUID | None
    thread_id: UUID
    posted_at: datetime
    seen_at: datetime
    deleted: bool
    staff: bool
    inquiry_id: UUID | None


@dataclass(frozen=True, slots=True)
class _Wait:
    """From published to visible."""

    seconds: float
    calm: bool


def judge(con: Connection, stage: Stage, visitor: Visitor | None = None) -> dict[str, Verdict]:
    """By source, and `all` of them together. Without a visitor nothing is known of times."""
    truth, verdicts, every = stage.truth(), {}, []
    for source, space in stage.spaces.items():
        stored = _stored(con, space)
        rejected, inquiries = _counted(con, source)
        waits = list(_waits(stage, source, stored, visitor)) if visitor else []
        every += waits
        verdicts[source] = Verdict(
            **_compared(truth[source], stored, space, stage.scenes[source].given_up),
            rejected=rejected,
            planted=len(stage.scenes[source].planted),
            inquiries=inquiries,
            **_timed(waits),
        )
    verdicts["all"] = _together(list(verdicts.values()), every)
    return verdicts


def _together(each: list[Verdict], waits: list[_Wait]) -> Verdict:
    return Verdict(
        sent=sum(one.sent for one in each),
        stored=sum(one.stored for one in each),
        missing=sum(one.missing for one in each),
        doubled=sum(one.doubled for one in each),
        differing=sum(one.differing for one in each),
        wrong=tuple(key for one in each for key in one.wrong),
        never_seen=sum(one.never_seen for one in each),
        rejected=sum(one.rejected for one in each),
        planted=sum(one.planted for one in each),
        inquiries=sum(one.inquiries for one in each),
        **_timed(waits),
    )


def _stored(con: Connection, space: str) -> list[_Stored]:
    rows = con.execute(
        "SELECT native_id, text, account_id, thread_id, posted_at, seen_at, deleted_at IS NOT NULL, staff, inquiry_id "
        "FROM post WHERE space = ?",
        [space],
    ).fetchall()
    return [_Stored(*row) for row in rows]


def _counted(con: Connection, source: str) -> tuple[int, int]:
    counted = con.execute(
        "SELECT (SELECT count(*) FROM rejected_record WHERE source = $source), "
        "(SELECT count(*) FROM inquiry WHERE source = $source)",
        {"source": source},
    ).fetchone()
    assert counted is not None
    return counted[0], counted[1]


def _compared(
    truth: Mapping[str, Truth], stored: list[_Stored], space: str, given_up: Collection[str]
) -> dict[str, Any]:
    rows = {row.native_id: row for row in stored}
    absent = [key for key in truth if key not in rows]
    missing = [key for key in absent if not truth[key].deleted and key not in given_up]
    doubled = Counter(row.native_id for row in stored) - Counter(rows.keys())
    differing = [key for key, row in rows.items() if key not in truth or not _agrees(row, truth[key], space)]
    return {
        "sent": len(truth),
        "stored": len(stored),
        "missing": len(missing),
        "doubled": doubled.total(),
        "differing": len(differing),
        "wrong": (*missing, *doubled, *differing)[:MOST_WRONG],
        "never_seen": len(absent) - len(missing),
    }


def _agrees(row: _Stored, post: Truth, space: str) -> bool:
    return (
        is_masked_or_same(row.text, post.text)
        and (row.account_id and row.account_id.bytes) == account_id(space, post.author)
        and row.thread_id.bytes == thread_id(space, post.thread)
        and row.posted_at == post.published_at
        and row.deleted == post.deleted
    )


def is_masked_or_same(stored: str, said: str) -> bool:
    """Whether the texts agree in every character that is not masked, and nothing but a secret is."""
    maskable = {at for start, end in may_be_masked(said) for at in range(start, end)}
    return len(stored) == len(said) and all(
        kept == true or (kept == MASK and at in maskable)
        for at, (kept, true) in enumerate(zip(stored, said, strict=True))
    )


def _waits(stage: Stage, source: str, stored: list[_Stored], visitor: Visitor) -> Iterator[_Wait]:
    for row in stored:
        published = stage.published.get((source, row.native_id))
        if row.staff or row.inquiry_id is None or published is None:
            continue
        visible = visitor.saw(row.inquiry_id, row.seen_at.timestamp())
        if visible is not None:
            calm = not any(begin < visible and published < end for begin, end in stage.outages[source])
            yield _Wait(visible - published, calm)


def _timed(waits: list[_Wait]) -> dict[str, Any]:
    seconds = [wait.seconds for wait in waits]
    return {
        "shown": len(waits),
        "p50_seconds": _percentile(seconds, 50),
        "p95_seconds": _percentile(seconds, 95),
        "calm_p95_seconds": _percentile([wait.seconds for wait in waits if wait.calm], 95),
    }


def _percentile(values: list[float], percent: int) -> float | None:
    if len(values) < 2:
        return round(values[0], 3) if values else None
    return round(quantiles(values, n=100, method="inclusive")[percent - 1], 3)
