"""QQ's calls to us: are they genuine, and what must be answered?

https://bot.q.qq.com/wiki/develop/api-v2/dev-prepare/interface-framework/event-emit.html
"""

from __future__ import annotations

import json
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.contract import Push, Received, Record
from connectors.errors import PushRefusedError
from connectors.session import Json, parse_json

EVENT, HEARTBEAT, HEARTBEAT_TAKEN, EVENT_TAKEN, VALIDATION = 0, 1, 11, 12, 13
SEED = 32  # bytes


def signing_key(secret: str) -> Ed25519PrivateKey:
    """The key that QQ and we make of the bot's secret: repeated until it is long enough, and cut."""
    seed = secret.encode()
    return Ed25519PrivateKey.from_private_bytes((seed * (SEED // max(1, len(seed)) + 1))[:SEED])


def receive(source: str, push: Push, app_id: str, secret: str) -> tuple[Record | None, Received]:
    """The event of a call, if it brings one, and the answer without records.

    Raises:
        PushRefusedError: it is not signed with the bot's secret, for another bot, or not in the form of QQ's calls.
    """
    key = signing_key(secret)
    _verify(source, push, app_id, key)
    try:
        payload = parse_json(push.body)
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        raise PushRefusedError(f"{source}: a signed call that is no JSON object", status=400)
    op = payload.get("op")
    if op == VALIDATION:
        return None, _answer(_validated(source, payload.get("d"), key))
    if op == HEARTBEAT:
        return None, _answer({"op": HEARTBEAT_TAKEN, "d": payload.get("d")}, heard=True)
    return payload if op == EVENT else None, _answer({"op": EVENT_TAKEN, "d": 0}, heard=True)


def _verify(source: str, push: Push, app_id: str, key: Ed25519PrivateKey) -> None:
    told = push.headers.get("x-bot-appid", "")
    if told != app_id:
        raise PushRefusedError(f"{source}: a webhook call for another bot than {app_id}")
    try:
        signature = bytes.fromhex(push.headers.get("x-signature-ed25519", ""))
        # Over the bytes: QQ writes JSON otherwise than we would.
        signed = push.headers.get("x-signature-timestamp", "").encode() + push.body
        key.public_key().verify(signature, signed)
    except (ValueError, InvalidSignature):
        raise PushRefusedError(
            f"{source}: a webhook call does not bear QQ's signature: is the secret the bot's AppSecret?"
        ) from None


def _validated(source: str, asked: Json, key: Ed25519PrivateKey) -> dict[str, str]:
    """The answer to QQ's trial of the address.

    We sign what the caller says. Whoever could have us sign anything could have a false event signed, for those bear
    the same signature over a time and a body; a body is a JSON object, and so no plain word.
    """
    token, at = (asked.get("plain_token"), asked.get("event_ts")) if isinstance(asked, dict) else (None, None)
    if not (isinstance(token, str) and isinstance(at, str)):
        raise PushRefusedError(f"{source}: a validation call without token or time", status=400)
    if not (re.fullmatch(r"[\w-]{1,128}", token, re.ASCII) and re.fullmatch(r"\d{1,20}", at, re.ASCII)):
        raise PushRefusedError(f"{source}: a validation call that asks us to sign something else", status=400)
    return {"plain_token": token, "signature": key.sign((at + token).encode()).hex()}


def _answer(body: Json, *, heard: bool = False) -> Received:
    return Received([], body=json.dumps(body).encode(), content_type="application/json", heard=heard)
