"""The real service over all ten channels, with faults, people at the desk and analysts: does it stay as it was?

    python -m benchmarks.soak --minutes 60

says on standard error how it goes, and prints one JSON object at the end, and a table; exit code 1 if anything was
lost, doubled or changed, or a bar was missed. Ctrl-C ends it in order, with a verdict on what was run so far. The
simulated platforms live in this process; the service, and who works at the desk, are processes of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx
import orjson

from aggregator.backup import DESK
from aggregator.clocks import system_clock
from aggregator.config import Settings
from aggregator.config import load as load_settings
from aggregator.demo.scene import Scene
from aggregator.demo.scenes import SCENES
from aggregator.demo.script import load
from aggregator.demo.stage import Stage, staged
from aggregator.stopping import until_signalled
from aggregator.store import tokens
from aggregator.store.desk import Desk
from aggregator.users import sign_in_link
from benchmarks.configured import configured, webhooks
from benchmarks.crash import LeapingClock
from benchmarks.crash_people import all_delivered, delivers
from benchmarks.crash_service import Service, ServiceEndedError
from benchmarks.crash_verdict import judged
from benchmarks.desk_service import cpu_seconds
from benchmarks.draining import drained
from benchmarks.soak_people import ANALYSTS, COLLEAGUES
from benchmarks.soak_report import Result, as_json, figures, is_good, progress, table
from benchmarks.soak_samples import Metrics, Sample, descriptors, files, memory, threads
from benchmarks.soak_town import Town
from benchmarks.soak_visible import waits
from tests.ports import free_port

SAMPLED_EVERY: Final = 10.0  # seconds
READS_AGAIN: Final = 60_000  # posts, at most, that are read and folded once more at the end
POLLED_EVERY: Final[Mapping[str, float]] = {"forum": 1.0, "telegram-group": 1.0}
OVERLAP: Final = 100

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """every: seconds from one sample to the next. colleagues: those who speak HTTP, without the one at the browser."""

    minutes: float
    rate: float
    seed: int
    browser: bool
    every: float = SAMPLED_EVERY
    colleagues: int = COLLEAGUES
    analysts: int = ANALYSTS
    among: Sequence[type[Scene]] = SCENES


@dataclass
class People:
    """The process of those who work at the desk."""

    child: asyncio.subprocess.Process
    errors: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    claimed: list[str] = field(default_factory=list)

    async def told(self, what: str = "what now?") -> Mapping[str, list[float]]:
        """What was timed since the last time."""
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.write(what.encode() + b"\n")
        told = orjson.loads(await self.child.stdout.readline())
        self.errors.update(told["errors"])
        self.happened.update(told["happened"])
        self.claimed += told["claimed"]
        times: Mapping[str, list[float]] = told["times"]
        return times


async def soak(plan: Plan, folder: Path, say: Say) -> Result:
    """Run everything in `folder`, until the time is over or somebody presses Ctrl-C.

    Raises:
        ServiceEndedError: the service ended by itself.
    """
    stop = asyncio.get_running_loop().create_future()
    clock = LeapingClock(system_clock())
    with until_signalled(stop):
        async with staged(load(), clock, plan.among) as stage:
            clock.leap(system_clock() - clock())  # it stood still while the platforms were built
            clock.run(1)
            sql_port = free_port()
            more = {"sql": {"mode": "scan", "port": sql_port}}
            service = Service(configured(stage, folder, more, polled_every=POLLED_EVERY, overlap=OVERLAP))
            settings = load_settings(service.config)
            town = Town(stage, plan.rate, plan.seed)
            with closing(service):
                whom = _invited(settings, plan, sql_port)
                service.begin()
                await service.answers()
                async with stage.connected(f"http://127.0.0.1:{settings.hooks.port}"):
                    samples, people, seconds = await _under_load(plan, folder, service, town, settings, whom, stop, say)
                    say("everybody has left; reading what the platforms still have ...")
                    stop_seconds = await _read_out(service, stage, people)
            say("judging ...")
            again = len(stage.published) <= READS_AGAIN
            verdict = await judged(settings, stage, {}, "import/none", people.claimed, again=again)
            shown = await asyncio.to_thread(waits, settings.data, folder / "arrivals", stage)
    return Result(
        minutes=plan.minutes,
        rate=plan.rate,
        seed=plan.seed,
        browser=plan.browser,
        seconds=seconds,
        samples=samples,
        lines=town.lines,
        published=town.published,
        waited=town.waited,
        faults=dict(stage.faults),
        people=Counter(people.happened),
        errors=people.errors + _logged(service.log),
        restarts=service.log.read_text(errors="replace").count("service.started") - 1,
        stop_seconds=stop_seconds,
        waits=shown,
        verdict=verdict,
        read_again=again,
        stopped=stop.done(),
    )


async def _under_load(
    plan: Plan,
    folder: Path,
    service: Service,
    town: Town,
    settings: Settings,
    whom: Mapping[str, Any],
    stop: asyncio.Future[None],
    say: Say,
) -> tuple[list[Sample], People, float]:
    """Until the time is over; then everybody finishes what they do."""
    samples = list[Sample]()
    async with _at_work(folder, whom) as people, _probe(settings) as probe, asyncio.TaskGroup() as group:
        began = time.monotonic()
        tasks = [group.create_task(town.talks())]
        tasks.append(group.create_task(town.suffers()))
        tasks += [group.create_task(delivers(hooks)) for hooks in webhooks(town.stage)]
        sampler = _Sampler(service, town, people, probe, settings.data, began)
        while (left := began + 60 * plan.minutes - time.monotonic()) > 0 and not stop.done():
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(stop), min(plan.every, left))
            if service.process.poll() is not None:
                raise ServiceEndedError(f"the service ended by itself:\n{service.last_words()}")
            samples.append(await sampler.take())
            say(progress(samples, town.lines))
        seconds = time.monotonic() - began
        for task in tasks:
            task.cancel()
        await people.told("end")
    for hooks in webhooks(town.stage):
        await all_delivered(hooks)
    return samples, people, seconds


@dataclass
class _Sampler:
    service: Service
    town: Town
    people: People
    probe: httpx.AsyncClient
    data: Path
    began: float
    _before: float = 0.0
    _cpu: dict[str, float] = field(default_factory=dict)
    _busy: float = 0.0

    async def take(self) -> Sample:
        times = await self.people.told()
        metrics = Metrics.of((await self.probe.get("/metrics")).raise_for_status().text)
        now, pid = time.monotonic() - self.began, self.service.process.pid
        passed, self._before = now - self._before, now
        pids = {"service": pid, "people": self.people.child.pid, "town": os.getpid()}
        cpu = {name: cpu_seconds(each) for name, each in pids.items()}
        busy, self._busy = metrics["writer_busy_seconds_total"] - self._busy, metrics["writer_busy_seconds_total"]
        used = {name: round((spent - self._cpu.get(name, 0.0)) / passed, 2) for name, spent in cpu.items()}
        self._cpu = cpu
        posts = round(metrics["posts_total"])
        self.town.heard(posts, passed)
        rss, pss = await asyncio.to_thread(memory, pid)
        database, log, desk, other = await asyncio.to_thread(files, self.data)
        return Sample(
            at=now,
            posts=posts,
            rss=rss,
            pss=pss,
            duckdb=metrics["database_memory_bytes"] / 1e6,
            database=database,
            log=log,
            desk=desk,
            other=other,
            descriptors=descriptors(pid),
            threads=threads(pid),
            queue=metrics["writer_queue"],
            busy=busy / passed,
            longest=metrics["writer_longest_seconds"],
            opened=metrics["inquiries_open"],
            series=metrics.series,
            cpu=used,
            times=times,
        )


async def _read_out(service: Service, stage: Stage, people: People) -> float:
    """Let it read all that there is, and stop it; where that takes too long, what is there is judged."""
    try:
        return await drained(service, stage)
    except TimeoutError as error:
        people.errors[f"not all was read in time: {error}"] += 1
        return await asyncio.to_thread(service.stop)


def _invited(settings: Settings, plan: Plan, sql_port: int) -> dict[str, Any]:
    """Whom the desk knows: their names, links and tokens."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    url, now = f"http://127.0.0.1:{settings.web.port}", system_clock()
    colleagues = [f"colleague{number}" for number in range(plan.colleagues)]
    browser, analysts = "reader" if plan.browser else "", [f"analyst{number}" for number in range(plan.analysts)]
    with closing(Desk(settings.data / DESK)) as desk:
        for name in filter(None, (*colleagues, browser)):
            desk.add_user(name, "agent")
        links = {name: sign_in_link(url, desk.invite(name, now)) for name in filter(None, (*colleagues, browser))}
        for name in analysts:
            desk.add_user(name, "viewer")
        given = [
            tokens.make(desk, f"soak {name}", name, ["sql"], who=name, now=now, until=now + timedelta(days=7))
            for name in analysts
        ]
    return {
        "url": url,
        "links": links,
        "colleagues": colleagues,
        "browser": browser,
        "tokens": given,
        "sql_port": sql_port,
        "seed": plan.seed,
    }


@asynccontextmanager
async def _at_work(folder: Path, whom: Mapping[str, Any]) -> AsyncIterator[People]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.soak_people", folder,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**26, start_new_session=True,
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(orjson.dumps(whom) + b"\n")
        await child.stdout.readline()  # they are there
        yield People(child)
    finally:
        with suppress(ProcessLookupError):
            child.terminate()
        await child.wait()


@asynccontextmanager
async def _probe(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Who reads /metrics, as a monitoring system does."""
    url = f"http://127.0.0.1:{settings.web.port}"
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
        yield client


def _logged(log: Path) -> Counter[str]:
    """Errors that the service logged, by what they are."""
    found: Counter[str] = Counter()
    for line in log.read_bytes().splitlines():
        with suppress(orjson.JSONDecodeError):
            told = orjson.loads(line)
            if told.get("level") in ("error", "critical"):
                found[f"logged: {told['event'][:60]}"] += 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--posts-per-second", type=float, default=200)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)))
    parser.add_argument("--keep", type=Path, help="a new folder for the data, which is left there")
    asked = parser.parse_args()
    from tests.browser_setup import chromium

    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # it tells of the answers that simulators drop
    random.seed(asked.seed)

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    plan = Plan(asked.minutes, asked.posts_per_second, asked.seed, browser=chromium() is not None)
    say(f"--minutes {plan.minutes:g} --posts-per-second {plan.rate:g} --seed {plan.seed}")
    if not plan.browser:
        say("no Chromium here: nine colleagues, and nobody at a browser")
    with TemporaryDirectory(prefix="aggregator-soak-") as scratch:
        folder = asked.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            result = asyncio.run(soak(plan, folder, say))
        except ServiceEndedError as error:
            sys.exit(str(error))
    found = list(figures(result))
    print(orjson.dumps(as_json(result, found)).decode())
    say(table(result, found))
    sys.exit(not is_good(result, found))


if __name__ == "__main__":
    main()
