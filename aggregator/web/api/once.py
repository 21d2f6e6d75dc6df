"""The header Idempotency-Key: what it must look like, and what it stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aggregator.acting.once import lot_of
from aggregator.web.api import asks, problem
from aggregator.web.api.problem import Mistake, ProblemError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from aggregator.identity import Id
    from aggregator.web.api.caller import Call


def key_of(call: Call) -> str:
    """As it was sent. Empty: none was.

    Raises:
        ProblemError: it cannot be one.
    """
    sent = call.request.headers.get("idempotency-key")
    if sent is None:
        return ""
    if not 0 < len(sent) <= asks.LONGEST_KEY or not sent.isascii() or not sent.isprintable() or " " in sent:
        said = call.gettext("1 to 200 visible ASCII characters.")
        raise problem.invalid(call.lang, Mistake(place="header", path="Idempotency-Key", said=said))
    return sent


def asked_once(call: Call, asked: BaseModel) -> Id | None:
    """The batch of what is asked for; None: without a key it is done as often as it is sent."""
    key = key_of(call)
    return lot_of(call.user.name, key, f"{call.request.url.path}\0{asked.model_dump_json()}") if key else None


def key_used(call: Call) -> ProblemError:
    return ProblemError("key-used", call.gettext("Something else was sent with it. Make a new key for each call."))
