"""The day at the WeChat official account: messages to it, and comments under its articles."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import httpx

from aggregator.clocks import Clock
from aggregator.demo.scene import WAIT, Scene, Trouble, kept
from aggregator.demo.script import Line, Person
from aggregator.demo.truth import Truth
from aggregator.demo.wechat import WeChatSimulator
from connectors.contract import SourceConfig
from connectors.wechat import WeChat

CALLS: Final = 1_000_000  # a day, of which a squeezed one makes as many in a minute
PAUSE: Final = 5.0  # seconds between two attempts to call us, of which there are three
MESSAGES: Final = "account"  # the room in which people write to the account


class WeChatScene(Scene):
    """Each room but one is an article. Messages are called out, and lost if nobody takes them."""

    source = "wechat-account"
    channel = "wechat"
    troubles = ("500", "429_json", "truncated", "reset")
    calls_in_order = False

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.simulator = WeChatSimulator(clock)
        self.simulator.comment_calls = self.simulator.comment_calls_left = CALLS
        self.simulator.callbacks.pause = PAUSE
        self.url = ""
        self._articles: dict[str, str] = {}

    @property
    def space(self) -> str:
        return f"wechat/{self.simulator.appid}"

    async def open(self, stack: AsyncExitStack) -> None:
        self.url = await stack.enter_async_context(self.serving(self.simulator.app))

    def connect(self, hooks_url: str) -> None:
        self.simulator.callbacks.url = f"{hooks_url}/hooks/{self.source}"

    async def delivers(self, client: httpx.AsyncClient) -> None:
        await self.simulator.callbacks.deliver(client)

    @property
    def undelivered(self) -> int:
        return len(self.simulator.callbacks.pending)

    @property
    def given_up(self) -> frozenset[str]:
        return frozenset(self.simulator.callbacks.lost)

    def config(self, secrets: Path) -> SourceConfig:
        callbacks = self.simulator.callbacks
        return WeChat.Config(
            connector="wechat",
            appid=self.simulator.appid,
            secret=kept(secrets, "wechat.secret", self.simulator.secret),
            callback_token=kept(secrets, "wechat.token", callbacks.token),
            encoding_aes_key=kept(secrets, "wechat.key", callbacks.aes_key),
            api=self.url,
            poll_every=timedelta(seconds=2),
            timeout=5,
        )

    def account(self, person: Person) -> str:
        return "account" if person.key == "official" else self.simulator.openid(person.handle)

    def furnish(self, rooms: Mapping[str, str]) -> None:
        for room, title in rooms.items():
            if room != MESSAGES:
                # The older an article, the more seldom it is looked at; but time leaps here, so it must stay new.
                self._articles[room] = self.simulator.publishes(title, at=self.clock() + timedelta(days=2))

    def _plays(self, line: Line, person: Person, target: str | None, at: datetime) -> list[str]:
        if person.role == "staff":
            assert target is not None
            self.simulator.answers(target, line.text, at)
            return [f"{target}/reply/{int(at.timestamp())}"]
        if article := self._articles.get(line.topic or ""):
            return [self.simulator.comments(person.handle, line.text, article, at)]
        return [self.simulator.says(person.handle, line.text, at)]

    def plants_unreadable(self) -> None:
        comment = self.simulator.comments("import", "?", at=self.clock())
        self.simulator.breaks(comment)
        self.planted.append(comment)

    def fails(self, trouble: Trouble) -> None:
        if trouble == "500" or trouble == "reset" or trouble == "truncated":
            self.simulator.fails_next(trouble)
        else:
            self.simulator.fails_next("429", wait=WAIT)

    def truth(self) -> dict[str, Truth]:
        return self.simulator.truth()
