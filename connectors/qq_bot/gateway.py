"""One connection to QQ's gateway: who we are, heartbeats, events, and what its end means.

https://bot.q.qq.com/wiki/develop/api-v2/dev-prepare/interface-framework/event-emit.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from connectors.contract import Cursor, Page, Record
from connectors.errors import (
    AuthError,
    ConnectorError,
    CursorExpiredError,
    SourceGoneError,
    ThrottledError,
    TransientError,
)
from connectors.secret import Secret
from connectors.session import UNTOLD_WAIT
from connectors.websocket import JsonSocket, SocketEndedError

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID_SESSION, HELLO, HEARTBEAT_ACK = 0, 1, 2, 6, 7, 9, 10, 11
HELLO_WITHIN = 10.0  # seconds
EXPIRED, TOO_FAST, WRONG_TOKEN, NOT_ALLOWED = 4009, 4008, 4004, 4014
SESSION_LOST = frozenset({4006, 4007, *range(4900, 4914)})
WE_ARE_WRONG = frozenset({4001, 4002, 4010, 4011, 4012, 4013})
BOT_STOPPED = frozenset({4914, 4915})


class Listening:
    """Identifies or resumes, then yields events.

    Cursor: `{"session_id", "seq", "heard_to"}`. Only what is committed is confirmed, so a session that is resumed
    brings the rest. heard_to (Unix seconds): everything told before has come. Without a session the cursor is another
    one, which is nothing to us.
    """

    def __init__(
        self,
        source: str,
        secret: Secret,
        socket: JsonSocket,
        intents: int,
        wants: Callable[[Record], bool],
        clock: Callable[[], datetime],
    ) -> None:
        self._source = source
        self._secret = secret
        self._socket = socket
        self._intents = intents
        self._wants = wants
        self._clock = clock
        self._greeted_at = 0.0  # READY or RESUMED says that nothing from before is left
        self._beaten_at = 0.0  # so does a heartbeat's answer, once one of them has come
        self._beats_every = 0.0
        self._beat_at = 0.0
        self._answered = True
        self._begun = False  # READY or RESUMED has come

    async def pages(self, header: str, cursor: Cursor) -> AsyncGenerator[Page, None]:
        """Yield what comes, a page for all that has come together; ends when QQ asks us to connect again.

        Raises:
            CursorExpiredError: the session is lost, and with it what it would have replayed.
            ConnectorError: by what the connection's end means.
        """
        try:
            state: Cursor = dict(cursor) if "session_id" in cursor else {}
            await self._greet(header, state)
            while True:
                messages = await self._next(state)
                page = self._page(messages, state)
                if page is not None and page.records and page.caught_up:
                    yield replace(page, caught_up=False)
                    yield replace(page, records=())
                elif page is not None:
                    yield page
                ends = {message.get("op") for message in messages}
                if INVALID_SESSION in ends:
                    raise self._session_lost() if state else self._refused()
                if RECONNECT in ends:
                    return
        except SocketEndedError as ended:
            if ended.code != EXPIRED:
                raise self._meaning(ended) from None

    async def _greet(self, header: str, state: Cursor) -> None:
        [hello, *_] = await self._socket.messages(HELLO_WITHIN) or [{}]
        if hello.get("op") != HELLO:
            raise TransientError(f"{self._source}: QQ's gateway did not say hello")
        self._beats_every = hello["d"]["heartbeat_interval"] / 1000
        self._beat_at = asyncio.get_running_loop().time() + self._beats_every
        self._greeted_at = self._clock().timestamp()
        if state:
            resumed = {"token": header, "session_id": state["session_id"], "seq": state["seq"]}
            await self._socket.send({"op": RESUME, "d": resumed})
        else:
            who = {"token": header, "intents": self._intents, "shard": [0, 1], "properties": {}}
            await self._socket.send({"op": IDENTIFY, "d": who})

    async def _next(self, state: Cursor) -> list[Record]:
        """What comes until a heartbeat is due. The heartbeat names the last event that is committed."""
        loop = asyncio.get_running_loop()
        if loop.time() >= self._beat_at:
            if not self._answered:
                if come := await self._socket.messages(0):  # the answer may be among what came during a commit
                    return come
                raise TransientError(f"{self._source}: QQ's gateway no longer answers")
            self._answered = False
            self._beat_at = loop.time() + self._beats_every
            self._beaten_at = self._clock().timestamp()
            await self._socket.send({"op": HEARTBEAT, "d": state.get("seq")})
        return await self._socket.messages(self._beat_at - loop.time())

    def _page(self, messages: list[Record], state: Cursor) -> Page | None:
        """The events among them, and the cursor after them; None: nothing has changed.

        The end of a replay says that there was nothing newer when we asked for it; it may come after we have asked with
        a heartbeat, whose answer says so of a later time.
        """
        before, records, caught_up = dict(state), [], False
        for message in messages:
            if message.get("op") == HEARTBEAT_ACK:
                self._answered = True
                if self._begun:
                    caught_up, state["heard_to"] = True, self._beaten_at
            if message.get("op") == DISPATCH:
                if _follow(message, state):
                    self._begun, caught_up, state["heard_to"] = True, True, self._greeted_at
                records += [message] if self._wants(message) else []
        if state and (records or caught_up or state != before):
            return Page(records, dict(state), caught_up=caught_up)
        return None

    def _meaning(self, ended: SocketEndedError) -> ConnectorError:
        code, source = ended.code, self._source
        if code in SESSION_LOST:
            return self._session_lost()
        if code == TOO_FAST:
            return ThrottledError(f"{source}: QQ's gateway asks us to slow down", UNTOLD_WAIT)
        if code == WRONG_TOKEN:
            return self._refused()
        if code == NOT_ALLOWED:
            return AuthError(
                f"{source}: the bot may not hear all that `hears` names ({code}). Apply at q.qq.com, or name less."
            )
        if code in BOT_STOPPED:
            return SourceGoneError(f"{source}: QQ has taken the bot offline or banned it ({code}): look at q.qq.com")
        if code in WE_ARE_WRONG:
            return ConnectorError(f"{source}: QQ's gateway does not take what we say ({code}): update this program")
        return ended

    def _session_lost(self) -> CursorExpiredError:
        return CursorExpiredError(
            f"{self._source}: QQ has forgotten our session; what was said since then cannot be had any more"
        )

    def _refused(self) -> AuthError:
        return AuthError(f"{self._source}: QQ's gateway refused the token of {self._secret}: is it still the bot's?")


def _follow(event: dict[str, Any], state: Cursor) -> bool:
    """Note how far we are; whether it says that there is nothing newer."""
    if event.get("t") == "READY":
        state["session_id"] = event["d"]["session_id"]
    if "session_id" in state and isinstance(event.get("s"), int):
        state["seq"] = event["s"]
    return event.get("t") in ("READY", "RESUMED")
