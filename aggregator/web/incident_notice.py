"""The status notice of an incident on its page and on the pages of its inquiries: shown, written, put into answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from aggregator.answering.snippets import LONGEST, fill, unknown_variables
from aggregator.incidents.keeping import members
from aggregator.incidents.notices import (
    LANGS,
    NoticeChangedError,
    notice_lang,
    notices,
    versions,
    write_notice,
)
from aggregator.triage import secrets
from aggregator.web import incidents
from aggregator.web.visit import fields, number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aggregator.identity import Id
    from aggregator.incidents.notices import Notice, NoticeLang
    from aggregator.store.database import Connection
    from aggregator.store.reading import InquiryPage
    from aggregator.web.visit import Visit


@dataclass(frozen=True, slots=True)
class Written:
    """Both languages of an incident. `drafts`: what somebody wants them to be, where that was not taken."""

    stand: Mapping[NoticeLang, Notice]
    versions: Mapping[NoticeLang, int]
    drafts: Mapping[NoticeLang, str]


@dataclass(frozen=True, slots=True)
class Shown:
    """The notice for one inquiry, in its language and with its variables filled."""

    notice: Notice
    text: str


async def written(visit: Visit, incident: Id, drafts: Mapping[NoticeLang, str] | None = None) -> Written:
    def read(cursor: Connection) -> Written:
        return Written(notices(cursor, incident), versions(cursor, incident), drafts or {})

    return await visit.site.db.read(read)


async def save(visit: Visit) -> Response:
    """Both languages at once: `zh`, `en`, and the versions that the page showed, `version_zh`, `version_en`."""
    incident = await incidents.wanted(visit)
    form = await fields(visit.request)
    texts: dict[NoticeLang, str] = {lang: form.get(lang, "").replace("\r\n", "\n").strip() for lang in LANGS}
    if said := await asyncio.to_thread(_refused, visit, texts):
        return await incidents.page(visit, incident, code=422, said=said, drafts=texts)
    now = visit.site.clock()

    def write(con: Connection) -> set[Id]:
        changed = [
            write_notice(con, incident, lang, texts[lang], _number(form, f"version_{lang}"), visit.user.name, now)
            for lang in LANGS
        ]
        return members(con, incident) if any(changed) else set()

    try:
        touched = await visit.site.db.write(write)
    except NoticeChangedError as error:
        said = visit.gettext("%(who)s has changed the notice meanwhile: theirs is below, and yours in the box")
        return await incidents.page(
            visit, incident, code=409, said=said % {"who": error.notice.written_by}, drafts=texts
        )
    visit.site.stream.publish(touched)
    return RedirectResponse(f"{visit.request.url.path.removesuffix('/notice')}#notice", 303)


async def shown(visit: Visit, page: InquiryPage, values: Callable[[str], Mapping[str, str]]) -> Shown | None:
    """The notice of an inquiry's incident, in the language in which its customer is answered; None: there is none."""
    if page.row.incident is None:
        return None
    incident, lang = page.row.incident.incident_id, notice_lang(page.row.inquiry.lang)
    found = (await visit.site.db.read(lambda cursor: notices(cursor, incident))).get(lang)
    return Shown(found, fill(found.text, values(lang)).text) if found else None


def _refused(visit: Visit, texts: Mapping[NoticeLang, str]) -> str:
    """Why neither is taken; empty: nothing speaks against them."""
    for text in texts.values():
        if len(text) > LONGEST["text"]:
            return visit.gettext("At most %(n)s characters.") % {"n": LONGEST["text"]}
        if any(not found.doubtful for found in secrets.find(text)):
            return visit.gettext("There is a recovery phrase or a key in it. Nothing was stored.")
        if unknown := unknown_variables(text):
            return visit.gettext("Nothing will ever fill %(names)s.") % {"names": ", ".join(unknown)}
    return ""


def _number(form: Mapping[str, str], name: str) -> int:
    return number(form.get(name, "")) or 0
