"""The day in the QQ group, through an account of ours behind OneBot."""

from __future__ import annotations

from contextlib import AsyncExitStack, suppress
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from aggregator.clocks import Clock
from aggregator.demo.qq import OneBotSimulator
from aggregator.demo.scene import WAIT, Scene, Trouble, kept
from aggregator.demo.script import Line, Person
from aggregator.demo.truth import Truth
from connectors.contract import SourceConfig
from connectors.qq import QQ


class QQScene(Scene):
    """One group. Events are called out once each; what is missed stands in the history."""

    source = "qq-group"
    channel = "qq"
    troubles = ("500", "reset", "429_json", "truncated")

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.simulator = OneBotSimulator(clock, group="灯笼钱包互助群")
        self.url = ""

    @property
    def space(self) -> str:
        return f"qq/{self.simulator.account}"

    async def open(self, stack: AsyncExitStack) -> None:
        self.url = await stack.enter_async_context(self.serving(self.simulator.app))

    def connect(self, hooks_url: str) -> None:
        self.simulator.events.hook_url = f"{hooks_url}/hooks/{self.source}"

    async def delivers(self, client: httpx.AsyncClient) -> None:
        with suppress(httpx.HTTPError):
            await self.simulator.events.deliver(client)

    @property
    def undelivered(self) -> int:
        return len(self.simulator.events.pending)

    def config(self, secrets: Path) -> SourceConfig:
        return QQ.Config(
            connector="qq",
            accept_risk=True,
            url=self.url,
            token=kept(secrets, "qq.token", self.simulator.token),
            account=self.simulator.account,
            groups=frozenset({self.simulator.group}),
            webhook_secret=kept(secrets, "qq.secret", self.simulator.events.hook_secret),
            calls_per_minute=6000,
            poll_every=timedelta(seconds=2),
            timeout=5,
        )

    def account(self, person: Person) -> str:
        return str(self.simulator.user(person.handle, person.name))

    def _plays(self, line: Line, person: Person, target: str | None, at: datetime) -> list[str]:
        if line.act == "deletes":
            assert target is not None
            self.simulator.recalls(target)
            return []
        return [self.simulator.says(person.handle, line.text, reply_to=target, at=at)]

    def plants_unreadable(self) -> None:
        before = self.simulator.truth().keys()
        self.simulator.events.muted = True  # of its shape in the history alone nobody knows
        self.simulator.malformed()
        self.simulator.events.muted = False
        self.planted += self.simulator.truth().keys() - before

    def fails(self, trouble: Trouble) -> None:
        assert trouble != "answer_lost"
        self.simulator.fail_next(trouble, wait=WAIT)

    def truth(self) -> dict[str, Truth]:
        return self.simulator.truth()
