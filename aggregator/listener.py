"""Serve an ASGI app on a socket, inside the running event loop."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import structlog
import uvicorn

if TYPE_CHECKING:
    from starlette.types import ASGIApp

# access_log=False only takes its handlers away, and others may come: an address that is called may hold a secret.
logging.getLogger("uvicorn.access").disabled = True


def _was_cut_off(record: logging.LogRecord) -> bool:
    return bool(record.exc_info and record.exc_info[0] is asyncio.CancelledError)


# Each request that a stop cuts off would print where it was; how many there were is told once.
logging.getLogger("uvicorn.error").addFilter(lambda record: not _was_cut_off(record))
log = structlog.get_logger()

HEADERS_WITHIN = 20.0
"""Seconds that a caller may take from the connection, or from the last answer, to the end of a request's headers."""

GRACE = 1.0
"""Seconds that open requests get to end."""
IDLE = 75
"""Seconds that a connection may wait for its next request. A proxy keeps its own for a minute: closed by us before
that, it sends a request into one that has just gone, and its visitor is told 502."""


class PortTakenError(Exception):
    """Somebody else listens there."""


def require_free(host: str, port: int) -> None:
    """For a server that would share a port with another one without a word (SO_REUSEPORT). It is called, not bound:
    what is left of closed connections would be in the way of that after a restart.

    Raises:
        PortTakenError: somebody listens there.
    """
    with suppress(OSError), socket.create_connection((host, port), timeout=1):
        raise PortTakenError(f"somebody else listens on {host}:{port}; choose another port")


class _Server(uvicorn.Server):
    """Says when it listens, and ends as soon as it can; the original looks every tenth of a second whether it can."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self.leaving = asyncio.Event()
        self._waiting: dict[Any, float] = {}  # since when a connection has no request

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # which sets the time that answers bear
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self.leaving.wait()
            self._hang_up()

    def _hang_up(self) -> None:
        """Who sends a request letter by letter, or none, must not hold a connection for ever; the server itself only
        ends those that are silent after an answer."""
        now, waiting = asyncio.get_running_loop().time(), self._waiting
        self._waiting = {}
        connections: list[Any] = list(self.server_state.connections)
        for each in connections:
            if not hasattr(each, "cycle"):  # a WebSocket
                continue
            if each.cycle is not None and not each.cycle.response_complete:
                continue
            self._waiting[each] = since = waiting.get(each, now)
            if now - since > HEADERS_WITHIN and each.transport is not None:
                each.transport.abort()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        from websockets.exceptions import InvalidState

        state = self.server_state
        for server in self.servers:
            server.close()
        for each in sockets or []:
            each.close()
        for connection in list(state.connections):
            with suppress(InvalidState):  # it is closing by itself
                connection.shutdown()
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                while state.connections or state.tasks:  # noqa: ASYNC110 -- sets of uvicorn's: nobody tells
                    await asyncio.sleep(0.005)
                for server in self.servers:
                    await server.wait_closed()
        if state.tasks:
            log.info("listener.cut_off", requests=len(state.tasks))
        for task in state.tasks:
            task.cancel(msg="the server ends")
        await self.lifespan.shutdown()


@asynccontextmanager
async def serve(app: ASGIApp, host: str = "127.0.0.1", port: int = 0, *, lifespan: bool = False) -> AsyncIterator[str]:
    """Yield the base URL, `http://<host>:<port>`. Port 0: the machine chooses. Open requests get a second to end.
    `lifespan`: the application has work to start and to stop.

    Raises:
        PortTakenError: the address cannot be had.
    """
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise PortTakenError(f"cannot listen on {host}:{port}: {error.strerror}; choose another port") from error
    # asyncio does so only for sockets of its own making; without it each answer waits 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="on" if lifespan else "off", timeout_keep_alive=IDLE
    )
    server = _Server(config)
    # Not serve(): that would take over the process's signal handlers, which belong to the service.
    running = asyncio.create_task(server._serve(sockets=[listener]))
    try:
        await server.listening.wait()
        yield f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        server.leaving.set()
        await running
        listener.close()
