"""Access tokens: fetched, kept while they are good, and fetched once more where WeChat no longer takes one."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Final

import httpx

from connectors.errors import AuthError, ThrottledError, TransientError
from connectors.replying import nothing_sent
from connectors.secret import Secret
from connectors.session import SAFETY, Json, parse_json, told_wait
from connectors.wechat_api.errcode import STALE_TOKEN, errcode, failure

MARGIN: Final = 60.0  # seconds before its end at which a token is no longer used
LONGEST_FAILURE: Final = 2000  # bytes; an answer that brings something need not be parsed twice


class AccessToken(httpx.Auth):
    """Puts `access_token=` into each request's query.

    `ask` makes the request for a token. Refused once, a token is asked for again and the call repeated, once:
    without force, which WeChat allows 20 times a day and which would throw out everybody else who uses the account.
    """

    requires_response_body = True

    def __init__(
        self, ask: Callable[[], httpx.Request], credential: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._credential = credential
        self._monotonic = monotonic
        self._token = ""
        self._good_until = 0.0

    @property
    def good_for(self) -> float:
        """Seconds for which the token is still good."""
        return max(0.0, self._good_until - self._monotonic()) if self._token else 0.0

    @property
    def is_good(self) -> bool:
        """Whether the next call needs no request for a token."""
        return self.good_for > MARGIN

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        for last in (False, True):
            if not self.is_good:
                yield from self._renewed()
            request.url = request.url.copy_set_param("access_token", self._token)
            response = yield request
            if last or not _is_stale(response):
                return
            self._token = ""

    def _renewed(self) -> Generator[httpx.Request, httpx.Response, None]:
        response = yield self._ask()
        with nothing_sent():  # without a token the call itself is not made
            answer = _read(response)
            if problem := failure(answer, credential=self._credential, daily=False, login=True):
                raise problem
            token, seconds = answer.get("access_token"), answer.get("expires_in")
            if not isinstance(token, str) or not token or not isinstance(seconds, int | float):
                raise TransientError("WeChat answered without an access token: is the configured api the right one?")
        self._token, self._good_until = token, self._monotonic() + seconds


def stable_token(api: str, appid: str, secret: Secret) -> AccessToken:
    """An official account's. Unlike /cgi-bin/token it takes away nobody else's token.

    https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/getStableAccessToken.html
    """

    def ask() -> httpx.Request:
        body = {"grant_type": "client_credential", "appid": appid, "secret": secret.reveal(), "force_refresh": False}
        return httpx.Request("POST", f"{api}/cgi-bin/stable_token", json=body)

    return AccessToken(ask, str(secret))


def corp_token(api: str, corpid: str, secret: Secret) -> AccessToken:
    """A company's. https://developer.work.weixin.qq.com/document/path/91039"""

    def ask() -> httpx.Request:
        params = {"corpid": corpid, "corpsecret": secret.reveal()}
        return httpx.Request("GET", f"{api}/cgi-bin/gettoken", params=params)

    return AccessToken(ask, str(secret))


def _is_stale(response: httpx.Response) -> bool:
    if len(response.content) > LONGEST_FAILURE:
        return False
    try:
        return errcode(parse_json(response.content)) in STALE_TOKEN
    except ValueError:
        return False


def _read(response: httpx.Response) -> Json:
    host = response.request.url.netloc.decode()
    if response.status_code == 429:
        seconds = told_wait(response) or 30.0
        raise ThrottledError(f"{host} asks us to wait {seconds:g} s", retry_after=seconds + SAFETY)
    if response.status_code in (401, 403):
        raise AuthError(f"{host} refuses to give an access token ({response.status_code}): is a proxy in between?")
    if not response.is_success:
        raise TransientError(f"{host} gives no access token ({response.status_code})")
    try:
        return parse_json(response.content)
    except ValueError:
        raise TransientError(f"{host} sent JSON that cannot be read: cut short or in a wrong charset") from None
