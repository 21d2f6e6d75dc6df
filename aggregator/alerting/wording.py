"""What an alert says, in its reader's language. Pure.

A post is written by strangers, and chats act on what they are sent: so of an excerpt no link, no mention and no markup
is left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from aggregator.inquiry import shown
from aggregator.web import alert_words, incident_words, trouble_words, words
from aggregator.web.connector_messages import said
from aggregator.web.i18n import CHINESE, ENGLISH, Lang, catalogue
from aggregator.web.safe_text import unlinked

if TYPE_CHECKING:
    from collections.abc import Callable

    from aggregator.alerting.looking import SourceLook
    from aggregator.config import Bands
    from aggregator.config.alert_settings import Destination, Language
    from aggregator.store.reading import FeedRow

LONGEST: Final = 80  # characters of an excerpt
TERMS: Final = 3
KINDS: Final = {
    "inquiry.key_exposed": "failure", "inquiry.urgent": "failure", "inquiry.due": "warning",
    "incident.started": "failure", "incident.grew": "failure", "incident.ended": "success",
    "reply.refused": "warning", "reply.unknown": "warning", "source.blind": "failure", "source.seeing": "success",
    "source.expiring": "warning", "sql.runaway": "warning", "inquiry.taken": "success",
}  # fmt: skip
"""What Apprise calls them, by which some services choose a colour."""
_LINK = re.compile(r"(?:[a-z][a-z0-9+.-]{1,15}://|www\.|mailto:|tg:)\S+|\b[\w-]+(?:\.[\w-]+)+/\S*", re.IGNORECASE)
_HARMLESS = str.maketrans({
    "<": "‹", ">": "›", "@": "＠", "[": "［", "]": "］", "`": "'", "*": "∗", "_": "＿", "~": "∼", "|": "¦", "#": "＃",
    "\\": "＼", "&": "＆",
})  # fmt: skip


class Alert(NamedTuple):
    title: str
    text: str
    kind: str

    def as_json(self) -> dict[str, str]:
        return {"title": self.title, "text": self.text, "type": self.kind}


class Subject(NamedTuple):
    """What an event is about; each that there is."""

    row: FeedRow | None = None
    incident: Mapping[str, Any] | None = None
    source: SourceLook | None = None
    query: Mapping[str, Any] | None = None
    url: str | None = None


def lang_of(language: Language) -> Lang:
    return CHINESE if language == "zh" else ENGLISH


def harmless(excerpt: str, link: str) -> str:
    """A customer's words, short, with nothing in them that a chat would act on. `link`: what stands for a link."""
    # First what nobody sees: it would part a link for us, and be gone when a chat looks for links.
    seen = "".join(" " if each.isspace() else each for each in excerpt if each.isprintable() or each.isspace())
    said = link.join(unlinked(part).translate(_HARMLESS) for part in _LINK.split(seen))
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"


def alert(
    event: str, subject: Subject, to: Destination, zone: str, bands: Bands, unclaimed: int | None = None
) -> Alert:
    """The words of one event. `unclaimed`: for so many minutes nobody has taken it."""
    lang = lang_of(to.language)
    gettext = catalogue(lang).gettext
    names = _names(subject, lang, zone, bands)
    title = gettext(alert_words.TITLES[event]) % names
    if unclaimed is not None:
        title = gettext(alert_words.UNCLAIMED) % {"minutes": unclaimed, "title": title}
    lines = [*_lines(event, subject, to, gettext, zone), subject.url or ""]
    return Alert(title, "\n".join(line for line in lines if line) or title, KINDS[event])


def taken(row: FeedRow, url: str | None, to: Destination) -> Alert:
    """Somebody has it in hand."""
    gettext = catalogue(lang_of(to.language)).gettext
    inquiry = row.inquiry
    if inquiry.owner and inquiry.state == "claimed":
        title = gettext(alert_words.TAKEN) % {"who": inquiry.owner, "code": inquiry.code}
    else:
        state = gettext(words.STATES[inquiry.state])
        title = gettext(alert_words.DEALT_WITH) % {"code": inquiry.code, "state": state}
    return Alert(title, url or title, KINDS["inquiry.taken"])


def test_alert(to: Destination) -> Alert:
    gettext = catalogue(lang_of(to.language)).gettext
    return Alert(gettext(alert_words.TEST_TITLE), gettext(alert_words.TEST_TEXT), "info")


def _names(subject: Subject, lang: Lang, zone: str, bands: Bands) -> dict[str, str]:
    names: dict[str, str] = {}
    if subject.row is not None:
        inquiry, score = subject.row.inquiry, shown(subject.row.priority)
        names |= {"code": inquiry.code, "band": bands.of(score), "score": str(score)}
        if inquiry.due_at:
            names["time"] = _time(inquiry.due_at, zone)
    if subject.incident is not None:
        name = incident_words.for_chats(subject.incident["fields"], lang)
        names |= {"incident": f"INC-{subject.incident['number']}", "name": name}
    if subject.source is not None:
        names["source"] = subject.source.name
    if subject.query is not None:
        names |= {"who": subject.query["owner"], "seconds": str(subject.query["seconds"])}
    return names


def _lines(event: str, subject: Subject, to: Destination, gettext: Callable[[str], str], zone: str) -> list[str]:
    if subject.incident is not None:
        return [gettext(alert_words.PERSONS) % {"persons": subject.incident["persons"]}]
    if subject.source is not None:
        return _of_source(subject.source, gettext, lang_of(to.language), zone)
    if subject.query is not None:
        return [gettext(alert_words.RESTARTS if subject.query["restarts"] else alert_words.RUNS_ON)]
    if subject.row is None:
        return []
    row, inquiry = subject.row, subject.row.inquiry
    where = {
        "channel": gettext(words.CHANNELS.get(inquiry.channel, inquiry.channel)),
        "kind": gettext(words.KINDS.get(inquiry.kind, inquiry.kind)),
    }
    lines = [gettext(alert_words.MOVE_FUNDS)] if event == "inquiry.key_exposed" else []
    lines.append(gettext(alert_words.WHERE) % where)
    reasons = [gettext(words.RULES[term.rule]) for term in row.terms if term.points > 0 and term.rule in words.RULES]
    lines.append(gettext(", ").join(reasons[:TERMS]))
    if inquiry.waiting_since:
        lines.append(gettext(alert_words.WAITING) % {"time": _time(inquiry.waiting_since, zone)})
    if to.excerpt:
        excerpt = harmless(inquiry.excerpt, gettext(alert_words.LINK))
        lines.append(gettext(alert_words.EXCERPT) % {"words": excerpt} if excerpt else "")
    return lines


def _of_source(look: SourceLook, gettext: Callable[[str], str], lang: Lang, zone: str) -> list[str]:
    step = trouble_words.next_step(look.state, look.trouble, look.next_at is not None)
    time = _time(look.next_at, zone) if look.next_at else ""
    return [gettext(step) % {"time": time} if step else "", said(look.message, lang)]


def _time(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime("%m-%d %H:%M")
