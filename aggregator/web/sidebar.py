"""The views beside the list, each with how many inquiries it holds: those that everybody has, and the saved ones."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aggregator.identity import Id
from aggregator.store.filters import Filters
from aggregator.store.listing import Tally, tally
from aggregator.store.searching import seek
from aggregator.store.views import SavedView, views_of
from aggregator.web.i18n import N_
from aggregator.web.view import View, terms_of

if TYPE_CHECKING:
    from aggregator.config import Settings
    from aggregator.store.database import Connection
    from aggregator.web.visit import Visit

BUILT_IN = {
    "all": (N_("All open"), ""),
    "mine": (N_("Mine"), "owner=me"),
    "unowned": (N_("Unowned"), "owner=none"),
    "urgent": (N_("P0"), "band=P0"),
    "overdue": (N_("Overdue"), "sla=overdue"),
    "soon": (N_("Due in 30 min"), "sla=30m"),
    "waiting": (N_("Waiting for them"), "state=waiting"),
    "snoozed": (N_("Snoozed"), "state=snoozed"),
    "thanks": (N_("Said thanks"), "thanks=yes"),
}
_FRESH = timedelta(seconds=5)  # what runs out meanwhile is counted a little later
_COUNTED = 30  # saved views that are counted for one person


@dataclass(frozen=True, slots=True)
class Side:
    """What stands beside the list. `unread`: my own inquiries in which something is new to me."""

    tally: Tally
    saved: tuple[SavedView, ...]
    unread: int

    def count(self, view: SavedView) -> int | None:
        """None: it is not counted here, but by the script, since it searches texts or history."""
        return self.tally.views.get(str(view.number))


@dataclass(frozen=True, slots=True)
class Counted:
    """Figures of one person, for as long as nothing has changed: counting takes as long as reading a page."""

    tally: Tally
    settled: int | None  # None: something was just changing
    moment: datetime
    views: Mapping[str, View]

    def holds(self, settled: int | None, moment: datetime, views: Mapping[str, View]) -> bool:
        return (
            settled is not None
            and settled == self.settled
            and abs(moment - self.moment) < _FRESH
            and views == self.views
        )


HERE = "here"
"""The view that is open, among the counted."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is counted for one person. `kept`: figures that still hold."""

    me: str
    views: Mapping[str, View]
    saved: tuple[SavedView, ...]
    settled: int | None
    moment: datetime
    kept: Counted | None

    def to_count(self, zone: str) -> dict[str, Filters]:
        """The views, if they must be counted at all; of none that searches."""
        return {} if self.kept else {name: view.filters(self.me, zone, None) for name, view in self.views.items()}


Mine = list[tuple[Id, float]]
"""A person's own inquiries, each with when its newest post was read."""


async def asked(visit: Visit, moment: datetime, *, here: View | None = None) -> Asked:
    """`here`: with this view and the saved ones that search; they take longer."""
    site, me = visit.site, visit.user.name
    saved = await asyncio.to_thread(views_of, site.desk, me)
    views = {name: View.of_address(query) for name, (_, query) in BUILT_IN.items()}
    for one in saved[:_COUNTED]:
        view = View.of_address(one.query)
        if here or not (view.search or view.asks_for_closed):
            views[str(one.number)] = view
    if here:
        views[HERE] = here
    settled, kept = site.stream.told_to, site.counted.get(me)
    still = kept if kept and kept.holds(settled, moment, views) else None
    return Asked(me, views, tuple(saved), settled, moment, still)


def mine(cursor: Connection, me: str) -> Mine:
    found = cursor.execute("SELECT inquiry_id, epoch(seen_at) FROM inquiry_open WHERE owner = ?", [me]).fetchall()
    return [(inquiry.bytes, seen) for inquiry, seen in found]


async def beside(visit: Visit, to: Asked, found: Tally, own: Mine) -> Side:
    """What was counted, as it stands beside the list."""
    if not to.kept:
        visit.site.counted[to.me] = Counted(found, to.settled, to.moment, to.views)
    ids = [inquiry for inquiry, _ in own[:900]]
    marks = await asyncio.to_thread(visit.site.desk.read_marks, to.me, ids)
    unread = sum(marks.get(inquiry, 0.0) < seen for inquiry, seen in own[:900])
    return Side(found, to.saved, unread)


async def side(visit: Visit, moment: datetime, *, here: View | None = None) -> Side:
    """Count everything for this person by itself; `here` as `asked` has it."""
    to = await asked(visit, moment, here=here)
    return await beside(visit, to, *await visit.site.db.read(lambda cursor: _count(cursor, visit.site.settings, to)))


def _count(cursor: Connection, settings: Settings, to: Asked) -> tuple[Tally, Mine]:
    own = mine(cursor, to.me)
    if to.kept:
        return to.kept.tally, own
    views: dict[str, Filters] = {}
    for number, (name, view) in enumerate(to.views.items()):
        sought = seek(cursor, terms_of(view.search), closed=view.asks_for_closed, number=number)
        views[name] = view.filters(to.me, settings.timezone, sought)
    return tally(cursor, views, moment=to.moment, bands=settings.bands), own
