"""The day in the App Store: reviews of the app, as its feed lists them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from aggregator.clocks import Clock
from aggregator.demo.feed import FeedSimulator
from aggregator.demo.scene import WAIT, Scene, Trouble
from aggregator.demo.script import Line, Person
from aggregator.demo.truth import Truth
from connectors.contract import SourceConfig
from connectors.feed import Feed

STARS: Final = {"praise": 5, "question": 4, "chatter": 4}  # by what the line is; others give one


class ReviewsScene(Scene):
    """Ten parts of fifty reviews; older ones are listed no more. Its readers cannot answer, and nobody is told of what
    is changed or gone."""

    source = "app-store"
    channel = "reviews"
    troubles = ("500", "truncated", "429_json", "reset")

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.simulator = FeedSimulator("reviews", clock, keeps=500, part=50)
        self.url = ""

    @property
    def space(self) -> str:
        return "feed"

    async def open(self, stack: AsyncExitStack) -> None:
        self.url = await stack.enter_async_context(self.serving(self.simulator))

    def config(self, _: Path) -> SourceConfig:
        return Feed.Config(
            connector="feed",
            url=f"{self.url}{self.simulator.path}",
            holds="reviews",
            poll_every=timedelta(seconds=3),
            timeout=5,
        )

    def account(self, person: Person) -> str:
        return f"appstore/{self.simulator.uid(person.name)}"

    def _plays(self, line: Line, person: Person, target: str | None, at: datetime) -> list[str]:
        assert target is None
        stars = STARS.get(line.expect.kind, 1) if line.expect else 1
        return [self.simulator.says(person.name, line.text, title=line.title or "", at=at, rating=stars)]

    @property
    def given_up(self) -> frozenset[str]:
        return self.simulator.unlisted()

    def plants_unreadable(self) -> None:
        review = self.simulator.says("import", "?", title="?")
        self.simulator.breaks(review)
        self.planted.append(review)

    def fails(self, trouble: Trouble) -> None:
        if trouble == "500" or trouble == "reset" or trouble == "truncated":
            self.simulator.fail_next(trouble)
        else:
            self.simulator.fail_next("429", wait=WAIT)

    def truth(self) -> dict[str, Truth]:
        return self.simulator.truth()
