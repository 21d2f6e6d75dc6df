"""Who has an inquiry before them, and who is answering it: held in memory, for as long as it is true.

A browser says so while somebody is at it. Whoever said nothing for a minute is away from the desk and shown faded;
after ten minutes, or when the page is left, nobody is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast, get_args

from starlette.exceptions import HTTPException
from starlette.responses import Response

from aggregator.identity import Id, as_written, written
from aggregator.web.visit import fields

if TYPE_CHECKING:
    from aggregator.web.visit import Visit

Doing = Literal["viewing", "replying", "gone"]
FADES = 60.0  # seconds without a word
LEAVES = 600.0
_MOST = 5000  # tabs
_TAB_LENGTH = 40

People = dict[str, str]
"""What each person does with one inquiry, by name: replying, viewing, or idle."""


@dataclass(slots=True)
class _Look:
    """What one tab of a person shows."""

    inquiry: Id
    doing: str
    at: float


class Presence:
    """Belongs to the event loop. Every method returns the inquiries where something is otherwise now."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._tabs: dict[tuple[str, str], _Look] = {}
        self._told: dict[Id, People] = {}
        self.fades = FADES
        self.leaves = LEAVES

    def note(self, who: str, tab: str, inquiry: Id, doing: Doing) -> set[Id]:
        """A tab shows one inquiry at a time."""
        before = self._tabs.pop((who, tab), None)
        if doing != "gone":
            self._tabs[who, tab] = _Look(inquiry, doing, self._now())
            if len(self._tabs) > _MOST:
                self._tabs.pop(next(iter(self._tabs)))
        return self._moved({inquiry, *([before.inquiry] if before else [])})

    def sweep(self) -> set[Id]:
        """Time has passed."""
        left = self._now() - self.leaves
        for key, look in list(self._tabs.items()):
            if look.at < left:
                del self._tabs[key]
        return self._moved(set(self._told))

    def of(self, inquiry: Id) -> People:
        return self._told.get(inquiry, {})

    def everybody(self) -> dict[str, People]:
        """By inquiry, as written."""
        return {written(inquiry): people for inquiry, people in self._told.items()}

    def _moved(self, inquiries: set[Id]) -> set[Id]:
        moved = set()
        for inquiry in inquiries:
            people = self._people(inquiry)
            if people == self._told.get(inquiry, {}):
                continue
            moved.add(inquiry)
            if people:
                self._told[inquiry] = people
            else:
                del self._told[inquiry]
        return moved

    def _people(self, inquiry: Id) -> People:
        """Of several tabs of a person the one that says most."""
        faded = self._now() - self.fades
        order = ("replying", "viewing", "idle")
        people: People = {}
        for (who, _), look in self._tabs.items():
            if look.inquiry == inquiry:
                doing = "idle" if look.at < faded else look.doing
                people[who] = min(people.get(who, doing), doing, key=order.index)
        return dict(sorted(people.items()))


async def present(visit: Visit) -> Response:
    """Fields: tab (any word that tells this tab from others), inquiry, doing."""
    form = await fields(visit.request)
    doing, tab = form.get("doing", ""), form.get("tab", "")
    if doing not in get_args(Doing) or not 0 < len(tab) <= _TAB_LENGTH:
        raise HTTPException(400)
    try:
        inquiry = as_written(form.get("inquiry", ""))
    except ValueError:
        raise HTTPException(400) from None
    await visit.site.stream.noted(visit.user.name, tab, inquiry, cast("Doing", doing))
    return Response(status_code=204)
