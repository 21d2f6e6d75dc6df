"""The day in the Telegram group."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path

from aggregator.clocks import Clock
from aggregator.demo.scene import WAIT, Scene, Trouble, kept
from aggregator.demo.script import Line, Person
from aggregator.demo.telegram import TelegramSimulator
from aggregator.demo.truth import Truth
from connectors.contract import SourceConfig
from connectors.telegram import Telegram


class TelegramScene(Scene):
    """A supergroup with topics."""

    source = "telegram-group"
    channel = "telegram"
    troubles = ("429_json", "reset", "500", "truncated")

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.simulator = TelegramSimulator(clock, group="Lantern Wallet 灯笼钱包", username="lanternwallet")
        self.url = ""

    @property
    def space(self) -> str:
        return "telegram"

    async def open(self, stack: AsyncExitStack) -> None:
        self.url = await stack.enter_async_context(self.serving(self.simulator.app))

    def config(self, secrets: Path) -> SourceConfig:
        return Telegram.Config(
            connector="telegram",
            token=kept(secrets, "telegram.token", self.simulator.token),
            api=self.url,
            chats=frozenset({self.simulator.group}),
            poll_every=timedelta(seconds=1),
            long_poll=self.long_poll,
        )

    @property
    def given_up(self) -> frozenset[str]:
        return frozenset(self.simulator.undeliverable())

    def account(self, person: Person) -> str:
        return str(self.simulator.user(person.handle, person.name, person.lang)["id"])

    def _plays(self, line: Line, person: Person, target: str | None, at: datetime) -> list[str]:
        if line.act == "edits":
            assert target is not None
            self.simulator.edits(target, line.text, at=at)
            return []
        if line.act == "album":
            return self.simulator.sends_album(person.handle, line.text, topic=line.room, reply_to=target, at=at)
        return [self.simulator.says(person.handle, line.text, topic=line.room, reply_to=target, at=at)]

    def plants_unreadable(self) -> None:
        self.simulator.malformed()
        self.planted.append(None)

    def fails(self, trouble: Trouble) -> None:
        if trouble == "500" or trouble == "reset" or trouble == "truncated":
            self.simulator.fail_next(trouble, method="getUpdates")
        else:
            self.simulator.fail_next("429", method="getUpdates", retry_after=WAIT)

    def truth(self) -> dict[str, Truth]:
        return self.simulator.truth()
