"""The service before a benchmark's desk, in a process of its own: who measures does not share its interpreter.

`python -m benchmarks.desk_service FOLDER NAME...` adds these people, prints the addresses and a one-time link for each
as a line of JSON, and serves until its input ends; then it prints how long the stop took.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
import orjson
import structlog

from aggregator.clocks import Clock
from aggregator.config import Settings
from aggregator.demo.visitor import sign_in
from aggregator.service import running
from aggregator.store.desk import DeskError
from aggregator.users import sign_in_link
from benchmarks.desk_store import ENDS
from connectors.chat import Chat
from connectors.secret import Secret

SECRET: Final = "bench-intake"
SECRET_AT: Final = "BENCH_INTAKE"
SOURCE: Final = "app"


@dataclass(slots=True)
class Served:
    """A running service: its addresses, its process, and the links that sign people in."""

    url: str
    hooks_url: str
    pid: int
    links: Mapping[str, str]
    child: asyncio.subprocess.Process | None = None
    stopped_in: float = 0.0

    def memory(self) -> float:
        """Resident, in 10^6 bytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    async def stop(self) -> None:
        """Ask it to stop, and wait until it has."""
        assert self.child is not None
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        if not self.child.stdin.is_closing():
            self.child.stdin.close()
            self.stopped_in = orjson.loads(await self.child.stdout.readline())["stopped_in"]

    @asynccontextmanager
    async def visitor(self, name: str) -> AsyncIterator[httpx.AsyncClient]:
        """Somebody who is signed in, on kept connections."""
        headers = {"sec-fetch-site": "same-origin", "accept-language": "en"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=60) as client:
            await sign_in(client, self.links[name])
            yield client


@asynccontextmanager
async def served(folder: Path, *names: str) -> AsyncIterator[Served]:
    """Serve the desk in this folder while the block lasts; afterwards `stopped_in` is set."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.desk_service", folder, *names,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=os.environ | {SECRET_AT: SECRET},
    )  # fmt: skip
    assert child.stdout is not None
    try:
        told = orjson.loads(await child.stdout.readline())
        service = Served(told["url"], told["hooks_url"], child.pid, told["links"], child)
        yield service
        await service.stop()
    finally:
        with suppress(ProcessLookupError):
            child.terminate()
        await child.wait()


def cpu_seconds(pid: int) -> float:
    """Of all threads of a process, so far."""
    told = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


class Intake:
    """The app's backend: passes on what its customers write. `taken`: how many messages are stored."""

    def __init__(self, service: Served) -> None:
        self._client = httpx.AsyncClient(base_url=service.hooks_url, trust_env=False, timeout=60)
        self._number = 0
        self.taken = 0

    async def says(self, *texts: str) -> None:
        """Each by somebody new."""
        messages = []
        for text in texts:
            self._number += 1
            name = f"{os.getpid()}-{self._number}"
            author = {"id": name, "name": f"Customer {self._number}", "verified": True}
            messages.append({"id": name, "conversation_id": name, "text": text, "author": author})
        body = orjson.dumps({"messages": messages})
        stamp = str(int(time.time()))  # the door keeps real time
        signed = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, "sha256")
        headers = {
            "content-type": "application/json",
            "x-inquiry-timestamp": stamp,
            "x-inquiry-signature": f"sha256={signed.hexdigest()}",
        }
        answer = await self._client.post(f"/intake/chat/{SOURCE}", content=body, headers=headers)
        answer.raise_for_status()
        self.taken += len(texts)

    async def close(self) -> None:
        await self._client.aclose()


def desk_clock(began: float) -> Clock:
    """Time goes on from the moment at which the desk is looked at."""

    def now() -> datetime:
        return ENDS + timedelta(seconds=time.time() - began)

    return now


async def _serve(folder: Path, names: list[str]) -> float:
    intake = Chat.Config(connector="chat", secret=Secret(env=SECRET_AT), calls_per_minute=1_000_000)
    settings = Settings(data=folder, sources={SOURCE: intake})
    clock = desk_clock(time.time())
    async with running(settings, clock=clock, port=0, hooks_port=0) as service:
        desk, links = service.work.desk, {}
        for name in names:
            with suppress(DeskError):  # it is there since an earlier run
                desk.add_user(name, "agent")
            links[name] = sign_in_link(service.url, desk.invite(name, clock()))
        told = {"url": service.url, "hooks_url": service.hooks_url, "links": links}
        print(orjson.dumps(told).decode(), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        stopping = time.perf_counter()
    return time.perf_counter() - stopping


if __name__ == "__main__":
    logging.getLogger().setLevel(logging.ERROR)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    seconds = asyncio.run(_serve(Path(sys.argv[1]), sys.argv[2:]))
    print(orjson.dumps({"stopped_in": seconds}).decode(), flush=True)
