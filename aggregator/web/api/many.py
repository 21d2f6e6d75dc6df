"""The same for many inquiries at once, and taking back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aggregator.acting.deeds import batch_id
from aggregator.acting.once import KeyUsedError, done_before
from aggregator.acting.wishes import WishError
from aggregator.identity import as_uuid
from aggregator.store.matching import MOST
from aggregator.web.api import asks, problem, shapes
from aggregator.web.api.acting import form_of, wrong
from aggregator.web.api.once import asked_once, key_used
from aggregator.web.api.operation import acts
from aggregator.web.api.problem import Mistake, ProblemError
from aggregator.web.api.reading import these
from aggregator.web.bulk import ASK_FROM, matched, named_in, perform_many, refusals, summary, take_back, to_take_back
from aggregator.web.doing import deed_of, words_for
from aggregator.web.i18n import N_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aggregator.acting.deeds import Refused
    from aggregator.identity import Id
    from aggregator.web.api.caller import Call

_ROWS = 200  # that are sent along as they are now


async def bulk(call: Call, asked: asks.Bulk) -> shapes.ManyDone:
    """Each for itself. With an Idempotency-Key each once: what was cut off goes on where it was."""
    details, once = form_of(asked.details), asked_once(call, asked)
    try:
        deed = await deed_of(call, asked.what, details, once or batch_id())
        before = await call.site.db.read(lambda con: done_before(con, once)) if once else {}
    except WishError as error:
        raise wrong(call, error, "/details") from None
    except KeyUsedError:
        raise key_used(call) from None
    items, named = [one for one in await _items(call, asked) if one[0] not in before], named_in(deed, details)
    count = len(items) + len(before)
    if count > ASK_FROM and asked.sure != count and not before:
        said = words_for(call).sure(deed.what, named, count)
        raise ProblemError("confirm", said, count=count)
    result = await perform_many(call, deed, items)
    told, done = await refusals(call, result.refused), len(result.done) + len(before)
    return shapes.ManyDone(
        done=done,
        same=len(result.same),
        gone=result.gone,
        refused=_refused(told),
        batch=as_uuid(deed.batch) if done and deed.batch else None,
        said=summary(call, words_for(call).many(deed.what, named, done), result, told),
    )


async def undo(call: Call, asked: asks.Undo) -> shapes.Undone:
    """Refused, if anything else has happened to the inquiry since."""
    if asked.event and asked.batch:
        raise problem.invalid(call.lang, _mistake("/batch", call.gettext("An event, or a lot: not both.")))
    events: list[Id] = [asked.event.bytes] if asked.event else []
    events = events or await to_take_back(call, asked.batch.bytes if asked.batch else None)
    if not events:
        return shapes.Undone(done=0, refused=(), inquiries=())
    result = await take_back(call, events)
    refused = await _told(call, result.refused)
    return shapes.Undone(
        done=len(result.done),
        refused=refused,
        inquiries=await these(call, [done.inquiry.inquiry_id for done in result.done][:_ROWS]),
    )


async def _items(call: Call, asked: asks.Bulk) -> Sequence[tuple[Id, int]]:
    """Raises ProblemError: it says not, or twice, which inquiries it means, or means too many."""
    if (asked.items is None) is (asked.query is None):
        said = call.gettext("Say which inquiries: either as items, or as a query with as_of.")
        raise problem.invalid(call.lang, _mistake("/items", said))
    if asked.items is not None:
        return tuple({one.id.bytes: one.ver for one in asked.items}.items())
    if asked.as_of is None:
        said = call.gettext("Say when you saw the view; what is newer is left out.")
        raise problem.invalid(call.lang, _mistake("/as_of", said))
    items = await matched(call, asked.query or "", datetime.fromtimestamp(asked.as_of, UTC))
    if len(items) > MOST:
        said = call.gettext("More than %(n)s match; narrow the view first") % {"n": f"{MOST:,}"}
        raise problem.invalid(call.lang, _mistake("/query", said))
    return items


def _mistake(path: str, said: str) -> Mistake:
    return Mistake(place="body", path=path, said=said)


async def _told(call: Call, refused: Sequence[Refused]) -> tuple[shapes.Refusal, ...]:
    return _refused(await refusals(call, refused))


def _refused(told: Sequence[dict[str, str]]) -> tuple[shapes.Refusal, ...]:
    return tuple(shapes.Refusal.model_validate(one) for one in told)


OPERATIONS = (
    acts(
        "bulk",
        "/bulk",
        N_("The same deed for many inquiries"),
        bulk,
        shapes.ManyDone,
        body=asks.Bulk,
        problems=("confirm",),
        once=True,
    ),
    acts("undo", "/undo", N_("Take something back"), undo, shapes.Undone, body=asks.Undo, problems=("not-found",)),
)
