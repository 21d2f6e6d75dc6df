"""Webhooks, as they leave: signed POSTs over a connection of their own. Redirects are never followed.

The operator wrote the address himself, so one on this machine or in the house's own network is meant; those of a cloud
itself are nobody's (connectors/addresses.py).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

import httpx

from aggregator.alerting.carrying import LONGEST_WISH, Outcome
from aggregator.alerting.signing import headers, key_of
from connectors.addresses import GUARDED
from connectors.errors import AuthError

if TYPE_CHECKING:
    from aggregator.config.alert_settings import Webhook
    from aggregator.store.deliveries import Delivery

IN_A_ROW: Final = 20
GIVES_UP: Final = timedelta(hours=24)
READ_AT_MOST: Final = 400  # bytes of an answer that `aggregator webhook test` shows
_OF_THE_TARGET = frozenset({401, 403, 404, 405, 407, 408, 421, 425, 429})
"""Statuses below 500 that say something of the target, not of what was sent."""


class Answer(NamedTuple):
    """What came back. status 0: nothing."""

    status: int
    outcome: Outcome
    words: str = ""


class Endpoint:
    """One webhook. It belongs to the event loop."""

    together = alone = 1
    in_a_row = IN_A_ROW
    gives_up = GIVES_UP

    def __init__(self, name: str, config: Webhook, wall: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """wall: real time, by which a receiver judges how old a signature is."""
        self.name, self._config, self._wall = name, config, wall
        self._client: httpx.AsyncClient | None = None

    async def carry(self, deliveries: Sequence[Delivery]) -> Outcome:
        (delivery,) = deliveries
        return (await self.post(f"msg_{delivery.delivery_id.hex}", delivery.body.encode())).outcome

    async def post(self, message_id: str, body: bytes, read: int = 0) -> Answer:
        """One signed attempt. `read`: so many bytes of the answer."""
        try:
            keys = self._keys()
        except AuthError as error:
            return Answer(0, Outcome(f"its secret cannot be read: {error}"))
        if self._client is None:
            tls = await asyncio.to_thread(_tls)  # reading all authorities takes a while
            # Servers end idle connections after a few seconds; one that is ended while it is used again is a failure.
            limits = httpx.Limits(max_connections=1, keepalive_expiry=2)
            self._client = httpx.AsyncClient(
                limits=limits, verify=tls, follow_redirects=False, trust_env=False, timeout=self._config.timeout
            )
        signed = headers(message_id, body, self._wall(), keys)
        try:
            async with asyncio.timeout(self._config.timeout):
                return await self._attempt(self._client, body, signed, read)
        except TimeoutError:
            return Answer(0, Outcome(f"no answer within {self._config.timeout:g} s"))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ssl.SSLError) as error:
            return Answer(0, Outcome(f"it cannot be reached ({type(error).__name__})"))

    async def _attempt(self, client: httpx.AsyncClient, body: bytes, signed: dict[str, str], read: int) -> Answer:
        told = {**signed, "content-type": "application/json", "user-agent": "inquiry-aggregator"}
        url = str(self._config.url)
        async with client.stream("POST", url, content=body, headers=told, extensions=GUARDED) as response:
            words = await _beginning(response, read)
        return Answer(response.status_code, _outcome(response, self._wall()), words[:read].decode(errors="replace"))

    def _keys(self) -> list[bytes]:
        found = []
        for secret in (self._config.secret, self._config.previous_secret):
            for spelled in secret.accepted() if secret else ():
                if (key := key_of(spelled)) is None:
                    raise AuthError(f"{secret} holds no whsec_ secret")
                found.append(key)
        return found

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


async def _beginning(response: httpx.Response, length: int) -> bytes:
    words = b""
    if length:
        async for piece in response.aiter_bytes():
            words += piece
            if len(words) >= length:
                break
    return words


def _outcome(response: httpx.Response, now: datetime) -> Outcome:
    status = response.status_code
    if response.is_success:
        return Outcome()
    if status == httpx.codes.GONE:
        return Outcome("it wants no more (410 Gone)", gone=True)
    if response.is_redirect:
        return Outcome(f"it leads elsewhere ({status}); redirects are not followed: write the new address")
    wish = _retry_after(response.headers.get("retry-after", ""), now)
    if status >= 500 or status in _OF_THE_TARGET or wish is not None:
        return Outcome(f"it answered {status}", wish)
    return Outcome(f"it answered {status}", alone=True)


def _retry_after(text: str, now: datetime) -> float | None:
    """Seconds, or a date (RFC 9110, 10.2.3)."""
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_WISH)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(0.0, (at - now).total_seconds()), LONGEST_WISH)
