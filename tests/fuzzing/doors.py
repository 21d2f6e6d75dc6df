"""Every door for platforms that call us: genuine calls with whatever in them, and calls that are not genuine."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final
from unittest.mock import patch

import connectors.chat.chatwoot
from connectors.chat.intake import Intake
from connectors.contract import Push, PushConnector, Record
from connectors.errors import ConnectorError
from connectors.qq_bot.webhook import signing_key
from connectors.wechat_api.crypto import Envelope, signature
from connectors.wechat_api.message import composed
from tests.fuzzing.draw import TEXTS, Draw, as_json, changed
from tests.fuzzing.reading import reader
from tests.fuzzing.records import stored
from tests.fuzzing.sources import AES_KEY, SECRET, samples, source
from tests.fuzzing.target import NOON, SAMPLES, Feed, Target, moments

STAMP: Final = str(int(NOON.timestamp()))
Signs = Callable[[bytes, Draw], Push]
"""A genuine call with this body."""


def _hmac(digest: str, body: bytes) -> str:
    return f"{digest}={hmac.new(SECRET.encode(), body, getattr(hashlib, digest)).hexdigest()}"


def _discourse(body: bytes, draw: Draw) -> Push:
    event = draw.one_of(("post_created", "post_edited", "post_destroyed", "post_recovered", "ping"))
    return Push("POST", {"x-discourse-event": event, "x-discourse-event-signature": _hmac("sha256", body)}, {}, body)


def _telegram(body: bytes, _: Draw) -> Push:
    return Push("POST", {"x-telegram-bot-api-secret-token": SECRET}, {}, body)


def _qq(body: bytes, _: Draw) -> Push:
    return Push("POST", {"x-signature": _hmac("sha1", body)}, {}, body)


def _qq_bot(body: bytes, _: Draw) -> Push:
    signed = signing_key(SECRET).sign(STAMP.encode() + body).hex()
    headers = {"x-bot-appid": "102000000", "x-signature-ed25519": signed, "x-signature-timestamp": STAMP}
    return Push("POST", headers, {}, body)


def _stamped(prefix: str, body: bytes, _: Draw) -> Push:
    signed = _hmac("sha256", STAMP.encode() + b"." + body)
    headers = {f"{prefix}-timestamp": STAMP, f"{prefix}-signature": signed, "content-type": "application/json"}
    return Push("POST", headers, {}, body)


def _intercom(body: bytes, _: Draw) -> Push:
    return Push("POST", {"x-hub-signature": _hmac("sha1", body)}, {}, body)


def _plain_wechat(body: bytes, draw: Draw) -> Push:
    query = {"timestamp": STAMP, "nonce": "n", "signature": signature(SECRET, STAMP, "n"), "echostr": draw.text()}
    return Push("GET" if draw.number(16) == 0 else "POST", {}, query, body)


def _sealed_wechat(owner: str, body: bytes, draw: Draw) -> Push:
    """Now and then what was sealed is no message, or the envelope is broken."""
    sealed = Envelope(AES_KEY, owner).sealed(body, b"0" * 16)
    kind = draw.number(8)
    if kind == 0:
        sealed = base64.b64encode(body).decode()
    elif kind == 1:
        sealed = draw.text()
    signed = signature(SECRET, STAMP, "n", sealed)
    query = {"timestamp": STAMP, "nonce": "n", "msg_signature": signed, "echostr": sealed}
    around = composed(Encrypt=sealed) if draw.number(4) else json.dumps({"Encrypt": sealed}).encode()
    return Push("GET" if draw.number(16) == 0 else "POST", {}, query, around)


def _xml(fields: Record, draw: Draw) -> bytes:
    """As WeChat writes it; now and then something stands in it, or around it, that does not belong there."""
    texts = {name: value for name, value in fields.items() if isinstance(value, str) and name.isidentifier()}
    body = composed(**texts)
    kind = draw.number(6)
    at = draw.number(len(body) + 1)
    if kind == 0:
        return body[:at] + draw.rest() + body[at:]
    if kind == 1:
        return b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + body.replace(b"<![CDATA[", b"&b;<![CDATA[", 1)
    if kind == 2:
        return b"<a>" * draw.number(3000) + body
    if kind == 3:
        return as_json(fields, draw)
    return body


def _forged(push: Push, draw: Draw) -> Push:
    """The call with one header or parameter changed to whatever."""
    headers, query = dict(push.headers), dict(push.query)
    for _ in range(draw.number(3)):
        told = draw.one_of([headers, query])
        if told:
            told[draw.one_of(sorted(told))] = draw.one_of([*TEXTS, draw.text()])
    return replace(push, headers=headers, query=query, body=push.body + draw.text().encode())


def _target(name: str, at: str, signs: Signs, bodies: Callable[[], Sequence[Record]], *, xml: bool = False) -> Target:
    def ready() -> Feed:
        connector: Any = source(at)
        assert isinstance(connector, PushConnector)
        take, whole = reader(connector), list(bodies())
        desk = getattr(connector, "_desk", None)
        if isinstance(desk, Intake):
            desk._now = NOON.timestamp

        def feed(data: bytes) -> None:
            draw = Draw(data)
            genuine = draw.number(8)
            sample = changed(draw.one_of(whole), draw)
            body = _xml(sample, draw) if xml and isinstance(sample, dict) else as_json(sample, draw)
            push = signs(body, draw)
            if genuine == 0:
                push = _forged(push, draw)
            try:
                with patch.object(connectors.chat.chatwoot, "time", NOON.timestamp):
                    received = connector.receive(push)
            except ConnectorError:
                return
            assert 200 <= received.status < 500
            received.content_type.encode("ascii")
            take(json.loads(json.dumps(list(received.records))))

        return feed

    return Target(f"door-{name}", lambda: moments(32), ready)


def _wechat_messages() -> list[Record]:
    return [each["message"] for each in samples("wechat", "message") + samples("wechat", "event") if "message" in each]


def _kf_events() -> list[Record]:
    return [
        {
            "ToUserName": "ww0123456789abcdef",
            "CreateTime": STAMP,
            "MsgType": "event",
            "Event": "kf_msg_or_event",
            "Token": "t",
            "OpenKfId": "wkLantern0001",
        }
    ]


def _said(name: str) -> list[Record]:
    return [record["message"] for record in stored(name)]


def _hooked_posts() -> list[Record]:
    return [{"post": each.get("post", each)} for each in samples("discourse")]


def _intercom_calls() -> list[Record]:
    return samples("chat", "intercom")


def _batches() -> list[Record]:
    single = _said("intake")
    return [*single, {"messages": single}]


DOORS = [
    _target("discourse", "discourse", _discourse, _hooked_posts),
    _target("telegram", "telegram", _telegram, partial(samples, "telegram")),
    _target("qq", "qq", _qq, partial(samples, "qq")),
    _target("qq-bot", "qq_bot", _qq_bot, partial(samples, "qq_bot")),
    _target("intake", "intake", partial(_stamped, "x-inquiry"), _batches),
    _target("chatwoot", "chatwoot", partial(_stamped, "x-chatwoot"), partial(_said, "chatwoot")),
    _target("intercom", "intercom", _intercom, _intercom_calls),
    _target("wechat", "wechat", _plain_wechat, _wechat_messages, xml=True),
    _target("wechat-aes", "wechat_aes", partial(_sealed_wechat, "wx0123456789abcdef"), _wechat_messages, xml=True),
    _target("wechat-kf", "wechat_kf", partial(_sealed_wechat, "ww0123456789abcdef"), _kf_events, xml=True),
]
assert SAMPLES.is_dir()
