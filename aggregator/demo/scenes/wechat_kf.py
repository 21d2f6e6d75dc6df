"""The day at WeChat customer service."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from aggregator.clocks import Clock
from aggregator.demo.scene import WAIT, Scene, Trouble, kept
from aggregator.demo.script import Line, Person
from aggregator.demo.truth import Truth
from aggregator.demo.wechat_kf import WeChatKfSimulator
from connectors.contract import SourceConfig
from connectors.wechat_kf import WeChatKf


class WeChatKfScene(Scene):
    """One account. A call says only that there is something to fetch."""

    source = "wechat-kf"
    channel = "wechat_kf"
    troubles = ("reset", "429_json", "500", "truncated")
    calls_in_order = False

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.simulator = WeChatKfSimulator(clock, monotonic=lambda: clock().timestamp())
        self.simulator.untold_calls = 1000  # a new process makes one: a test that kills makes many
        self.url = ""
        self._asked: dict[str, str] = {}  # message -> the customer in whose conversation it stands

    @property
    def space(self) -> str:
        return f"wechat_kf/{self.simulator.corpid}"

    async def open(self, stack: AsyncExitStack) -> None:
        self.url = await stack.enter_async_context(self.serving(self.simulator.app))

    def connect(self, hooks_url: str) -> None:
        self.simulator.callbacks.url = f"{hooks_url}/hooks/{self.source}"

    async def delivers(self, client: httpx.AsyncClient) -> None:
        await self.simulator.callbacks.deliver(client)

    @property
    def undelivered(self) -> int:
        return len(self.simulator.callbacks.pending)

    def config(self, secrets: Path) -> SourceConfig:
        callbacks = self.simulator.callbacks
        return WeChatKf.Config(
            connector="wechat_kf",
            corpid=self.simulator.corpid,
            secret=kept(secrets, "wechat_kf.secret", self.simulator.secret),
            callback_token=kept(secrets, "wechat_kf.token", callbacks.token),
            encoding_aes_key=kept(secrets, "wechat_kf.key", callbacks.aes_key),
            api=self.url,
            poll_every=timedelta(seconds=2),
            timeout=5,
        )

    def account(self, person: Person) -> str:
        return person.handle if person.role == "staff" else self.simulator.customer(person.name)

    def _plays(self, line: Line, person: Person, target: str | None, at: datetime) -> list[str]:
        if line.act == "deletes":
            assert target is not None
            self.simulator.recalls(target, by_agent=person.role == "staff")
            return []
        customer = self._asked[target] if target else person.name
        if person.role == "staff":
            message = self.simulator.agent_says(customer, line.text, at=at, agent=person.handle)
        else:
            message = self.simulator.says(customer, line.text, at=at)
        self._asked[message] = customer
        return [message]

    def plants_unreadable(self) -> None:
        message = self.simulator.says("import", "?")
        self.simulator.breaks(message)
        self.planted.append(message)

    def fails(self, trouble: Trouble) -> None:
        if trouble == "500" or trouble == "reset" or trouble == "truncated":
            self.simulator.fails_next(trouble)
        else:
            self.simulator.fails_next("429", wait=WAIT)

    def truth(self) -> dict[str, Truth]:
        return self.simulator.truth()
