"""WeChat reports failure inside a 200, by `errcode`. Here each code becomes an error that says what happens next.

https://developers.weixin.qq.com/doc/offiaccount/Getting_Started/Global_Return_Code.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from connectors.errors import AuthError, ConnectorError, ThrottledError, TransientError
from connectors.session import Json
from connectors.wording import worded

STALE_TOKEN: Final = frozenset({40001, 40014, 41001, 42001, 42007})
"""The access token is not, or no longer, the right one."""
BUSY: Final = -1
TOO_OFTEN: Final = 45011
SPENT: Final = 45009  # by official accounts for a day's calls, by customer service for a minute's
A_MINUTE: Final = 60.0
NOT_LISTED: Final = frozenset({40164, 60020})  # this machine's address
NO_SUCH_ITEM: Final = frozenset({88001, 88002, 88004, 88008, 95000})  # article, comment, customer-service account
NOT_READY: Final = frozenset({61501, 61503})  # statistics of a day that is not over, or not yet counted
NOT_PERMITTED: Final[Mapping[int, str]] = worded(
    {
        48001: "the account may not call this API: it needs a verified account with this privilege",
        48002: "the secret may not call this API: give it the right in the console",
        48004: "WeChat has banned the account from this API: see the notices in its console",
        65400: "the account does not use the customer-service feature: enable it, or set agent_chats: none",
        76021: "WeChat does not say how many calls are left",
        76022: "WeChat does not say how many calls are left",
        88000: "the account has no comment privilege: ask for it in the console, or set comments: false",
    }
)
MISCONFIGURED: Final[Mapping[int, str]] = worded(
    {
        40013: "the appid or corpid is not known: write the account's own",
        40125: "the secret is wrong: renew it",
        40243: "the secret is frozen: unfreeze it in the console, or renew it",
        50002: "the account is limited: see the notices in its console",
        50007: "the account is frozen: see the notices in its console",
        61024: "the account is run by a third-party platform, which must fetch its tokens",
    }
)
_RID: Final = re.compile(r"\b(rid: [0-9A-Za-z-]{3,60}|hint: \[[0-9A-Za-z]{3,60}\])")
_ADDRESS: Final = re.compile(r"(?:invalid ip|from ip:) ([0-9A-Fa-f.:]{3,45})")


class NotPermittedError(AuthError):
    """The account may not call this one API; its others work."""


class QuotaSpentError(TransientError):
    """Today's calls of this one API are used up; its others work."""


class NotReadyError(TransientError):
    """Statistics that are there later."""


class NoSuchItemError(ConnectorError):
    """The article, comment or customer-service account that was asked for is gone."""


def errcode(answer: Json) -> int:
    """0: success, told or not."""
    code = answer.get("errcode") if isinstance(answer, dict) else None
    return code if isinstance(code, int) else 0


def failure(answer: Json, *, credential: str, daily: bool = True, login: bool = False) -> ConnectorError | None:
    """The failure in an answer, or None.

    Args:
        credential: where a person finds the secret.
        daily: 45009 means a day's calls, not a minute's.
        login: the answer is that of the token's own request.
    """
    if not isinstance(answer, dict):
        return TransientError("WeChat's answer is no JSON object")
    code = errcode(answer)
    if code == 0:
        return None
    message = str(answer.get("errmsg", ""))
    # What WeChat's support asks for.
    rid = f", {found[1]}" if (found := _RID.search(message)) else ""
    return _by_class(code, rid, message, credential, daily, login)


def _by_class(code: int, rid: str, message: str, credential: str, daily: bool, login: bool) -> ConnectorError:
    if code in NOT_PERMITTED:
        return NotPermittedError(f"{NOT_PERMITTED[code]} (errcode {code}{rid})")
    if code in NOT_READY:
        return NotReadyError(f"WeChat has not counted that day yet (errcode {code}{rid})")
    if code in NO_SUCH_ITEM:
        return NoSuchItemError(f"WeChat no longer has it (errcode {code}{rid})")
    if code in NOT_LISTED:
        address = f" {found[1]}" if (found := _ADDRESS.search(message)) else ""
        return AuthError(
            f"WeChat does not know this machine's address{address}: add it to the IP white-list (errcode {code}{rid})"
        )
    if code in MISCONFIGURED or (login and code in STALE_TOKEN):
        why = MISCONFIGURED.get(code, worded("the secret is wrong, or of another account: renew it"))
        return AuthError(f"WeChat refused {credential}: {why} (errcode {code}{rid})")
    if code in STALE_TOKEN:
        return TransientError(
            f"WeChat refuses the access token that it has just given us for {credential}: does another program call "
            f"/cgi-bin/token for the same account, or was the secret changed? (errcode {code}{rid})"
        )
    if code == TOO_OFTEN or (code == SPENT and not daily):
        return ThrottledError(f"WeChat asks us to wait a minute (errcode {code}{rid})", retry_after=A_MINUTE)
    if code == SPENT:
        return QuotaSpentError(
            f"today's calls of this API are used up; WeChat counts anew at 00:00 +08:00 (errcode {code}{rid})"
        )
    if code == BUSY:
        return TransientError(f"WeChat is busy (errcode {code}{rid})")
    return TransientError(f"WeChat answered with a failure that we do not know (errcode {code}{rid})")
