"""One platform of the simulated day: what the script, the configuration and the judge need of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Literal

import httpx

from aggregator.clocks import Clock
from aggregator.demo.script import Channel, Line, Person
from aggregator.demo.truth import Truth
from aggregator.listener import serve
from connectors.contract import SourceConfig
from connectors.secret import Secret

if TYPE_CHECKING:
    from starlette.types import ASGIApp

Trouble = Literal["500", "reset", "truncated", "429_json", "429_text", "answer_lost"]
"""What a platform can suffer; the forum's two kinds of 429 are one elsewhere."""
UNNOTICED: Final[frozenset[Trouble]] = frozenset({"answer_lost"})
"""What only the platform notices."""
WAIT: Final = 1  # seconds that a 429 asks for


class Scene(ABC):
    """A simulator on a socket, one source that listens to it, and the script's lines as what people do there.

    planted: ids of posts that no connector can read; None where the record has no id.
    long_poll: seconds for which a poll may be held, where the platform holds polls.
    front: puts something between a platform that speaks HTTP and its clients.
    """

    source: ClassVar[str]
    """The source's name in the configuration."""
    channel: ClassVar[Channel]
    """The word of day.yaml."""
    troubles: ClassVar[tuple[Trouble, ...]]
    """What goes wrong there in the course of the day, in this order."""
    calls_in_order: ClassVar[bool] = True
    """A platform that calls us makes one call after the other."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.planted: list[str | None] = []
        self.long_poll = 2
        self.front: Callable[[ASGIApp], ASGIApp] = lambda platform: platform
        self._ids: dict[str, str] = {}  # line id -> the platform's native id

    @property
    @abstractmethod
    def space(self) -> str:
        """Where its ids are unique."""

    @abstractmethod
    async def open(self, stack: AsyncExitStack) -> None:
        """Put the platform on a socket of this machine until `stack` is closed."""

    def serving(self, platform: ASGIApp) -> AbstractAsyncContextManager[str]:
        """Its address, behind `front`."""
        return serve(self.front(platform))

    def furnish(self, rooms: Mapping[str, str]) -> None:
        """Make the rooms of the day, shown names by key, where somebody has to make them."""

    def connect(self, hooks_url: str) -> None:
        """Tell a platform that calls us where we listen."""

    @property
    def is_heard(self) -> bool:
        """Whether what is said now is told, or can be fetched. Of what was said before, some platforms tell nothing."""
        return True

    async def delivers(self, client: httpx.AsyncClient) -> None:
        """Make the calls that wait now, as often as the platform tries."""

    @property
    def undelivered(self) -> int:
        """How many calls wait."""
        return 0

    @property
    def given_up(self) -> frozenset[str]:
        """Native ids of posts that the platform tried to tell us of, and never tells again.

        Where it may be that we took one, and the platform did not hear so, truth() has it, too.
        """
        return frozenset()

    @abstractmethod
    def config(self, secrets: Path) -> SourceConfig:
        """How the desk listens to it. `secrets`: a folder for the credentials."""

    @abstractmethod
    def account(self, person: Person) -> str:
        """The person's native id; it is made at the first call."""

    def plays(self, line: Line, person: Person, at: datetime) -> list[str]:
        """Let one line happen, dated `at`. Returns the native ids of new posts."""
        new = self._plays(line, person, self.id_of(line.reply_to) if line.reply_to else None, at)
        for native_id in new:
            self._ids.setdefault(line.id, native_id)
        return new

    def id_of(self, line: str) -> str:
        """The native id of the post that a line made, the first of them."""
        return self._ids[line]

    @abstractmethod
    def _plays(self, line: Line, person: Person, target: str | None, at: datetime) -> list[str]:
        """As `plays`; `target`: the native id of the post that the line answers or acts on."""

    @abstractmethod
    def plants_unreadable(self) -> None:
        """One record in a shape that nobody documented."""

    @abstractmethod
    def fails(self, trouble: Trouble) -> None:
        """The next request for posts goes wrong."""

    @abstractmethod
    def truth(self) -> dict[str, Truth]:
        """By native id, what the platform holds and tells, planted records included."""


def kept(folder: Path, name: str, value: str) -> Secret:
    """A credential in a file of that folder."""
    path = folder / name
    path.write_text(value, encoding="utf-8")
    return Secret(file=path)
