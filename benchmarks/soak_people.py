"""Who works at the desk during a soak, in a process of their own: nine colleagues, two analysts, and a real browser.

`python -m benchmarks.soak_people FOLDER` reads whom it plays from its standard input (a line of JSON), says which of
them are there, and answers each further line with what was timed since the one before. The line `end` lets everybody
finish what they do.
"""

from __future__ import annotations

import asyncio
import random
import struct
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import duckdb
import httpx
import orjson

from aggregator.analysts.client import open_live
from benchmarks.desk_service import Served
from benchmarks.soak_colleague import Colleague

ARRIVAL: Final = struct.Struct("<d16sd")
"""A line of the file `arrivals`: when (time.monotonic), which inquiry, and up to when its posts had been read."""
COLLEAGUES: Final = 9
ANALYSTS: Final = 2
ASKS_EVERY: Final = 3.0  # seconds, an analyst
LOOKS_EVERY: Final = 4.0  # seconds, whoever sits before the browser
PROBES_EVERY: Final = 0.5
QUERIES: Final = (
    "SELECT opened_on, channel, sum(inquiries) FROM daily_counts GROUP BY ALL",
    "SELECT channel, kind, count(*) FROM inquiries GROUP BY ALL",
    "SELECT channel, count(*), quantile_cont(seconds_to_first_answer, 0.5) FROM answer_times GROUP BY ALL",
    "SELECT source, count(*) FROM source_gaps GROUP BY ALL",
)


@dataclass
class Watch:
    """What was timed (milliseconds), what went wrong, and what else happened, since it was told last."""

    times: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    claimed: list[str] = field(default_factory=list)

    @contextmanager
    def timing(self, what: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.times[what].append((time.perf_counter() - began) * 1000)

    def told(self) -> dict[str, Any]:
        """All of it; it begins anew."""
        told = {"times": dict(self.times), "errors": dict(self.errors), "happened": dict(self.happened)}
        self.times.clear(), self.errors.clear(), self.happened.clear()
        claimed, self.claimed = self.claimed, []
        return told | {"claimed": claimed}


async def follows(client: httpx.AsyncClient, url: str, watch: Watch, arrivals: Any = None) -> None:
    """An open stream, begun again where it ended. Until it is cancelled. `arrivals`: a file."""
    place, last, told = urlsplit(url), b"", dict[str, float]()
    while True:
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        head = f"GET /events?lang=en HTTP/1.1\r\nHost: {place.netloc}\r\nCookie: {cookies}\r\n"
        with suppress(OSError, asyncio.IncompleteReadError, ValueError):
            reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=2**22)
            try:
                writer.write(head.encode() + (b"Last-Event-ID: " + last + b"\r\n" if last else b"") + b"\r\n")
                answer = await reader.readuntil(b"\r\n\r\n")
                if b" 200 " not in answer[:20]:
                    watch.errors[f"stream: {answer[9:12].decode()}"] += 1
                    return
                async for event in _events(reader):
                    last = _take(event, watch, arrivals, told) or last
            finally:
                writer.close()
        watch.happened["stream begun again"] += 1
        await asyncio.sleep(1)


async def _events(reader: asyncio.StreamReader) -> Any:
    left = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        *events, left = (left + (await reader.readexactly(size + 2))[:-2]).split(b"\n\n")
        for event in events:
            yield event


def _take(event: bytes, watch: Watch, arrivals: Any, told: dict[str, float]) -> bytes:
    """The event's number. `told`: by inquiry, up to when its posts were read as it was told last; what only a colleague
    changed was read before."""
    lines = dict(line.split(b": ", 1) for line in event.split(b"\n"))
    what = lines.get(b"event", b"")
    if what == b"resync":
        watch.happened["stream: read all again"] += 1
    elif arrivals is not None and what in (b"new", b"upd"):
        facts = orjson.loads(lines[b"data"])["facts"]
        inquiry, seen = facts["id"], float(facts["seen"])
        if seen > told.get(inquiry, 0.0):
            told[inquiry] = seen
            arrivals.write(ARRIVAL.pack(time.monotonic(), UUID(inquiry).bytes, seen))
            watch.times["told"].append((time.time() - seen) * 1000)
    return lines.get(b"id", b"")


async def asks(token: str, port: int, watch: Watch, rng: random.Random) -> None:
    """An analyst, whose DuckDB computes here. Until it is cancelled."""
    con: duckdb.DuckDBPyConnection | None = None
    try:
        while True:
            await asyncio.sleep(rng.uniform(0, 2 * ASKS_EVERY))
            try:
                if con is None:
                    con = await asyncio.to_thread(open_live, token, port)
                with watch.timing("sql"):
                    await asyncio.to_thread(lambda con=con: con.execute(rng.choice(QUERIES)).fetchall())
            except duckdb.Error as error:  # the service copies its database, and connections end
                watch.happened[f"analyst came again: {type(error).__name__}"] += 1
                con = None
    finally:
        if con is not None:
            con.close()


async def browses(service: Served, name: str, watch: Watch) -> None:
    """A colleague before a real Chromium: reads on with the keys, and loads the page anew now and then."""
    from benchmarks.painting import page_of, press, started_browser

    async with started_browser() as browser, page_of(browser, service, name, "/") as page:
        while True:
            for number in range(15):
                await asyncio.sleep(LOOKS_EVERY)
                watch.times["key painted"].append(await press(page, "k" if number % 4 == 3 else "j"))
            with watch.timing("page in the browser"):
                await page.reload()
                await page.wait_for_selector("html[data-ready='1']", state="attached", timeout=60_000)


async def probes(client: httpx.AsyncClient, watch: Watch) -> None:
    """How long the service's event loop lets somebody wait who wants next to nothing."""
    while True:
        await asyncio.sleep(PROBES_EVERY)
        try:
            with watch.timing("loop"):
                (await client.get("/health/live")).raise_for_status()
        except httpx.HTTPError as error:
            watch.errors[f"live: {type(error).__name__}"] += 1


async def _play(folder: Path, told: Mapping[str, Any]) -> None:
    service, watch = Served(told["url"], "", 0, told["links"]), Watch()
    rng, ending = random.Random(told["seed"]), asyncio.Event()
    async with AsyncExitStack() as stack:
        arrivals = stack.enter_context((folder / "arrivals").open("wb"))
        clients = [await stack.enter_async_context(service.visitor(name)) for name in told["colleagues"]]
        works = [
            asyncio.create_task(Colleague(client, watch, random.Random(rng.random())).works(ending))
            for client in clients
        ]
        others: list[Awaitable[None]] = [probes(clients[0], watch)]
        others += [
            follows(client, service.url, watch, None if number else arrivals) for number, client in enumerate(clients)
        ]
        others += [asks(token, told["sql_port"], watch, random.Random(rng.random())) for token in told["tokens"]]
        if told["browser"]:
            others.append(_told_if_ended(browses(service, told["browser"], watch), watch, "browser"))
        tasks = [asyncio.ensure_future(other) for other in others]
        print("here", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            if line.strip() == "end":
                ending.set()
                await asyncio.gather(*works)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            for task in (*works, *tasks):
                if task.done() and not task.cancelled():
                    task.result()
            arrivals.flush()
            print(orjson.dumps(watch.told()).decode(), flush=True)


async def _told_if_ended(work: Awaitable[None], watch: Watch, who: str) -> None:
    """A browser that dies is an error of the run, and no end of it."""
    try:
        await work
    except Exception as error:
        watch.errors[f"{who}: {type(error).__name__}"] += 1


if __name__ == "__main__":
    asyncio.run(_play(Path(sys.argv[1]), orjson.loads(sys.stdin.readline())))
