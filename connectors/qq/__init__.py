"""QQ groups, read through a OneBot v11 implementation (NapCat, Lagrange.OneBot, LLOneBot).

https://github.com/botuniverse/onebot-11

Such a program drives a personal QQ account, which breaks Tencent's terms of service: the account may be frozen.
Records are message and recall objects as OneBot sends them, with the chat and its name where these were left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, HttpUrl, WebsocketUrl

from connectors.contract import (
    Author,
    Cursor,
    Finding,
    Item,
    Pace,
    Page,
    PullConnector,
    Push,
    PushConnector,
    Received,
    Record,
    SourceConfig,
)
from connectors.errors import ConnectorError, PushRefusedError
from connectors.qq import replies
from connectors.qq.account import Account, Host
from connectors.qq.events import EventStream, listening, unpacked
from connectors.qq.onebot import ActionFailedError, Chat, OneBot
from connectors.qq.poll import Poll
from connectors.qq.reading import RECALLS, chat_of, read, spot_of
from connectors.replying import Asked, CannotTell, Outgoing, Replying, Sent, Window
from connectors.secret import Secret
from connectors.wording import worded

if TYPE_CHECKING:
    from connectors.session import Pacing

TERMS = (
    "a personal account driven by a program breaks Tencent's terms of service and may be frozen: use one that you "
    "can do without"
)

GREETS_WITHIN = 1.0  # seconds: OneBot says at once that it is there, or that the token is wrong


class QQ(PullConnector, PushConnector, Replying):
    """Reads the history of each chat, and takes events for speed and recalls. Cursor: see `Poll`.

    Events move no cursor: what they bring, the next poll finds again, and it is stored once.
    """

    class Config(SourceConfig):
        accept_risk: Literal[True] = Field(
            description="true: you know that this breaks Tencent's terms and that the account may be frozen."
        )
        url: HttpUrl = Field(description="The HTTP server of NapCat, Lagrange.OneBot or LLOneBot.")
        token: Secret = Field(description="The access token of that server.")
        account: int = Field(gt=0, description="The QQ number that is logged in there.")
        groups: frozenset[int] = Field(min_length=1, description="Numbers of the groups to read.")
        private_chats: bool = Field(default=False, description="Messages that people send to the account itself.")
        events: WebsocketUrl | None = Field(
            default=None, description="Its WebSocket server's /event: messages come within a second."
        )
        webhook_secret: Secret | None = Field(
            default=None, description="Or the secret with which it signs its calls of /hooks/<source>."
        )
        calls_per_minute: int = Field(default=120, gt=0, description="Requests a minute.")
        timeout: float = Field(default=30, gt=0, le=300, description="Seconds to wait for an answer.")

    retention: ClassVar[timedelta | None] = None
    config: Config

    def __init__(self, source: str, config: Config, *, since: datetime, pacing: Pacing | None = None) -> None:
        super().__init__(source, config, since=since, pacing=pacing)
        self._told: tuple[str, ...] = ()
        self._onebot = OneBot(
            source,
            str(config.url),
            config.token,
            calls_per_minute=config.calls_per_minute,
            timeout=config.timeout,
            pacing=pacing,
        )
        self._account = Account(source, config.account, self._onebot)

    @property
    def space(self) -> str:
        return f"qq/{self.config.account}"  # message ids differ from account to account

    async def close(self) -> None:
        await self._onebot.aclose()

    async def pages(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        """Yield what is new in each chat, then what fills the holes in what was read, newest page first.

        With `events` it does not end: it yields events, and polls again every `poll_every`.

        Raises:
            AccountOfflineError: the account is not online, whatever else OneBot answers.
            SourceGoneError: the account is in none of the groups.
        """
        if self.config.events is None:
            async with aclosing(self._poll(cursor)) as pages:
                async for page in pages:
                    yield page
            return
        async with self._listening() as events, aclosing(self._follow(events, cursor)) as pages:
            async for page in pages:
                yield page

    def _listening(self) -> AbstractAsyncContextManager[EventStream]:
        return listening(self.source, str(self.config.events), self.config.token, self.config.timeout)

    async def _follow(self, events: EventStream, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        """The connection is open before the history is read, so that nothing falls in between."""
        loop = asyncio.get_running_loop()
        while True:
            async with aclosing(self._poll(cursor)) as pages:
                async for page in pages:
                    cursor = page.cursor
                    yield page
            yield Page((), cursor or {}, warnings=self._told, caught_up=True)
            due = loop.time() + self.config.poll_every.total_seconds()
            while (left := due - loop.time()) > 0:
                if records := self._wanted(await events.next(left)):
                    yield Page(records, cursor or {}, warnings=self._told)

    async def _poll(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        host = await self._account.meet()
        poll = Poll(self._account, self.since, cursor)
        chats = await self._account.chats(
            host, self.config.groups, private=self.config.private_chats, has_news=poll.may_have_news
        )
        missing = self._warnings(host)
        async with aclosing(poll.pages(host, chats)) as pages:
            async for page in pages:
                self._told = missing + poll.warnings()
                yield replace(page, warnings=self._told)
        if self._told != missing + poll.warnings():
            self._told = missing + poll.warnings()
            yield Page((), poll.cursor, warnings=self._told)

    def _warnings(self, host: Host) -> tuple[str, ...]:
        unknown = (
            () if host.dialect.known else (worded(f"{host.version} is not known here: history may be incomplete"),)
        )
        told = self.config.events or self.config.webhook_secret
        deaf = self.config.private_chats and not (host.dialect.lists_contacts or told)
        return (
            *unknown,
            *(
                worded(f"the account is not in group {number}: let it join")
                for number in sorted(self.config.groups - host.groups.keys())
            ),
            *(
                (worded(f"{host.dialect.name} does not list private chats: set events or webhook_secret to hear them"),)
                if deaf
                else ()
            ),
        )

    def receive(self, push: Push) -> Received:
        """Take one event. The answer has no body: OneBot would carry out what it says."""
        if self.config.webhook_secret is None:
            raise PushRefusedError(f"{self.source}: webhook_secret is not set; this source is polled.")
        event = unpacked(self.source, push, self.config.webhook_secret, self.config.account)
        return Received(self._wanted([event]), status=204)

    def _wanted(self, events: Sequence[Record]) -> list[Record]:
        """Messages and recalls of the chats that we read, each with all that `post()` needs."""
        return [self._account.completed(event, chat) for event in events if (chat := self._chat(event))]

    def _chat(self, event: Record) -> Chat | None:
        kind = event.get("post_type")
        if kind not in ("message", "message_sent") and not (
            kind == "notice" and str(event.get("notice_type")) in RECALLS
        ):
            return None
        chat = chat_of(event)
        if chat is None:
            return None
        wanted = self.config.private_chats if chat.kind == "private" else chat.number in self.config.groups
        return chat if wanted else None

    def post(self, record: Record) -> Item | Sequence[Item] | None:
        return read(record)

    def reply_window(self, asked: Asked, now: datetime) -> Window:  # noqa: ARG002  # QQ has no deadline
        return Window(None if replies.place(asked) else "gone", longest=replies.LONGEST, unit="bytes")

    async def reply(self, outgoing: Outgoing) -> Sent:
        if self.pacing is not None:
            chat = outgoing.to.native_id.partition("/")[0]
            await self.pacing.turn(f"{self.space} {chat}", Pace(*replies.PER_CHAT))
        return await replies.reply(self._account, outgoing)

    async def find_sent(self, outgoing: Outgoing) -> Sent | CannotTell | None:
        return await replies.find(self._account, outgoing)

    def is_own(self, author: Author) -> bool:
        return author.native_id == str(self.config.account)

    async def check(self) -> Sequence[Finding]:
        host = await self._account.meet()
        level: Literal["ok", "warning"] = "ok" if host.dialect.known else "warning"
        return [
            Finding(level, f"{host.version} answers; account {self.config.account} is logged in and online"),
            Finding("warning", TERMS),
            *[await self._check_group(host, number) for number in sorted(self.config.groups)],
            *([await self._check_events()] if self.config.events else []),
        ]

    async def _check_events(self) -> Finding:
        try:
            async with self._listening() as events:
                await events.next(GREETS_WITHIN)
        except ConnectorError as error:
            return Finding("failed", f"events: {error}")
        return Finding("ok", "events can be heard")

    async def _check_group(self, host: Host, number: int) -> Finding:
        if number not in host.groups:
            return Finding("failed", f"group {number}: the account is not in it: let it join")
        try:
            messages = await self._account.history(host.dialect, Chat("group", number))
        except ActionFailedError:
            messages = []
        times = [spot.time for spot in map(spot_of, messages) if spot is not None]
        if not times:
            return Finding("warning", f"group {number}: no message can be read; was anything said there yet?")
        return Finding(
            "ok", f"group {number} can be read; newest message {datetime.fromtimestamp(max(times), UTC):%Y-%m-%d %H:%M}"
        )
