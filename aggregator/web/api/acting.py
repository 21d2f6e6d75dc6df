"""Doing something with one inquiry. Each deed names the version that it saw; who was slower is told how it is now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from aggregator.acting.compare_and_set import AtWorkError, ChangedMeanwhileError
from aggregator.acting.flags import decide
from aggregator.acting.once import KeyUsedError
from aggregator.acting.wishes import WishError
from aggregator.identity import as_uuid, as_written
from aggregator.incidents.acting import NotPossibleError, What
from aggregator.web import connectors, incidents, inquiry_page
from aggregator.web.api import asks, problem, shapes
from aggregator.web.api import shapes_around as around
from aggregator.web.api.once import asked_once, key_used
from aggregator.web.api.operation import Operation, acts
from aggregator.web.api.problem import Mistake, ProblemError
from aggregator.web.api.reading import all_flags, all_sources, one_incident, these, wanted
from aggregator.web.doing import ask_owner, perform, who_was_quicker, words_for
from aggregator.web.i18n import N_

if TYPE_CHECKING:
    from aggregator.identity import Id
    from aggregator.web.api.caller import Call

Handler = Callable[["Call", Any], Coroutine[Any, Any, BaseModel]]

CHANGED = ("changed",)
AT_WORK = ("changed", "at-work")


def form_of(asked: BaseModel) -> dict[str, str]:
    """As the pages' forms have it: aggregator/acting reads both."""
    told = asked.model_dump(mode="json", exclude_none=True)
    return {name: ",".join(value) if isinstance(value, list) else str(value) for name, value in told.items()}


def deed(what: str) -> Handler:
    """What does this to the inquiry of the path."""

    async def do(call: Call, asked: BaseModel) -> shapes.Done:
        inquiry_id, form = await wanted(call), form_of(asked)
        try:
            done = await perform(call, inquiry_id, what, form)
        except WishError as error:
            raise wrong(call, error) from None
        except ChangedMeanwhileError as error:
            raise await _conflict(call, error) from None
        except KeyError:
            raise problem.not_found(call.lang) from None
        said = words_for(call).you(what, done.details, done.inquiry.code)
        (inquiry,) = await these(call, [inquiry_id])
        return shapes.Done(inquiry=inquiry, event=as_uuid(done.event) if done.event else None, said=said)

    return do


def wrong(call: Call, error: WishError, under: str = "") -> ProblemError:
    """A field that means nothing, in the words of the pages."""
    field = {"link": "target"}.get(error.field, error.field)
    return problem.invalid(
        call.lang, Mistake(place="body", path=f"{under}/{field}", said=words_for(call).wrong(error.field))
    )


async def note(call: Call, asked: asks.Note) -> shapes.Done:
    """With an Idempotency-Key it is written once."""
    inquiry_id, once = await wanted(call), asked_once(call, asked)
    try:
        done = await perform(call, inquiry_id, "note", form_of(asked), once)
    except WishError as error:
        raise wrong(call, error) from None
    except KeyUsedError:
        raise key_used(call) from None
    except KeyError:
        raise problem.not_found(call.lang) from None
    said = words_for(call).you("note", done.details, done.inquiry.code)
    (inquiry,) = await these(call, [inquiry_id])
    return shapes.Done(inquiry=inquiry, event=as_uuid(done.event) if done.event else None, said=said)


async def _conflict(call: Call, error: ChangedMeanwhileError) -> ProblemError:
    this = error.inquiry
    said, take = await who_was_quicker(call, error)
    name = "changed"
    if isinstance(error, AtWorkError):
        name, said = "at-work", words_for(call).at_work(this.owner or "")
    (inquiry,) = await these(call, [this.inquiry_id])
    return ProblemError(name, said, inquiry=inquiry, take=take)


# -- what concerns nobody else ---------------------------------------------------------------------


async def ask(call: Call, _: None) -> shapes.Done:
    inquiry_id = await wanted(call)
    said = await ask_owner(call, inquiry_id)
    return await _as_it_is(call, inquiry_id, said)


async def mark_read(call: Call, _: None) -> shapes.Done:
    inquiry_id = await wanted(call)
    page = await inquiry_page.read(call, inquiry_id)
    await asyncio.to_thread(call.site.desk.mark_read, call.user.name, inquiry_id, page.row.inquiry.seen_at)
    return await _as_it_is(call, inquiry_id, "")


async def mark_unread(call: Call, _: None) -> shapes.Done:
    inquiry_id = await wanted(call)
    await asyncio.to_thread(call.site.desk.mark_unread, call.user.name, inquiry_id)
    return await _as_it_is(call, inquiry_id, call.gettext("Unread again, for you"))


async def _as_it_is(call: Call, inquiry_id: Id, said: str) -> shapes.Done:
    found = await these(call, [inquiry_id])
    if not found:
        raise problem.not_found(call.lang)
    return shapes.Done(inquiry=found[0], event=None, said=said)


# -- flags, incidents, sources ---------------------------------------------------------------------


async def judge(call: Call, asked: asks.Judge) -> around.Flags:
    """A lead says what a flagged link or account is."""
    site, who = call.site, call.user.name
    try:
        flag = as_written(call.request.path_params["flag"])
        changed = await site.db.write(lambda con: decide(con, site.settings, flag, who, site.clock(), asked.verdict))
    except (ValueError, KeyError):
        raise problem.not_found(call.lang) from None
    site.stream.publish(changed)
    return await all_flags(call, None)


def incident_deed(what: What) -> Handler:
    """What does this to the incident of the path."""

    async def do(call: Call, asked: asks.IncidentDeed) -> around.IncidentDetail:
        incident = await incidents.called(call, call.request.path_params["incident"])
        named = [await inquiry_page.called(call, one.removeprefix("#")) for one in asked.inquiries]
        into = await incidents.called(call, asked.into) if asked.into else None
        try:
            await incidents.perform(call, incident, what, named, into)
        except NotPossibleError:
            raise ProblemError("not-possible", call.gettext("Look at it again: it may be merged, or ended.")) from None
        return await one_incident(call, None)

    return do


def source_deed(what: str) -> Handler:
    """What does this to the source of the path."""

    async def do(call: Call, _: None) -> around.Sources:
        try:
            await connectors.perform(call, call.request.path_params["source"], what)
        except KeyError:
            raise problem.not_found(call.lang) from None
        return await all_sources(call, None)

    return do


# -- all of them -----------------------------------------------------------------------------------


def _deed(what: str, summary: str, body: type[BaseModel], problems: tuple[str, ...] = CHANGED) -> Operation:
    return acts(what, f"/inquiries/{{inquiry}}/{what}", summary, deed(what), shapes.Done, body=body, problems=problems)


def _incident_deed(what: What, summary: str) -> Operation:
    path = f"/incidents/{{incident}}/{what}"
    return acts(
        f"{what}Incident",
        path,
        summary,
        incident_deed(what),
        around.IncidentDetail,
        body=asks.IncidentDeed,
        problems=("not-possible",),
    )


def _source_deed(what: str, summary: str) -> Operation:
    return acts(f"{what}Source", f"/sources/{{source}}/{what}", summary, source_deed(what), around.Sources, who="lead")


OPERATIONS = (
    _deed("claim", N_("Claim it"), asks.Seen),
    _deed("take", N_("Take it over from a colleague"), asks.Seen, AT_WORK),
    _deed("assign", N_("Assign it to somebody"), asks.Assign, AT_WORK),
    _deed("release", N_("Release it"), asks.Seen),
    _deed("wait", N_("Wait for the customer"), asks.Seen),
    _deed("snooze", N_("Snooze it"), asks.Snooze),
    _deed("close", N_("Close it"), asks.Close),
    _deed("reopen", N_("Reopen it"), asks.Seen),
    _deed("label", N_("Set its kind and tags"), asks.Label),
    _deed("band", N_("Set its band, with a reason"), asks.SetBand),
    _deed("merge", N_("Put it into an incident"), asks.Merge),
    _deed("part", N_("Take it out of its incident"), asks.Seen),
    acts(
        "note",
        "/inquiries/{inquiry}/note",
        N_("Write a note for colleagues"),
        note,
        shapes.Done,
        body=asks.Note,
        once=True,
    ),
    _deed("flag", N_("Flag a link or an account in it"), asks.FlagIt, ()),
    acts("ask", "/inquiries/{inquiry}/ask", N_("Ask its owner for it"), ask, shapes.Done),
    acts("read", "/inquiries/{inquiry}/read", N_("Mark it as read, for oneself"), mark_read, shapes.Done, who="viewer"),
    acts(
        "unread",
        "/inquiries/{inquiry}/unread",
        N_("Mark it as unread, for oneself"),
        mark_unread,
        shapes.Done,
        who="viewer",
    ),
    acts(
        "judgeFlag", "/flags/{flag}", N_("Say what a flagged one is"), judge, around.Flags, body=asks.Judge, who="lead"
    ),
    _incident_deed("remove", N_("Take inquiries out of an incident")),
    _incident_deed("add", N_("Put inquiries into an incident")),
    _incident_deed("split", N_("Split inquiries off an incident")),
    _incident_deed("merge", N_("Merge an incident with another one")),
    _incident_deed("unmerge", N_("Undo the merging")),
    _incident_deed("end", N_("End an incident")),
    _incident_deed("reopen", N_("Reopen an incident")),
    _source_deed("pause", N_("Pause a source")),
    _source_deed("resume", N_("Let a source go on")),
    _source_deed("look", N_("Poll a source now")),
)
