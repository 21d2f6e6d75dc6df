"""Commands beside a running service: the same call over a Unix socket in the data directory (mode 0600).

One line of JSON asks, lines of JSON answer: {"progress": [what, done, total]}, {"line": text}, and last
{"result": ...} or {"error": sentence}; with "misused": true if the command itself was wrong.
"""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson
import structlog

log = structlog.get_logger()

Say = Callable[[dict[str, Any]], None]
Handler = Callable[[dict[str, Any], Say], Awaitable[dict[str, Any]]]

LONGEST_LINE = 1 << 20
_GOES_ON = "not waited for any longer; the running service goes on with it until it is done"
LONGEST_PATH = 100  # bytes; a Unix socket's path may have 107


class RefusedError(Exception):
    """The command could not be done; the message is for the person who gave it."""


def socket_path(data: Path) -> Path:
    """Where the service of this data directory listens. Long paths get a short name in the temporary directory."""
    path = data.resolve() / "aggregator.sock"
    if len(os.fsencode(path)) <= LONGEST_PATH:
        return path
    name = blake2b(os.fsencode(path), digest_size=8).hexdigest()
    return Path(tempfile.gettempdir()) / f"aggregator-{os.getuid()}-{name}.sock"


class MisusedError(RefusedError):
    """The command line or the configuration is wrong for it: the same again would be refused again."""


class Control:
    """Answers commands inside the service."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        self.path = path
        self._handlers = handlers
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self.path.unlink(missing_ok=True)  # left by a killed service; the database's lock says that none runs
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._answer, self.path, limit=LONGEST_LINE)
        finally:
            os.umask(before)

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        self.path.unlink(missing_ok=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)

        def say(message: dict[str, Any]) -> None:
            if not writer.is_closing():
                writer.write(orjson.dumps(message, default=str) + b"\n")

        try:
            line = await reader.readline()
            if not line:
                return  # somebody looked whether a service is there
            asked = orjson.loads(line)
            handler = self._handlers.get(asked["command"])
            if handler is None:
                raise RefusedError(f"the running service does not know the command {asked['command']}; restart it")
            say({"result": await handler(asked["arguments"], say)})
        except RefusedError as error:
            say({"error": str(error), "misused": isinstance(error, MisusedError)})
        except asyncio.CancelledError:
            say({"error": "the service is being stopped; what was committed is kept, run the command again"})
        except Exception as error:
            log.exception("control.failed")
            say({"error": f"the service could not do this: {type(error).__name__}: {error}"})
        finally:
            self._open.discard(task)
            with suppress(ConnectionError):
                await writer.drain()
            writer.close()


async def ask(path: Path, command: str, arguments: dict[str, Any], say: Say) -> dict[str, Any] | None:
    """Let the running service do it; None: no service runs here.

    Raises:
        RefusedError: it could not do it.
        CancelledError: whoever asked waits no longer; the service goes on with it, as the message says.
    """
    if not listens(path):
        return None
    reader, writer = await asyncio.open_unix_connection(path, limit=64 * LONGEST_LINE)
    try:
        writer.write(orjson.dumps({"command": command, "arguments": arguments}) + b"\n")
        while line := await _line(reader):
            message = orjson.loads(line)
            if "error" in message:
                raise (MisusedError if message.get("misused") else RefusedError)(message["error"])
            if "result" in message:
                result: dict[str, Any] = message["result"]
                return result
            say(message)
    except asyncio.CancelledError as error:
        raise asyncio.CancelledError(_GOES_ON) from error
    finally:
        writer.close()
    raise RefusedError("the service ended in the middle; what was committed is kept, run the command again")


async def _line(reader: asyncio.StreamReader) -> bytes:
    """Empty at the end, also where the service was killed."""
    try:
        return await reader.readline()
    except ConnectionError:
        return b""


def listens(path: Path) -> bool:
    """Whether a service of ours answers there. In the temporary directory anybody might wait for our commands."""
    try:
        if path.parent.stat().st_mode & 0o002 and path.stat().st_uid != os.getuid():
            return False
    except OSError:
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
