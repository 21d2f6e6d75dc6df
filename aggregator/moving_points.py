"""Points that depend on the moment, on other inquiries of the same person, and on incidents.

The macros of aggregator/sql (0003_priority, 0005_people, 0006_incidents, 0009_states, 0011_shares, 0030_seconds) once
more: `aggregator score` has no database, and for a page's reasons, or a few rows, DuckDB would plan them for longer
than they take here. A test holds the two together.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import NamedTuple

from aggregator.inquiry import Inquiry


class Beside(NamedTuple):
    """What other rows say of an inquiry: the columns of `feed_at`."""

    repeats: int = 0
    first_since: datetime | None = None
    approaches: int = 0
    persons: int = 0  # of its incident


def priority_of(inquiry: Inquiry, beside: Beside, moment: datetime) -> float:
    """The sum of all terms, as the feed has it."""
    return inquiry.points + sum(moving_terms(inquiry, beside, moment).values())


def within_band(inquiry: Inquiry, computed: float) -> float:
    """The priority, where a colleague has set a band."""
    least, most = inquiry.at_least, inquiry.at_most
    if least is not None:
        computed = max(least, computed)
    return computed if most is None else min(most, computed)


def awake(inquiry: Inquiry, moment: datetime) -> Inquiry:
    """Whoever slept until then is awake, though nobody may have written it down yet."""
    if inquiry.state != "snoozed" or inquiry.snoozed_until is None or inquiry.snoozed_until > moment:
        return inquiry
    return inquiry._replace(state="new" if inquiry.owner is None else "claimed")


def moving_terms(inquiry: Inquiry, beside: Beside, moment: datetime) -> dict[str, float]:
    """Rule -> points; each counts as far as it does beside the inquiry's own points."""
    share, room = share_of(inquiry.points), room_of(inquiry.points)
    return {
        "waiting": share * waiting_points(inquiry, moment),
        "overdue": share * overdue_points(inquiry, moment),
        "repeat_contact": share * repeat_points(beside.repeats),
        "first_contact": share * first_contact_points(inquiry, beside.first_since, moment),
        "approached": room * approached_points(beside.approaches),
        "incident_size": room * incident_points(beside.persons),
    }


def room_of(points: float) -> float:
    """How far anything counts beside so many points of its own: less, the nearer it stands to the top without it."""
    return max(0.1, min(1.0, (110 - points) / 50))


def share_of(points: float) -> float:
    """How far it counts that somebody waits: six tenths for what is slight."""
    return min(room_of(points), max(0.6, points / 60))


def waiting_points(inquiry: Inquiry, moment: datetime) -> float:
    return _waited(inquiry, inquiry.waiting_since, moment)


def first_contact_points(inquiry: Inquiry, first_since: datetime | None, moment: datetime) -> float:
    """What it adds that the same person has waited elsewhere since then."""
    if first_since is None or inquiry.waiting_since is None or first_since >= inquiry.waiting_since:
        return 0.0
    return _waited(inquiry, first_since, moment) - waiting_points(inquiry, moment)


def overdue_points(inquiry: Inquiry, moment: datetime) -> float:
    if inquiry.due_at is None or moment <= inquiry.due_at:
        return 0.0
    return min(12.0, 8 + _hours(inquiry.due_at, moment))


def repeat_points(repeats: int) -> float:
    return min(6.0, 3.0 * repeats)


def approached_points(approaches: int) -> float:
    return 8.0 if approaches else 0.0


def incident_points(persons: int) -> float:
    return min(12.0, 4 * math.log2(persons)) if persons > 1 else 0.0


def _waited(inquiry: Inquiry, since: datetime | None, moment: datetime) -> float:
    if since is None:
        return 0.0
    return min(inquiry.wait_cap, inquiry.wait_per_hour * max(0.0, _hours(since, moment)))


def _hours(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds() / 3600
