"""One channel of the demo's day, on which things go wrong, and one beside it that must not notice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

from starlette.types import ASGIApp

from aggregator.clocks import Clock, ScaledClock
from aggregator.demo.mail.talk import Fault as MailFault
from aggregator.demo.scene import Scene
from aggregator.demo.scenes.chat import ChatScene
from aggregator.demo.scenes.forum import ForumScene
from aggregator.demo.scenes.mail import MailScene
from aggregator.demo.scenes.qq_bot import QQBotScene
from aggregator.demo.scenes.telegram import TelegramScene
from aggregator.demo.scenes.wechat import WeChatScene
from aggregator.demo.script import Day, Line, crowd, load
from aggregator.demo.stage import Stage
from aggregator.demo.verdict import judge
from aggregator.poller import Source
from aggregator.store import sources
from aggregator.workplace import Workplace
from connectors.contract import PullConnector
from connectors.registry import connector_class
from tests.conftest import START, poll
from tests.wire import Wire

LINES: Final = 10_000  # more than any test plays
PUSHED: Final = "account"  # the room of WeChat of which nobody can be asked
POLLS: Final = 3  # until a fault must be forgotten
MAIL_FAULTS: Final[tuple[MailFault, ...]] = ("timeout", "reset", "truncated", "500", "throttled", "garbled")


class Hands(ScaledClock):
    """It stands still until it is moved."""

    def pass_(self, **time: float) -> None:
        self._from += timedelta(**time)


class Trouble(Protocol):
    """Something goes wrong at one step of a conversation, once."""

    faults: tuple[str, ...]

    def strikes(self, fault: Any, step: int) -> None: ...

    def calms(self) -> None: ...

    @property
    def has_struck(self) -> bool: ...


@dataclass
class MailTrouble:
    """At a command to the mail server."""

    scene: MailScene
    faults: tuple[str, ...] = MAIL_FAULTS

    def strikes(self, fault: MailFault, step: int) -> None:
        self.scene.simulator.fail_next(fault, wait=0, after=step - 1)

    def calms(self) -> None:
        self.scene.simulator.faults.clear()

    @property
    def has_struck(self) -> bool:
        return not self.scene.simulator.faults


@dataclass
class Pair:
    """`scene`: where things go wrong, by `trouble`; `beside`: where all is well."""

    stage: Stage
    clock: Hands
    scene: Scene
    beside: Scene
    trouble: Trouble
    folder: Path
    _lines: dict[str, Iterator[Line]] = field(default_factory=dict)

    @asynccontextmanager
    async def desk(self, clock: Clock | None = None) -> AsyncIterator[Workplace]:
        """As after a start; `clock`: its own, if that goes wrong."""
        settings = self.stage.settings(self.folder / "data", self.folder, long_poll=0)
        async with Workplace(settings, clock=clock or self.clock) as work:
            yield work

    def people_talk(self, lines: int = 1) -> None:
        """On both, in a little more than two minutes each time: so long nobody is asked in vain who counts calls."""
        for scene in (self.scene, self.beside) * lines:
            self.clock.pass_(seconds=65)
            moment = self.clock() - self.stage.opens
            self.stage.plays(replace(next(self._lines[scene.source]), at=moment.total_seconds()))

    def is_called_at(self, hooks_url: str) -> None:
        """The platform calls us there about each message by itself, and people write where it does."""
        if isinstance(self.scene, ChatScene):
            self.scene.backend.batch = 1
        if isinstance(self.scene, WeChatScene):
            self.scene.simulator.callbacks.pause = 0.0
        self.scene.connect(hooks_url)
        self.talks_of(pushed=True)

    def talks_of(self, *, pushed: bool) -> None:
        """What people say from now on. `pushed`: in rooms of WeChat that call us, or in those that are read."""
        for scene in (self.scene, self.beside):
            lines = crowd(self.stage.day, LINES, 7, [scene.channel])
            wanted = (line for line in lines if (line.topic == PUSHED) == pushed)
            self._lines[scene.source] = wanted if scene.channel == "wechat" else lines

    def missing(self, work: Workplace, scene: Scene | None = None) -> set[str]:
        """What was said there (None: where things go wrong) and is not stored."""
        place = scene or self.scene
        stored = work.db.query("SELECT native_id FROM post WHERE space = ?", [place.space])
        return {key for key, post in place.truth().items() if not post.deleted} - {key for (key,) in stored}

    def is_shown(self, work: Workplace) -> bool:
        """Whether a person can see that something is wrong: on the page of sources, and in the ledger."""
        return self.source(work).state in ("failing", "stopped") and self.gap_is_open(work)

    def gap_is_open(self, work: Workplace) -> bool:
        return work.db.query("SELECT source FROM coverage WHERE state = 'gap'") == [(self.scene.source,)]

    def source(self, work: Workplace) -> Source:
        return work.poller.sources[self.scene.source]

    async def take_up_anew(self, work: Workplace, **settings: Any) -> None:
        """As after a start of the first one alone: it says who it is, and asks for a token. `settings`: where it has
        them."""
        before = self.source(work)
        if before.opened:
            await before.connector.close()
        known = {name: value for name, value in settings.items() if name in type(before.config).model_fields}
        config = before.config.model_copy(update=known)
        connector = connector_class(config.connector)(before.name, config, since=before.connector.since)
        assert isinstance(connector, PullConnector)
        connector.clock, work.connectors[before.name] = work.clock, connector
        place = (before.name, connector.space, connector.channel, work.clock(), config.backfill)
        state = await work.db.write(lambda con: sources.start(con, *place))
        work.poller.add(connector, config, work.origins[before.name], state)

    async def recovers(self, work: Workplace) -> None:
        """As many polls as it takes; then nothing is missing, and no gap is open."""
        for _ in range(POLLS):
            await poll(work, self.scene.source)
            if not self.missing(work) and self.source(work).state == "ok":
                break
        assert self.missing(work) == set()
        assert (self.source(work).state, self.gap_is_open(work)) == ("ok", False), self.source(work).message

    async def the_other_is_well(self, work: Workplace) -> None:
        """It is polled and has everything."""
        (source,) = await poll(work, self.beside.source)
        assert (source.state, source.failures, self.missing(work, self.beside)) == ("ok", 0, set())

    def said(self) -> list[tuple[str, str, str]]:
        """On both: space, id and text of what is there, in order."""
        scenes = self.stage.scenes.values()
        return sorted(
            (each.space, key, post.text) for each in scenes for key, post in each.truth().items() if not post.deleted
        )

    def held(self, work: Workplace) -> list[tuple[str, str, str]]:
        """The same of what is stored."""
        return sorted(work.db.query("SELECT space, native_id, text FROM post WHERE deleted_at IS NULL"))

    def assert_all_is_there(self, work: Workplace) -> None:
        """On both, once, as it was said."""
        with work.db.reading() as con:
            found = judge(con, self.stage)["all"]
        assert (found.missing, found.doubled, found.differing, found.rejected) == (0, 0, 0, 0), found
        assert work.db.query("FROM post ANTI JOIN record USING (post_id, version)") == []
        assert work.db.query("SELECT post_id FROM record GROUP BY post_id, version HAVING count(*) > 1") == []


@asynccontextmanager
async def paired(kind: type[Scene], folder: Path) -> AsyncIterator[Pair]:
    """That platform and another one on sockets; nothing has been said."""
    clock, day = Hands(START), _day()
    scene, beside = kind(clock), (ForumScene if kind is TelegramScene else TelegramScene)(clock)
    wire = Wire(_nobody)

    def front(platform: ASGIApp) -> ASGIApp:
        wire.platform = platform
        return wire

    scene.front = front
    if isinstance(scene, QQBotScene):
        scene.simulator.gateway.interval = 20  # milliseconds; a poll waits for an answer to a heartbeat
    stage = Stage(day, START, clock, {each.source: each for each in (scene, beside)})
    async with AsyncExitStack() as stack:
        for each in stage.scenes.values():
            for person in day.people.values():
                each.account(person)
            await each.open(stack)
            each.furnish(day.rooms.get(each.channel, {}))
        trouble = MailTrouble(scene) if isinstance(scene, MailScene) else wire
        pair = Pair(stage, clock, scene, beside, trouble, folder)
        pair.talks_of(pushed=False)
        yield pair


@cache
def _day() -> Day:
    return load()


async def _nobody(*_: object) -> None:
    raise AssertionError("this platform was not put on a socket")
