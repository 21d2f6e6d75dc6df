"""Is a call genuine? Signatures go over the bytes as they came, never over JSON that was written again."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime

from connectors.contract import Push
from connectors.errors import AuthError, PushRefusedError
from connectors.secret import Secret

TOLERANCE = 300  # seconds between the sender's clock and ours


def signed_at(push: Push, secrets: Sequence[Secret], *, prefix: str, now: float) -> datetime:
    """When the call was signed, by `<prefix>-timestamp` and `<prefix>-signature`.

    Args:
        secrets: any of them will do, so that a key can be changed without a pause.
        now: Unix seconds.

    Raises:
        PushRefusedError: 401, stale or not signed by any of them; 503, none of them can be read.
    """
    stamp = push.headers.get(f"{prefix}-timestamp", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 11) or abs(int(stamp) - now) > TOLERANCE:
        raise PushRefusedError(f"a call whose timestamp is absent or more than {TOLERANCE} s away", 401)
    check(push.headers.get(f"{prefix}-signature", ""), secrets, stamp.encode() + b"." + push.body, "sha256")
    return datetime.fromtimestamp(int(stamp), UTC)


def check(given: str, secrets: Sequence[Secret], signed: bytes, digest: str) -> None:
    """Raises PushRefusedError: `given` is not `<digest>=<hex HMAC>` of `signed`, by any of the secrets."""
    genuine = False
    for secret in _accepted(secrets):
        expected = f"{digest}={hmac.new(secret.encode(), signed, getattr(hashlib, digest)).hexdigest()}"
        genuine |= hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
    if not genuine:
        raise PushRefusedError("a call that does not bear our signature: is its secret the same as ours?", 401)


def check_token(given: str, token: Secret) -> None:
    """Raises PushRefusedError: the address that was called does not hold the token."""
    genuine = False
    for secret in _accepted([token]):
        genuine |= hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())
    if not genuine:
        raise PushRefusedError("a call to an address without the right token", 401)


def _accepted(secrets: Sequence[Secret]) -> list[str]:
    try:
        return [each for secret in secrets for each in secret.accepted()]
    except AuthError as error:
        # 503, so that a sender which repeats its calls does so until the secret is back.
        raise PushRefusedError(f"a call cannot be checked: {error}", 503) from error
