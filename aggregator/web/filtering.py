"""The sheet of filters: what can be chosen, what is chosen now, and the chips that say so."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aggregator.web.i18n import N_
from aggregator.web.view import STATES

if TYPE_CHECKING:
    from aggregator.store.listing import Tally
    from aggregator.web.view import View
    from aggregator.web.visit import Visit

LABELS = {
    "state": N_("state"),
    "owner": N_("owner"),
    "band": N_("band"),
    "sla": N_("promise"),
    "channel": N_("channel"),
    "lang": N_("language"),
    "kind": N_("kind"),
    "incident": N_("incident"),
    "source": N_("source"),
    "since": N_("opened from"),
    "until": N_("opened until"),
    "public": N_("public"),
    "secret": N_("secret"),
    "thanks": N_("said thanks"),
    "wrote": N_("customer wrote since"),
    "answered": N_("answered since"),
    "closed": N_("closed since"),
    "due": N_("promised until"),
    "touched": N_("changed by others since"),
    "q": N_("search"),
}
SORTS = {
    "priority": N_("by priority"),
    "newest": N_("newest first"),
    "oldest": N_("longest waiting first"),
    "due": N_("due first"),
}
TABLES = {"state": "STATES", "channel": "CHANNELS", "lang": "LANGUAGES", "kind": "KINDS"}
"""Whose values are names of the database, and in which table of words they stand."""

FLAGS = {
    "public": (N_("everybody can read it"), N_("private")),
    "secret": (N_("a secret was exposed"), N_("no secret")),
    "thanks": (N_("said thanks"), N_("did not say thanks")),
}
SLA = ("overdue", "30m", "2h", "1d")


@dataclass(frozen=True, slots=True)
class Choices:
    """Values to choose from for each filter that takes several, those that are on included."""

    several: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, str]
    sorts: Mapping[str, str]
    tables: Mapping[str, str]
    flags: Mapping[str, tuple[str, str]]


async def choices(visit: Visit, view: View, tally: Tally) -> Choices:
    users = await asyncio.to_thread(visit.site.desk.users)
    offered = {
        "state": STATES,
        "band": ("P0", "P1", "P2", "P3"),
        "sla": SLA,
        "owner": ("me", "none", *(user.name for user in users if user.may_act and user.name != visit.user.name)),
        "channel": tuple(tally.channels),
        "lang": tuple(tally.langs)[:8],
        "kind": tuple(tally.kinds),
        "source": tuple(sorted(visit.site.settings.sources)),
    }
    several = {
        name: tuple(dict.fromkeys((*values, *(one for one in view.many(name) if one != "all"))))
        for name, values in offered.items()
    }
    return Choices(several, LABELS, SORTS, TABLES, FLAGS)
