"""What Weibo's error codes mean for us. https://open.weibo.com/wiki/Error_code

A failure is told as `{"request": path, "error_code": 10023, "error": sentence}` beside 400 or 403, and by some hosts
beside 200. The code is a number, in old answers a string of digits.
"""

from __future__ import annotations

from datetime import UTC, datetime

from connectors.errors import AuthError, ConnectorError, SourceGoneError, ThrottledError, TransientError
from connectors.secret import Secret
from connectors.session import Json
from connectors.weibo.times import next_midnight
from connectors.wording import worded

ADDRESS_SPENT = frozenset({10004, 10022})
ACCOUNT_SPENT = 10023
ENDPOINT_SPENT = 10024
REFUSED = worded(
    {
        10006: "it is missing or unknown",
        21301: "it was not accepted",
        21314: "it was used before",
        21315: "it has expired",
        21316: "it was revoked",
        21317: "it was rejected",
        21319: "the account took our right back",
        21322: "the app's redirect address differs",
        21323: "the login was incomplete",
        21324: "the app is unknown",
        21325: "the login has expired",
        21327: "it has expired",
        21330: "the account denied access",
        21332: "it is no token",
    }
)
NOT_ALLOWED = worded(
    {
        10005: "the app has no access to it",
        10012: "Weibo calls the request illegal",
        10013: "the account is no valid user",
        10014: "the app lacks the permission",
        20003: "the account does not exist",
        20008: "a parameter is not accepted",
        20012: "a parameter is too long",
        21321: "the app was not reviewed yet, and the account is none of its test users",
    }
)
GONE = frozenset({20101, 20112, 20201})


class NotAllowedError(AuthError):
    """This endpoint only: the app or the account may not use it."""


class EndpointSpentError(TransientError):
    """This endpoint only: no calls are left today."""


def failure(body: Json, credential: Secret, now: datetime) -> ConnectorError | None:
    """The failure that an answer tells; None: it tells none."""
    code = code_of(body)
    if code is None:
        return None
    if code in REFUSED:
        return AuthError(
            f"Weibo refused the token {credential} ({code}: {REFUSED[code]}): authorise the app anew with our "
            "account, and put the new token there"
        )
    if code in NOT_ALLOWED:
        return NotAllowedError(f"{NOT_ALLOWED[code]} ({code})")
    if code in GONE:
        return SourceGoneError(f"Weibo no longer shows it ({code})")
    if code == ENDPOINT_SPENT:
        return EndpointSpentError("Weibo allows no more calls of this kind today (10024)")
    if code == ACCOUNT_SPENT:
        wait = (next_midnight(now) - now).total_seconds()
        return ThrottledError("Weibo allows our account no more calls today (10023): lower calls_per_day", wait)
    if code in ADDRESS_SPENT:
        wait = 3600 - now.astimezone(UTC).timestamp() % 3600
        return ThrottledError(f"Weibo allows this machine's address no more calls in this hour ({code})", wait)
    return TransientError(f"Weibo reports its error {code}")


def code_of(body: Json) -> int | None:
    """The error code of an answer; None: it tells none."""
    code = body.get("error_code") if isinstance(body, dict) else None
    if isinstance(code, bool) or not isinstance(code, int | str) or not str(code).isdecimal():
        return None
    return int(code) or None
