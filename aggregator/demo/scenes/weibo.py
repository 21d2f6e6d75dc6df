"""The day on Weibo, as our account may read it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from aggregator.clocks import Clock
from aggregator.demo.scene import WAIT, Scene, Trouble, kept
from aggregator.demo.script import OUR_WEIBO, Line, Person
from aggregator.demo.truth import Truth
from aggregator.demo.weibo import WeiboSimulator
from connectors.contract import SourceConfig
from connectors.weibo import Weibo

CALLS: Final = 1_000_000  # a day, of which a squeezed one makes as many in a minute


class WeiboScene(Scene):
    """Posts, reposts, and comments under them. Staff speak as our account."""

    source = "weibo"
    channel = "weibo"
    troubles = ("429_json", "reset", "500", "truncated")

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.simulator = WeiboSimulator(clock, name=OUR_WEIBO)
        self.simulator.api.calls_per_day = CALLS
        self.url = ""
        self._under: dict[str, str] = {}  # comment -> the post under which it stands

    @property
    def space(self) -> str:
        return "weibo"

    async def open(self, stack: AsyncExitStack) -> None:
        self.url = await stack.enter_async_context(self.serving(self.simulator.app))

    def config(self, secrets: Path) -> SourceConfig:
        return Weibo.Config(
            connector="weibo",
            token=kept(secrets, "weibo.token", self.simulator.token),
            api=self.url,
            calls_per_day=CALLS,
            poll_every=timedelta(seconds=2),
            timeout=5,
        )

    def account(self, person: Person) -> str:
        if person.key == "official":
            return str(self.simulator.us.id)
        return str(self.simulator.member(person.name, person.followers or 120).id)

    def _plays(self, line: Line, person: Person, target: str | None, at: datetime) -> list[str]:
        weibo, ours = self.simulator, person.role == "staff"
        if line.act == "likes":
            assert target is not None
            weibo.likes(target)
            return []
        if line.act == "shares":
            assert target is not None
            return [weibo.passes_on(person.name, target, line.text, at=at)]
        if target is None:
            return [weibo.we_post(line.text, at=at) if ours else weibo.says(person.name, line.text, at=at)]
        post, above = self._under.get(target, target), target if target in self._under else None
        if ours:
            comment = weibo.we_comment(line.text, on=post, reply_to=above, at=at)
        else:
            comment = weibo.comments(person.name, line.text, on=post, reply_to=above, at=at)
        self._under[comment] = post
        return [comment]

    def plants_unreadable(self) -> None:
        self.simulator.plants_unreadable()
        posts, comments = self.simulator.malformed.values()
        self.planted += [f"s:{posts[-1]['id']}", f"c:{comments[-1]['id']}"]

    def fails(self, trouble: Trouble) -> None:
        if trouble == "500" or trouble == "reset" or trouble == "truncated":
            self.simulator.fails_next(trouble)
        else:
            self.simulator.fails_next("429", wait=WAIT)

    def truth(self) -> dict[str, Truth]:
        return self.simulator.truth()
