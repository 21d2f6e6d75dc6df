"""What a view shows and in which order, as conditions on the rows of `feed_at`.

Every name that a condition binds begins with a prefix, so that many views can be counted in one statement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from aggregator.config import Bands
    from aggregator.store.searching import Sought

OPEN_STATES = ("new", "claimed", "waiting", "answered")
"""What a view shows if it names no state: neither what is closed nor what sleeps until its time."""

Sort = Literal["priority", "newest", "oldest", "due"]
SORTS: dict[Sort, str] = {
    "priority": "f.priority",
    "newest": "epoch(f.last_post_at)",
    "oldest": "-coalesce(epoch(f.waiting_since), 1e12)",  # who waits for nothing comes last
    "due": "-coalesce(epoch(f.due_at), 1e12)",
}
"""A row's rank in each order; the highest stands first."""

# Where nothing tells simplified from traditional, Chinese is taken for simplified.
LANG = "replace({}, 'zh-Hans', 'zh')"

Bound = dict[str, object]
"""What a statement binds, by name."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Empty sets and None: no restriction. `owners`: "" is nobody. `incidents`: their numbers."""

    states: tuple[str, ...] = OPEN_STATES
    channels: tuple[str, ...] = ()
    langs: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    incidents: tuple[int, ...] = ()
    in_incident: bool | None = None
    overdue: bool = False  # together with due_within or due_before: either
    due_within: timedelta | None = None
    opened_from: datetime | None = None
    opened_before: datetime | None = None
    public: bool | None = None
    secret: bool | None = None
    thanks: bool | None = None
    wrote_from: datetime | None = None  # the customer wrote last
    answered_from: datetime | None = None
    closed_from: datetime | None = None
    due_before: datetime | None = None  # will be overdue by then
    touched: tuple[datetime, str] | None = None  # a colleague did something since, other than this one
    sought: Sought | None = None

    @property
    def beside(self) -> bool:
        """Whether it asks for what other rows say of an inquiry, too: its priority, or its incident."""
        return bool(self.bands or self.incidents) or self.in_incident is not None


def where(filters: Filters, bands: Bands, prefix: str = "") -> tuple[list[str], Bound]:
    """Conditions on `f` and what they bind, besides `$moment`."""
    conditions: list[str] = []
    bound: Bound = {}

    def bind(name: str, value: object) -> str:
        bound[prefix + name] = value
        return f"${prefix}{name}"

    def one_of(column: str, name: str, values: Sequence[object]) -> str:
        """Each value is bound by itself: with a list, DuckDB plans a condition ten times as long."""
        return f"{column} IN ({', '.join(bind(f'{name}{n}', value) for n, value in enumerate(values))})"

    if filters.states == OPEN_STATES:  # in nearly every view: not bound, it is one and the same condition in all
        conditions.append(f"f.state IN {OPEN_STATES}")
    elif filters.states:
        conditions.append(one_of("f.state", "state", filters.states))
    for column, values in (
        ("channel", filters.channels),
        ("lang", filters.langs),
        ("kind", filters.kinds),
        ("source", filters.sources),
    ):
        if values:
            of = LANG.format("f.lang") if column == "lang" else f"f.{column}"
            conditions.append(one_of(of, column, values))
    if filters.bands:
        conditions.append(f"({' OR '.join(_band(band, bands) for band in filters.bands)})")
    if filters.owners:
        conditions.append(one_of("coalesce(f.owner, '')", "owner", filters.owners))
    if filters.incidents:
        conditions.append(one_of("f.incident_number", "incident", filters.incidents))
    if filters.in_incident is not None:
        conditions.append(f"f.incident_id IS {'NOT ' if filters.in_incident else ''}NULL")
    if filters.overdue or filters.due_within is not None or filters.due_before:
        conditions.append(f"({' OR '.join(_due(filters, bind))})")
    if filters.opened_from:
        conditions.append(f"f.opened_at >= {bind('from', filters.opened_from)}")
    if filters.opened_before:
        conditions.append(f"f.opened_at < {bind('before', filters.opened_before)}")
    for column, since in (
        ("last_post_at", filters.wrote_from),
        ("answered_at", filters.answered_from),
        ("closed_at", filters.closed_from),
    ):
        if since:
            conditions.append(f"f.{column} >= {bind(column, since)}")
    if filters.touched:
        at, me = filters.touched
        conditions.append(
            "f.inquiry_id IN (SELECT inquiry_id FROM inquiry_event "
            f"WHERE happened_at >= {bind('touched', at)} AND who NOT IN ('system', {bind('me', me)}))"
        )
    for flag in ("public", "secret", "thanks"):
        if (wanted := getattr(filters, flag)) is not None:
            conditions.append(f"{'' if wanted else 'NOT '}f.{flag}")
    if filters.sought:
        more, words = filters.sought.where(prefix)
        conditions += more
        bound |= words
    return conditions, bound


def _due(filters: Filters, bind: Callable[[str, object], str]) -> Sequence[str]:
    parts = ["f.due_at < $moment"] if filters.overdue else []
    if filters.due_within is not None:
        parts.append(f"f.due_at >= $moment AND f.due_at < $moment + {bind('within', filters.due_within)}")
    if filters.due_before:
        parts.append(f"f.due_at >= $moment AND f.due_at < {bind('due', filters.due_before)}")
    return parts


def _band(band: str, bands: Bands) -> str:
    floors = {"P0": (bands.P0, None), "P1": (bands.P1, bands.P0), "P2": (bands.P2, bands.P1), "P3": (None, bands.P2)}
    low, high = floors.get(band, (None, None))
    parts = [f"f.priority >= {low}"] * (low is not None) + [f"f.priority < {high}"] * (high is not None)
    return f"({' AND '.join(parts) or 'false'})"
