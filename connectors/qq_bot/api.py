"""Calls to QQ's bot API, with a token that is fetched and renewed, and what its failures mean.

https://bot.q.qq.com/wiki/develop/api-v2/dev-prepare/interface-framework/api-use.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

import httpx

from connectors.contract import Pace
from connectors.errors import (
    AuthError,
    ConnectorError,
    NotSentError,
    SourceGoneError,
    ThrottledError,
    TransientError,
)
from connectors.secret import Secret
from connectors.session import SAFETY, UNTOLD_WAIT, Json, Pacing, Session, Translate, parse_json, told_wait

RENEW_BEFORE = 50.0  # seconds; a new token is given only in the last 60 of the old one, which works beside it
CALLS_PER_MINUTE = 60

TOKEN_EXPIRED = frozenset({11241, 11242, 11243, 11244})
WRONG_SECRET = frozenset({100007, 100016})
FORBIDDEN = frozenset({11253, 11254, 11264})
BANNED = frozenset({11265})
TOO_OFTEN = frozenset({22009, 20028})


class AccessToken(httpx.Auth):
    """The header of each call. Fetched at the first, renewed before its end, and once more when it is refused."""

    requires_response_body = True

    def __init__(
        self, source: str, app_id: str, secret: Secret, url: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._app_id = app_id
        self._secret = secret
        self._url = f"{url.rstrip('/')}/app/getAppAccessToken"
        self._clock = clock
        self._until = 0.0
        self.header = ""
        """`QQBot <token>`, once a call was made."""

    @property
    def is_good(self) -> bool:
        """Whether the next call needs no request for a token."""
        return self._clock() < self._until - RENEW_BEFORE

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if not self.is_good:
            self._take((yield self._asked()))
        request.headers["Authorization"] = self.header
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self._take((yield self._asked()))
            request.headers["Authorization"] = self.header
            yield request

    def forget(self) -> None:
        """It was refused elsewhere: fetch another at the next call."""
        self._until = 0.0

    def _asked(self) -> httpx.Request:
        return httpx.Request("POST", self._url, json={"appId": self._app_id, "clientSecret": self._secret.reveal()})

    def _take(self, response: httpx.Response) -> None:
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            wait = told_wait(response)
            seconds = UNTOLD_WAIT if wait is None else wait
            raise ThrottledError(f"{self._source}: QQ asks us to wait {seconds:g} s for a token", seconds + SAFETY)
        try:
            told = parse_json(response.content)
        except ValueError:
            told = None
        if isinstance(told, dict) and "access_token" in told:
            self.header = f"QQBot {told['access_token']}"
            self._until = self._clock() + float(told["expires_in"])  # told as text
            return
        if isinstance(told, dict) and told.get("code") in WRONG_SECRET:
            raise _refused(self._source, self._secret)
        # Without a token the call itself is not made.
        raise NotSentError(f"{self._source}: QQ gave no token ({response.status_code})")


class BotApi:
    """The few calls that listening and answering need. Each raises as `Session.get_json`."""

    def __init__(
        self, source: str, app_id: str, secret: Secret, *, api: str, tokens: str, timeout: float, pacing: Pacing | None
    ) -> None:
        self._source = source
        self._secret = secret
        self.token = AccessToken(source, app_id, secret, tokens)
        self._session = Session(
            api,
            auth=self.token,
            credential=str(secret),
            pace=Pace(CALLS_PER_MINUTE),
            pacing=pacing,
            timeout=timeout,
            translate=self._problem,
        )

    async def aclose(self) -> None:
        await self._session.aclose()

    async def me(self) -> dict[str, Json]:
        """The bot: `id`, `username`."""
        return await self._object("/users/@me")

    async def gateway(self) -> dict[str, Json]:
        """`url` to connect to, and `session_start_limit`: how many sessions may still be begun today."""
        found = await self._object("/gateway/bot")
        if not isinstance(found.get("url"), str):
            raise TransientError(f"{self._source}: QQ named no gateway")
        return found

    async def logged_in(self) -> None:
        """Have a token at hand, so that what is written next needs no other call before it."""
        if not self.token.is_good:
            await self.me()

    async def send(self, path: str, body: Json, translate: Translate) -> Json:
        return await self._session.post_json(path, body, translate=translate)

    def refused(self) -> AuthError:
        """The bot's secret is not, or no longer, the right one."""
        return _refused(self._source, self._secret)

    async def _object(self, path: str) -> dict[str, Json]:
        answer = await self._session.get_json(path)
        if not isinstance(answer, dict):
            raise TransientError(f"{self._source}: QQ's answer is no object. Is `api` right?")
        return answer

    def _problem(self, body: Json) -> ConnectorError | None:
        """A failure as the body tells it, beside whatever status. None: there is none, or the status says it all."""
        code = body.get("code") if isinstance(body, dict) else None
        if not isinstance(code, int) or not code:
            return None
        if code in TOKEN_EXPIRED | WRONG_SECRET:
            return self.refused()
        if code in FORBIDDEN:
            return AuthError(f"{self._source}: the bot may not call this ({code}): apply for it at q.qq.com")
        if code in BANNED:
            return SourceGoneError(f"{self._source}: QQ has banned the bot ({code}): look at q.qq.com")
        if code in TOO_OFTEN:
            return ThrottledError(f"{self._source}: QQ asks us to wait ({code})", UNTOLD_WAIT)
        return TransientError(f"{self._source}: QQ could not answer ({code})")


def _refused(source: str, secret: Secret) -> AuthError:
    return AuthError(
        f"{source}: QQ refused the bot's secret {secret}. Copy app_id and AppSecret from q.qq.com again; a secret that "
        "was reset there no longer works."
    )
