"""The feed's first byte for one colleague while nine others work, 20 customers a second write, and some search.

Everybody else is a process of its own. A colleague does something each second: looks at the feed, at its next page, at
an inquiry beside the list, or searches.
"""

from __future__ import annotations

import asyncio
import random
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Final

import httpx
import orjson

from benchmarks.desk_service import Intake, Served, cpu_seconds, served
from benchmarks.desk_store import copied, desk
from benchmarks.figures import Figure, percentile, print_figures
from benchmarks.reading import WORDS, ms_until

COLLEAGUES: Final = 9
WRITTEN: Final = 20  # by customers, in a second
VISITS: Final = 60
REACH_MS: Final = 150.0
_SEED: Final = 11
_SAID: Final = (
    "my transfer of {n}.{m} USDT has not arrived, it has been {m} hours",
    "转账 {n}.{m} USDT 已经 {m} 个小时没到账了",
    "how do I export the history of wallet {n}?",
    "第 {n} 号钱包的交易记录怎么导出？",
    "the swap of {n} TRX failed with error {m}",
    "闪兑 {n} TRX 报错 {m}，换不了",
)


def measure(folder: Path | None = None, visits: int = VISITS, written: int = WRITTEN) -> Iterator[Figure]:
    folder = folder or desk()
    with copied(folder) as copy:
        times, said, cpu = asyncio.run(_visited(copy, visits, written))
    beside = {"desk": folder.name, "p50": round(median(times), 1), "visits": visits}
    more = {"written_per_second": round(said, 1), "service_cpu": round(cpu, 2)}
    yield Figure(
        "crowded", "feed beside nine colleagues: p95", round(percentile(times, 95), 1), "ms", REACH_MS, beside | more
    )


async def _visited(folder: Path, visits: int, written: int) -> tuple[list[float], float, float]:
    """Milliseconds; how many customers' messages were taken in a second; how many processors the service kept busy."""
    names = [f"colleague{number}" for number in range(COLLEAGUES)]
    async with served(folder, "bench", *names) as service, service.visitor("bench") as client:
        await client.get("/")
        async with _everybody_else(service, names, written) as taken:
            times, began, busy = [], time.monotonic(), cpu_seconds(service.pid)
            before = await taken()
            for _ in range(visits):
                await asyncio.sleep(0.5)
                times.append(await ms_until(client, "/"))
            seconds = time.monotonic() - began
            return times, (await taken() - before) / seconds, (cpu_seconds(service.pid) - busy) / seconds


@asynccontextmanager
async def _everybody_else(service: Served, names: list[str], written: int) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    told = orjson.dumps({"url": service.url, "hooks_url": service.hooks_url, "links": service.links, "names": names})
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.crowded", str(written),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    stdin, stdout = child.stdin, child.stdout

    async def taken() -> int:
        stdin.write(b"how many?\n")
        return int(await stdout.readline())

    stdin.write(told + b"\n")
    await stdout.readline()  # all are at work
    try:
        yield taken
    finally:
        child.terminate()
        await child.wait()


async def _work(written: int) -> None:
    told = orjson.loads(sys.stdin.readline())
    service = Served(told["url"], told["hooks_url"], 0, told["links"])
    intake = Intake(service)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(service.visitor(name)) for name in told["names"]]
        works = [asyncio.create_task(_works(client, random.Random(n))) for n, client in enumerate(clients)]
        writes = asyncio.create_task(_write(intake, written))
        await asyncio.sleep(2)
        print("at work", flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            for task in (*works, writes):
                if task.done():
                    task.result()
            print(intake.taken, flush=True)


async def _works(client: httpx.AsyncClient, rng: random.Random) -> None:
    await asyncio.sleep(rng.random())
    page = (await client.get("/")).text
    while True:
        await asyncio.sleep(1)
        inquiries = re.findall(r'href="(/inquiry/[0-9a-f-]{36})"', page) or ["/dashboard"]
        further = re.search(r'rel="next" href="([^"]+)"', page)
        what = rng.choices(("feed", "next page", "preview", "search"), (4, 2, 3, 1))[0]
        if what == "feed":
            page = (await client.get("/")).raise_for_status().text
        elif what == "next page" and further:
            (await client.get(further[1].replace("&amp;", "&") + "&part=rows")).raise_for_status()
        elif what == "preview":
            (await client.get(f"{rng.choice(inquiries)}/preview")).raise_for_status()
        else:
            (await client.get(f"/?q={rng.choice(WORDS)}")).raise_for_status()


async def _write(intake: Intake, written: int) -> None:
    """Each message by itself, at even distances; one that is not taken in time does not hold up the next."""
    rng, began, tasks = random.Random(_SEED), time.monotonic(), set[asyncio.Task[None]]()
    number = 0
    while True:
        number += 1
        await asyncio.sleep(max(0.0, began + number / written - time.monotonic()))
        text = rng.choice(_SAID).format(n=rng.randrange(1, 10**6), m=rng.randrange(1, 99))
        tasks.add(asyncio.create_task(intake.says(text)))
        for done in [task for task in tasks if task.done()]:
            done.result()
            tasks.discard(done)


if __name__ == "__main__":
    if sys.argv[1:]:
        asyncio.run(_work(int(sys.argv[1])))
    else:
        print_figures(measure())
