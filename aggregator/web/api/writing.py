"""Values of the store as shapes of the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, cast
from uuid import UUID

from aggregator.identity import Id, as_uuid
from aggregator.inquiry import shown
from aggregator.web import pages, reply_words
from aggregator.web.api import shapes
from aggregator.web.api import shapes_around as around
from aggregator.web.incident_words import sentence
from aggregator.web.reasons import why_of

if TYPE_CHECKING:
    from aggregator.acting.flags import Flag
    from aggregator.config import Settings
    from aggregator.inquiry import State
    from aggregator.outbox import Row
    from aggregator.store.history import HistoryEvent
    from aggregator.store.incidents import IncidentPage, IncidentRow
    from aggregator.store.reading import FeedRow, ThreadPost
    from aggregator.store.source_reports import SourceReport
    from aggregator.web.i18n import Lang
    from aggregator.web.objections import Objection
    from aggregator.web.shown_slots import Known
    from connectors.replying import Window

_NO_TEXTS: Mapping[Id, str] = MappingProxyType({})


def _uuid(one: Id | None) -> UUID | None:
    return as_uuid(one) if one else None


def inquiry(row: FeedRow, lang: Lang, settings: Settings, texts: Mapping[Id, str] = _NO_TEXTS) -> shapes.Inquiry:
    """`texts` of its posts, for the words that gave a reason away."""
    this, said = row.inquiry, pages.reason_words(lang, settings)
    tag = row.incident
    return shapes.Inquiry(
        id=as_uuid(this.inquiry_id),
        code=this.code,
        ver=this.ver,
        url=f"/inquiry/{this.name}",
        state=cast("State", this.state),
        owner=this.owner,
        score=shown(row.priority),
        priority=row.priority,
        computed=row.computed,
        band=cast("shapes.Band", settings.bands.of(shown(row.priority))),
        reasons=tuple(
            shapes.Reason(
                rule=why.term.rule,
                points=why.term.points,
                said=said(why.term, this),
                post=_uuid(why.term.post_id),
                start=why.term.start,
                end=why.term.end,
                evidence=why.evidence,
            )
            for why in why_of(row, texts)
        ),
        kind=this.kind,
        tags=tuple(this.tags.split(",")) if this.tags else (),
        channel=this.channel,
        source=this.source,
        lang=this.lang,
        author=row.author,
        title=this.title,
        excerpt=this.excerpt,
        permalink=this.permalink,
        public=this.public,
        secret=this.secret,
        thanks=this.thanks,
        posts=this.posts,
        opened_at=this.opened_at,
        last_post_at=this.last_post_at,
        waiting_since=this.waiting_since,
        due_at=this.due_at,
        due_clock=this.due_clock,
        answered_at=this.answered_at,
        snoozed_until=this.snoozed_until,
        closed_at=this.closed_at,
        close_reason=this.close_reason,
        incident=shapes.IncidentTag(id=as_uuid(tag.incident_id), name=tag.name, persons=tag.persons) if tag else None,
    )


def post(one: ThreadPost) -> shapes.Post:
    return shapes.Post(
        id=as_uuid(one.post_id),
        author=one.author,
        handle=one.handle,
        role=one.role,
        at=one.posted_at,
        edited_at=one.edited_at,
        deleted_at=one.deleted_at,
        text=one.text,
        lang=one.lang,
        ours=one.ours,
        staff=one.staff,
        suspect=one.suspect,
        permalink=one.permalink,
    )


def event(one: HistoryEvent, lang: Lang, settings: Settings) -> shapes.Event:
    return shapes.Event(
        id=as_uuid(one.event_id),
        at=one.happened_at,
        who=one.who,
        what=one.what,
        said=pages.deed_words(lang, settings).did(one),
        text=one.details.get("text") if one.what == "note" else None,
        ver=one.ver,
        undone=one.undone,
    )


def known(one: Known, lang: Lang) -> shapes.Known:
    return shapes.Known(
        given=tuple(
            shapes.Given(
                slot=slot,
                said=pages.word("SLOTS", slot, lang),
                values=tuple(shapes.Value(text=value.text, mistyped=value.mistyped) for value in values),
            )
            for slot, values in one.given
        ),
        missing=tuple(shapes.Missing(slot=slot, said=pages.word("SLOTS", slot, lang)) for slot in one.missing),
        ask=one.ask,
        lang=one.lang,
    )


def answer(row: Row, lang: Lang) -> shapes.Answer:
    return shapes.Answer(
        id=row.outbox_id,
        inquiry=row.inquiry_id,
        who=row.who,
        text=row.text,
        state=row.state,
        written_at=row.written_at,
        due_at=row.due_at,
        why=row.why,
        said=refusal(row.why, row.detail, lang) if row.why else "",
        permalink=row.permalink,
    )


def refusal(why: str, detail: str | None, lang: Lang) -> str:
    """Why an answer is not taken, in words; `detail` in those of the platform."""
    said = pages.word("REFUSALS", why if why in reply_words.REFUSALS else "other", lang)
    return f"{said} ({detail})" if detail else said


def window(one: Window, lang: Lang) -> shapes.Window:
    return shapes.Window(
        possible=one.why is None,
        why=one.why,
        said=refusal(one.why, one.detail, lang) if one.why else "",
        until=one.until,
        left=one.left,
        longest=one.longest,
        unit=one.unit,
    )


def findings(found: Sequence[Objection]) -> tuple[shapes.Finding, ...]:
    return tuple(shapes.Finding.model_validate({"level": "refuse", **one}) for one in found)


def flag(one: Flag) -> around.Flag:
    return around.Flag(
        id=as_uuid(one.flag_id),
        kind=one.kind,
        target=one.target,
        name=one.name,
        inquiry=as_uuid(one.inquiry_id) if one.inquiry_id else None,
        at=one.flagged_at,
        who=one.flagged_by,
        reason=one.reason,
        state=one.state,
        decided_at=one.decided_at,
        decided_by=one.decided_by,
    )


def incident(row: IncidentRow, lang: Lang) -> around.Incident:
    return around.Incident(
        id=as_uuid(row.incident_id),
        name=f"INC-{row.number}",
        said=sentence(row.fields, lang),
        state=row.state,
        fields=dict(row.fields),
        began_at=row.began_at,
        ended_at=row.ended_at,
        end_reason=row.end_reason,
        merged_into=_uuid(row.merged_into),
        persons=row.persons,
        inquiries=row.inquiries,
        lately=row.lately,
        first_at=row.first_at,
        last_at=row.last_at,
        channels=row.channels,
        langs=row.langs,
    )


def incident_detail(page: IncidentPage, lang: Lang) -> around.IncidentDetail:
    return around.IncidentDetail(
        incident=incident(page.row, lang),
        members=tuple(
            around.Member(
                inquiry=as_uuid(one.inquiry_id),
                code=one.code,
                author=one.author,
                channel=one.channel,
                lang=one.lang,
                state=one.state,
                excerpt=one.excerpt,
                at=one.reported_at,
                why=one.why,
                left_at=one.left_at,
            )
            for one in page.members
        ),
        events=tuple(around.IncidentEvent(at=one.happened_at, who=one.who, what=one.what) for one in page.events),
    )


def source(one: SourceReport) -> around.Source:
    return around.Source(
        name=one.source,
        channel=one.channel,
        connector=one.connector,
        state=one.state,
        message=one.message,
        warnings=one.warnings,
        last_post_at=one.last_post_at,
        polled_at=one.polled_at,
        next_at=one.next_at,
        complete_to=one.complete_to,
        posts=one.posts,
        last_hour=one.last_hour,
        rejected=one.rejected,
        passed_over=one.passed_over,
        gaps=tuple(around.Gap(start=gap.start, end=gap.end, state=gap.state, reason=gap.reason) for gap in one.gaps),
        blind_to=one.blind_to,
    )
