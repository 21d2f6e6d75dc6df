"""Looking: the feed, one inquiry, what changed, incidents, sources."""

from __future__ import annotations

import asyncio
import base64
import binascii
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import orjson

from aggregator.acting.flags import flags
from aggregator.acting.undoing import recent
from aggregator.identity import Id, as_uuid, as_written, written
from aggregator.store.incidents import incident_list, incident_page
from aggregator.store.listing import FeedPage, feed_page
from aggregator.store.reading import rows_by_id
from aggregator.web import incidents, inquiry_page, replies
from aggregator.web.api import problem, shapes, writing
from aggregator.web.api import shapes_around as around
from aggregator.web.api.asks import After, Listing
from aggregator.web.api.operation import reads
from aggregator.web.api.problem import Mistake, ProblemError
from aggregator.web.feed import filters_of
from aggregator.web.i18n import N_
from aggregator.web.shown_slots import known
from aggregator.web.stream import RING
from aggregator.web.view import NAMES, View, terms_of

if TYPE_CHECKING:
    from aggregator.store.database import Connection
    from aggregator.web.api import asks
    from aggregator.web.api.caller import Call


class Place(NamedTuple):
    """Where a pass through the feed has come: its moment, the newest change then, and the last row."""

    as_of: float
    seq: int
    rank: float
    last: Id

    def cursor(self) -> str:
        told = orjson.dumps([self.as_of, self.seq, self.rank, written(self.last)])
        return base64.urlsafe_b64encode(told).decode().rstrip("=")

    @classmethod
    def of(cls, cursor: str) -> Place:
        """Raises ValueError: no cursor of ours."""
        told = orjson.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
        if not isinstance(told, list) or [type(each) for each in told] != [float, int, float, str]:
            raise ValueError(cursor)
        as_of, seq, rank, last = told
        datetime.fromtimestamp(as_of, UTC)
        return cls(as_of, seq, rank, as_written(last))


async def listed(call: Call, asked: Listing) -> shapes.InquiryList:
    """A page of the feed. What changed since the pass began is left out of its later pages: /changes tells of it, and
    so nothing comes twice however scores move."""
    site, view, place = call.site, view_of(asked), _place(call, asked.cursor)
    moment = datetime.fromtimestamp(place.as_of, UTC) if place else site.clock()
    seq = place.seq if place else await site.stream.settled()
    page = await page_of(call, view, moment, place, asked.limit)
    changed = site.stream.since(seq, RING) if place else None
    left_out = (changed[1] | site.stream.unsaid()) if changed else set()
    rows = [row for row in page.rows if row.inquiry.inquiry_id not in left_out]
    following = Place(moment.timestamp(), seq, *page.last).cursor() if page.more and page.last else None
    return shapes.InquiryList(
        as_of=moment,
        seq=seq,
        total=None if place else page.total,
        inquiries=tuple(writing.inquiry(row, call.lang, site.settings) for row in rows),
        cursor=following,
    )


def view_of(asked: asks.View) -> View:
    """The same view as the feed's address has it."""
    told = asked.model_dump(mode="json", include=set(NAMES), exclude_none=True)
    return View.of(told.items())


async def page_of(call: Call, view: View, moment: datetime, place: Place | None, limit: int) -> FeedPage:
    bands, terms = call.site.settings.bands, terms_of(view.search)

    def read(cursor: Connection) -> FeedPage:
        filters = filters_of(cursor, call, view, terms)
        after = (place.rank, place.last) if place else None
        return feed_page(cursor, filters, moment=moment, bands=bands, sort=view.sort, after=after, limit=limit)

    return await call.site.db.read(read)


def _place(call: Call, cursor: str | None) -> Place | None:
    """Raises ProblemError: it is no cursor."""
    if cursor is None:
        return None
    try:
        return Place.of(cursor)
    except (ValueError, OverflowError, OSError, binascii.Error):
        said = call.gettext("No page ended with this cursor.")
        raise problem.invalid(call.lang, Mistake(place="query", path="cursor", said=said)) from None


async def changes(call: Call, asked: After) -> shapes.Changes:
    """Kept in memory, the last few thousand: who was away for longer begins again."""
    stream = call.site.stream
    await stream.settled()
    found = stream.since(asked.after, asked.limit)
    if found is None:
        detail = call.gettext("Read the feed again, and go on with its seq.")
        raise ProblemError("begin-again", detail)
    seq, changed = found
    inquiries = await these(call, changed)
    there = {one.id for one in inquiries}
    gone = tuple(sorted(as_uuid(one) for one in changed if as_uuid(one) not in there))
    return shapes.Changes(seq=seq, more=seq < stream.number, inquiries=inquiries, gone=gone)


async def these(call: Call, ids: set[Id] | list[Id]) -> tuple[shapes.Inquiry, ...]:
    """Inquiries as they are now, most pressing first; those that are gone are left out."""
    site, moment = call.site, call.site.clock()
    rows = await site.db.read(lambda cursor: rows_by_id(cursor, ids, moment=moment))
    return tuple(writing.inquiry(row, call.lang, site.settings) for row in rows)


async def wanted(call: Call) -> Id:
    return await inquiry_page.called(call, call.request.path_params["inquiry"])


async def one(call: Call, _: None) -> shapes.InquiryDetail:
    """Reading by program marks nothing as read."""
    inquiry_id = await wanted(call)
    answers = await inquiry_page.answers_of(call, inquiry_id)
    page = await inquiry_page.read(call, inquiry_id)
    settings, lang = call.site.settings, call.lang
    texts = {post.post_id: post.text for post in page.posts}
    return shapes.InquiryDetail(
        inquiry=writing.inquiry(page.row, lang, settings, texts),
        posts=tuple(writing.post(post) for post in replies.in_thread(page.posts, answers)),
        events=tuple(writing.event(event, lang, settings) for event in page.events),
        known=writing.known(known(page.row, page.told), lang),
        answers=tuple(writing.answer(row, lang) for row in answers.shown),
        reply=writing.window(answers.window, lang),
        seen=answers.mark,
    )


async def all_incidents(call: Call, _: None) -> around.Incidents:
    moment = call.site.clock()
    rows = await call.site.db.read(lambda cursor: incident_list(cursor, moment=moment))
    return around.Incidents(incidents=tuple(writing.incident(row, call.lang) for row in rows))


async def one_incident(call: Call, _: None) -> around.IncidentDetail:
    incident, moment = await incidents.called(call, call.request.path_params["incident"]), call.site.clock()
    page = await call.site.db.read(lambda cursor: incident_page(cursor, incident, moment=moment))
    if page is None:
        raise problem.not_found(call.lang)
    return writing.incident_detail(page, call.lang)


async def all_sources(call: Call, _: None) -> around.Sources:
    reports = await asyncio.to_thread(call.site.health)
    return around.Sources(sources=tuple(writing.source(one) for one in reports))


async def all_flags(call: Call, _: None) -> around.Flags:
    found = await call.site.db.read(flags)
    return around.Flags(flags=tuple(writing.flag(one) for one in found))


async def unsettled(call: Call, _: None) -> shapes.Answers:
    rows = await call.site.outbox.unsettled()
    return shapes.Answers(answers=tuple(writing.answer(row, call.lang) for row in rows))


async def lately(call: Call, _: None) -> shapes.Recent:
    me, now = call.user.name, call.site.clock()
    lots = await call.site.db.read(lambda cursor: recent(cursor, me, now))
    return shapes.Recent(
        actions=tuple(
            shapes.RecentAction(
                what=lot.what,
                at=lot.at,
                count=len(lot.events),
                inquiry=as_uuid(lot.inquiries[0]),
                batch=as_uuid(lot.batch) if lot.batch else None,
                event=as_uuid(lot.events[0]),
                undone=lot.undone,
            )
            for lot in lots
        )
    )


OPERATIONS = (
    reads("listInquiries", "/inquiries", N_("The feed: a page of a view"), listed, shapes.InquiryList, query=Listing),
    reads(
        "getInquiry", "/inquiries/{inquiry}", N_("One inquiry with its thread and history"), one, shapes.InquiryDetail
    ),
    reads(
        "listChanges",
        "/changes",
        N_("What changed after a sequence number"),
        changes,
        shapes.Changes,
        query=After,
        problems=("begin-again",),
    ),
    reads("listIncidents", "/incidents", N_("All incidents"), all_incidents, around.Incidents),
    reads(
        "getIncident", "/incidents/{incident}", N_("One incident with its members"), one_incident, around.IncidentDetail
    ),
    reads("listSources", "/sources", N_("How the sources fare"), all_sources, around.Sources),
    reads("listFlags", "/flags", N_("Links and accounts that were flagged"), all_flags, around.Flags),
    reads("listUnsettled", "/outbox", N_("Answers that did not arrive, or may not have"), unsettled, shapes.Answers),
    reads("listRecent", "/recent", N_("What the token's owner did lately"), lately, shapes.Recent),
)
