"""Writing down what was done with inquiries: an event of each, and its row folded again with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from aggregator.folding.fold import fold, same
from aggregator.folding.refold import events_of, posts_of, subject_of, write
from aggregator.identity import Id, time_ordered_id
from aggregator.inquiry import Event, EventKind, Inquiry
from aggregator.store import rows

if TYPE_CHECKING:
    from aggregator.config import ChannelClock
    from aggregator.store.rows import Connection

_TOLD = ("state", "owner", "snoozed_until", "close_reason", "kind", "tags", "at_least", "at_most", "band_by")


class Done(NamedTuple):
    """The inquiry as it is now, and the event that says so; None: it was so already."""

    inquiry: Inquiry
    event: Id | None
    details: Mapping[str, str]


def note_all(
    con: Connection,
    clock_of: Callable[[str], ChannelClock],
    points: Mapping[str, float],
    these: Sequence[tuple[Inquiry, Mapping[str, str]]],
    who: str,
    what: EventKind,
    now: datetime,
    batch: Id | None = None,
) -> list[Done]:
    """Write one event for each of these inquiries, with its details, and fold them again.

    It is `refold` with half its statements: many are done at once.
    """
    if not these:
        return []
    since = min(inquiry.opened_at for inquiry, _ in these)
    stored = {inquiry.inquiry_id: inquiry for inquiry, _ in these}
    earlier, posts = events_of(con, stored, since), posts_of(con, set(stored), since)
    done, events, changed = list[Done](), list[tuple[Any, ...]](), list[Inquiry]()
    for inquiry, details in these:
        this = inquiry.inquiry_id
        # Where a platform's clock is ahead of ours, what is done comes after what it was done with.
        at = max(now, inquiry.last_post_at, inquiry.answered_at or now)
        so_far = [each for each in earlier.get(this, ()) if each.happened_at >= inquiry.opened_at]
        number = sum(each.happened_at >= at for each in so_far)
        event = Event(time_ordered_id(int(at.timestamp() * 1000), number).bytes, this, at, who, what, dict(details))
        clock = clock_of(inquiry.channel)
        after = fold(subject_of(inquiry), posts[this], [*so_far, event], clock, points, inquiry.ver + 1)
        if same(inquiry, after):
            after = inquiry
        else:
            changed.append(after)
        names = [name for name in _TOLD if getattr(inquiry, name) != getattr(after, name)]
        before_after = [in_json({name: getattr(each, name) for name in names}) for each in (inquiry, after)]
        events.append((event.event_id, this, at, who, what, in_json(details), after.ver, batch, *before_after))
        done.append(Done(after, event.event_id, details))
    write(con, changed, [stored[each.inquiry_id] for each in changed])
    rows.insert(con, "inquiry_event", rows.INQUIRY_EVENT, events)
    return done


def in_json(values: Mapping[str, object]) -> str:
    """As a column of events takes it."""
    return orjson.dumps(values).decode()
