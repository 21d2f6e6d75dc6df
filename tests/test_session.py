from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import orjson
import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from aggregator.listener import serve
from connectors.contract import Pace
from connectors.errors import (
    AuthError,
    ConnectorError,
    NotSentError,
    ReplyRefusedError,
    SourceGoneError,
    StatusError,
    ThrottledError,
    TransientError,
)
from connectors.session import LARGEST, Pacing, Session, parse_json

TOKEN = "tok-77aa55cc33ee"


class TokenInHeader(httpx.Auth):
    def __init__(self, token: str = TOKEN) -> None:
        self.token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["X-Token"] = self.token
        yield request


@dataclass
class Platform:
    """Answers each request with the next of `answers`, the last one for ever."""

    answers: list[Response] = field(default_factory=lambda: [Response(b"{}", media_type="application/json")])
    seen: list[Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.seen.append(request)
        self.bodies.append(await request.body())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await answer(scope, receive, send)


@dataclass
class ClockOfTest:
    """A clock that stands still, except while somebody sleeps."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def answer(status: int, body: bytes | str = b"{}", kind: str = "application/json", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(body, status, named, media_type=kind)


@asynccontextmanager
async def asking(platform: Platform, **settings: Any) -> AsyncIterator[Session]:
    async with serve(platform) as url:
        defaults: dict[str, Any] = {"auth": TokenInHeader(), "credential": "{env: THE_TOKEN}"}
        session = Session(url, **(defaults | settings))
        yield session
        await session.aclose()


async def failure(response: Response, *, gone: bool = False, **settings: Any) -> ConnectorError:
    async with asking(Platform([response]), **settings) as session:
        with pytest.raises(ConnectorError) as told:
            await session.get_json("/x", gone=gone)
    return told.value


async def test_it_asks_for_json_with_login_and_parameters() -> None:
    platform = Platform([answer(200, '{"名": "林"}')])
    async with asking(platform, headers={"X-More": "yes"}) as session:
        assert await session.get_json("/posts", before=7) == {"名": "林"}
    request = platform.seen[0]
    assert (request.url.path, request.url.query) == ("/posts", "before=7")
    assert [request.headers[name] for name in ("accept", "x-token", "x-more")] == ["application/json", TOKEN, "yes"]


async def test_what_is_not_json_comes_as_it_is_and_304_is_an_answer() -> None:
    platform = Platform([answer(200, "钱包".encode("gbk"), "application/rss+xml", ETag='"a1"'), answer(304, b"")])
    async with asking(platform) as session:
        first = await session.get_bytes("/feed?limit=5")
        second = await session.get_bytes("/feed?limit=5", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status, first.body.decode("gbk"), second.status, second.body) == (200, "钱包", 304, b"")
    assert [request.url.query for request in platform.seen] == ["limit=5", "limit=5"]
    assert platform.seen[1].headers["if-none-match"] == '"a1"'


async def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    async def forever() -> AsyncIterator[bytes]:
        for _ in range(LARGEST // 2**20 + 1):
            yield b" " * 2**20

    async with asking(Platform([StreamingResponse(forever()), answer(200)])) as session:
        with pytest.raises(TransientError, match="more than 8 MB"):
            await session.get_bytes("/feed")
        assert (await session.get_bytes("/feed")).status == 200


async def test_a_small_answer_that_unpacks_to_a_large_one_is_not_unpacked() -> None:
    bomb = gzip.compress(b" " * (LARGEST + 1))
    async with asking(Platform([answer(200, bomb, content_encoding="gzip")])) as session:
        with pytest.raises(TransientError, match="more than 8 MB"):
            await session.get_json("/feed")


async def test_a_packed_answer_is_unpacked_once() -> None:
    async with asking(Platform([answer(200, gzip.compress(b'{"a": 1}'), content_encoding="gzip")])) as session:
        assert await session.get_json("/feed") == {"a": 1}


@pytest.mark.parametrize("deep", [b"[" * 201 + b"]" * 201, b'{"a":' * 900 + b"1" + b"}" * 900])
def test_json_that_is_nested_too_deeply_to_be_stored_is_not_read(deep: bytes) -> None:
    with pytest.raises(ValueError, match="deeply"):
        parse_json(deep)


def test_json_of_many_small_lists_is_not_deep() -> None:
    assert parse_json(b"[" + b"[[]]," * 500 + b"1]")[-1] == 1


async def test_what_is_not_json_fails_by_the_same_classes() -> None:
    async with asking(Platform([answer(410, "gone", "text/plain")])) as session:
        with pytest.raises(SourceGoneError):
            await session.get_bytes("/feed", gone=True)
    async with asking(Platform([answer(429, "slow", "text/plain", Retry_After="9")])) as session:
        with pytest.raises(ThrottledError) as told:
            await session.get_bytes("/feed")
        with pytest.raises(ThrottledError):
            await session.get_bytes("/feed")
    assert 9 <= told.value.retry_after <= 11


async def test_it_posts_and_deletes() -> None:
    platform = Platform([answer(200, '{"id": 5}'), answer(204, b"")])
    async with asking(platform) as session:
        assert await session.post_json("/posts", {"raw": "x"}) == {"id": 5}
        await session.delete("/posts/5")
    assert [request.method for request in platform.seen] == ["POST", "DELETE"]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_login_names_what_to_renew(status: int) -> None:
    error = await failure(answer(status))
    assert isinstance(error, AuthError)
    assert "{env: THE_TOKEN}" in str(error)


@pytest.mark.parametrize("status", [404, 410])
async def test_what_is_gone_is_gone_only_where_the_caller_says_so(status: int) -> None:
    assert isinstance(await failure(answer(status), gone=True), SourceGoneError)
    assert isinstance(await failure(answer(status)), TransientError)


async def test_a_web_page_that_says_404_is_not_taken_for_a_deletion() -> None:
    assert isinstance(await failure(answer(404, "<p>proxy</p>", "text/html"), gone=True), TransientError)


@pytest.mark.parametrize(
    ("status", "says_no"),
    [(500, False), (502, False), (503, False), (400, True), (422, True), (408, False), (409, False)],
)
async def test_other_failures_pass_and_a_4xx_says_that_nothing_was_done(status: int, says_no: bool) -> None:
    error = await failure(answer(status, "<p>oops</p>", "text/html"))
    assert isinstance(error, StatusError)
    assert (error.status, error.says_no) == (status, says_no)
    assert str(status) in str(error)


async def test_a_platform_that_was_never_reached_has_got_nothing() -> None:
    session = Session("http://127.0.0.1:9")
    with pytest.raises(NotSentError):
        await session.post_json("/posts.json", {"raw": "hello"})
    await session.aclose()


async def test_a_connection_that_breaks_after_the_request_was_written_leaves_it_open() -> None:
    async with serve(_hangs_up) as url:
        session = Session(url)
        with pytest.raises(TransientError) as told:
            await session.post_json("/posts.json", {"raw": "hello"})
        await session.aclose()
    assert not isinstance(told.value, NotSentError | StatusError)


async def _hangs_up(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"99")]})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})


async def test_what_a_call_writes_may_be_refused_in_words_of_its_own() -> None:
    def translate(body: Any) -> ConnectorError | None:
        return ReplyRefusedError("too_short", body["errors"][0]) if body.get("errors") else None

    async with serve(answer(422, '{"errors": ["too short"]}', "application/json")) as url:
        session = Session(url)
        with pytest.raises(ReplyRefusedError) as told:
            await session.post_json("/posts.json", {}, translate=translate)
        await session.aclose()
    assert (told.value.why, told.value.detail) == ("too_short", "too short")


@pytest.mark.parametrize(
    ("headers", "body", "wait"),
    [
        ({"Retry_After": "7"}, "slow down", 8),
        ({"Retry_After": "7"}, '{"extras": {"wait_seconds": 23}}', 24),
        ({}, '{"extras": {"wait_seconds": 23}}', 24),
        ({"Retry_After": "23"}, '{"extras": {"wait_seconds": "soon"}}', 24),
        ({"Retry_After": "Fri, 14 Mar 2025 07:00:00 GMT"}, "", 1),
        ({"Retry_After": "inf"}, '[{"extras": NaN}]', 31),
        ({}, "<html>slow down</html>", 31),
    ],
)
async def test_a_429_is_waited_out_for_the_longer_of_header_and_body(
    headers: dict[str, str], body: str, wait: float
) -> None:
    error = await failure(answer(429, body, "text/plain", **headers))
    assert isinstance(error, ThrottledError)
    assert error.retry_after == wait


async def test_a_429_may_name_the_hour_instead_of_seconds() -> None:
    error = await failure(answer(429, Retry_After=format_datetime(datetime.now(UTC) + timedelta(seconds=90), True)))
    assert isinstance(error, ThrottledError)
    assert 85 <= error.retry_after <= 91


async def test_a_429_may_name_the_time_at_which_the_count_begins_anew() -> None:
    until = (datetime.now(UTC) + timedelta(seconds=90)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    error = await failure(answer(429, X_RateLimit_Reset=until))
    assert isinstance(error, ThrottledError)
    assert 85 <= error.retry_after <= 92


@pytest.mark.parametrize("told", ["soon", "1773480000", "2026-03-14T08:00:00"])
async def test_a_time_that_cannot_be_read_counts_as_not_told(told: str) -> None:
    error = await failure(answer(429, X_RateLimit_Reset=told))
    assert isinstance(error, ThrottledError)
    assert error.retry_after == 31


async def test_a_server_that_is_down_is_not_waited_for_until_its_count_begins_anew() -> None:
    error = await failure(answer(503, X_RateLimit_Reset="2030-01-01T00:00:00Z"))
    assert not isinstance(error, ThrottledError)


async def test_a_503_that_says_for_how_long_is_waited_out() -> None:
    error = await failure(answer(503, Retry_After="120"))
    assert isinstance(error, ThrottledError)
    assert error.retry_after == 121


@pytest.mark.parametrize("body", [b'{"a": [1, 2', b"", '{"a": "Jörg"}'.encode("latin-1"), b"[" * 100_000])
async def test_json_that_cannot_be_read_passes(body: bytes) -> None:
    assert type(await failure(answer(200, body))) is TransientError


async def test_a_web_page_instead_of_json_passes() -> None:
    assert "web page" in str(await failure(answer(200, "<html>hello</html>", "text/html")))


def test_a_number_beyond_64_bits_is_read_alike_beside_half_an_emoji_and_can_be_written_again() -> None:
    alone, beside = (
        parse_json(body)["n"] for body in (b'{"n": 1' + b"0" * 30 + b"}", b'{"n": 1' + b"0" * 30 + b', "t": "\\ud83d"}')
    )
    assert alone == beside == 1e30
    assert orjson.dumps(parse_json(b'{"n": 18446744073709551616, "t": "\\ud83d"}'))
    assert parse_json(b'{"n": 18446744073709551615, "t": "\\ud83d"}')["n"] == 2**64 - 1


def test_half_an_emoji_does_not_fail_its_page() -> None:
    assert parse_json(b'{"a": "\\ud83d", "b": "\\ud83d\\ude21"}') == {"a": "?", "b": "😡"}


@pytest.mark.parametrize(
    "response",
    [
        answer(403, "<title>Just a moment...</title>", "text/html; charset=UTF-8"),
        answer(503, "<title>Just a moment...</title>", "text/html", cf_mitigated="challenge"),
    ],
)
async def test_a_bot_filter_is_reported_as_one_and_not_as_a_bad_login(response: Response) -> None:
    error = await failure(response)
    assert isinstance(error, AuthError)
    assert "blocks us" in str(error)


async def test_a_redirect_to_the_login_page_is_a_refused_login() -> None:
    assert isinstance(await failure(answer(302, location="/login")), AuthError)


async def test_a_redirect_to_another_host_is_not_followed_and_names_it() -> None:
    elsewhere = Platform()
    async with serve(elsewhere) as url:
        error = await failure(answer(302, location=f"{url}/posts?token=1"))
    assert isinstance(error, TransientError)
    assert url.removeprefix("http://") in str(error)
    assert elsewhere.seen == []


async def test_a_redirect_to_nowhere_passes() -> None:
    assert isinstance(await failure(answer(302, location="http://[")), TransientError)


async def test_a_throttled_deletion_is_waited_out_like_a_question() -> None:
    async with asking(Platform([answer(429, Retry_After="9"), answer(200)])) as session:
        with pytest.raises(ThrottledError):
            await session.delete("/posts/5")
        with pytest.raises(ThrottledError, match="still asked to wait 9 s"):
            await session.get_json("/x")


async def test_a_failure_inside_a_200_is_translated_at_one_spot() -> None:
    def translate(body: dict[str, int]) -> ConnectorError | None:
        return ThrottledError("the platform is busy", 60) if body["errcode"] == 45009 else None

    assert str(await failure(answer(200, '{"errcode": 45009}'), translate=translate)) == "the platform is busy"


def says_why(body: Any) -> ConnectorError | None:
    code = body.get("code") if isinstance(body, dict) else None
    return SourceGoneError(f"the platform says {code}") if code == 7 else None


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500])
async def test_a_failure_told_beside_another_status_is_translated_too(status: int) -> None:
    assert str(await failure(answer(status, '{"code": 7}'), translate=says_why)) == "the platform says 7"


@pytest.mark.parametrize(
    "response",
    [answer(403, '{"code": 8}'), answer(403, "no"), answer(403, "[]"), answer(403, '{"code": 7}', "text/html")],
    ids=["unknown", "no json", "a list", "a web page"],
)
async def test_what_cannot_be_translated_is_left_to_the_status(response: Response) -> None:
    assert isinstance(await failure(response, translate=says_why), AuthError)


async def test_a_time_to_wait_counts_more_than_what_the_body_says() -> None:
    error = await failure(answer(429, '{"code": 7}', Retry_After="17"), translate=says_why)
    assert isinstance(error, ThrottledError)
    assert error.retry_after == 18


async def test_a_form_is_posted_as_one() -> None:
    platform = Platform([answer(200, '{"ok": true}')])
    async with asking(platform) as session:
        assert await session.post_form("/token", {"a": "b c", "词": "值"}) == {"ok": True}
    request = platform.seen[0]
    assert (request.method, request.url.path, request.url.query) == ("POST", "/token", "")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert platform.bodies[0] == b"a=b+c&%E8%AF%8D=%E5%80%BC"


async def test_a_host_that_is_not_there_passes() -> None:
    session = Session("http://127.0.0.1:9", timeout=2)
    with pytest.raises(TransientError, match="cannot be reached"):
        await session.get_json("/x")
    await session.aclose()


async def test_a_host_that_never_answers_passes() -> None:
    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async with serve(silent) as url:
        session = Session(url, timeout=0.1)
        with pytest.raises(TransientError, match=r"within 0\.1 s"):
            await session.get_json("/x")
        await session.aclose()


async def test_a_key_that_no_header_takes_is_not_quoted() -> None:
    error = await failure(answer(200), auth=TokenInHeader("sec\nret"))
    assert isinstance(error, AuthError)
    assert "{env: THE_TOKEN}" in str(error)
    assert (error.__cause__, error.__suppress_context__) == (None, True)


async def test_no_url_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with asking(Platform()) as session:
        await session.get_json("/bot-secret-path/get", token="s3cr3t")
    assert "s3cr3t" not in caplog.text
    assert "bot-secret-path" not in caplog.text


async def test_calls_beyond_the_pace_wait_for_the_window() -> None:
    clock = ClockOfTest()
    pacing = Pacing(clock=clock, sleep=clock.sleep)
    for _ in range(5):
        await pacing.turn("a", Pace(2, per=60))
    assert clock.slept == [60, 60]


async def test_two_sources_with_one_credential_share_its_pace_and_others_do_not() -> None:
    clock = ClockOfTest()
    pacing = Pacing(clock=clock, sleep=clock.sleep)
    async with (
        serve(Platform()) as url,
        _session(url, "{env: A}", pacing) as first,
        _session(url, "{env: A}", pacing) as second,
        _session(url, "{env: B}", pacing) as other,
    ):
        await first.get_json("/x")
        await other.get_json("/x")
        assert clock.slept == []
        await second.get_json("/x")
        assert clock.slept == [60]


async def test_a_wait_can_be_cancelled_and_gives_its_turn_back() -> None:
    clock = ClockOfTest()
    asleep = asyncio.Event()

    async def for_ever(seconds: float) -> None:
        asleep.set()
        await asyncio.Event().wait()

    pacing = Pacing(clock=clock, sleep=for_ever)
    await pacing.turn("a", Pace(1, per=60))
    waiting = asyncio.create_task(pacing.turn("a", Pace(1, per=60)))
    await asleep.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    clock.now += 60
    async with asyncio.timeout(1):
        await pacing.turn("a", Pace(1, per=60))


async def test_of_two_waits_that_were_told_the_longer_one_counts() -> None:
    clock = ClockOfTest()
    pacing = Pacing(clock=clock, sleep=clock.sleep)
    pacing.block("a", 300)
    pacing.block("a", 30)  # said to a call that was under way, too
    clock.now += 299
    with pytest.raises(ThrottledError):
        await pacing.turn("a", None)
    clock.now += 1
    await pacing.turn("a", None)


async def test_nobody_calls_with_a_credential_that_was_told_to_wait() -> None:
    clock = ClockOfTest()
    pacing = Pacing(clock=clock, sleep=clock.sleep)
    platform = Platform([answer(429, Retry_After="30"), answer(200)])
    async with (
        serve(platform) as url,
        _session(url, "{env: A}", pacing) as first,
        _session(url, "{env: A}", pacing) as second,
    ):
        with pytest.raises(ThrottledError):
            await first.get_json("/x")
        clock.now += 10
        with pytest.raises(ThrottledError) as told:
            await second.get_json("/x")
        assert (told.value.retry_after, len(platform.seen)) == (21, 1)
        clock.now += told.value.retry_after
        assert await second.get_json("/x") == {}


async def test_a_shorter_wait_does_not_end_a_longer_one() -> None:
    clock = ClockOfTest()
    pacing = Pacing(clock=clock, sleep=clock.sleep)
    platform = Platform([answer(429, Retry_After="30"), answer(429, Retry_After="5")])
    async with (
        serve(platform) as url,
        _session(url, "{env: A}", pacing) as first,
        _session(url, "{env: A}", pacing) as second,
    ):
        both = await asyncio.gather(*(each.get_json("/x") for each in (first, second)), return_exceptions=True)
        assert sorted(error.retry_after for error in both if isinstance(error, ThrottledError)) == [6, 31]
        with pytest.raises(ThrottledError, match="still asked to wait 30 s"):
            await first.get_json("/x")


@asynccontextmanager
async def _session(url: str, credential: str, pacing: Pacing) -> AsyncIterator[Session]:
    session = Session(url, credential=credential, pace=Pace(1, per=60), pacing=pacing)
    yield session
    await session.aclose()
