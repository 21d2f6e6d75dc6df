"""Answering in WeChat customer service. https://developer.work.weixin.qq.com/document/path/94677

What the API has sent is never told by it: nobody can be asked whether an answer has arrived. A message that fails
afterwards is told, see `reading.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from connectors.contract import Record
from connectors.errors import ConnectorError, ReplyRefusedError, ThrottledError
from connectors.replying import Asked, Outgoing, Sent, Why, Window, nothing_sent
from connectors.session import Json, Translate
from connectors.wechat_api.errcode import errcode
from connectors.wechat_api.refusals import refusal
from connectors.wechat_kf.desk import Desk
from connectors.wechat_kf.reading import REPLY_WITHIN

LONGEST: Final = 2048  # bytes
MOST: Final = 5  # answers to what a customer wrote last
AT_ONCE: Final = 45033  # other calls of the company are under way
A_WHILE: Final = 5.0  # seconds
_MEANS: Final[Mapping[int, Why]] = {
    40096: "gone",  # the customer
    95001: "too_many",
    95002: "window_over",
    95013: "closed",
    95017: "no_right",  # the API is switched off in the console
    95018: "taken",
}
_WAITS, _SERVED = 2, 3  # service_state: in the queue for a colleague, talking to one
_NOT_OURS: Final = frozenset({_WAITS, _SERVED})


def place(asked: Asked) -> tuple[str, str] | None:
    """The customer-service account and the customer; None: the record does not tell."""
    message: Record = asked.record.get("message") or {}
    account, customer = message.get("open_kfid"), message.get("external_userid")
    return (account, customer) if isinstance(account, str) and isinstance(customer, str) else None


def window(asked: Asked, now: datetime) -> Window:
    until = asked.posted_at + REPLY_WITHIN
    if place(asked) is None:
        return Window("gone")
    why: Why | None = "window_over" if until <= now else None
    return Window(why, until=until, left=MOST - asked.answers, longest=LONGEST, unit="bytes")


async def reply(desk: Desk, outgoing: Outgoing) -> Sent:
    """Send it. Raises as `Replying.reply`."""
    if (there := place(outgoing.to)) is None:
        raise ReplyRefusedError("gone")
    account, customer = there
    with nothing_sent():
        await desk.logged_in()
    try:
        made = await desk.send(account, customer, outgoing.key, outgoing.text, refused_by(desk.credential))
    except ReplyRefusedError as refused:
        if refused.why == "taken":
            raise await _who_has_it(desk, account, customer, refused) from None
        raise
    told = made.get("msgid") if isinstance(made, dict) else None
    return Sent(told if isinstance(told, str) and told else outgoing.key)


async def _who_has_it(desk: Desk, account: str, customer: str, refused: ReplyRefusedError) -> ReplyRefusedError:
    """Whether a colleague serves the customer, or nobody does any more."""
    try:
        state, colleague = await desk.service_state(account, customer)
    except ConnectorError:
        return refused
    if state not in _NOT_OURS:
        return ReplyRefusedError("closed", refused.detail)
    return ReplyRefusedError("taken", f"{colleague or 'WeCom'}: {refused.detail}")


def refused_by(credential: str) -> Translate:
    """What WeChat's answer to an answer means."""
    otherwise = refusal(_MEANS, credential=credential, daily=False)

    def translate(told: Json) -> ConnectorError | None:
        if errcode(told) == AT_ONCE:
            return ThrottledError("WeChat takes no more calls at once", retry_after=A_WHILE)
        return otherwise(told)

    return translate
