"""A WebSocket that carries JSON objects, for the connectors that listen on one. https://websockets.readthedocs.io"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from connectors.errors import TransientError
from connectors.session import Json, parse_json

MOST = 100  # messages that are returned at once
LARGEST = 2**23  # bytes of one message
CLOSES_WITHIN = 2.0  # seconds: a service that stops does not wait for a side that is gone

# At DEBUG the library writes each header and each frame.
logging.getLogger("websockets").setLevel(logging.WARNING)


class SocketEndedError(TransientError):
    """The other side has closed the connection, or it broke. `code`: why, as it said; None: it said nothing."""

    def __init__(self, message: str, code: int | None) -> None:
        super().__init__(message)
        self.code = code


class SocketRefusedError(TransientError):
    """The connection was answered with an HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class JsonSocket:
    """An open connection. `who` names the other side in messages."""

    def __init__(self, who: str, socket: ClientConnection) -> None:
        self._who = who
        self._socket = socket
        self._unreadable: TransientError | None = None  # after what was returned last

    async def messages(self, seconds: float) -> list[dict[str, Json]]:
        """Wait for a message; return it and those that have come already. Empty: none came in time.

        Raises:
            SocketEndedError: there are no more.
            TransientError: one is no JSON object.
        """
        found: list[dict[str, Json]] = []
        if self._unreadable is not None:
            unreadable, self._unreadable = self._unreadable, None
            raise unreadable
        try:
            while len(found) < MOST:
                async with asyncio.timeout(0 if found else max(0.0, seconds)):
                    frame = await self._socket.recv()
                found.append(self._read(frame))
        except TimeoutError:
            pass
        except ConnectionClosed as closed:
            if not found:
                raise self._ended(closed) from None
        except TransientError as error:
            if not found:
                raise
            self._unreadable = error
        return found

    async def send(self, message: dict[str, Json]) -> None:
        """Raises SocketEndedError."""
        try:
            await self._socket.send(_written(message))
        except ConnectionClosed as closed:
            raise self._ended(closed) from None

    def _read(self, frame: str | bytes) -> dict[str, Json]:
        try:
            message = parse_json(frame.encode() if isinstance(frame, str) else frame)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            raise TransientError(f"{self._who} sent something that is no JSON object")
        return message

    def _ended(self, closed: ConnectionClosed) -> SocketEndedError:
        code = closed.rcvd.code if closed.rcvd else None
        return SocketEndedError(f"the connection to {self._who} ended ({code or 'it broke'})", code)


def _written(message: dict[str, Json]) -> str:
    return json.dumps(message, ensure_ascii=False)


class _Straight(connect):
    """Follows no redirect: the login is meant for the address that was given, also where it is sent as a message."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


@asynccontextmanager
async def open_socket(
    who: str, url: str, *, timeout: float, headers: Mapping[str, str] | None = None
) -> AsyncIterator[JsonSocket]:
    """Connect, and close at the end of the block.

    Raises:
        SocketRefusedError: it is answered with an HTTP status.
        TransientError: nobody answers, or not as a WebSocket should.
    """
    try:
        socket = await _Straight(
            url, additional_headers=headers, open_timeout=timeout, close_timeout=CLOSES_WITHIN, max_size=LARGEST
        )
    except InvalidStatus as refused:
        status = refused.response.status_code
        raise SocketRefusedError(f"{who} answered {status}: is its address right?", status) from None
    except (OSError, InvalidHandshake, TimeoutError) as error:
        raise TransientError(f"{who} cannot be reached ({type(error).__name__}): is its address right?") from None
    async with socket:
        yield JsonSocket(who, socket)
