"""A hand-over in plain lines: short enough for a chat group, and without anybody's words but ours."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from aggregator.inquiry import shown
from aggregator.web import incident_words, words
from aggregator.web.i18n import catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aggregator.config import Settings
    from aggregator.store.reading import FeedRow
    from aggregator.web.handover import Figure, Growth, Handover
    from aggregator.web.i18n import Lang


_MASKED = re.compile(r"█+(?:\s+█+)*")


def plain(told: Handover, lang: Lang, settings: Settings, who: str) -> str:
    """Times in the team's zone; inquiries by their code, with channel and kind."""
    gettext = catalogue(lang).gettext
    zone = ZoneInfo(settings.timezone)

    def exact(at: datetime) -> str:
        return at.astimezone(zone).strftime("%m-%d %H:%M")

    since, before, mine = gettext("Since then"), gettext("Before then"), gettext("Mine and unfinished")
    missing, colon = gettext("Items may be missing"), gettext(": ")
    lines = [
        gettext("Hand-over by %(who)s, %(since)s to %(back)s")
        % {"who": who, "since": exact(told.since), "back": exact(told.back)},
        f"{since}{colon}{_figures(told.changed, gettext)}",
        f"{before}{colon}{_figures(told.breaks, gettext)}",
        *(f"- {_row(row, gettext, exact)}{_pressing(row, settings)}" for row in told.due),
        f"{mine}{colon}{_figures(told.mine, gettext)}",
        *(f"- {_row(row, gettext, exact)}" for row in told.unfinished),
    ]
    for one in told.incidents:
        named = f"INC-{one.incident.number} {incident_words.for_chats(one.incident.fields, lang)}"
        lines.append(f"{named}{colon}{_grown(one, gettext)}")
    for trouble in told.blind:
        channel = gettext(words.CHANNELS.get(trouble.channel, trouble.channel))
        state = gettext(words.SOURCE_STATES.get(trouble.state, trouble.state))
        source = gettext(" (%(more)s)") % {"more": trouble.source}
        lines.append(f"{missing}{colon}{channel}{source}{gettext(', ')}{state}")
    for note in told.notes:
        if note.done_at is None:
            text = _MASKED.sub(f"[{gettext('secret masked')}]", note.text)
            lines.append(f"{note.written_by}{colon}{' '.join(text.split())}")
    return "\n".join(lines) + "\n"


def _grown(one: Growth, gettext: Callable[[str], str]) -> str:
    persons, more = one.incident.persons, one.more.count
    there = gettext("1 person") if persons == 1 else gettext("%(count)s persons") % {"count": persons}
    new = gettext("1 new inquiry") if more == 1 else gettext("%(n)s new inquiries") % {"n": more}
    return f"{there}{gettext(', ')}{new}"


def _figures(figures: Sequence[Figure], gettext: Callable[[str], str]) -> str:
    return gettext(", ").join(f"{gettext(one.name)} {one.count:,}" for one in figures)


def _row(row: FeedRow, gettext: Callable[[str], str], exact: Callable[[Any], str]) -> str:
    inquiry = row.inquiry
    said = [
        f"#{inquiry.code}",
        gettext(words.CHANNELS.get(inquiry.channel, inquiry.channel)),
        gettext(words.KINDS.get(inquiry.kind, inquiry.kind)),
    ]
    if inquiry.due_at:
        said.append(gettext("due %(time)s") % {"time": exact(inquiry.due_at)})
    said.append(inquiry.owner or gettext("nobody has it"))
    return " · ".join(said)


def _pressing(row: FeedRow, settings: Settings) -> str:
    score = shown(row.priority)
    return f" · {settings.bands.of(score)} {score}"
