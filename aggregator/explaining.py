"""Why was this not on top? What a post or inquiry scored at a moment, what stood above it, and who saw it when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from aggregator.folding.fold import WAITING
from aggregator.hindsight import Then, stood
from aggregator.identity import Id, as_uuid
from aggregator.store.filters import OPEN_STATES

if TYPE_CHECKING:
    from aggregator.config import Settings
    from aggregator.store.database import Connection

_TRIED = 400  # inquiries that are folded again, the likeliest first
_SHOWN = 20
# What an answer, thanks or our waiting took from the points of today, and may not have taken then.
_TAKEN = 40
_WAITED = max(cap for _, cap in WAITING.values())
_LONG, _OFTEN = 1_000, 1_000  # hours and times, with which overdue and repeat contact have reached their most


@dataclass(frozen=True, slots=True)
class Named:
    """What somebody asked about. `inquiry` None: the post is known, but belongs to no inquiry. `post` None: the inquiry
    itself was named."""

    inquiry: Id | None
    post: Id | None
    seen_at: datetime
    staff: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """Our answer, and when it was seen here."""

    at: datetime
    who: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """`above`: what outranked it then, the strongest first, at most 20; `higher`: how many did, at least if not `sure`;
    `open`: how many stood in the feed. `asked` None: at that moment we had not read it yet."""

    moment: datetime
    asked: Then | None
    shown: bool  # it stood in the default view then
    above: tuple[Then, ...]
    higher: int
    sure: bool
    open: int
    answers: tuple[Answered, ...]


def find(cursor: Connection, text: str) -> Named | None:
    """The post or inquiry of this code, id, address or platform's id; of several the newest. None: we never saw it."""
    text = text.strip()
    return _by_id(cursor, text) or _by_code(cursor, text.removeprefix("#")) or _by_place(cursor, text)


def explain(cursor: Connection, settings: Settings, inquiry: Id, moment: datetime) -> Explanation:
    """How it stood at the moment, among all that stood in the feed then."""
    asked = stood(cursor, settings, [inquiry], moment).get(inquiry)
    shown = asked is not None and _stands(asked, moment)
    likely = _likely(cursor, moment, asked.priority if asked else 0.0, inquiry)
    others = stood(cursor, settings, [one for one, _ in likely[:_TRIED]], moment)
    above = [
        one
        for one in others.values()
        if asked and _stands(one, moment) and (one.priority, one.inquiry.inquiry_id) > (asked.priority, inquiry)
    ]
    above.sort(key=lambda one: (one.priority, one.inquiry.inquiry_id), reverse=True)
    return Explanation(
        moment,
        asked,
        shown,
        tuple(above[:_SHOWN]),
        len(above),
        len(likely) <= _TRIED,
        _open_then(cursor, moment),
        _answers(cursor, inquiry),
    )


def _stands(then: Then, moment: datetime) -> bool:
    """Whether the default view showed it; who slept until then is awake."""
    inquiry = then.inquiry
    awake = inquiry.snoozed_until is not None and inquiry.snoozed_until <= moment
    return inquiry.state in OPEN_STATES or (inquiry.state == "snoozed" and awake)


def _likely(cursor: Connection, moment: datetime, priority: float, inquiry: Id) -> list[tuple[Id, float]]:
    """Inquiries that may have had more than `priority` then, the likeliest first, one more than are tried at most.

    What they have today is a bound from above, if all is added that may have been taken since; and if all that moves
    counts in full. Waiting, here or elsewhere before, has at most its cap.
    """
    found = cursor.execute(
        f"""
        SELECT inquiry_id, points
            + CASE WHEN answered_at > $moment OR thanks OR state IN ('waiting', 'closed') THEN {_TAKEN} ELSE 0 END
            + CASE WHEN waiting_since IS NULL OR waiting_since > $moment THEN {_WAITED} ELSE wait_cap END
            + CASE WHEN due_at IS NULL OR due_at < $moment OR waiting_since > $moment
                THEN overdue_points($moment, $moment + to_hours({_LONG})) ELSE 0 END
            + repeat_points({_OFTEN}) + approached_points(approaches) + incident_points(persons) AS most
        FROM (
            SELECT i.*, coalesce(a.approaches, 0) AS approaches, coalesce(n.persons, 0) AS persons
            FROM inquiry AS i
            LEFT JOIN approached AS a ON a.inquiry_id = i.inquiry_id
            LEFT JOIN incident_of AS n ON n.inquiry_id = i.inquiry_id
            WHERE i.opened_at <= $moment AND (i.closed_at IS NULL OR i.closed_at > $moment)
        )
        WHERE (most > $priority OR at_least > $priority) AND inquiry_id <> $inquiry::UUID
        ORDER BY most DESC
        LIMIT {_TRIED + 1}
        """,
        {"moment": moment, "priority": priority, "inquiry": str(as_uuid(inquiry))},
    ).fetchall()
    return [(one.bytes, most) for one, most in found]


def _open_then(cursor: Connection, moment: datetime) -> int:
    (count,) = cursor.execute(
        "SELECT count(*) FROM inquiry WHERE opened_at <= $1 AND (closed_at IS NULL OR closed_at > $1)", [moment]
    ).fetchone() or (0,)
    return int(count)


def _answers(cursor: Connection, inquiry: Id) -> tuple[Answered, ...]:
    found = cursor.execute(
        "SELECT p.posted_at, coalesce(a.name, '') FROM post AS p LEFT JOIN account AS a USING (account_id) "
        "WHERE p.inquiry_id = ? AND p.staff AND p.deleted_at IS NULL ORDER BY p.posted_at, p.native_order LIMIT 20",
        [as_uuid(inquiry)],
    ).fetchall()
    return tuple(Answered(at, who) for at, who in found)


def _by_id(cursor: Connection, text: str) -> Named | None:
    try:
        one = UUID(text)
    except ValueError:
        return None
    return _inquiry(cursor, "inquiry_id = ?", one) or _post(cursor, "p.post_id = ?", one)


def _by_code(cursor: Connection, text: str) -> Named | None:
    return _inquiry(cursor, "code = ?", text.upper()) if len(text) == 7 else None


def _by_place(cursor: Connection, text: str) -> Named | None:
    if not text:
        return None
    variants = {text, text.rstrip("/"), text.partition("#")[0], text.partition("?")[0]}
    by_link = _post(cursor, "p.permalink IN (SELECT unnest(?))", sorted(variants))
    return by_link or _post(cursor, "p.native_id = ?", text)


def _inquiry(cursor: Connection, where: str, value: object) -> Named | None:
    found = cursor.execute(
        f"SELECT inquiry_id, opened_at FROM inquiry WHERE {where} ORDER BY opened_at DESC LIMIT 1", [value]
    ).fetchone()
    if found is None:
        return None
    inquiry, opened_at = found
    (seen,) = cursor.execute(
        "SELECT min(seen_at) FROM post WHERE inquiry_id = ? AND NOT staff AND posted_at >= ?",
        [inquiry, opened_at - timedelta(seconds=1)],
    ).fetchone() or (None,)
    return Named(inquiry.bytes, None, seen or opened_at)


def _post(cursor: Connection, where: str, value: object) -> Named | None:
    found = cursor.execute(
        f"SELECT p.inquiry_id, p.post_id, p.seen_at, p.staff FROM post AS p WHERE {where} "
        "ORDER BY p.inquiry_id IS NULL, p.posted_at DESC LIMIT 1",
        [value],
    ).fetchone()
    if found is None:
        return None
    inquiry, post, seen_at, staff = found
    return Named(inquiry.bytes if inquiry else None, post.bytes, seen_at, staff)
