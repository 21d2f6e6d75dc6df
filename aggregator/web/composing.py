"""What helps while an answer is written: its draft, snippets filled for this inquiry, what was answered before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response

from aggregator.answering import similar
from aggregator.answering.snippets import Snippet, Values, fill, greeted, in_order, snippets
from aggregator.incidents.fields import ALWAYS
from aggregator.store import rows
from aggregator.store.answered import question_of
from aggregator.store.drafts import LONGEST, Draft, save_draft
from aggregator.store.snippets import stored_snippets
from aggregator.triage import secrets
from aggregator.triage.followup import LANGUAGES, listed
from aggregator.triage.terms import GIVEN, ROBBED
from aggregator.web import incident_notice, incident_words, inquiry_page
from aggregator.web.i18n import CHINESE, ENGLISH, catalogue
from aggregator.web.shown_slots import known
from aggregator.web.visit import fields, form_of

if TYPE_CHECKING:
    from aggregator.answering.similar import Suggestion
    from aggregator.store.database import Connection
    from aggregator.store.reading import IncidentTag, InquiryPage
    from aggregator.web.visit import Visit

_MOST_SNIPPETS = 400


@dataclass(frozen=True, slots=True)
class Offer:
    """A text that can be put into the answer by one click. `name` as people read it; `lang` of the text."""

    key: str
    name: str
    text: str
    lang: str


async def draft(visit: Visit) -> Response:
    """Store what the box holds: `text`, `base` (the version that it began from).

    200: as `draft_json`; 422: it holds a secret, and nothing of it was stored.
    """
    form = await fields(visit.request)
    inquiry_id = await inquiry_page.wanted(visit)
    text = form.get("text", "").replace("\r\n", "\n")
    try:
        base = int(form.get("base", "0"))
    except ValueError:
        raise HTTPException(400) from None
    if len(text) > LONGEST:
        raise HTTPException(413)
    if any(not found.doubtful for found in await asyncio.to_thread(secrets.find, text)):
        return JSONResponse({"why": "secret"}, 422)
    now = visit.site.clock()
    stored = await asyncio.to_thread(save_draft, visit.site.desk, visit.user.name, inquiry_id, text, base, now)
    return JSONResponse(draft_json(visit, stored))


async def keepable(visit: Visit) -> Response:
    """Whether a browser may keep each `text`. 204: yes; 422: one holds a secret."""
    texts = [text for text in (await form_of(visit.request)).getlist("text") if isinstance(text, str)]

    def holds_secret() -> bool:
        return any(not found.doubtful for text in texts for found in secrets.find(text))

    return Response(status_code=422 if await asyncio.to_thread(holds_secret) else 204)


def draft_json(visit: Visit, stored: Draft) -> dict[str, Any]:
    """For scripts. `html`: the texts that gave way, to be shown under the box."""
    html = visit.html("kept.html", kept=stored.kept)
    return {"version": stored.version, "saved": stored.saved, "text": stored.text, "html": html}


async def picking(visit: Visit) -> Response:
    """All texts that can be put in, filled for this inquiry, as JSON: first what is suggested, then snippets."""
    page = await inquiry_page.read(visit, await inquiry_page.wanted(visit))
    values, known_ones = await values_of(visit, page), await _snippets(visit)
    inquiry = page.row.inquiry
    about = frozenset({inquiry.kind, *(term.rule for term in page.row.terms)})
    gettext = catalogue(visit.lang).gettext
    told = [
        _entry(offer.key, offer.name, offer.text, offer.lang, gettext("suggested"))
        for offer in await _offers(visit, page, values, known_ones)
    ]
    offered = {each["text"] for each in told}
    for one in in_order(known_ones, inquiry.lang, about)[:_MOST_SNIPPETS]:
        if (text := fill(one.text, values(one.lang)).text) not in offered:
            told.append(_entry(one.snippet_id, one.name, text, one.lang, _whose(one, gettext)))
    return Response(orjson.dumps({"texts": told}), media_type="application/json")


async def _snippets(visit: Visit) -> list[Snippet]:
    return snippets(await asyncio.to_thread(stored_snippets, visit.site.desk, visit.user.name))


def _entry(key: str, name: str, text: str, lang: str, whose: str) -> dict[str, str]:
    return {"key": key, "name": name, "text": text, "lang": lang, "whose": whose}


def _whose(one: Snippet, gettext: Callable[[str], str]) -> str:
    return gettext("shared") if one.owner is None else gettext("my own")


async def suggested(visit: Visit) -> Response:
    """What this inquiry asks for, and what was answered to others who asked the like, as HTML. The page fetches it once
    it stands."""
    inquiry_id = await inquiry_page.wanted(visit)
    page = await inquiry_page.read(visit, inquiry_id)
    inquiry, site = page.row.inquiry, visit.site

    def read(cursor: Connection) -> list[Suggestion]:
        question = question_of(cursor, inquiry_id, inquiry.lead_post_id, inquiry.lang, inquiry.kind, inquiry.opened_at)
        return similar.suggestions(cursor, site.similar, question, inquiry.person_id)

    found = await site.db.read(read)
    values = await values_of(visit, page)
    filled = [(one, fill(one.answer, values(one.source.lang)).text) for one in found]
    offers = await _offers(visit, page, values, await _snippets(visit))
    return HTMLResponse(visit.html("suggested.html", offers=offers, found=filled))


async def _offers(visit: Visit, page: InquiryPage, values: Values, known_ones: Sequence[Snippet]) -> list[Offer]:
    """What this inquiry asks for by itself: safety first, then its incident's notice, then what is missing."""
    gettext = catalogue(visit.lang).gettext
    lang = "zh" if page.row.inquiry.lang.startswith("zh") else "en"
    at_stake = {term.rule for term in page.row.terms}
    found = []
    if page.row.inquiry.secret or not GIVEN.isdisjoint(at_stake):
        found += _filled("leaked_phrase", gettext("Phrase leaked: move the funds"), lang, values, known_ones)
    elif "funds_stolen" in at_stake:
        found += _filled("stolen_funds", gettext("Funds stolen: limit the damage"), lang, values, known_ones)
    if page.row.incident:
        name = gettext("Notice of %(incident)s") % {"incident": page.row.incident.name}
        if notice := await incident_notice.shown(visit, page, values):
            found.append(Offer("incident_notice", name, notice.text, notice.notice.lang))
        elif ROBBED.isdisjoint(at_stake) and not page.row.inquiry.secret and await _is_fault(visit, page.row.incident):
            found += _filled("incident_notice", name, lang, values, known_ones)
    told = known(page.row, page.told)
    if told.ask:
        found.append(Offer("ask", gettext("Ask for what is missing"), told.ask, told.lang))
    return found


async def _is_fault(visit: Visit, incident: IncidentTag) -> bool:
    """Whether the snippet for known incidents is true of it, as long as nobody has written its notice: a fault of ours
    that is under way. Who meets swindlers is not told that the funds are safe."""
    stored = await visit.site.db.read(
        lambda cursor: rows.fetch(cursor, "incident", "fields, state", "incident_id", [incident.incident_id])
    )
    return any(state == "open" and orjson.loads(told).get("feature") not in ALWAYS for told, state in stored)


def _filled(key: str, name: str, lang: str, values: Values, known_ones: Sequence[Snippet]) -> list[Offer]:
    """The snippet of the first set that has this name, as it stands now; nothing, if it was removed."""
    one = next((each for each in known_ones if each.origin == f"{key}/{lang}"), None)
    return [Offer(key, name, fill(one.text, values(lang)).text, lang)] if one else []


async def values_of(visit: Visit, page: InquiryPage) -> Values:
    """What stands for the variables of snippets in this inquiry, by language."""
    inquiry, incident = page.row.inquiry, page.row.incident
    told = known(page.row, page.told)
    fields_: dict[str, Any] = {}
    if incident:
        stored = await visit.site.db.read(
            lambda cursor: rows.fetch(cursor, "incident", "fields", "incident_id", [incident.incident_id])
        )
        fields_ = orjson.loads(stored[0][0]) if stored else {}
    me = next(
        (each.name for each in visit.site.settings.team if each.user == visit.user.name),
        visit.user.name,
    )
    common = {
        "name": greeted(page.row.author),
        "code": inquiry.code,
        "tx": next(iter(page.told.values.get("tx", ())), ""),
        "me": me,
    }

    def values(lang: str) -> Mapping[str, str]:
        spoken = "zh-Hans" if lang == "zh" else lang if lang in LANGUAGES else "en"
        if spoken == "zh-Hans" and inquiry.lang == "zh-Hant":
            spoken = "zh-Hant"
        page_lang = CHINESE if lang.startswith("zh") else ENGLISH
        return {
            **common,
            "missing": listed(spoken, told.missing),
            "incident": incident_words.sentence(fields_, page_lang) if incident else "",
        }

    return values
