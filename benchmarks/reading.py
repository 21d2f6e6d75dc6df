"""What a colleague waits for: the feed's first byte, its next page, an inquiry, a search, beside a million inquiries.

One signed-in visitor on a kept connection; the service and the visitor share this process, so both are in the time.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import httpx

from aggregator.clocks import system_clock
from aggregator.config import Settings
from aggregator.service import running
from aggregator.users import sign_in_link
from benchmarks.big_store import fill
from benchmarks.figures import Figure, percentile, print_figures

INQUIRIES: Final = 990_000
OPEN: Final = 30_000  # the newest ones; all others are closed
VISITS: Final = 60
BARS: Final[dict[str, float | None]] = {  # ms, of the 95th percentile
    "feed": 50.0, "next page": 80.0, "preview": 60.0, "inquiry": 60.0, "search": 200.0, "search all": 200.0, "why": None,
}  # fmt: skip
WORDS: Final = ("提现", "refund", "客服 没人", "transfer stuck", "0x")


def measure(inquiries: int = INQUIRIES, opened: int = OPEN, visits: int = VISITS) -> Iterator[Figure]:
    """Of each kind of page, until its first byte."""
    with TemporaryDirectory(prefix="bench-read-") as folder:
        fill(Path(folder), inquiries, opened)
        times = asyncio.run(_visited(Path(folder), visits))
    for what, ms in times.items():
        beside = {"p50": round(median(ms), 1), "inquiries": inquiries, "open": min(opened, inquiries)}
        yield Figure("reading", f"{what}: p95", round(percentile(ms, 95), 1), "ms", BARS[what], beside)


async def _visited(data: Path, visits: int) -> dict[str, list[float]]:
    settings = Settings(data=data, sources={})
    async with running(settings, port=0, hooks_port=0) as service:
        desk = service.work.desk
        desk.add_user("bench", "viewer")
        link = sign_in_link(service.url, desk.invite("bench", system_clock()))
        async with httpx.AsyncClient(base_url=service.url, follow_redirects=True, timeout=60) as client:
            page = (await client.get(link)).raise_for_status().text
            inquiries = re.findall(r'href="(/inquiry/[0-9a-f-]{36})"', page)
            further = re.search(r'rel="next" href="([^"]+)"', page)
            assert inquiries, "the feed shows no inquiry"
            next_page = further[1].replace("&amp;", "&") if further else "/"
            asked = {
                "feed": ["/"],
                "next page": [f"{next_page}&part=rows" if further else "/"],
                "inquiry": inquiries,
                "search": [f"/?q={words}" for words in WORDS],
                "search all": [f"/?q={words}&state=all" for words in WORDS],
                "preview": [f"{path}/preview" for path in inquiries],
                "why": [f"/why?of={path.rpartition('/')[2]}" for path in inquiries],
            }
            return {what: [await _ms(client, path) for path in islice(cycle(of), visits)] for what, of in asked.items()}


async def _ms(client: httpx.AsyncClient, path: str) -> float:
    """Milliseconds from asking to the first byte of the body."""
    began = time.perf_counter()
    async with client.stream("GET", path) as answer:
        answer.raise_for_status()
        async for _ in answer.aiter_bytes():
            return (time.perf_counter() - began) * 1000
    raise AssertionError(f"{path} is empty")


if __name__ == "__main__":
    print_figures(measure())
