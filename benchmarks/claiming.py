"""How long a claim takes from key to answer, and who gets an inquiry that two claim in the same moment."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

import httpx

from benchmarks.desk_service import served
from benchmarks.desk_store import copied, desk
from benchmarks.figures import Figure, percentile, print_figures

CLAIMS: Final = 60
RACES: Final = 200
REACH_MS: Final = 100.0
_ROW: Final = re.compile(r'data-id="([0-9a-f-]{36})" data-ver="(\d+)"')


def measure(folder: Path | None = None, claims: int = CLAIMS, races: int = RACES) -> Iterator[Figure]:
    folder = folder or desk()
    with copied(folder) as copy:
        times, odd, untold = asyncio.run(_claimed(copy, claims, races))
    beside = {"desk": folder.name, "p50": round(median(times), 1), "claims": claims}
    yield Figure("claiming", "claim: p95", round(percentile(times, 95), 1), "ms", REACH_MS, beside)
    yield Figure("claiming", "two at once: not exactly one owner", odd, "inquiries", 0, {"races": races})
    yield Figure("claiming", "two at once: loser not told who", untold, "inquiries", 0, {"races": races})


async def _claimed(folder: Path, claims: int, races: int) -> tuple[list[float], int, int]:
    async with served(folder, "amy", "ben") as service, service.visitor("amy") as amy, service.visitor("ben") as ben:
        rows = await _unowned(amy, claims + races)
        tokens = {id(client): await _token(client) for client in (amy, ben)}
        times = []
        for inquiry, ver in rows[:claims]:
            began = time.perf_counter()
            answer = await _claim(amy, inquiry, ver, tokens[id(amy)])
            times.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200, answer.text
        odd = untold = 0
        for inquiry, ver in rows[claims:]:
            answers = await asyncio.gather(*(_claim(who, inquiry, ver, tokens[id(who)]) for who in (amy, ben)))
            won = [answer for answer in answers if answer.status_code == 200]
            lost = [answer for answer in answers if answer.status_code == 409]
            owners = {answer.json()["facts"]["owner"] for answer in (*won, *lost)}
            odd += (len(won), len(lost), len(owners)) != (1, 1, 1)
            untold += any(owner not in answer.json()["said"] for answer in lost for owner in owners)
        return times, odd, untold


async def _claim(client: httpx.AsyncClient, inquiry: str, ver: str, token: str) -> httpx.Response:
    headers = {"accept": "application/json", "x-csrf": token}
    return await client.post(f"/inquiry/{inquiry}/claim", data={"ver": ver}, headers=headers)


async def _unowned(client: httpx.AsyncClient, count: int) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    path: str | None = "/?owner=none"
    while path and len(found) < count:
        page = (await client.get(path)).raise_for_status().text
        found += _ROW.findall(page)
        further = re.search(r'rel="next" href="([^"]+)"', page)
        path = further[1].replace("&amp;", "&") if further else None
    return found[:count]


async def _token(client: httpx.AsyncClient) -> str:
    found = re.search(r'data-csrf="([^"]+)"', (await client.get("/")).text)
    assert found, "the page has no token"
    return found[1]


if __name__ == "__main__":
    print_figures(measure())
