"""QQ groups, read through a OneBot v11 implementation (NapCat, Lagrange.OneBot, LLOneBot).

https://github.com/botuniverse/onebot-11

Such a program drives a personal QQ account, which breaks Tencent's terms of service: the account may be frozen.
Records are message and recall objects as OneBot sends them, with the chat and its name where these were left out.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, HttpUrl

from connectors.contract import Cursor, Finding, Item, Page, PullConnector, Record, SourceConfig
from connectors.qq.account import Account, Host
from connectors.qq.onebot import ActionFailedError, Chat, OneBot
from connectors.qq.poll import Poll
from connectors.qq.reading import read, spot_of
from connectors.secret import Secret

if TYPE_CHECKING:
    from connectors.session import Pacing

TERMS = (
    "a personal account driven by a program breaks Tencent's terms of service and may be frozen: use one that you "
    "can do without"
)


class QQ(PullConnector):
    """Reads the history of each chat. Cursor: see `Poll`."""

    class Config(SourceConfig):
        accept_risk: Literal[True] = Field(
            description="true: you know that this breaks Tencent's terms and that the account may be frozen."
        )
        url: HttpUrl = Field(description="The HTTP server of NapCat, Lagrange.OneBot or LLOneBot.")
        token: Secret = Field(description="The access token of that server.")
        account: int = Field(gt=0, description="The QQ number that is logged in there.")
        groups: frozenset[int] = Field(min_length=1, description="Numbers of the groups to read.")
        private_chats: bool = Field(default=False, description="Messages that people send to the account itself.")
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

        Raises:
            AccountOfflineError: the account is not online, whatever else OneBot answers.
            SourceGoneError: the account is in none of the groups.
        """
        async with aclosing(self._poll(cursor)) as pages:
            async for page in pages:
                yield page

    async def _poll(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        host = await self._account.meet()
        chats = await self._account.chats(host, self.config.groups, private=self.config.private_chats)
        poll = Poll(self._account, self.since, cursor)
        missing = self._warnings(host)
        async with aclosing(poll.pages(host, chats)) as pages:
            async for page in pages:
                self._told = missing + poll.warnings()
                yield replace(page, warnings=self._told)
        if self._told != missing + poll.warnings():
            self._told = missing + poll.warnings()
            yield Page((), poll.cursor, warnings=self._told)

    def _warnings(self, host: Host) -> tuple[str, ...]:
        unknown = () if host.dialect.known else (f"{host.version} is not known here: history may be incomplete",)
        deaf = self.config.private_chats and not host.dialect.lists_contacts
        return (
            *unknown,
            *(
                f"the account is not in group {number}: let it join"
                for number in sorted(self.config.groups - host.groups.keys())
            ),
            *((f"{host.dialect.name} does not list private chats: they are not read",) if deaf else ()),
        )

    def post(self, record: Record) -> Item | Sequence[Item] | None:
        return read(record)

    async def check(self) -> Sequence[Finding]:
        host = await self._account.meet()
        level: Literal["ok", "warning"] = "ok" if host.dialect.known else "warning"
        return [
            Finding(level, f"{host.version} answers; account {self.config.account} is logged in and online"),
            Finding("warning", TERMS),
            *[await self._check_group(host, number) for number in sorted(self.config.groups)],
        ]

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
