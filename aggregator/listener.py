"""Serve an ASGI app on a socket, inside the running event loop."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from starlette.types import ASGIApp

# access_log=False only takes its handlers away, and others may come: an address that is called may hold a secret.
logging.getLogger("uvicorn.access").disabled = True


class PortTakenError(Exception):
    """Somebody else listens there."""


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


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
        app, log_config=None, access_log=False, lifespan="on" if lifespan else "off", timeout_graceful_shutdown=1
    )
    server = _Server(config)
    # Not serve(): that would take over the process's signal handlers, which belong to the service.
    running = asyncio.create_task(server._serve(sockets=[listener]))
    try:
        await server.listening.wait()
        yield f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
        listener.close()
