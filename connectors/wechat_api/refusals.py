"""What WeChat means when it does not take an answer of ours, by its errcode."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from connectors.errors import AuthError, ConnectorError, NotSentError, ReplyRefusedError, TransientError
from connectors.replying import Why
from connectors.session import Json
from connectors.wechat_api.errcode import (
    BUSY,
    STALE_TOKEN,
    NoSuchItemError,
    NotPermittedError,
    QuotaSpentError,
    errcode,
    failure,
)

MOST_SAID: Final = 200  # characters of WeChat's own words
ANYWHERE: Final[Mapping[int, Why]] = {
    44004: "too_short",
    45002: "too_long",
    50002: "no_right",  # the account is limited
    87014: "words",
}


def refusal(
    known: Mapping[int, Why], *, credential: str, daily: bool = True
) -> Callable[[Json], ConnectorError | None]:
    """Reads the answer to an answer. `known`: what codes mean for this call, besides those that mean the same
    everywhere; `daily`: see `failure`."""

    def translate(told: Json) -> ConnectorError | None:
        code = errcode(told)
        said = str(told.get("errmsg", ""))[:MOST_SAID] if isinstance(told, dict) else ""
        if (why := known.get(code) or ANYWHERE.get(code)) is not None:
            return ReplyRefusedError(why, f"{said} ({code})")
        error = failure(told, credential=credential, daily=daily)
        match error:
            case None:
                return None
            case NotPermittedError():
                return ReplyRefusedError("no_right", str(error))
            case NoSuchItemError():
                return ReplyRefusedError("gone", f"{said} ({code})")
            case QuotaSpentError():
                return ReplyRefusedError("spent", str(error))
            case AuthError():
                return error
        if code in STALE_TOKEN:
            return NotSentError(str(error))
        # Whoever names a code has not sent it; who is busy may have.
        if code not in (0, BUSY) and type(error) is TransientError:
            return ReplyRefusedError("other", f"{said} ({code})")
        return error

    return translate
