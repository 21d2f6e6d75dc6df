"""Answering all who wait for news of an incident: drafted, looked at, asked about, sent through the outbox.

GET   /incidents/{id}/answer                who can be told what, and what speaks against it
POST  /incidents/{id}/answer                `zh`, `en`: the texts; `inquiry`: whom, any number; `own:<inquiry>`: another
                                            text for this one; `alter`: for whom one is to be written;
                                            `step`: look, ask, send; with send `sure`: to how many the person said yes
GET   /incidents/{id}/answer/{lot}          how far it is; `part=1`: only that
POST  /incidents/{id}/answer/{lot}/undo     takes back what is still held
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from aggregator.answering import safety
from aggregator.answering.snippets import fill, greeted
from aggregator.config import clock_of
from aggregator.identity import Id, as_written, code, written
from aggregator.incidents.notices import LANGS, notice_lang, notices
from aggregator.outbox.lot import CHOICES, Candidate, lot, lots, once_each
from aggregator.store.incidents import incident_page
from aggregator.triage.terms import ROBBED
from aggregator.web import incident_words, incidents
from aggregator.web.i18n import CHINESE, ENGLISH, N_
from aggregator.web.objections import our_domains, sentence
from aggregator.web.replies import seconds_left
from aggregator.web.visit import fields, form_of
from connectors.replying import measured

if TYPE_CHECKING:
    from aggregator.incidents.notices import NoticeLang
    from aggregator.outbox import Row
    from aggregator.store.incidents import IncidentRow
    from aggregator.web.visit import Visit

MOST: Final = 500  # that are shown, and sent, at once
_OWN: Final = "own:"
ROBBED_SAID: Final = N_("This person may have given away a phrase, or been robbed: answer them alone.")
EMERGENCY_SAID: Final = N_("This is an emergency: answer it alone.")
_NO_NAME = re.compile(r" ?[{｛]name[}｝]")


@dataclass(frozen=True, slots=True)
class Draft:
    """What one of them would get. `refused`: why that cannot be sent; `warned`: what to look at first; `own`: it is
    written for this one."""

    one: Candidate
    text: str
    chosen: bool
    refused: tuple[str, ...]
    warned: tuple[str, ...]
    own: bool = False

    @property
    def offered(self) -> bool:
        """Whether it can be chosen; with another text it may be sent."""
        return self.one.place in CHOICES

    @property
    def can(self) -> bool:
        return self.offered and not self.refused


@dataclass(frozen=True, slots=True)
class Plan:
    """All of them; `going`: those that would be sent now, one for each person; `waiting`: how many wait besides, who
    are shown once these have their answer."""

    drafts: Sequence[Draft]
    going: Sequence[Draft]
    waiting: int

    @property
    def by_channel(self) -> list[tuple[str, int]]:
        return Counter(each.one.inquiry.channel for each in self.going).most_common()

    @property
    def warned(self) -> int:
        return sum(bool(each.warned) for each in self.going)

    @property
    def left_out(self) -> int:
        """How many were chosen, but get nothing: there is no text in their language, or it may not be sent."""
        return sum(each.chosen and bool(each.refused) for each in self.drafts)

    def of(self, *places: str) -> list[Draft]:
        """Those at which something has to be looked at come first."""
        found = [each for each in self.drafts if each.one.place in places]
        return sorted(found, key=lambda each: not (each.offered and (each.refused or each.warned)))


@dataclass(frozen=True, slots=True)
class Texts:
    """What is to be sent, by language, and, written for one of them alone, by inquiry."""

    of: Mapping[NoticeLang, str]
    own: Mapping[Id, str] = field(default_factory=dict)


async def show(visit: Visit) -> Response:
    incident = await incidents.wanted(visit)
    found = await visit.site.db.read(lambda cursor: notices(cursor, incident))
    return await _page(
        visit, incident, Texts({lang: found[lang].text if lang in found else "" for lang in LANGS}), None
    )


async def answer(visit: Visit) -> Response:
    incident = await incidents.wanted(visit)
    form = await fields(visit.request)
    many = await form_of(visit.request)  # each ticked, and with a text of its own
    try:
        chosen = {as_written(each) for each in many.getlist("inquiry") if isinstance(each, str)}
        altered = as_written(form["alter"]) if form.get("alter") else None
        own = {as_written(name[len(_OWN) :]): _plain(text) for name, text in form.items() if name.startswith(_OWN)}
    except ValueError:
        raise HTTPException(400) from None
    texts = Texts(
        {lang: _plain(form.get(lang, "")) for lang in LANGS}, {one: text for one, text in own.items() if text}
    )
    if form.get("step") != "send":
        return await _page(visit, incident, texts, chosen, asks=form.get("step") == "ask", altered=altered)
    plan = await _plan(visit, await _row(visit, incident), texts, chosen)
    if not plan.going or form.get("sure") != str(len(plan.going)):
        return await _page(visit, incident, texts, chosen, asks=True, code=409)
    wanted = {each.one.inquiry.inquiry_id: each.text for each in plan.going}
    lot_id, taken = await visit.site.outbox.send_all(incident, visit.user.name, wanted)
    if not taken:
        return await _page(visit, incident, texts, chosen, asks=True, code=409)
    return RedirectResponse(f"/incidents/{written(incident)}/answer/{lot_id}", 303)


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


async def result(visit: Visit) -> Response:
    incident = await incidents.wanted(visit)
    lot_id = _lot_id(visit)
    try:
        one, answers = await visit.site.db.read(lambda cursor: lot(cursor, lot_id))
    except KeyError:
        raise HTTPException(404) from None
    told: dict[str, Any] = {
        "incident": await _row(visit, incident),
        "lot": one,
        "answers": answers,
        "counts": Counter(each.state for each in answers),
        "left": max((seconds_left(visit, each) for each in answers if each.state == "held"), default=0.0),
        "codes": {each.outbox_id: code(each.inquiry_id.bytes) for each in answers},
        "failed": [each for each in answers if each.state in ("refused", "unknown")],
    }
    if visit.request.query_params.get("part") == "1":
        return HTMLResponse(visit.html("answer_lot_part.html", **told))
    return visit.page("answer_lot.html", **told)


async def undo(visit: Visit) -> Response:
    lot_id = _lot_id(visit)
    try:
        undone: list[Row] = await visit.site.outbox.undo_all(lot_id, visit.user.name)
    except KeyError:
        raise HTTPException(404) from None
    visit.site.stream.publish([each.inquiry_id.bytes for each in undone])
    return RedirectResponse(visit.request.url.path.removesuffix("/undo"), 303)


async def _page(
    visit: Visit,
    incident: Id,
    texts: Texts,
    chosen: set[Id] | None,
    *,
    asks: bool = False,
    code: int = 200,
    altered: Id | None = None,
) -> Response:
    row = await _row(visit, incident)
    plan = await _plan(visit, row, texts, chosen)
    earlier = await visit.site.db.read(lambda cursor: lots(cursor, incident))
    return visit.page(
        "answer_all.html",
        code=code,
        incident=row,
        texts=texts.of,
        plan=plan,
        altered=altered,
        asks=asks and bool(plan.going),
        given=chosen is not None,
        changed=code == 409,
        earlier=earlier,
    )


async def _row(visit: Visit, incident: Id) -> IncidentRow:
    moment = visit.site.clock()
    page = await visit.site.db.read(lambda cursor: incident_page(cursor, incident, moment=moment))
    if page is None:
        raise HTTPException(404)
    return page.row


async def _plan(visit: Visit, incident: IncidentRow, texts: Texts, chosen: set[Id] | None) -> Plan:
    """`chosen` None: those who are due."""
    everybody = await visit.site.outbox.everybody(incident.incident_id)
    everybody.sort(key=lambda one: one.place != "due")  # else those who have their answer would take their places
    found, beyond = everybody[:MOST], everybody[MOST:]
    apart = _apart(everybody)
    drafts = await asyncio.to_thread(_drafts, visit, incident, texts, chosen, found, apart)
    wanted = {each.one.inquiry.inquiry_id: each.text for each in drafts if each.chosen and each.can}
    going = {one.inquiry.inquiry_id for one, _ in once_each(found, wanted)}
    sent_now = [each for each in drafts if each.one.inquiry.inquiry_id in going]
    return Plan(drafts, sent_now, sum(one.place == "due" for one in beyond))


def _drafts(
    visit: Visit,
    incident: IncidentRow,
    texts: Texts,
    chosen: set[Id] | None,
    found: Sequence[Candidate],
    apart: Mapping[Id, str],
) -> list[Draft]:
    drafts = []
    names = {one.author for one in found if one.author}
    for one in found:
        lang = notice_lang(one.inquiry.lang)
        own = texts.own.get(one.inquiry.inquiry_id, "")
        text = _filled(visit, incident, one, own or texts.of[lang], lang)
        due = one.place == "due" and one.person not in apart
        ticked = due if chosen is None else one.inquiry.inquiry_id in chosen
        refused: list[str] = []
        warned: list[str] = []
        if one.place in CHOICES:
            refused, warned = _objections(visit, one, text, names)
            if one.person in apart:
                warned.insert(0, visit.gettext(apart[one.person]))
        drafts.append(Draft(one, text, ticked, tuple(refused), tuple(warned), bool(own)))
    return drafts


def _apart(everybody: Sequence[Candidate]) -> dict[Id, str]:
    """Persons who want an answer of their own, whatever the news is, and why: in one of their inquiries they are
    robbed, or in danger."""
    why: dict[Id, str] = {}
    for one in everybody:
        if one.inquiry.secret or not ROBBED.isdisjoint(reason.rule for reason in one.inquiry.reasons):
            why[one.person] = ROBBED_SAID
        elif one.inquiry.kind == "emergency" or any(each.rule == "danger_to_life" for each in one.inquiry.reasons):
            why.setdefault(one.person, EMERGENCY_SAID)
    return why


def _filled(visit: Visit, incident: IncidentRow, one: Candidate, text: str, lang: NoticeLang) -> str:
    name = greeted(one.author)
    me = next((each.name for each in visit.site.settings.team if each.user == visit.user.name), visit.user.name)
    values = {
        "name": name,
        "code": one.inquiry.code,
        "incident": incident_words.sentence(incident.fields, CHINESE if lang == "zh" else ENGLISH),
        "me": me,
    }
    return fill(text if name else _NO_NAME.sub("", text), values).text


def _objections(visit: Visit, one: Candidate, text: str, names: set[str]) -> tuple[list[str], list[str]]:
    """What is refused, and what is warned of, as sentences."""
    settings, inquiry = visit.site.settings, one.inquiry
    if not text:
        return [visit.gettext("There is no text in this language.")], []
    window = one.window
    refused: list[str] = []
    if window and window.longest is not None and (length := measured(text, window.unit)) > window.longest:
        refused.append(
            visit.gettext("Too long for this platform: %(n)s of %(most)s") % {"n": length, "most": window.longest}
        )
    context = safety.Context(
        official=our_domains(settings),
        lang=inquiry.lang,
        public=inquiry.public,
        names=(one.author, visit.user.name, *settings.brand.names, *(each.name for each in settings.team)),
        others=tuple(sorted(names - {one.author})),
        now=visit.site.clock(),
        working=clock_of(settings, inquiry.channel).working_time,
    )
    warned: list[str] = []
    for each in safety.check(text, context):
        said = sentence(visit, each, untold=not context.official.is_told)
        (refused if each.level == "refuse" else warned).append(said)
    return refused, warned


def _lot_id(visit: Visit) -> UUID:
    try:
        return UUID(visit.request.path_params["lot"])
    except ValueError:
        raise HTTPException(404) from None
