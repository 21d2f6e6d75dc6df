"""A WebSocket that carries JSON objects."""

from __future__ import annotations

import pytest
from websockets.asyncio.server import ServerConnection, serve

from connectors.errors import TransientError
from connectors.websocket import SocketEndedError, open_socket


async def speaks(socket: ServerConnection) -> None:
    for frame in ('{"number": 1}', '{"number": 2}', "no object", '{"number": 3}'):
        await socket.send(frame)
    await socket.recv()  # until all of it has been read


async def test_what_came_before_something_unreadable_is_not_lost_with_it() -> None:
    async with serve(speaks, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with open_socket("the other side", f"ws://127.0.0.1:{port}", timeout=5) as socket:
            found = await socket.messages(5)
            while len(found) < 2:
                found += await socket.messages(5)
            with pytest.raises(TransientError, match="no JSON object"):
                await socket.messages(5)
            await socket.send({"enough": True})
            found += await socket.messages(5)
            with pytest.raises(SocketEndedError):
                await socket.messages(5)
    assert found == [{"number": 1}, {"number": 2}, {"number": 3}]
