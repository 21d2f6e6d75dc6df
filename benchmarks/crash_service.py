"""The service as a process of its own, and the moments at which it is killed.

`python -m benchmarks.crash_service CONFIG SECONDS` runs it with a clock that is so many seconds late.
"""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal

from aggregator.backup import DATABASE
from aggregator.clocks import system_clock
from aggregator.config import load
from aggregator.control import RefusedError, ask, socket_path
from aggregator.service import running
from aggregator.stopping import until_signalled

Moment = Literal["starting", "any", "commit", "compact", "swap", "backup"]
MOMENTS: Final[tuple[Moment, ...]] = ("starting", "any", "commit", "compact", "swap", "backup")

STARTS_WITHIN: Final = 180.0  # seconds, on a busy machine
STOPS_WITHIN: Final = 20.0
FIRST_PAGE: Final = (0.2, 2.5)  # seconds from its start, between which a kill meets a process that starts
COMMITS: Final = 3  # until a process counts as being at work
LIVES: Final = 0.6  # seconds, at most, that it is then at work, where nothing else is waited for
WATCHED: Final = 3.0  # seconds, at most, until what a kill waits for happens


class ServiceEndedError(Exception):
    """It ended by itself."""


@dataclass(frozen=True, slots=True)
class Sign:
    """What a kill waits for: that something looks otherwise for so many times; then for some seconds more."""

    look: Callable[[], object]
    times: int
    delay: float

    def wait(self) -> bool:
        """Whether it was seen. Blocks, and looks often: a commit is over in milliseconds."""
        until = time.monotonic() + WATCHED
        for _ in range(self.times):
            before = self.look()
            while self.look() == before:
                if time.monotonic() > until:
                    return False
                time.sleep(0.0002)
        time.sleep(self.delay)
        return True


@dataclass
class Service:
    """One desk, killed and started again. `late`: seconds by which its clock is behind.

    starts: seconds from each start until it could be spoken to. met: kills that saw the sign they
    waited for, by moment.
    """

    config: Path
    late: float = 0.0
    starts: list[float] = field(default_factory=list)
    met: Counter[Moment] = field(default_factory=Counter)
    _process: subprocess.Popen[bytes] | None = None
    _began: float = 0.0

    def __post_init__(self) -> None:
        self.data = load(self.config).data
        self.log = self.config.with_name("service.log")

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def begin(self) -> None:
        """Start it; it cannot be spoken to yet."""
        command = ["-m", "aggregator", "run", "--config", str(self.config)]
        if self.late:
            command = ["-m", "benchmarks.crash_service", str(self.config), str(self.late)]
        with self.log.open("ab") as log:
            # In a session of its own: Ctrl-C at the terminal is for whoever began it.
            self._process = subprocess.Popen([sys.executable, *command], stdout=log, stderr=log, start_new_session=True)
        self._began = time.monotonic()

    async def answers(self) -> None:
        """Wait until it can be spoken to.

        Raises:
            ServiceEndedError: it did not start.
        """
        while await self.command("feed", limit=1) is None:
            if self.process.poll() is not None or time.monotonic() - self._began > STARTS_WITHIN:
                raise ServiceEndedError(f"the service did not start:\n{self.last_words()}")
            await asyncio.sleep(0.02)
        self.starts.append(time.monotonic() - self._began)

    async def command(self, name: str, **arguments: Any) -> dict[str, Any] | None:
        """What a command beside it brings; None: it does not run (any more)."""
        with suppress(RefusedError, ConnectionError):
            return await ask(socket_path(self.data), name, arguments, lambda _: None)
        return None

    async def is_killed(self, moment: Moment, rng: random.Random) -> None:
        """Kill it, in the middle of its work.

        Raises:
            ServiceEndedError: it was dead already.
        """
        if moment == "starting":
            await asyncio.sleep(rng.uniform(*FIRST_PAGE))
            self._kill()
            return
        await self.answers()
        # Reading its first page takes a new process longest; killed before, it would never get anywhere.
        await asyncio.to_thread(self._commits(COMMITS).wait)
        sign = self._sign(moment, rng)
        busy = asyncio.create_task(self._work(moment, rng))
        self.met[moment] += await asyncio.to_thread(self._kill_at, sign)
        await busy

    def _sign(self, moment: Moment, rng: random.Random) -> Sign:
        database, folder = self.data / DATABASE, self.data.parent
        if moment == "any":
            return Sign(time.monotonic, 1, rng.uniform(0, LIVES))
        if moment == "commit":
            return self._commits(rng.randint(1, 4), rng.choice((0.0, rng.uniform(0, 0.01))))
        if moment == "compact":
            fresh = database.with_name(DATABASE + ".compacting")
            return Sign(fresh.exists, 1, rng.uniform(0, 0.15))
        if moment == "swap":
            return Sign(lambda: _number(database), 1, rng.choice((0.0, rng.uniform(0, 0.02))))
        return Sign(lambda: list(folder.glob("backup-*")), 1, rng.uniform(0, 0.15))

    def _commits(self, times: int, delay: float = 0.0) -> Sign:
        wal = self.data / (DATABASE + ".wal")
        return Sign(lambda: _size(wal), times, delay)

    async def _work(self, moment: Moment, rng: random.Random) -> None:
        if moment == "backup":
            await self.command("backup", target=str(self.data.parent / f"backup-{rng.getrandbits(64):x}"))
        elif moment in ("compact", "swap"):
            await self.command("compact")

    def _kill_at(self, sign: Sign) -> bool:
        seen = sign.wait()
        self._kill()
        return seen

    def _kill(self) -> None:
        if self.process.poll() is not None:
            raise ServiceEndedError(f"the service ended by itself:\n{self.last_words()}")
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> float:
        """End it as an operator does; the seconds that it took.

        Raises:
            ServiceEndedError: it ended with an error.
        """
        began = time.monotonic()
        self.process.terminate()
        if self.process.wait(STOPS_WITHIN):
            raise ServiceEndedError(f"the service ended with {self.process.returncode}:\n{self.last_words()}")
        return time.monotonic() - began

    def close(self) -> None:
        """Whatever happened, leave no process behind."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else -1


def _number(path: Path) -> int:
    return path.stat().st_ino if path.exists() else -1


async def _run(config: Path, late: float) -> None:
    stop = asyncio.get_running_loop().create_future()
    async with running(load(config), clock=lambda: system_clock() - timedelta(seconds=late)) as service:
        with until_signalled(stop):
            await asyncio.wait([stop, service.failed], return_when=asyncio.FIRST_COMPLETED)
        failed = service.failed
    if failed.done():
        failed.result()


if __name__ == "__main__":
    asyncio.run(_run(Path(sys.argv[1]), float(sys.argv[2])))
