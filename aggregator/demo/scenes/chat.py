"""The day in the chat of the app, whose backend calls us."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

import httpx
from pydantic import HttpUrl

from aggregator.clocks import Clock
from aggregator.demo.chat import AppBackend
from aggregator.demo.chat.takes import AppAnswers
from aggregator.demo.scene import UNNOTICED, Scene, Trouble, kept
from aggregator.demo.script import Line, Person
from aggregator.demo.truth import Truth
from aggregator.listener import serve
from connectors.chat import Chat
from connectors.contract import SourceConfig


class ChatScene(Scene):
    """The app knows its users; what we do not take, it sends again."""

    source = "app-chat"
    channel = "chat"
    troubles = ("answer_lost", "answer_lost", "answer_lost")

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.backend = AppBackend(clock=clock, batch=20)
        self.reply_url = ""

    @property
    def space(self) -> str:
        return f"chat/{self.source}"

    async def open(self, stack: AsyncExitStack) -> None:
        """It calls us, and takes our answers."""
        self.reply_url = f"{await stack.enter_async_context(serve(AppAnswers(self.backend).app))}/answers"

    def connect(self, hooks_url: str) -> None:
        self.backend.url = f"{hooks_url}/intake/chat/{self.source}"

    async def delivers(self, client: httpx.AsyncClient) -> None:
        await self.backend.deliver(client)

    @property
    def undelivered(self) -> int:
        return len(self.backend.pending)

    def config(self, secrets: Path) -> SourceConfig:
        secret = kept(secrets, "chat.secret", self.backend.secret)
        return Chat.Config(connector="chat", secret=secret, reply_url=HttpUrl(self.reply_url), calls_per_minute=100_000)

    def account(self, person: Person) -> str:
        return f"{'staff' if person.role == 'staff' else 'user'}/{person.handle}"

    def _plays(self, line: Line, person: Person, target: str | None, at: datetime) -> list[str]:
        match line.act:
            case "edits":
                assert target is not None
                self.backend.edits(target, line.text, at=at)
                return []
            case "deletes":
                assert target is not None
                self.backend.deletes(target, at=at)
                return []
        if person.role == "staff":
            assert target is not None
            return [self.backend.replies(person.handle, line.text, to=target, at=at)]
        return [self.backend.says(person.handle, line.text, reply_to=target, at=at)]

    def plants_unreadable(self) -> None:
        self.planted.append(self.backend.breaks())

    def fails(self, trouble: Trouble) -> None:
        assert trouble in UNNOTICED
        self.backend.loses_answers()

    def truth(self) -> dict[str, Truth]:
        return self.backend.truth()
