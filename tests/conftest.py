"""What many tests stand on: a community on simulated platforms, and a workplace that listens to it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from aggregator.config import Settings
from aggregator.demo.forum import ForumSimulator
from aggregator.demo.telegram import TelegramSimulator
from aggregator.listener import serve
from aggregator.poller import Source
from aggregator.store.database import Database
from aggregator.store.desk import Desk
from aggregator.store.lake import Lake
from aggregator.workplace import Workplace
from connectors.discourse import Discourse
from connectors.secret import Secret
from connectors.telegram import Telegram
from tests.console import console as console
from tests.qq_account import qq as qq
from tests.qq_account import qq_app as qq_app
from tests.qq_account import qq_clock as qq_clock
from tests.qq_account import qq_source as qq_source
from tests.qq_account import qq_url as qq_url

START = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="session", autouse=True)
def _tables_made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Here, new files begin as copies of empty ones: every second test makes some, and the tables take 0.1 s."""
    folder = tmp_path_factory.mktemp("empty")
    Database(folder / "posts").close()
    Desk(folder / "desk").close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "__init__", _begun_as(folder / "posts", Database.__init__))
        patch.setattr(Desk, "__init__", _begun_as(folder / "desk", Desk.__init__))
        yield


def _begun_as(empty: Path, opens: Callable[..., None]) -> Callable[..., None]:
    def opens_copy(self: object, path: Path | None, **settings: Any) -> None:
        if path is not None and not path.exists():
            with suppress(OSError):  # what cannot be written is told by what opens it
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.touch(mode=0o600)
                shutil.copyfile(empty, path)
        opens(self, path, **settings)

    return opens_copy


@dataclass
class Hands:
    """The clock of a test: it stands still until it is moved."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass
class Community:
    """Both simulators on sockets, and the settings of a desk that listens to them."""

    forum: ForumSimulator
    telegram: TelegramSimulator
    forum_url: str
    telegram_url: str
    clock: Hands
    data: Path
    more: dict[str, Any] = field(default_factory=dict)
    new_lake: Callable[[Path], Any] | None = None  # None: its tables are a file's

    def moves_to(self, folder: Path) -> None:
        """To another store, which is empty."""
        self.data = folder
        if self.new_lake is not None:
            self.more["lake"] = self.new_lake(folder / "files")

    def settings(self, *sources: str) -> Settings:
        known = {
            "forum": Discourse.Config(
                connector="discourse",
                url=self.forum_url,
                api_key=Secret(env="FORUM_KEY"),
                webhook_secret=Secret(env="HOOK_SECRET"),
                calls_per_minute=100_000,
                timeout=2,
            ),
            "telegram": Telegram.Config(
                connector="telegram",
                token=Secret(env="TELEGRAM_TOKEN"),
                api=self.telegram_url,
                chats=frozenset({self.telegram.group}),
                long_poll=0,
            ),
        }
        chosen = {name: known[name] for name in (sources or known)}
        return Settings(sources=chosen, data=self.data, **self.more)

    @asynccontextmanager
    async def desk(self, *sources: str) -> AsyncIterator[Workplace]:
        """A desk at its data, as after a start; leaving the block is a clean stop."""
        async with Workplace(self.settings(*sources), clock=self.clock) as work:
            yield work


async def poll(work: Workplace, *names: str) -> list[Source]:
    """One pass over the named sources (none: all)."""
    polled = [work.poller.sources[name] for name in (names or work.poller.sources)]
    for source in polled:
        await work.poller.poll(source, once=True)
    return polled


def texts(work: Workplace) -> list[str]:
    """Stored texts in the order in which they were written."""
    return [text for (text,) in work.db.query("SELECT text FROM post ORDER BY posted_at, native_order")]


def open_inquiries(work: Workplace) -> list[dict[str, Any]]:
    """The feed at the test's moment, most pressing first."""
    with work.db.reading() as cursor:
        found = cursor.execute("FROM feed_at(?) ORDER BY priority DESC, inquiry_id DESC", [work.clock()])
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@asynccontextmanager
async def open_community(data: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Community]:
    """Both platforms up, with nothing said yet."""
    clock = Hands()
    forum, telegram = ForumSimulator(clock=clock), TelegramSimulator(clock=clock)
    monkeypatch.setenv("FORUM_KEY", forum.api_key)
    monkeypatch.setenv("HOOK_SECRET", "hook-secret-for-tests")
    monkeypatch.setenv("TELEGRAM_TOKEN", telegram.token)
    async with AsyncExitStack() as one, AsyncExitStack() as other:
        forum_url = await one.enter_async_context(serve(forum.app))
        telegram_url = await other.enter_async_context(serve(telegram.app))
        yield Community(forum, telegram, forum_url, telegram_url, clock, data)
        await asyncio.gather(one.aclose(), other.aclose())  # each takes 0.2 s, and a third of all tests have both


OVER_A_LAKE = os.environ.get("STORE") == "lake"
"""`STORE=lake pytest`: every community's desk keeps its tables on a lake of its own, and so does every stage."""
if OVER_A_LAKE:
    pytest_plugins = ["tests.lake_town"]

    @pytest.fixture(autouse=True)
    def stages_over_lakes(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        new, numbers = request.getfixturevalue("lake_town").lake, count(1)
        monkeypatch.setattr("tests.people_stage.new_store", lambda: Lake(new(tmp_path / f"stage{next(numbers)}")))


@pytest.fixture
async def community(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Community]:
    async with open_community(tmp_path / "data", monkeypatch) as opened:
        if OVER_A_LAKE:
            opened.new_lake = request.getfixturevalue("lake_town").lake
            opened.moves_to(tmp_path / "data")
        yield opened
