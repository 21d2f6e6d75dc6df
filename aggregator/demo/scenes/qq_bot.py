"""The day with QQ's official bot: a group that lets it hear everything, and private talks with it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from aggregator.clocks import Clock
from aggregator.demo.qq_bot import QQBotSimulator
from aggregator.demo.scene import WAIT, Scene, Trouble, kept
from aggregator.demo.script import Line, Person
from aggregator.demo.truth import Truth
from connectors.contract import SourceConfig
from connectors.qq_bot import QQBot

DIRECT: Final = "direct"  # the room in which people write to the bot
BEATS_EVERY: Final = 1000  # milliseconds; QQ takes 41 s, for which nobody here would wait
GOES_ON_ELSEWHERE: Final = 4009


class QQBotScene(Scene):
    """We listen at its gateway. What was said without a session, or in one that was lost, is not told again."""

    source = "qq-bot"
    channel = "qq_bot"
    troubles = ("500", "reset", "429_json", "truncated")

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.simulator = QQBotSimulator(clock)
        self.simulator.gateway.interval = BEATS_EVERY
        self.url = ""

    @property
    def space(self) -> str:
        return f"qqbot/{self.simulator.app_id}"

    async def open(self, stack: AsyncExitStack) -> None:
        self.url = await stack.enter_async_context(self.serving(self.simulator.app))

    @property
    def is_heard(self) -> bool:
        return self.simulator.gateway.is_heard

    @property
    def undelivered(self) -> int:
        return self.simulator.gateway.unconfirmed

    @property
    def given_up(self) -> frozenset[str]:
        return self.simulator.undeliverable() - self.simulator.unheard

    def config(self, secrets: Path) -> SourceConfig:
        return QQBot.Config(
            connector="qq_bot",
            app_id=self.simulator.app_id,
            secret=kept(secrets, "qq_bot.secret", self.simulator.secret),
            way="gateway",
            places={self.simulator.group: "灯笼钱包官方群"},
            api=self.url,
            token_url=self.url,
            poll_every=timedelta(seconds=2),
            timeout=5,
        )

    def account(self, person: Person) -> str:
        """In the group: in private our own people are not heard."""
        return self.simulator.openid(self.simulator.group, person.handle)

    def _plays(self, line: Line, person: Person, target: str | None, at: datetime) -> list[str]:
        if line.topic == DIRECT:
            return [self.simulator.tells_bot(person.handle, line.text, at)]
        return [self.simulator.says(person.handle, line.text, at=at, name=person.name, reply_to=target)]

    def plants_unreadable(self) -> None:
        self.simulator.malformed()
        self.planted.append(None)

    def fails(self, trouble: Trouble) -> None:
        """The connection ends; on the way to the next one something goes wrong."""
        assert trouble != "answer_lost"
        self.simulator.fail_next(trouble, wait=WAIT)
        self.simulator.gateway.closes(GOES_ON_ELSEWHERE)

    def truth(self) -> dict[str, Truth]:
        return {key: post for key, post in self.simulator.truth().items() if key not in self.simulator.unheard}
