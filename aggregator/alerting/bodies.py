"""What a webhook's receiver gets: the event, and what the feed shows of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from aggregator.inquiry import shown
from aggregator.web import incident_words, words
from aggregator.web.i18n import Lang, catalogue

if TYPE_CHECKING:
    from aggregator.config import Bands
    from aggregator.outbox.row import Row
    from aggregator.store.reading import FeedRow


def body(event: str, at: datetime, data: Mapping[str, Any]) -> str:
    """The shape that the Standard Webhooks specification proposes."""
    return orjson.dumps({"type": event, "timestamp": at.isoformat(), "data": data}).decode()


def inquiry_data(row: FeedRow, bands: Bands, lang: Lang, url: str | None) -> dict[str, Any]:
    """A row of the feed, its words masked, with every point explained."""
    inquiry, score, gettext = row.inquiry, shown(row.priority), catalogue(lang).gettext
    return {
        "id": inquiry.name,
        "code": inquiry.code,
        "ver": inquiry.ver,
        "url": url,
        "priority": row.priority,
        "score": score,
        "band": bands.of(score),
        "channel": inquiry.channel,
        "source": inquiry.source,
        "kind": inquiry.kind,
        "lang": inquiry.lang,
        "state": inquiry.state,
        "owner": inquiry.owner,
        "author": row.author,
        "title": inquiry.title,
        "excerpt": inquiry.excerpt,
        "permalink": inquiry.permalink,
        "public": inquiry.public,
        "key_exposed": inquiry.secret,
        "tags": [tag for tag in (inquiry.tags or "").split(",") if tag],
        "posts": inquiry.posts,
        "opened_at": _iso(inquiry.opened_at),
        "waiting_since": _iso(inquiry.waiting_since),
        "due_at": _iso(inquiry.due_at),
        "due_clock": inquiry.due_clock,
        "incident": {"name": row.incident.name, "persons": row.incident.persons} if row.incident else None,
        "why": [
            {"rule": term.rule, "points": term.points, "says": gettext(words.RULES.get(term.rule, term.rule))}
            for term in row.terms
        ],
    }


def incident_data(incident: Mapping[str, Any], lang: Lang, url: str | None) -> dict[str, Any]:
    return {
        "id": incident["id"],
        "name": f"INC-{incident['number']}",
        "says": incident_words.sentence(incident["fields"], lang),
        "state": incident["state"],
        "persons": incident["persons"],
        "began_at": _iso(incident["began_at"]),
        "ended_at": _iso(incident["ended_at"]),
        "end_reason": incident["end_reason"],
        "url": url,
    }


def reply_data(reply: Row, inquiry: Mapping[str, Any] | None) -> dict[str, Any]:
    """An answer of ours, without its words."""
    return {
        "id": str(reply.outbox_id),
        "state": reply.state,
        "who": reply.who,
        "why": reply.why,
        "ended_at": _iso(reply.ended_at),
        "permalink": reply.permalink,
        "inquiry": inquiry,
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
