"""The day on the official forum."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from aggregator.clocks import Clock
from aggregator.demo.forum import ForumSimulator
from aggregator.demo.scene import WAIT, Scene, Trouble, kept
from aggregator.demo.script import Line, Person
from aggregator.demo.truth import Truth
from connectors.contract import SourceConfig
from connectors.discourse import Discourse

_QUOTE: Final = re.compile(r'\[quote="(?P<handle>[^"]+)"\]\n.*?\n\[/quote\]\n+', re.DOTALL)


class ForumScene(Scene):
    """Topics by category; staff are its moderators."""

    source = "forum"
    channel = "forum"
    troubles = ("429_json", "500", "reset", "429_text", "truncated")

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.simulator = ForumSimulator(clock=clock)
        self.url = ""
        self._topics: dict[str, int] = {}  # category/name -> topic id

    @property
    def space(self) -> str:
        return f"discourse/{self.url.removeprefix('http://')}"

    async def open(self, stack: AsyncExitStack) -> None:
        self.url = await stack.enter_async_context(self.serving(self.simulator.app))

    def config(self, secrets: Path) -> SourceConfig:
        return Discourse.Config(
            connector="discourse",
            url=self.url,
            api_key=kept(secrets, "forum.key", self.simulator.api_key),
            poll_every=timedelta(seconds=1),
            calls_per_minute=6000,
            timeout=5,
        )

    def account(self, person: Person) -> str:
        member = self.simulator.user(person.handle)
        member.name, member.moderator = person.name, person.role == "staff"
        return str(member.id)

    def _plays(self, line: Line, person: Person, target: str | None, at: datetime) -> list[str]:
        post = int(target.removeprefix("p")) if target else None
        match line.act:
            case "likes":
                assert post is not None
                self.simulator.likes(post)
            case "edits":
                assert post is not None
                self.simulator.edits(post, line.text, at=at)
            case "deletes":
                assert post is not None
                by_staff = person.role == "staff"
                (self.simulator.deletes if by_staff else self.simulator.withdraws)(post, at=at)
            case _:
                return [self._writes(line, person.handle, post, at)]
        return []

    def _writes(self, line: Line, handle: str, target: int | None, at: datetime) -> str:
        quote = _QUOTE.match(line.text)
        post = self.simulator.says(
            handle,
            line.text[quote.end() :] if quote else line.text,
            topic=self._topics.get(line.topic or ""),
            title=line.title or "",
            reply_to=target,
            quoting=target if quote else None,
            at=at,
        )
        native_id = f"p{post}"
        if line.title and line.topic:
            self._topics[line.topic] = int(self.simulator.truth()[native_id].thread.removeprefix("t"))
        return native_id

    def plants_unreadable(self) -> None:
        post = self.simulator.says("discourse_import", "an import that went wrong", title="?", at=self.clock())
        self.simulator.breaks(post)
        self.planted.append(f"p{post}")

    def fails(self, trouble: Trouble) -> None:
        assert trouble != "answer_lost"
        self.simulator.fail_next(trouble, wait=WAIT)

    def truth(self) -> dict[str, Truth]:
        return self.simulator.truth()
