"""A view is its address: filters, order and search of the feed as they stand in a query string, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl, quote, urlencode
from zoneinfo import ZoneInfo

from aggregator.store.filters import OPEN_STATES, SORTS, Filters, Sort
from aggregator.store.searching import Sought, Term
from aggregator.triage import search_text
from aggregator.triage.entities.ids import form_of, is_transaction
from aggregator.triage.evidence import hashed
from aggregator.web.visit import number

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = (
    "state", "owner", "band", "sla", "channel", "lang", "kind", "incident", "source", "since", "until", "public",
    "secret", "thanks", "wrote", "answered", "closed", "due", "touched", "q", "sort",
)  # fmt: skip
"""What an address may ask for, in the order in which it is written."""

SEVERAL = frozenset({"state", "owner", "band", "sla", "channel", "lang", "kind", "incident", "source"})
"""Filters that take several values, parted by commas."""

TIMES = ("wrote", "answered", "closed", "due", "touched")
"""Filters by a time, which other pages set: since then, and of `due` until then."""

STATES = (*OPEN_STATES, "snoozed", "closed")
OVERDUE = "overdue"
_LONGEST = 300  # characters of a value
_WITHIN = re.compile(r"(\d{1,4})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_FLAGS = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class View:
    """The filters of one address, as they stand in it; what nobody can read is left out."""

    asked: Mapping[str, str]

    @classmethod
    def of(cls, query: Iterable[tuple[str, str]]) -> View:
        """Of a query string's pairs. A form without script repeats a name for each value."""
        given: dict[str, list[str]] = {}
        for name, value in query:
            if name in NAMES and value.strip():
                given.setdefault(name, []).append(value.strip()[:_LONGEST])
        asked = {}
        for name in NAMES:
            values = given.get(name, [])
            if name in SEVERAL:
                values = list(dict.fromkeys(one for value in values for one in value.split(",") if one))
            if values and (readable := [one for one in values if _readable(name, one)]):
                asked[name] = ",".join(readable) if name in SEVERAL else readable[-1]
        return cls(asked)

    @classmethod
    def of_address(cls, query: str) -> View:
        """Of a query string."""
        return cls.of(parse_qsl(query))

    def filters(self, me: str, zone: str, sought: Sought | None = None) -> Filters:
        """What the view shows to this person, whose days begin at midnight in `zone`."""
        owners = {"me": me, "none": ""}
        incidents = self.many("incident")
        within = [match for one in self.many("sla") if (match := _WITHIN.fullmatch(one))]
        return Filters(
            states=STATES if "all" in self.many("state") else self.many("state") or OPEN_STATES,
            channels=self.many("channel"),
            langs=self.many("lang"),
            kinds=self.many("kind"),
            bands=self.many("band"),
            sources=self.many("source"),
            owners=tuple(owners.get(one, one) for one in self.many("owner")),
            incidents=tuple(told for one in incidents if (told := _number(one))),
            in_incident={"any": True, "none": False}.get(incidents[0]) if incidents else None,
            overdue=OVERDUE in self.many("sla"),
            due_within=max((int(match[1]) * _UNITS[match[2]] for match in within), default=None),
            opened_from=_moment(self.asked.get("since"), zone),
            opened_before=_moment(self.asked.get("until"), zone, days=1),
            wrote_from=_moment(self.asked.get("wrote"), zone),
            answered_from=_moment(self.asked.get("answered"), zone),
            closed_from=_moment(self.asked.get("closed"), zone),
            due_before=_moment(self.asked.get("due"), zone),
            touched=(touched, me) if (touched := _moment(self.asked.get("touched"), zone)) else None,
            public=_FLAGS.get(self.asked.get("public", "")),
            secret=_FLAGS.get(self.asked.get("secret", "")),
            thanks=_FLAGS.get(self.asked.get("thanks", "")),
            sought=sought,
        )

    @property
    def sort(self) -> Sort:
        return cast("Sort", self.asked.get("sort", "priority"))

    @property
    def search(self) -> str:
        return self.asked.get("q", "")

    @property
    def narrowed(self) -> dict[str, str]:
        """All but the order: what a view leaves out."""
        return {name: value for name, value in self.asked.items() if name != "sort"}

    @property
    def asks_for_closed(self) -> bool:
        return bool({"all", "closed"} & set(self.many("state")))

    def many(self, name: str) -> tuple[str, ...]:
        return tuple(self.asked[name].split(",")) if name in self.asked else ()

    def url(self, **changes: str | None) -> str:
        """The address of this view with some values changed; None drops one."""
        query = self.query(**changes)
        return f"/?{query}" if query else "/"

    def query(self, **changes: str | None) -> str:
        asked = {name: value for name, value in (dict(self.asked) | changes).items() if value}
        return urlencode(asked, quote_via=quote, safe=",")

    def without(self, name: str, value: str) -> str:
        """The address without this one value."""
        return self.url(**{name: ",".join(one for one in self.many(name) if one != value)})


def terms_of(search: str) -> list[Term]:
    """The words of a search, with what each may be besides a word."""
    return [
        Term(search_text(typed).strip(), typed, tuple(_evidence(typed)))
        for typed in search.split()
        if search_text(typed).strip()
    ]


def _evidence(typed: str) -> list[bytes]:
    form = form_of(typed)
    return [hashed("tx" if is_transaction(form) else "address", typed)] if form else []


def _readable(name: str, value: str) -> bool:
    read = _READ.get(name)
    return read is None or bool(read(value))


def _number(incident: str) -> int | None:
    """7 of INC-7, inc7 or 7."""
    return number(incident.lower().removeprefix("inc").removeprefix("-"))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _time(text: str) -> datetime | None:
    """2026-03-14T18:05, in the team's zone."""
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        return None
    return told if len(text) > len("2026-03-14") and told.tzinfo is None and 1900 < told.year < 2200 else None


def _moment(text: str | None, zone: str, *, days: int = 0) -> datetime | None:
    """A time; or of a day its beginning, so many days later."""
    if text and (told := _time(text)):
        return told.replace(tzinfo=ZoneInfo(zone))
    day = _day(text) if text else None
    if day is None:
        return None
    try:
        return datetime.combine(day + timedelta(days=days), time(), ZoneInfo(zone)).astimezone(UTC)
    except OverflowError:
        return None


def _day_or_time(text: str) -> date | None:
    return _day(text) or _time(text)


_READ: dict[str, Callable[[str], object]] = {
    "sla": lambda value: value == OVERDUE or _WITHIN.fullmatch(value),
    "incident": lambda value: value in ("any", "none") or _number(value),
    **dict.fromkeys(("since", "until", *TIMES), _day_or_time),
    "public": _FLAGS.__contains__,
    "secret": _FLAGS.__contains__,
    "thanks": _FLAGS.__contains__,
    "sort": SORTS.__contains__,
}
