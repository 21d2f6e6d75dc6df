"""The gateway: hello, identify or resume, heartbeats, and a session that keeps what was not confirmed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

if TYPE_CHECKING:
    from aggregator.demo.qq_bot import QQBotSimulator

Json = dict[str, Any]
GROUPS: Final = 1 << 25
GUILD_MENTIONS: Final = 1 << 30
GUILD_DIRECT: Final = 1 << 12
_INTENT: Final[dict[str, int]] = {
    "GROUP_MESSAGE_CREATE": GROUPS,
    "GROUP_AT_MESSAGE_CREATE": GROUPS,
    "C2C_MESSAGE_CREATE": GROUPS,
    "GROUP_ADD_ROBOT": GROUPS,
    "GROUP_DEL_ROBOT": GROUPS,
    "AT_MESSAGE_CREATE": GUILD_MENTIONS,
    "DIRECT_MESSAGE_CREATE": GUILD_DIRECT,
    "PUBLIC_MESSAGE_DELETE": GUILD_MENTIONS,
}


KEPT: Final = timedelta(hours=24)  # a guess: QQ does not say


@dataclass
class _Session:
    """`told`: every event since it began; they are numbered from 2. `confirmed`: the number up to which the client has
    said that it has them. `left_at`: when its last connection ended."""

    number: str
    intents: int
    told: list[Json] = field(default_factory=list)
    confirmed: int = 1
    socket: asyncio.Queue[Json | int] | None = None  # a payload to send, or the code to close with
    left_at: datetime | None = None

    def confirms(self, number: object) -> None:
        if isinstance(number, int):
            self.confirmed = max(self.confirmed, number)

    def replays(self, after: int) -> None:
        """Tell what came after that number, and that this was all."""
        assert self.socket is not None
        for payload in self.told:
            if payload["s"] > after:
                self.socket.put_nowait(payload)
        self.socket.put_nowait({"op": 0, "s": len(self.told) + 1, "t": "RESUMED", "d": ""})


class Gateway:
    """Serves `/websocket`."""

    def __init__(self, simulator: QQBotSimulator) -> None:
        self._simulator = simulator
        self._sessions: dict[str, _Session] = {}  # one at most: a bot that identifies anew begins anew
        self._past: list[_Session] = []
        self.granted = GROUPS | GUILD_MENTIONS
        self.interval = 41_250  # milliseconds between heartbeats
        self.answers_heartbeats = True
        self.replays_at_once = True  # False: who resumes is told what it missed by `replays`, heartbeats or not
        self.heard: list[Json] = []  # what clients have sent, tokens left out
        self.route = WebSocketRoute("/websocket", self._serve)

    @property
    def is_heard(self) -> bool:
        """Whether somebody listens now."""
        return any(session.socket is not None for session in self._sessions.values())

    @property
    def unconfirmed(self) -> int:
        """How many events may still come to whoever listens."""
        self._expire()
        return sum(len(session.told) + 1 - session.confirmed for session in self._sessions.values())

    def told(self) -> list[Json]:
        """Payloads that were confirmed, or that a session still holds."""
        self._expire()
        held = [event for session in self._sessions.values() for event in session.told]
        return held + [event for session in self._past for event in session.told[: session.confirmed - 1]]

    def tell(self, payload: Json) -> None:
        self._expire()
        for session in self._sessions.values():
            if session.intents & _INTENT[payload["t"]]:
                numbered = payload | {"s": len(session.told) + 2}
                session.told.append(numbered)
                if session.socket is not None:
                    session.socket.put_nowait(numbered)

    def sends(self, payload: Json) -> None:
        """To every connection: op 7, op 9, or an event once more."""
        for session in self._sessions.values():
            if session.socket is not None:
                session.socket.put_nowait(payload)

    def sends_again(self) -> None:
        """The last event of each session is delivered twice."""
        for session in self._sessions.values():
            if session.socket is not None:
                session.socket.put_nowait(session.told[-1])

    def closes(self, code: int) -> None:
        """End every connection; the sessions stay."""
        for session in self._sessions.values():
            if session.socket is not None:
                session.socket.put_nowait(code)

    def replays(self) -> None:
        """Tell those who have resumed what they missed."""
        for session in self._sessions.values():
            if session.socket is not None:
                session.replays(session.confirmed)

    def forgets_sessions(self, code: int | None = None) -> None:
        """They cannot be resumed. Connections are told so by op 9, or closed with this code."""
        sessions, self._sessions = self._sessions, {}
        self._past += sessions.values()
        for session in sessions.values():
            if session.socket is not None:
                session.socket.put_nowait({"op": 9, "d": False} if code is None else code)

    def _expire(self) -> None:
        now = self._simulator.clock()
        if any(session.left_at is not None and session.left_at + KEPT < now for session in self._sessions.values()):
            self.forgets_sessions()

    async def _serve(self, socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": self.interval}})
        queue: asyncio.Queue[Json | int] = asyncio.Queue()
        reading = asyncio.create_task(self._read(socket, queue))
        try:
            while isinstance(payload := await queue.get(), dict):
                await socket.send_json(payload)
            if not reading.done():
                await socket.close(payload)
        finally:
            reading.cancel()
            for session in self._sessions.values():
                if session.socket is queue:
                    session.socket, session.left_at = None, self._simulator.clock()

    async def _read(self, socket: WebSocket, queue: asyncio.Queue[Json | int]) -> None:
        try:
            while True:
                self._take(await socket.receive_json(), queue)
        except WebSocketDisconnect:
            queue.put_nowait(1000)

    def _take(self, message: Json, queue: asyncio.Queue[Json | int]) -> None:
        told = message.get("d")
        self.heard.append({"op": message["op"], "d": {**told, "token": ""} if isinstance(told, dict) else told})
        match message["op"]:
            case 1:
                for session in self._sessions.values():
                    if session.socket is queue:
                        session.confirms(message["d"])
                if self.answers_heartbeats:
                    queue.put_nowait({"op": 11})
            case 2 | 6 if not self._simulator.api.accepts(message["d"]["token"]):
                queue.put_nowait(4004)
            case 2:
                self._identify(message["d"]["intents"], queue)
            case 6:
                self._resume(message["d"], queue)
            case _:
                queue.put_nowait(4001)

    def _identify(self, intents: int, queue: asyncio.Queue[Json | int]) -> None:
        if intents & ~self.granted:
            queue.put_nowait(4014)
            return
        self.forgets_sessions(4006)
        number = f"session-{len(self.heard)}"
        self._sessions[number] = _Session(number, intents, socket=queue)
        user = {"id": "1440000000000001", "username": "Harbor 助手", "bot": True}
        ready = {"version": 1, "session_id": number, "user": user, "shard": [0, 1]}
        queue.put_nowait({"op": 0, "s": 1, "t": "READY", "d": ready})

    def _resume(self, asked: Json, queue: asyncio.Queue[Json | int]) -> None:
        self._expire()
        session = self._sessions.get(asked["session_id"])
        if session is None:
            queue.put_nowait({"op": 9, "d": False})
            return
        session.confirms(asked["seq"])
        session.socket, session.left_at = queue, None
        if self.replays_at_once:
            session.replays(asked["seq"])
