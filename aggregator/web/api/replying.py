"""Answering: into the outbox, which sends it once the time for taking it back has passed."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel

from aggregator.acting.compare_and_set import ChangedMeanwhileError
from aggregator.outbox import SaidMeanwhileError, TooLateError
from aggregator.web import replies
from aggregator.web.api import asks, problem, shapes, writing
from aggregator.web.api.acting import Handler
from aggregator.web.api.once import key_of
from aggregator.web.api.operation import Operation, acts
from aggregator.web.api.problem import ProblemError
from aggregator.web.api.reading import these, wanted
from aggregator.web.doing import who_was_quicker
from aggregator.web.i18n import N_
from connectors.errors import ReplyRefusedError

if TYPE_CHECKING:
    from aggregator.identity import Id
    from aggregator.outbox import Row
    from aggregator.web.api.caller import Call
    from aggregator.web.objections import Objection

_NO_BOX = "0"
"""The version of a draft that no box has begun from: what its owner writes at a page stays, unless it is this."""


async def reply(call: Call, asked: asks.Reply) -> shapes.Answer:
    """With an Idempotency-Key, the same answer is taken once, however often it is sent, also over a restart."""
    inquiry_id, key = await wanted(call), _key(call)
    text = asked.text.replace("\r\n", "\n").strip()
    if key and (before := await call.site.db.read(lambda con: call.site.outbox.taken(con, inquiry_id, key))):
        return _same(call, before, text)
    try:
        taken = await replies.take(call, inquiry_id, text, asked.seen, asked.ver, asked.confirmed, key)
    except replies.ObjectedError as error:
        raise _objected(error.found) from None
    except ChangedMeanwhileError as error:
        said, take = await who_was_quicker(call, error)
        raise await _conflict(call, "changed", inquiry_id, said, take=take) from None
    except SaidMeanwhileError as error:
        raise await _conflict(call, "answered", inquiry_id, replies.said_meanwhile(call, error)) from None
    await replies.draft_done(call, inquiry_id, text, _NO_BOX)
    return _same(call, taken, text)


def settle(what: str) -> Handler:
    """What does this to the answer of the path."""

    async def do(call: Call, _: BaseModel | None) -> shapes.Answer:
        try:
            outbox_id = UUID(call.request.path_params["answer"])
            done, _draft = await replies.settle(call, outbox_id, what)
        except (ValueError, KeyError):
            raise problem.not_found(call.lang) from None
        except TooLateError as error:
            raise ProblemError("settled", replies.too_late(call, error)) from None
        except SaidMeanwhileError as error:
            inquiry_id = (await call.site.outbox.find(outbox_id)).inquiry_id.bytes
            raise await _conflict(call, "answered", inquiry_id, replies.said_meanwhile(call, error)) from None
        except ReplyRefusedError as error:
            raise _objected([replies.refused(call, error)]) from None
        return writing.answer(done, call.lang)

    return do


def _key(call: Call) -> str:
    """As the outbox keeps it: 32 letters and digits that no other caller's key can give. Empty: none was sent."""
    sent = key_of(call)
    return blake2b(f"{call.user.name}\0{sent}".encode(), digest_size=16).hexdigest() if sent else ""


def _same(call: Call, taken: Row, text: str) -> shapes.Answer:
    if taken.text != text:
        raise ProblemError("key-used", call.gettext("Another text was sent with it. Make a new key for each answer."))
    return writing.answer(taken, call.lang)


def _objected(found: Sequence[Objection]) -> ProblemError:
    said = " ".join(each["said"] for each in found)
    return ProblemError("objections", said, findings=writing.findings(found))


async def _conflict(call: Call, name: str, inquiry_id: Id, said: str, *, take: bool = False) -> ProblemError:
    (inquiry,) = await these(call, [inquiry_id])
    return ProblemError(name, said, inquiry=inquiry, take=take)


def _settles(what: str, name: str, summary: str, problems: tuple[str, ...] = ()) -> Operation:
    path = f"/outbox/{{answer}}/{what}"
    return acts(name, path, summary, settle(what), shapes.Answer, problems=("settled", *problems))


OPERATIONS = (
    acts(
        "reply",
        "/inquiries/{inquiry}/reply",
        N_("Answer the customer"),
        reply,
        shapes.Answer,
        body=asks.Reply,
        problems=("changed", "answered", "objections"),
        status=202,
        once=True,
    ),
    _settles("undo", "undoReply", N_("Take an answer back before it is sent")),
    _settles("again", "sendAgain", N_("Send a refused answer once more"), ("answered", "objections")),
    _settles("was-sent", "wasSent", N_("Say that an answer has arrived")),
    _settles("dismiss", "dismissReply", N_("Put a refused answer away")),
)
