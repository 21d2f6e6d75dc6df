"""Which states of an inquiry, an incident or a source are worth telling, and which are new. Pure.

A state has a level. What rises is told, once; what falls is only remembered, so that it may be told again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aggregator.folding.fold import OURS_TO_DO
from aggregator.inquiry import shown

if TYPE_CHECKING:
    from aggregator.config import Bands
    from aggregator.inquiry import Inquiry
    from aggregator.store.reading import FeedRow

LEVELS: Final[Mapping[str, float]] = {"P0": 3, "P1": 2, "P2": 1, "P3": 0}
FRESH: Final = timedelta(hours=24)  # an emergency of the backfill that is younger is told
GROWS_BY: Final = 1.5  # an incident is told of again when so many times the persons report it
ENDED: Final = -1.0  # level of an incident that was told of, and has ended


class New(NamedTuple):
    """What to tell, and what to remember, by the key of `noticed`."""

    events: list[str]
    levels: dict[str, float]


def keys_of_inquiry(name: str) -> list[str]:
    return [f"{what}:{name}" for what in ("key_exposed", "urgent", "band", "due", "taken")]


def of_inquiry(
    row: FeedRow, known: Mapping[str, float], now: datetime, bands: Bands, due_within: timedelta, floor: float
) -> New:
    """States of an inquiry. Of backfill and imports only a key that is exposed, and a fresh emergency.

    floor: the lowest band (as a level) of which anybody wants to know.
    """
    inquiry, name = row.inquiry, row.inquiry.name
    band = bands.of(shown(row.priority))
    ours = inquiry.state in OURS_TO_DO
    live = not inquiry.backfill
    urgent = (inquiry.kind == "emergency" and (live or now - inquiry.opened_at < FRESH)) or (band == "P0" and live)
    levels = {
        "urgent": float(ours and urgent),
        "band": LEVELS[band] if ours and live and LEVELS[band] >= floor else 0.0,
        "due": inquiry.due_at.timestamp() if live and _runs_out(inquiry, now, due_within) and inquiry.due_at else 0.0,
    }
    if inquiry.secret:
        levels["key_exposed"] = 1.0
    before = {what: known.get(f"{what}:{name}", 0.0) for what in levels}
    events = [f"inquiry.{what}" for what, level in levels.items() if level > before[what] and what != "key_exposed"]
    if levels.get("key_exposed", 0.0) > before.get("key_exposed", 0.0) and ours:
        events.insert(0, "inquiry.key_exposed")
    if inquiry.due_at is not None and ours:  # until it is another one, a clock is told of once
        levels["due"] = max(levels["due"], before["due"])
    changed = {f"{what}:{name}": level for what, level in levels.items() if level != before[what]}
    return New(events, changed)


def is_taken(inquiry: Inquiry) -> bool:
    """Somebody has it in hand, or nobody need have."""
    return inquiry.owner is not None or inquiry.state not in ("new", "snoozed")


def of_incident(incident: Mapping[str, Any], known: Mapping[str, float]) -> New:
    """incident: with `live`, whether anybody has reported it since we listen."""
    key = f"incident:{incident['id']}"
    before, persons = known.get(key, 0.0), float(incident["persons"])
    if incident["state"] != "open":
        return New(["incident.ended"], {key: ENDED}) if before > 0 else New([], {})
    if not incident["live"] or persons < 1:
        return New([], {})
    if before <= 0:
        return New(["incident.started"], {key: persons})
    if persons >= math.ceil(before * GROWS_BY):
        return New(["incident.grew"], {key: persons})
    return New([], {})


def of_source(name: str, known: Mapping[str, float], *, is_blind: bool, expires: bool) -> New:
    """is_blind: nothing of it reaches us. expires: it warns that its access ends."""
    events, levels = [], {}
    for what, is_so, began, ended in (
        ("blind", is_blind, "source.blind", "source.seeing"),
        ("expires", expires, "source.expiring", ""),
    ):
        before = known.get(f"{what}:{name}", 0.0)
        if is_so != bool(before):
            levels[f"{what}:{name}"] = float(is_so)
            events += [each for each in [began if is_so else ended] if each]
    return New(events, levels)


def _runs_out(inquiry: Inquiry, now: datetime, within: timedelta) -> bool:
    """Of a short promise half the time is left to it before anybody is told."""
    if inquiry.due_at is None or inquiry.state not in ("new", "claimed"):
        return False
    if inquiry.waiting_since is not None:
        within = min(within, (inquiry.due_at - inquiry.waiting_since) / 2)
    return inquiry.due_at - now <= within
