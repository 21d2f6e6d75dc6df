"""Signatures after the Standard Webhooks specification 1.0 (symmetric, v1): https://www.standardwebhooks.com"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

PREFIX: Final = "whsec_"
SHORTEST, LONGEST = 24, 64  # bytes of a key


def key_of(secret: str) -> bytes | None:
    """The key that a secret spells; None: it spells none."""
    if not secret.startswith(PREFIX):
        return None
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        return None
    return key if SHORTEST <= len(key) <= LONGEST else None


def headers(message_id: str, body: bytes, sent_at: datetime, keys: Sequence[bytes]) -> dict[str, str]:
    """What goes with one attempt; a signature by each key."""
    moment = str(int(sent_at.timestamp()))
    signed = b".".join((message_id.encode(), moment.encode(), body))
    signatures = (base64.b64encode(hmac.digest(key, signed, sha256)).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": moment,
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }
