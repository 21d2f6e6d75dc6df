"""HTTP for every connector: login, pace, and an answer's status turned into an error that says what happens next.

Nothing is retried here and no redirect is followed: a failed request ends the poll, and the poller decides when
the next one begins. No message holds a URL's query, a header or a body, since those may hold a secret.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import math
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import orjson

from connectors.addresses import GUARDED
from connectors.contract import Pace
from connectors.errors import (
    LONGEST_WAIT,
    AuthError,
    ConnectorError,
    NotSentError,
    ReplyRefusedError,
    SourceGoneError,
    StatusError,
    ThrottledError,
    TransientError,
)
from connectors.secret import Secret
from connectors.wording import worded

# At INFO httpx logs whole URLs, and some platforms put the token there.
for _chatty in ("httpx", "httpcore"):
    logging.getLogger(_chatty).setLevel(logging.WARNING)

Json = Any
Translate = Callable[[Json], ConnectorError | None]
"""Reads the failure that a platform reports in its answer's JSON, whatever that is: inside a 200, where None means
that the answer is good, or beside another status, where None leaves it to the status."""

NOT_MODIFIED = 304
UNTOLD_WAIT = 30.0  # seconds, when a platform throttles us without saying for how long
LARGEST = 2**23  # bytes of an answer, unpacked: what is larger is no list of posts, and would fill the memory
DEEPEST = 200  # objects and lists within one another; the database's JSON takes 254
SAFETY = 1.0  # seconds beyond what the platform asked for: a call while blocked prolongs the block


@functools.cache
def certificates() -> ssl.SSLContext:
    """Whom every session trusts: as httpx decides it, but read once, which takes 20 ms and 0.8 MB."""
    return httpx.create_ssl_context()


class Pacing:
    """When each credential may call next. One instance serves all sources, for two may share a token.

    A window slides: of any `pace.calls + 1` calls, the last comes at least `pace.per` seconds after the first.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._turns: dict[str, deque[float]] = {}
        self._blocked_until: dict[str, float] = {}

    async def turn(self, credential: str, pace: Pace | None) -> None:
        """Wait until `credential` may call.

        Raises:
            ThrottledError: at once, while the platform has told this credential to wait.
        """
        now = self._clock()
        if (left := self._blocked_until.get(credential, now) - now) > 0:
            raise ThrottledError(f"still asked to wait {math.ceil(left)} s", retry_after=left + SAFETY)
        if pace is None:
            return
        turns = self._turns.setdefault(credential, deque())
        while turns and turns[0] <= now - pace.per:
            turns.popleft()
        turn = max(now, turns[-pace.calls] + pace.per) if len(turns) >= pace.calls else now
        turns.append(turn)
        try:
            if turn > now:
                await self._sleep(turn - now)
        except asyncio.CancelledError:
            turns.remove(turn)
            raise

    def block(self, credential: str, seconds: float) -> None:
        """No call with `credential` for that long, or longer where it was told so before."""
        until = self._clock() + seconds
        self._blocked_until[credential] = max(until, self._blocked_until.get(credential, until))


class SecretHeader(httpx.Auth):
    """`Authorization: Bearer <secret>`, or another header; read anew for each request, so that a renewed one counts.

    `before`: what stands in the header before the secret.
    """

    def __init__(self, secret: Secret, header: str = "Authorization", before: str = "Bearer ") -> None:
        self._secret = secret
        self._header = header
        self._before = before

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers[self._header] = self._before + self._secret.reveal()
        yield request


@dataclass(frozen=True, slots=True)
class Answer:
    """What is not JSON, as it came. Header names in lower case; status 304: nothing has changed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Session:
    """One source's requests to one platform.

    `credential` is how a person finds it, such as `{env: FORUM_KEY}`, never its value; empty: we read as a guest.
    Sources that name the same credential at the same host share its pace. `timeout`: seconds for a whole answer.
    """

    def __init__(
        self,
        base_url: str,
        *,
        auth: httpx.Auth | None = None,
        credential: str = "",
        pace: Pace | None = None,
        pacing: Pacing | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        translate: Translate | None = None,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._host = httpx.URL(base_url).netloc.decode()
        self._credential = credential
        self._pace = pace
        self._pacing = pacing or Pacing()
        self._timeout = timeout
        self._translate = translate
        self._client = httpx.AsyncClient(
            auth=auth,
            headers={"Accept": "application/json", **(headers or {})},
            timeout=timeout,
            verify=certificates(),
        )

    async def get_json(self, path: str, *, gone: bool = False, **params: str | int | Sequence[int]) -> Json:
        """The parsed answer to `GET <base_url><path>`.

        A parameter whose name Python does not take: `get_json(path, gone=False, **{"types[]": "mention"})`.

        Raises:
            SourceGoneError: 404 or 410, if `gone` says that this means "deleted"; else they are transient.
            ConnectorError: everything else that can go wrong, by its class.
        """
        return await self._json("GET", path, gone=gone, params=params)

    async def get_bytes(self, path: str, *, gone: bool = False, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer to `GET <base_url><path>`, whatever it holds; 304 where `headers` make it conditional.

        Raises as `get_json`, but for the body, which is not read.
        """
        response = await self._send("GET", path, headers=headers)
        failure = None if response.status_code == NOT_MODIFIED else self._failure(response, gone=gone)
        if failure is None:
            return Answer(response.status_code, dict(response.headers), response.content)
        raise self._noted(failure)

    async def post_json(self, path: str, body: Json, *, gone: bool = False, translate: Translate | None = None) -> Json:
        """The parsed answer to `POST <base_url><path>`. `translate`: for this call, instead of the session's.

        Raises as `get_json`, and NotSentError where the connection was never made; a body that cannot be read is
        transient, though the platform may have done what was asked.
        """
        return await self._json("POST", path, gone=gone, translate=translate, json=body)

    async def post_form(
        self, path: str, form: Mapping[str, str], *, gone: bool = False, translate: Translate | None = None
    ) -> Json:
        """The parsed answer to `POST <base_url><path>` with the fields of a form. As `post_json`."""
        return await self._json("POST", path, gone=gone, translate=translate, data=dict(form))

    async def delete(self, path: str, *, gone: bool = False) -> None:
        """`DELETE <base_url><path>`; whatever the answer's body holds. Raises as `get_json`."""
        response = await self._send("DELETE", path)
        if failure := self._failure(response, gone=gone):
            raise self._noted(failure)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _json(
        self, method: str, path: str, *, gone: bool, translate: Translate | None = None, **request: Any
    ) -> Json:
        translate = translate or self._translate
        response = await self._send(method, path, **request)
        if response.is_success:
            body = self._parsed(response)
            failure = translate(body) if translate else None
        else:
            body, failure = None, _told(response, translate) or self._failure(response, gone=gone)
        if failure is None:
            return body
        raise self._noted(failure)

    def _noted(self, failure: ConnectorError) -> ConnectorError:
        if isinstance(failure, ThrottledError):
            self._pacing.block(self._key, failure.retry_after - SAFETY)
        return failure

    @property
    def _key(self) -> str:
        return f"{self._host} {self._credential}"

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        await self._pacing.turn(self._key, self._pace)
        # The causes are left out on purpose: httpx quotes an illegal header, which is our key.
        try:
            async with asyncio.timeout(self._timeout):
                async with self._client.stream(method, self._base + path, extensions=GUARDED, **request) as response:
                    return await self._whole(response)
        except (TimeoutError, httpx.ReadTimeout, httpx.WriteTimeout):
            raise TransientError(f"{self._host} did not answer within {self._timeout:g} s") from None
        except httpx.LocalProtocolError:
            raise AuthError(
                f"{self._credential or worded('a header')} holds a character that no credential has: write it again"
            ) from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotSentError(f"{self._host} cannot be reached: {type(error).__name__}") from None
        except httpx.RequestError as error:
            raise TransientError(f"{self._host} cannot be reached: {type(error).__name__}") from None

    async def _whole(self, response: httpx.Response) -> httpx.Response:
        """An answer with its body, unpacked. Counted while it comes: a few bytes may unpack to gigabytes."""
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > LARGEST:
                raise TransientError(
                    f"{self._host} answered with more than {LARGEST // 2**20} MB: is the configured url right?"
                )
        packed = (b"content-encoding", b"content-length", b"transfer-encoding")
        # As bytes: some servers write names of files in their own charset.
        headers = [(name, value) for name, value in response.headers.raw if name.lower() not in packed]
        return httpx.Response(response.status_code, headers=headers, content=bytes(body), request=response.request)

    def _failure(self, response: httpx.Response, *, gone: bool) -> ConnectorError | None:
        status = response.status_code
        if response.is_success:
            return None
        if response.is_redirect:
            return self._redirected(response)
        if _is_challenge(response):
            return AuthError(
                f"{self._host} blocks us with a web page ({status}), as a bot filter does: ask its operator to let"
                " this machine's address through"
            )
        if status in (401, 403):
            return self._refused(status)
        if status in (404, 410) and gone and not _is_html(response):
            return SourceGoneError(f"{self._host} no longer has what we asked for ({status})")
        wait = told_wait(response)
        if status == 429 or (status == 503 and wait is not None):
            seconds = UNTOLD_WAIT if wait is None else wait
            return ThrottledError(f"{self._host} asks us to wait {seconds:g} s", retry_after=seconds + SAFETY)
        if status == 404:
            return StatusError(f"{self._host} answered {status}: is the configured url right?", status)
        return StatusError(f"{self._host} answered {status}", status)

    def _refused(self, status: int) -> AuthError:
        if not self._credential:
            return AuthError(f"{self._host} does not let guests read ({status}): configure a credential")
        return AuthError(
            f"{self._host} refused {self._credential} ({status}): renew it, or give it the right to read this"
        )

    def _redirected(self, response: httpx.Response) -> ConnectorError:
        try:
            target = httpx.URL(response.headers.get("location", ""))
        except httpx.InvalidURL:
            return TransientError(f"{self._host} sends us on to nowhere ({response.status_code})")
        if "login" in target.path or "session" in target.path:
            return self._refused(response.status_code)
        place = target.netloc.decode() or self._host
        return TransientError(
            f"{self._host} sends us on to {place} ({response.status_code}): is the configured url the final one?"
        )

    def _parsed(self, response: httpx.Response) -> Json:
        if _is_html(response):
            raise TransientError(
                f"{self._host} answered with a web page instead of JSON: maintenance, or the url is not its API"
            )
        try:
            return parse_json(response.content)
        except ValueError:
            raise TransientError(
                f"{self._host} sent JSON that cannot be read: cut short or in a wrong charset"
            ) from None


def _told(response: httpx.Response, translate: Translate | None) -> ConnectorError | None:
    """What a failed answer's JSON says, where it is JSON. A time to wait that comes with it counts more; and who fails,
    or waits for another in vain, refuses nothing: what was to be written there may stand."""
    throttled = response.status_code in (429, 503) and told_wait(response) is not None
    if translate is None or throttled or _is_html(response):
        return None
    try:
        told = translate(parse_json(response.content))
    except ValueError:
        return None
    return None if response.is_server_error and isinstance(told, ReplyRefusedError) else told


def parse_json(body: bytes) -> Json:
    """Read UTF-8 JSON. A lone surrogate, which no database takes, becomes `?` instead of failing its whole page.

    Raises:
        ValueError: it is cut short, not JSON, not UTF-8, or nested too deeply to be stored.
    """
    value = _read_json(body)
    if body.count(b"[") + body.count(b"{") > DEEPEST and _is_deep(value):
        raise ValueError("nested too deeply")
    return value


def _is_deep(value: Json) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _read_json(body: bytes) -> Json:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            value = json.loads(body.decode("utf-8"), parse_int=_number)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _number(digits: str) -> int | float:
    """As orjson reads it: what 64 bits do not hold is no longer exact."""
    if len(digits) > 20:
        return float(digits)
    number = int(digits)
    return number if -(2**63) <= number < 2**64 else float(digits)


def told_wait(response: httpx.Response) -> float | None:
    """For how many seconds a throttling answer asks us to wait: the longest of what it says; None: not told."""
    told = [_retry_after(response), _limit_reset(response), _wait_seconds(response)]
    return max((min(wait, LONGEST_WAIT) for wait in told if wait is not None), default=None)


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        return _seconds_until(parsedate_to_datetime(value), response)
    except (ValueError, TypeError, OverflowError):
        return None


def _limit_reset(response: httpx.Response) -> float | None:
    """Mastodon sends a time instead of Retry-After. It sends it with every answer, so that only a 429's counts.

    https://docs.joinmastodon.org/api/rate-limits/
    """
    try:
        until = datetime.fromisoformat(response.headers["x-ratelimit-reset"])
        return _seconds_until(until, response) if response.status_code == 429 else None
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def _seconds_until(moment: datetime, response: httpx.Response) -> float:
    # By the server's own clock, where it tells: ours may be wrong.
    now = parsedate_to_datetime(response.headers["date"]) if "date" in response.headers else datetime.now(UTC)
    return max(0.0, (moment - now).total_seconds())


def _wait_seconds(response: httpx.Response) -> float | None:
    try:
        seconds = parse_json(response.content)["extras"]["wait_seconds"]
        return max(0.0, float(seconds)) if math.isfinite(seconds) else None
    except (ValueError, TypeError, KeyError, IndexError, OverflowError):
        return None


def _is_html(response: httpx.Response) -> bool:
    content_type: str = response.headers.get("content-type", "")
    return content_type.startswith("text/html")


def _is_challenge(response: httpx.Response) -> bool:
    return "cf-mitigated" in response.headers or (response.status_code in (401, 403) and _is_html(response))
