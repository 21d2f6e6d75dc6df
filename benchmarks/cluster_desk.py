"""A desk of several hosts: collectors and webs as processes of their own, over one PostgreSQL, S3 and four groups, with
colleagues who claim what comes at two webs at the same moment. The verdict is held against what the simulators know.
"""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson

from aggregator.config.lake_settings import LakeSettings
from aggregator.demo.telegram import TelegramSimulator
from aggregator.listener import serve
from aggregator.store.desk import Desk
from aggregator.store.lake import Lake
from aggregator.store.tokens import make
from benchmarks.cluster_hosts import Host, Hosts
from tests.console import AGGREGATOR
from tests.lake_town import LakeTown
from tests.s3_server import S3Server, Wire

GROUPS = ("harbor", "ledger", "meadow", "anchor")  # two of each half
WEB = "http://"


@dataclass
class Verdict:
    """Against the truth of the platforms: posts that are not stored, or twice; inquiries with more than one claim."""

    posts: int
    lost: int
    doubled: int
    claims: int
    double_claims: int

    @property
    def holds(self) -> bool:
        return not (self.lost or self.doubled or self.double_claims)


@dataclass
class Process:
    """`aggregator collect` or `web`, on a host and with a data directory of its own."""

    name: str
    host: Host
    words: tuple[str, ...]
    config: Path
    log: Path
    running: subprocess.Popen[bytes] | None = None
    is_wanted: bool = False

    def begin(self) -> None:
        self.is_wanted = True
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                [*self.host.within, *AGGREGATOR, *self.words, "--config", str(self.config)], stdout=log, stderr=log
            )

    def kill(self) -> None:
        assert self.running is not None
        self.is_wanted = False
        self.running.send_signal(signal.SIGKILL)
        self.running.wait()

    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    @property
    def address(self) -> str | None:
        """Of a web, the last time it began."""
        found = re.findall(rf"{WEB}[\d.]+:\d+", self.said())
        return found[-1] if found else None


@dataclass
class Cluster:
    """`watching`: the lake, as nobody of them has it open."""

    folder: Path
    hosts: Hosts
    town: LakeTown
    s3: S3Server
    lake: LakeSettings
    watching: Lake
    groups: dict[str, tuple[TelegramSimulator, int, int]]
    processes: dict[str, Process] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    said: int = 0
    won: Counter[str] = field(default_factory=Counter)
    """By the code of an inquiry, how many were told that they have it."""
    answers: Counter[str] = field(default_factory=Counter)
    """Of webs to colleagues, by status."""
    restarts: Counter[str] = field(default_factory=Counter)
    """Of processes that ended by themselves."""
    _s3_port: int = 0

    def add(self, name: str, *words: str) -> Process:
        """A process, not yet begun."""
        host = self.hosts.host()
        namespaces = bool(host.within)
        address, database = self.hosts.address, self.lake.dsn.rpartition("dbname=")[2]
        store = f"host={address}"
        s3_port, ports = self._s3_port, {group: port for group, (_, _, port) in self.groups.items()}
        if not namespaces:
            _, port = host.reach(f"{self.town.server.folder}/.s.PGSQL.5432")
            store = f"host={address} port={port}"
            _, s3_port = host.reach(s3_port)
            ports = {group: host.reach(port)[1] for group, port in ports.items()}
        assert self.lake.s3 is not None
        settings: dict[str, Any] = {
            "data": name,
            "lake": {
                "store": f"ducklake:postgres:{store} user=desk dbname={database}",
                **self.s3.place(self.lake.files.removeprefix("s3://desk/")),
                "lease": "4s",
            },
            "sources": {
                group: {
                    "connector": "telegram",
                    "token": {"env": "TELEGRAM_TOKEN"},
                    "api": f"http://{address}:{ports[group]}",
                    "chats": [chat],
                    "long_poll": 0,
                    "poll_every": "1s",
                }
                for group, (_, chat, _) in self.groups.items()
            },
            "web": {"host": host.address},
            "hooks": {"host": host.address},
        }
        settings["lake"]["s3"]["endpoint"] = f"{address}:{s3_port}"
        config = self.folder / f"{name}.yaml"
        config.write_bytes(orjson.dumps(settings))  # JSON is YAML, too
        if words[0] == "web":
            desk = Desk(self.folder / name / "desk.db")
            desk.add_user(f"amy-{name}", "agent")
            now = datetime.now(UTC)
            self.tokens[name] = make(desk, name, f"amy-{name}", ["read", "act"], who="test", now=now, until=None)
            desk.close()
        process = Process(name, host, words, config, self.folder / f"{name}.log")
        self.processes[name] = process
        return process

    def says(self, times: int = 1) -> None:
        for _ in range(times):
            self.said += 1
            group, chat, _ = self.groups[GROUPS[self.said % len(GROUPS)]]
            group.says(f"user{self.said % 7}", f"swap number {self.said} failed", chat=chat)

    async def stream(self, every: float) -> None:
        while True:
            self.says()
            await asyncio.sleep(every)

    async def supervise(self) -> None:
        """As systemd does: whoever ended by itself begins again."""
        while True:
            for process in self.processes.values():
                if process.is_wanted and process.running is not None and process.running.poll() is not None:
                    self.restarts[process.name] += 1
                    process.begin()
            await asyncio.sleep(0.5)

    async def claim(self) -> None:
        """Again and again, each new inquiry by two colleagues at the two webs at the same moment."""
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            while True:
                await self._claim_some(client)
                await asyncio.sleep(0.2)

    async def _claim_some(self, client: httpx.AsyncClient) -> None:
        webs = [(name, web) for name in self.tokens if (web := self.processes[name].address)]
        for name, web in webs:  # one of them may be dead
            try:
                answer = await client.get(f"{web}/api/v1/inquiries?state=new&limit=5", headers=self._as(name))
            except httpx.HTTPError as error:
                self.answers[type(error).__name__] += 1
                continue
            self.answers[f"list {answer.status_code}"] += 1
            if answer.is_success:
                break
        else:
            return
        for row in answer.json()["inquiries"]:
            if self.won[row["code"]] == 0:
                asked = [
                    client.post(
                        f"{at}/api/v1/inquiries/{row['code']}/claim", json={"ver": row["ver"]}, headers=self._as(who)
                    )
                    for who, at in webs
                ]
                answers = await asyncio.gather(*asked, return_exceptions=True)
                heard = [one for one in answers if isinstance(one, httpx.Response)]
                self.answers.update(f"claim {one.status_code}" for one in heard)
                self.won[row["code"]] += sum(one.is_success for one in heard)

    def _as(self, name: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.tokens[name]}"}

    async def until(self, holds: Callable[[], Awaitable[bool]] | Callable[[], bool], seconds: float, why: str) -> None:
        """Wait for it, looking ten times a second."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    found = holds()
                    if found is True or (not isinstance(found, bool) and await found):
                        return
                    await asyncio.sleep(0.1)
        except TimeoutError:
            logs = "\n".join(f"{name}: {process.said()[-1500:]}" for name, process in self.processes.items())
            raise AssertionError(f"{why}: not within {seconds} s; {self.answers} {self.restarts}\n{logs}") from None

    async def stored(self, why: str, seconds: float = 60) -> None:
        """Wait until all that was said so far is there."""
        true = {name for group, _, _ in self.groups.values() for name in group.truth()}

        async def holds() -> bool:
            found = await self.watching.read(lambda con: con.execute("SELECT native_id FROM post").fetchall())
            return true <= {name for (name,) in found}

        await self.until(holds, seconds, why)

    def verdict(self) -> Verdict:
        true = {name for group, _, _ in self.groups.values() for name in group.truth()}
        found = Counter(name for (name,) in self.watching.query("SELECT native_id FROM post"))
        records = self.watching.query("SELECT count(*) - count(DISTINCT post_id) FROM record")[0][0]
        folded = self.watching.query("SELECT coalesce(sum(posts), 0) FROM inquiry_open")[0][0]
        events = self.watching.query("SELECT count(*) FROM inquiry_event WHERE what = 'claim' GROUP BY inquiry_id")
        twice = sum(times > 1 for (times,) in events) + sum(times > 1 for times in self.won.values())
        doubled = sum(times - 1 for times in found.values()) + records + abs(folded - found.total())
        return Verdict(len(true), len(true - found.keys()), doubled, len(events), twice)


@asynccontextmanager
async def cluster(folder: Path, hosts: Hosts, town: LakeTown, s3: S3Server, prefix: str) -> AsyncIterator[Cluster]:
    """PostgreSQL, S3 and the groups are up, and can be reached by all hosts; no process has begun."""
    async with AsyncExitStack() as stack:
        groups = {}
        for number, name in enumerate(GROUPS):
            simulator = TelegramSimulator(seed=number, group=name, username=name)
            chats = [simulator.adds_chat(f"{name}{each}", username=f"{name}{each}") for each in range(number + 1)]
            url = await stack.enter_async_context(serve(simulator.app, hosts.address))
            groups[name] = (simulator, chats[-1], int(url.rpartition(":")[2]))
        lake = town.lake(**s3.place(prefix), lease="4s")
        if hosts.address != "127.0.0.1":
            town.server.listen = hosts.address
            await asyncio.to_thread(town.server.stop, "fast")
            await asyncio.to_thread(town.server.start)
            stack.callback(setattr, town.server, "listen", "")
        wire = Wire(s3.wire.port, hosts.address)
        stack.callback(wire.close)
        watching = await asyncio.to_thread(Lake, lake)
        stack.callback(watching.close)
        made = Cluster(folder, hosts, town, s3, lake, watching, groups, _s3_port=wire.port)
        try:
            yield made
        finally:
            for process in made.processes.values():
                if process.running is not None and process.running.poll() is None:
                    process.kill()
