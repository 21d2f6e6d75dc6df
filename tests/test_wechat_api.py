"""What WeChat's two connectors share: envelopes against published vectors, bodies, error codes, tokens."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from aggregator.listener import serve
from connectors.errors import AuthError, ConnectorError, ThrottledError, TransientError
from connectors.secret import Secret
from connectors.session import Session
from connectors.wechat_api.access import corp_token, stable_token
from connectors.wechat_api.crypto import Envelope, signature
from connectors.wechat_api.errcode import NoSuchItemError, NotPermittedError, NotReadyError, QuotaSpentError, failure
from connectors.wechat_api.message import composed, parsed
from connectors.wechat_api.rows import rows_of

VECTORS = Path(__file__).parent / "samples" / "wechat" / "vectors"
VECTOR: dict[str, str] = json.loads((VECTORS / "envelope.json").read_text(encoding="utf-8"))
OWNER = VECTOR["appid"]
KEY = VECTOR["encoding_aes_key"]
PLAIN = (VECTORS / "envelope_plain.xml").read_bytes()


# The envelope


def test_the_signature_of_the_official_documentation_comes_out() -> None:
    assert signature("AAAAA", "1714036504", "1514711492") == "f464b24fc39322e44b38aa78f5edd27bd1441696"


def test_the_envelope_that_other_libraries_open_comes_out_to_the_letter() -> None:
    assert len(PLAIN) == 330
    assert Envelope(KEY, OWNER).sealed(PLAIN, VECTOR["prefix"].encode()) == VECTOR["encrypt"]
    assert Envelope(KEY, OWNER).opened(VECTOR["encrypt"]) == PLAIN


def test_both_signatures_of_that_envelope_come_out() -> None:
    parts = (VECTOR["token"], VECTOR["timestamp"], VECTOR["nonce"])
    assert signature(*parts) == VECTOR["signature"]
    assert signature(*parts, VECTOR["encrypt"]) == VECTOR["msg_signature"]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_every_length_of_message_survives_its_padding(message: bytes) -> None:
    envelope = Envelope(KEY, OWNER)
    assert envelope.opened(envelope.sealed(message)) == message


def test_the_padding_is_to_32_bytes_and_never_empty() -> None:
    sizes = {len(base64.b64decode(Envelope(KEY, OWNER).sealed(b"x" * size))) % 32 for size in range(64)}
    assert sizes == {0}


def test_the_length_counts_bytes_not_characters() -> None:
    message = "转账到账了吗😡".encode()
    assert Envelope(KEY, OWNER).opened(Envelope(KEY, OWNER).sealed(message)) == message


def test_an_envelope_to_another_account_is_not_opened() -> None:
    with pytest.raises(ValueError, match="another account"):
        Envelope(KEY, "wx0000000000000000").opened(VECTOR["encrypt"])


@pytest.mark.parametrize("sealed", ["", "AAAA", "not base64 at all!", base64.b64encode(b"\0" * 64).decode()])
def test_what_is_no_envelope_is_refused(sealed: str) -> None:
    with pytest.raises(ValueError, match=r"it is not encrypted|its padding is wrong"):
        Envelope(KEY, OWNER).opened(sealed)


def test_a_wrong_key_is_told_from_a_wrong_message() -> None:
    with pytest.raises(ValueError, match=r"is the EncodingAESKey|another account"):
        Envelope(KEY[::-1], OWNER).opened(VECTOR["encrypt"])


@pytest.mark.parametrize("key", ["", KEY[:-1], KEY + "A", KEY[:-1] + "-"])
def test_what_is_no_encoding_aes_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="43 letters"):
        Envelope(key, OWNER)


# Bodies


def test_a_body_keeps_a_64_bit_id_exactly_in_xml_and_in_json() -> None:
    number = 24536998765432101  # a float would make ...100 of it
    assert parsed(composed(MsgId=number))["MsgId"] == "24536998765432101"
    assert parsed(json.dumps({"MsgId": number}).encode())["MsgId"] == "24536998765432101"


def test_markup_in_a_text_stays_what_the_author_wrote() -> None:
    text = "少了 <b>3</b> 个 & ]] > /:heart"
    assert parsed(composed(Content=text))["Content"] == text


def test_repeated_and_nested_fields_are_kept() -> None:
    body = b"<xml><Info><Count>2</Count><Item><Url>a</Url></Item><Item><Url>b</Url></Item></Info></xml>"
    assert parsed(body) == {"Info": {"Count": "2", "Item": [{"Url": "a"}, {"Url": "b"}]}}


def test_a_character_that_xml_forbids_does_not_cost_the_message() -> None:
    assert parsed(b"<xml><Content><![CDATA[before\x0bafter]]></Content></xml>") == {"Content": "beforeafter"}


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><xml><Content>&b;</Content></xml>',
        b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]><xml><Content>&f;</Content></xml>',
        b"<!DOCTYPE xml><xml><Content>x</Content></xml>",
    ],
)
def test_entities_are_not_expanded_and_a_doctype_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="DOCTYPE"):
        parsed(body)


@pytest.mark.parametrize(
    "body", [b"", b"<xml>", b"[1]", b"{", b"just words", b"<xml>only text</xml>", b'{"a":' * 900 + b"1" + b"}" * 900]
)
def test_what_holds_no_fields_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parsed(body)


# Error codes


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *((code, TransientError) for code in (-1, 40001, 40014, 41001, 42001, 42007, 99999)),
        *((code, AuthError) for code in (40013, 40125, 40164, 40243, 50002, 61024)),
        *((code, NotPermittedError) for code in (48001, 48002, 48004, 65400, 76021, 76022, 88000)),
        *((code, NoSuchItemError) for code in (88001, 88002, 88004, 88008, 95000)),
        *((code, NotReadyError) for code in (61501, 61503)),
        (45009, QuotaSpentError),
        (45011, ThrottledError),
    ],
)
def test_each_errcode_says_what_happens_next(code: int, kind: type[ConnectorError]) -> None:
    told = failure({"errcode": code, "errmsg": "no rid: 654df33c-64386a2f-29857782"}, credential="{env: WX}")
    assert type(told) is kind
    assert f"errcode {code}, rid: 654df33c-64386a2f-29857782" in str(told)


@pytest.mark.parametrize("answer", [{}, {"errcode": 0, "errmsg": "ok"}, {"access_token": "88_x"}])
def test_success_is_told_with_and_without_an_errcode(answer: dict[str, Any]) -> None:
    assert failure(answer, credential="") is None


def test_a_frequency_limit_waits_a_minute() -> None:
    told = failure({"errcode": 45011}, credential="")
    assert isinstance(told, ThrottledError)
    assert told.retry_after >= 60


def test_an_address_that_is_not_listed_is_named() -> None:
    told = failure({"errcode": 40164, "errmsg": "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, no"}, credential="")
    assert "address 203.0.113.9: add it to the IP white-list" in str(told)


def test_what_customer_service_gives_for_its_support_is_kept() -> None:
    told = failure({"errcode": 99999, "errmsg": "no, hint: [1642406569024700], from ip: 203.0.113.9"}, credential="")
    assert "(errcode 99999, hint: [1642406569024700])" in str(told)


def test_the_same_code_counts_days_here_and_minutes_there() -> None:
    told = failure({"errcode": 45009}, credential="", daily=False)
    assert isinstance(told, ThrottledError)


def test_an_answer_that_is_no_object_backs_off() -> None:
    assert type(failure([1], credential="")) is TransientError


def test_a_login_that_is_refused_names_the_secret() -> None:
    told = failure({"errcode": 40001, "errmsg": "x"}, credential="{env: KF_SECRET}", login=True)
    assert type(told) is AuthError
    assert "{env: KF_SECRET}" in str(told)


# Access tokens


class Platform:
    """Gives tokens, and takes only the last one. `stubborn`: it refuses every token."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.tokens = [f"token-{number}" for number in range(1, 9)]
        self.good = {"token-1"}
        self.seconds = 7200
        self.code = 40001
        self.used: list[str] = []
        routes = [
            Route("/cgi-bin/stable_token", self.gives, methods=["POST"]),
            Route("/cgi-bin/gettoken", self.gives),
            Route("/thing", self.thing, methods=["POST"]),
        ]
        self.app = Starlette(routes=routes)

    async def gives(self, request: Request) -> JSONResponse:
        asked = json.loads(await request.body()) if request.method == "POST" else dict(request.query_params)
        self.asked.append((request.url.path, asked))
        return JSONResponse({"access_token": self.tokens[len(self.asked) - 1], "expires_in": self.seconds})

    async def thing(self, request: Request) -> JSONResponse:
        self.used.append(request.query_params["access_token"])
        good = self.used[-1] in self.good
        body = json.loads(await request.body())
        return JSONResponse({"got": body} if good else {"errcode": self.code, "errmsg": "invalid credential"})


@pytest.fixture
async def platform() -> AsyncIterator[tuple[Platform, str]]:
    platform = Platform()
    async with serve(platform.app) as url:
        yield platform, url


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> Secret:
    monkeypatch.setenv("WX_SECRET", "s3cr3t")
    return Secret(env="WX_SECRET")


def session(url: str, auth: httpx.Auth) -> Session:
    return Session(url, auth=auth, translate=lambda answer: failure(answer, credential="{env: WX_SECRET}"))


async def test_a_token_is_asked_for_once_without_force_and_used_again(
    platform: tuple[Platform, str], secret: Secret
) -> None:
    wechat, url = platform
    calls = session(url, stable_token(url, OWNER, secret))
    await calls.post_json("/thing", {})
    assert await calls.post_json("/thing", {"text": "中文"}) == {"got": {"text": "中文"}}
    await calls.aclose()
    body = {"grant_type": "client_credential", "appid": OWNER, "secret": "s3cr3t", "force_refresh": False}
    assert wechat.asked == [("/cgi-bin/stable_token", body)]
    assert wechat.used == ["token-1", "token-1"]


async def test_a_company_asks_for_its_token_in_the_other_way(platform: tuple[Platform, str], secret: Secret) -> None:
    wechat, url = platform
    calls = session(url, corp_token(url, "ww1", secret))
    await calls.post_json("/thing", {})
    await calls.aclose()
    assert wechat.asked == [("/cgi-bin/gettoken", {"corpid": "ww1", "corpsecret": "s3cr3t"})]


@pytest.mark.parametrize("code", [40001, 40014, 41001, 42001, 42007])
async def test_a_token_that_is_refused_is_fetched_anew_and_the_call_repeated_once(
    platform: tuple[Platform, str], secret: Secret, code: int
) -> None:
    wechat, url = platform
    wechat.good, wechat.code = {"token-2"}, code
    calls = session(url, stable_token(url, OWNER, secret))
    assert await calls.post_json("/thing", {"a": 1}) == {"got": {"a": 1}}
    await calls.aclose()
    assert wechat.used == ["token-1", "token-2"]
    assert [asked["force_refresh"] for _, asked in wechat.asked] == [False, False]


async def test_two_owners_of_the_token_are_told_as_such_and_do_not_fight(
    platform: tuple[Platform, str], secret: Secret
) -> None:
    wechat, url = platform
    wechat.good = set()
    calls = session(url, stable_token(url, OWNER, secret))
    with pytest.raises(TransientError, match="does another program call /cgi-bin/token"):
        await calls.post_json("/thing", {})
    await calls.aclose()
    assert len(wechat.used) == len(wechat.asked) == 2


async def test_a_token_is_not_used_to_its_last_second(platform: tuple[Platform, str], secret: Secret) -> None:
    wechat, url = platform
    wechat.good = {"token-1", "token-2"}
    now = 0.0
    auth = stable_token(url, OWNER, secret)
    auth._monotonic = lambda: now
    calls = session(url, auth)
    await calls.post_json("/thing", {})
    now = 7200 - 61
    await calls.post_json("/thing", {})
    now = 7200 - 59
    await calls.post_json("/thing", {})
    await calls.aclose()
    assert wechat.used == ["token-1", "token-1", "token-2"]
    assert auth.good_for == 7200


def test_rows_of_an_answer_are_objects_whatever_stands_there() -> None:
    assert rows_of({"errcode": 0}, "item") == []
    assert rows_of({"item": [{"id": 1}, "odd"]}, "item") == [{"id": 1}, {"unknown": "odd"}]
    with pytest.raises(TransientError, match="no list of item"):
        rows_of({"item": {}}, "item")
