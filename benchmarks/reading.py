"""What a colleague waits for at a desk with a long history (`SIZE`): the feed's first byte, its next page, an inquiry,
a search among the open ones and in everything, the dashboard, and why something was not on top.

One signed-in visitor on a kept connection, who walks through the pages in turn; the service is a process of its own.
Before each visit of the feed something else is counted beside the list, for at a live desk nothing stays as it was.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Final

import httpx

from benchmarks.desk_service import Intake, cpu_seconds, served
from benchmarks.desk_store import copied, desk
from benchmarks.figures import Figure, percentile, print_figures

VISITS: Final = 60
BARS: Final[Mapping[str, float | None]] = {  # ms, of the 95th percentile
    "feed": 50.0, "feed, nothing new": 50.0, "next page": 80.0, "inquiry": 60.0, "preview": 60.0, "search": 200.0,
    "search all": 200.0, "dashboard": 300.0, "dashboard, 90 days": None, "why": None,
}  # fmt: skip
WORDS: Final = ("提现", "refund", "客服 没人", "transfer stuck", "0x", "grandmother")


def measure(folder: Path | None = None, visits: int = VISITS) -> Iterator[Figure]:
    """Of each kind of page, until its first byte."""
    folder = folder or desk()
    with copied(folder) as copy:
        times, total = asyncio.run(_visited(copy, visits))
    beside = {"desk": folder.name, "open": total}
    for what, (ms, cpu) in times.items():
        more = beside | {"p50": round(median(ms), 1), "cpu_ms": round(cpu, 1), "visits": len(ms)}
        yield Figure("reading", f"{what}: p95", round(percentile(ms, 95), 1), "ms", BARS[what], more)


Times = dict[str, tuple[list[float], float]]
"""By what was asked for: milliseconds until the first byte, and of the service's processor for a visit."""


async def _visited(folder: Path, visits: int) -> tuple[Times, int]:
    times: Times = {}
    async with served(folder, "bench") as service, service.visitor("bench") as client:
        page = (await client.get("/")).text
        intake = Intake(service)
        for what, of in _asked(page).items():
            if what != "feed":
                await ms_until(client, of[0])  # the first one of a kind reads what later ones find in memory
            ms, cpu = [], 0.0
            for path in islice(cycle(of), visits):
                if what == "feed":
                    await intake.says("how do I add another account?")
                    await asyncio.sleep(0.1)  # it has been told to the open browsers
                busy = cpu_seconds(service.pid)
                ms.append(await ms_until(client, path))
                cpu += cpu_seconds(service.pid) - busy
            times[what] = ms, 1000 * cpu / visits
        await intake.close()
    total = re.search(r'data-total="(\d+)"', page)
    return times, int(total[1]) if total else 0


def _asked(page: str) -> dict[str, Sequence[str]]:
    inquiries = re.findall(r'href="(/inquiry/[0-9a-f-]{36})"', page)
    further = re.search(r'rel="next" href="([^"]+)"', page)
    assert inquiries, "the feed shows no inquiry"
    next_page = further[1].replace("&amp;", "&") if further else "/?"
    return {
        "feed": ["/"],
        "feed, nothing new": ["/"],
        "next page": [f"{next_page}&part=rows"],
        "inquiry": inquiries,
        "preview": [f"{path}/preview" for path in inquiries],
        "search": [f"/?q={words}" for words in WORDS],
        "search all": [f"/?q={words}&state=all" for words in WORDS],
        "dashboard": ["/dashboard"],
        "dashboard, 90 days": ["/dashboard?range=90d"],
        "why": [f"/why?of={path.rpartition('/')[2]}" for path in inquiries],
    }


async def ms_until(client: httpx.AsyncClient, path: str) -> float:
    """Milliseconds from asking to the first byte of the body."""
    began = time.perf_counter()
    async with client.stream("GET", path) as answer:
        answer.raise_for_status()
        took = 0.0
        async for _ in answer.aiter_bytes():
            took = took or (time.perf_counter() - began) * 1000
    assert took, f"{path} is empty"
    return took


if __name__ == "__main__":
    print_figures(measure())
