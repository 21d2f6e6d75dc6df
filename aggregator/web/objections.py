"""What speaks against sending a text, before it is taken. The one place where a safety check is asked."""

from __future__ import annotations

import asyncio
import functools
from datetime import datetime
from typing import TYPE_CHECKING, NotRequired, TypedDict
from zoneinfo import ZoneInfo

from aggregator.answering import safety, strangers
from aggregator.answering.linking import Official, official
from aggregator.config import clock_of
from aggregator.store.strangers import customers_of, lately_read, shown_by_others
from aggregator.triage.entities.ids import form_of, is_transaction
from aggregator.triage.evidence import hashed
from aggregator.triage.impersonation import OurNames
from aggregator.triage.language import search_text
from aggregator.web import composer_words, words
from aggregator.web.i18n import catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aggregator.config import Settings
    from aggregator.identity import Id
    from aggregator.store.database import Connection
    from aggregator.store.reading import InquiryPage
    from aggregator.web.visit import Visit


class Objection(TypedDict):
    """`name`: for scripts and tests; `said`: the sentence, in the visitor's language. A `warn` is confirmed by its
    `key`; `start` and `end`: where in the text, in UTF-16 units, as browsers count."""

    name: str
    said: str
    level: NotRequired[safety.Level]
    key: NotRequired[str]
    start: NotRequired[int]
    end: NotRequired[int]


async def objections(visit: Visit, page: InquiryPage, text: str, confirmed: Sequence[str]) -> list[Objection]:
    """Empty: it may be sent. Warnings whose keys were `confirmed` do not hold it up."""
    context = await _context(visit, page, text)
    found = await asyncio.to_thread(safety.check, text, context)
    if not safety.blocks(found, confirmed):
        return []
    return [_told(visit, one, text, context) for one in found]


def our_domains(settings: Settings) -> Official:
    brand = settings.brand
    return _official(
        (*brand.names, *brand.handles),
        tuple(each.name for each in settings.team),
        tuple(brand.domains),
        tuple(settings.official_domains),
        tuple(brand.handles),
    )


@functools.lru_cache(maxsize=8)
def _official(
    names: tuple[str, ...],
    people: tuple[str, ...],
    domains: tuple[str, ...],
    places: tuple[str, ...],
    handles: tuple[str, ...],
) -> Official:
    return official(OurNames(names, people, domains), places, handles)


async def _context(visit: Visit, page: InquiryPage, text: str) -> safety.Context:
    site, inquiry = visit.site, page.row.inquiry
    known = strangers.told_of(page.told.values) | {
        strangers.same_id(one.value)
        for post in page.posts
        if post.ours
        for one in (*strangers.ids_in(post.text), *strangers.private_in(post.text, search_text(post.text)))
    }
    asked = [one.value for one in strangers.ids_in(text) if strangers.same_id(one.value) not in known]
    before = await asyncio.to_thread(lately_read, site.desk, visit.user.name)

    def read(cursor: Connection) -> tuple[frozenset[str], set[str]]:
        owned = _owned(cursor, asked, inquiry.person_id)
        called = customers_of(cursor, (one for one in before if one != inquiry.inquiry_id))
        return owned, {name for names in called.values() for name in names}

    owned, others = await site.db.read(read)
    ours = {name for post in page.posts if post.ours or post.staff for name in (post.author, post.handle) if name}
    neighbours = {name for post in page.posts for name in (post.author, post.handle) if name} - ours
    settings = site.settings
    return safety.Context(
        official=our_domains(settings),
        lang=inquiry.lang,
        public=inquiry.public,
        given=dict.fromkeys(page.told.slots, ()),
        known=known,
        owned=owned,
        names=(*ours, page.row.author, visit.user.name, *settings.brand.names, *(each.name for each in settings.team)),
        others=tuple(sorted((others | neighbours) - ours)),
        now=site.clock(),
        working=clock_of(settings, inquiry.channel).working_time,
    )


def _owned(cursor: Connection, values: Sequence[str], person_id: Id) -> frozenset[str]:
    hashes = {
        hashed("tx" if is_transaction(form) else "address", value): value
        for value in values
        if (form := form_of(value)) is not None
    }
    return frozenset(strangers.same_id(hashes[one]) for one in shown_by_others(cursor, hashes, person_id))


def _told(visit: Visit, one: safety.Objection, text: str, context: safety.Context) -> Objection:
    told: Objection = {
        "name": one.rule,
        "said": sentence(visit, one, untold=not context.official.is_told),
        "level": one.level,
        "key": one.key,
    }
    if one.start is not None and one.end is not None:
        told |= {"start": _units(text[: one.start]), "end": _units(text[: one.end])}
    return told


def sentence(visit: Visit, one: safety.Objection, *, untold: bool) -> str:
    """Why, in words. `untold`: nobody has said which domains are ours."""
    gettext = catalogue(visit.lang).gettext
    said = one.words
    if one.rule == "asks_given":
        said = gettext(words.SLOTS[said])
    elif one.rule == "language":
        said = gettext(words.LANGUAGES[said]) if said in words.LANGUAGES else said
    elif one.rule == "promises_time":
        until = datetime.fromisoformat(said).astimezone(ZoneInfo(visit.site.settings.timezone))
        said = until.strftime("%Y-%m-%d %H:%M")
    name = "link_untold" if one.rule == "link" and untold else one.rule
    return gettext(composer_words.OBJECTIONS[name]) % {"words": said}


def _units(text: str) -> int:
    return len(text) + sum(char > "\uffff" for char in text)
