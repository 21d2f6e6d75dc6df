"""What OneBot tells by itself: over a WebSocket that we open, or by calling our webhook.

https://github.com/botuniverse/onebot-11/tree/master/communication
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from connectors.contract import Push, Record
from connectors.errors import AuthError, PushRefusedError, TransientError
from connectors.qq.onebot import as_number, check_online
from connectors.secret import Secret
from connectors.session import parse_json

MOST = 100  # events of one page
LARGEST = 2**23  # bytes of one event: a forwarded chat comes unfolded
REFUSED = frozenset({401, 403})  # as HTTP statuses; as retcodes of a frame 1000 more

# At DEBUG the library writes each header and each frame.
logging.getLogger("websockets").setLevel(logging.WARNING)


class EventStream:
    """An open event connection."""

    def __init__(self, source: str, token: Secret, socket: ClientConnection) -> None:
        self._source = source
        self._token = token
        self._socket = socket

    async def next(self, seconds: float) -> list[Record]:
        """Wait for an event; return it and those that came with it. Empty: none came in time.

        Raises:
            TransientError: the connection has ended.
            AccountOfflineError: a heartbeat or a notice says that the account is offline.
            AuthError: NapCat refuses the token only after the connection is made.
        """
        events: list[Record] = []
        try:
            while len(events) < MOST:
                async with asyncio.timeout(0 if events else max(0.0, seconds)):
                    frame = await self._socket.recv()
                events.append(self._read(frame))
        except TimeoutError:
            pass
        except ConnectionClosed as closed:
            if not events:
                code = closed.rcvd.code if closed.rcvd else "lost"
                raise TransientError(f"{self._source}: OneBot's event connection ended ({code})") from None
        return events

    def _read(self, frame: str | bytes) -> Record:
        try:
            event = parse_json(frame.encode() if isinstance(frame, str) else frame)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            raise TransientError(f"{self._source}: OneBot sent an event that is no JSON object")
        if as_number(event.get("retcode")) in {1000 + status for status in REFUSED}:
            raise _refused(self._source, self._token)
        check_online(self._source, event.get("status"))
        if event.get("notice_type") == "bot_offline":
            check_online(self._source, {"online": False})
        return event


@asynccontextmanager
async def listening(source: str, url: str, token: Secret, timeout: float) -> AsyncIterator[EventStream]:
    """Connect to a forward WebSocket server (`/event`).

    Raises:
        AuthError: the token is refused.
        TransientError: nobody answers there as it should.
    """
    headers = {"Authorization": f"Bearer {token.reveal()}"}
    try:
        socket = await connect(url, additional_headers=headers, open_timeout=timeout, max_size=LARGEST)
    except InvalidStatus as refused:
        if refused.response.status_code in REFUSED:
            raise _refused(source, token) from None
        raise TransientError(
            f"{source}: OneBot's event server answered {refused.response.status_code}: is `events` right?"
        ) from None
    except (OSError, InvalidHandshake, TimeoutError) as error:
        raise TransientError(
            f"{source}: OneBot's event server cannot be reached ({type(error).__name__}): is `events` right?"
        ) from None
    async with socket:
        yield EventStream(source, token, socket)


def _refused(source: str, token: Secret) -> AuthError:
    return AuthError(f"{source}: OneBot's event server refused {token}: is it the token of that server, too?")


def unpacked(source: str, push: Push, secret: Secret, account: int) -> Record:
    """The event of a webhook call.

    Raises:
        PushRefusedError: the signature is absent or wrong, the body no JSON object, or it is another account's.
    """
    # Over the bytes: OneBot writes JSON otherwise than we would.
    expected = "sha1=" + hmac.new(secret.reveal().encode(), push.body, hashlib.sha1).hexdigest()
    given = push.headers.get("x-signature", "")
    if not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        raise PushRefusedError(f"{source}: a webhook call does not bear our signature: is {secret} OneBot's secret?")
    try:
        event = parse_json(push.body)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        raise PushRefusedError(f"{source}: a webhook call that is no JSON object", status=400)
    if as_number(event.get("self_id")) != account:
        raise PushRefusedError(f"{source}: a webhook call of another account than {account}")
    return event
