"""The platforms of the simulated day: both simulators on sockets, the settings that listen to them, and the script's
lines as what people do there.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from aggregator.clocks import ScaledClock
from aggregator.config import Colleague, Settings
from aggregator.demo.forum import ForumSimulator
from aggregator.demo.given_away import given_away, with_own_phrases
from aggregator.demo.script import Day, Line, Person
from aggregator.demo.telegram import TelegramSimulator
from aggregator.demo.truth import Truth
from aggregator.listener import serve
from connectors.contract import SourceConfig
from connectors.discourse import Discourse
from connectors.secret import Secret
from connectors.telegram import Telegram

FORUM: Final = "forum"
GROUP: Final = "telegram-group"
Trouble = Literal["500", "reset", "truncated", "429_json", "429_text"]
"""What both can suffer; the forum's two kinds of 429 are one on Telegram."""
WAIT: Final = 1  # seconds that a 429 asks for
_QUOTE = re.compile(r'\[quote="(?P<handle>[^"]+)"\]\n.*?\n\[/quote\]\n+', re.DOTALL)


@dataclass
class Stage:
    """Both platforms at work. The day began at `opens`.

    published: by source and native id, the moment (time.monotonic) at which a post could first be fetched.
    planted: by source, ids of posts that no connector can read; None where the record has no id.
    outages: by source, from when to when (time.monotonic) a trouble kept posts from being fetched.
    """

    day: Day
    opens: datetime
    clock: ScaledClock
    forum: ForumSimulator
    telegram: TelegramSimulator
    forum_url: str = ""
    telegram_url: str = ""
    published: dict[tuple[str, str], float] = field(default_factory=dict)
    planted: dict[str, list[str | None]] = field(default_factory=lambda: {FORUM: [], GROUP: []})
    faults: Counter[str] = field(default_factory=Counter)
    outages: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: {FORUM: [], GROUP: []})
    _ids: dict[str, str] = field(default_factory=dict)  # line id -> the platform's native id
    _topics: dict[str, int] = field(default_factory=dict)  # category/name -> topic id

    # What the service is told

    def settings(self, data: Path, secrets: Path, *, long_poll: int = 2) -> Settings:
        """The configuration of a desk that listens to this stage.

        Args:
            secrets: a folder for the two credentials.
            long_poll: seconds; a busy group's poll is not over, nor a past trouble, before it was quiet for so long.
        """
        key, token = secrets / "forum.key", secrets / "telegram.token"
        key.write_text(self.forum.api_key)
        token.write_text(self.telegram.token)
        sources: dict[str, SourceConfig] = {
            FORUM: Discourse.Config(
                connector="discourse",
                url=self.forum_url,
                api_key=Secret(file=key),
                poll_every=timedelta(seconds=1),
                calls_per_minute=6000,
                timeout=5,
            ),
            GROUP: Telegram.Config(
                connector="telegram",
                token=Secret(file=token),
                api=self.telegram_url,
                chats=frozenset({self.telegram.group}),
                poll_every=timedelta(seconds=1),
                long_poll=long_poll,
            ),
        }
        return Settings(data=data, sources=sources, team=self._team(), official=self._accounts(self._official()))

    @property
    def spaces(self) -> dict[str, str]:
        """By source, where its ids are unique."""
        return {FORUM: f"discourse/{self.forum_url.removeprefix('http://')}", GROUP: "telegram"}

    def _official(self) -> Person:
        return self.day.people["official"]

    def _team(self) -> list[Colleague]:
        staff = (person for person in self.day.people.values() if person.role == "staff")
        return [
            Colleague(name=person.name, handles=self._accounts(person))
            for person in staff
            if person is not self._official()
        ]

    def _accounts(self, person: Person) -> dict[str, list[str]]:
        return {
            self.spaces[FORUM]: [str(self.forum.user(person.handle).id)],
            self.spaces[GROUP]: [str(self.telegram.user(person.handle)["id"])],
        }

    def take_places(self) -> None:
        """Everybody gets an account on both platforms; staff are the forum's moderators."""
        for person in self.day.people.values():
            member = self.forum.user(person.handle)
            member.name, member.moderator = person.name, person.role == "staff"
            self.telegram.user(person.handle, person.name, person.lang)

    # What people do

    def plays(self, line: Line) -> None:
        """Let one line happen, dated as the script says."""
        at = self.opens + timedelta(seconds=line.at)
        new = self._on_forum(line, at) if line.channel == "forum" else self._on_telegram(line, at)
        source = FORUM if line.channel == "forum" else GROUP
        for native_id in new:
            self._ids.setdefault(line.id, native_id)
            self.published[source, native_id] = time.monotonic()

    def _on_forum(self, line: Line, at: datetime) -> list[str]:
        target = int(self._ids[line.reply_to].removeprefix("p")) if line.reply_to else None
        handle = self.day.people[line.who].handle
        match line.act:
            case "likes":
                assert target is not None
                self.forum.likes(target)
            case "edits":
                assert target is not None
                self.forum.edits(target, line.text, at=at)
            case "deletes":
                assert target is not None
                by_staff = self.day.people[line.who].role == "staff"
                (self.forum.deletes if by_staff else self.forum.withdraws)(target, at=at)
            case _:
                return [self._writes(line, handle, target, at)]
        return []

    def _writes(self, line: Line, handle: str, target: int | None, at: datetime) -> str:
        quote = _QUOTE.match(line.text)
        post = self.forum.says(
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
            self._topics[line.topic] = int(self.forum.truth()[native_id].thread.removeprefix("t"))
        return native_id

    def _on_telegram(self, line: Line, at: datetime) -> list[str]:
        target = self._ids[line.reply_to] if line.reply_to else None
        handle = self.day.people[line.who].handle
        topic = self.day.telegram_topics[line.topic or ""]
        if line.act == "edits":
            assert target is not None
            self.telegram.edits(target, line.text, at=at)
            return []
        if line.act == "album":
            return self.telegram.sends_album(handle, line.text, topic=topic, reply_to=target, at=at)
        return [self.telegram.says(handle, line.text, topic=topic, reply_to=target, at=at)]

    # What goes wrong

    def plants_unreadable(self) -> None:
        """One record on each platform in a shape that nobody documented."""
        post = self.forum.says("discourse_import", "an import that went wrong", title="?", at=self.clock())
        self.forum.breaks(post)
        self.planted[FORUM].append(f"p{post}")
        self.telegram.malformed()
        self.planted[GROUP].append(None)

    def fails(self, source: str, trouble: Trouble) -> None:
        """The next request for posts goes wrong."""
        self.faults[f"{source}: {trouble}"] += 1
        if source == FORUM:
            self.forum.fail_next(trouble, wait=WAIT)
        elif trouble == "429_json" or trouble == "429_text":
            self.telegram.fail_next("429", method="getUpdates", retry_after=WAIT)
        else:
            self.telegram.fail_next(trouble, method="getUpdates")

    # What is so

    def truth(self) -> dict[str, dict[str, Truth]]:
        """By source and native id, what the platforms hold and a connector can read."""
        held = {FORUM: self.forum.truth(), GROUP: self.telegram.truth()}
        return {
            source: {key: post for key, post in posts.items() if key not in self.planted[source]}
            for source, posts in held.items()
        }

    def secrets(self) -> list[str]:
        """Every phrase and key that somebody gives away in the course of the day."""
        return [secret for line in self.day.lines for secret in given_away(line.text)]


@asynccontextmanager
async def staged(day: Day, clock: ScaledClock) -> AsyncIterator[Stage]:
    """Both platforms on sockets of this machine; it is 08:00, and nothing has been said yet."""
    stage = Stage(
        day=with_own_phrases(day),
        opens=clock(),
        clock=clock,
        forum=ForumSimulator(clock=clock),
        telegram=TelegramSimulator(clock, group="Lantern Wallet 灯笼钱包", username="lanternwallet"),
    )
    stage.take_places()
    async with AsyncExitStack() as stack:
        stage.forum_url = await stack.enter_async_context(serve(stage.forum.app))
        stage.telegram_url = await stack.enter_async_context(serve(stage.telegram.app))
        yield stage
