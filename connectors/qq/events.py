"""What OneBot tells by itself: over a WebSocket that we open, or by calling our webhook.

https://github.com/botuniverse/onebot-11/tree/master/communication
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from connectors.contract import Push, Record
from connectors.errors import AuthError, PushRefusedError
from connectors.qq.onebot import as_number, check_online
from connectors.secret import Secret
from connectors.session import parse_json
from connectors.websocket import JsonSocket, SocketRefusedError, open_socket
from connectors.wording import worded

REFUSED = frozenset({401, 403})  # as HTTP statuses; as the retcode of a message 1000 more


class EventStream:
    """An open event connection."""

    def __init__(self, source: str, token: Secret, socket: JsonSocket) -> None:
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
        events = await self._socket.messages(seconds)
        for event in events:
            if as_number(event.get("retcode")) in {1000 + status for status in REFUSED}:
                raise _refused(self._source, self._token)
            check_online(self._source, event.get("status"))
            if event.get("notice_type") == "bot_offline":
                check_online(self._source, {"online": False})
        return events


@asynccontextmanager
async def listening(source: str, url: str, token: Secret, timeout: float) -> AsyncIterator[EventStream]:
    """Connect to a forward WebSocket server (`/event`).

    Raises:
        AuthError: the token is refused.
        TransientError: nobody answers there as it should.
    """
    headers = {"Authorization": f"Bearer {token.reveal()}"}
    try:
        async with open_socket(
            worded(f"{source}: OneBot's event server"), url, timeout=timeout, headers=headers
        ) as socket:
            yield EventStream(source, token, socket)
    except SocketRefusedError as refused:
        if refused.status in REFUSED:
            raise _refused(source, token) from None
        raise


def _refused(source: str, token: Secret) -> AuthError:
    return AuthError(f"{source}: OneBot's event server refused {token}: is it the token of that server, too?")


def unpacked(source: str, push: Push, secret: Secret, account: int) -> Record:
    """The event of a webhook call.

    Raises:
        PushRefusedError: the signature is absent or wrong, the body no JSON object, or it is another account's.
    """

    def signed(secret: str) -> str:  # over the bytes: OneBot writes JSON otherwise than we would
        return "sha1=" + hmac.new(secret.encode(), push.body, hashlib.sha1).hexdigest()

    if not secret.proves(push.headers.get("x-signature", ""), signed):
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
