"""What open browsers cost: memory of the service for each stream, and how soon it stops while they are open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from benchmarks.desk_service import Intake, Served, served
from benchmarks.desk_store import copied, desk
from benchmarks.figures import Figure, percentile, print_figures

STREAMS: Final = 200
AT_STOP: Final = 50
REACH_KB: Final = 100.0
REACH_SECONDS: Final = 2.0
REACH_TOLD: Final = 1000.0  # ms


def measure(folder: Path | None = None, streams: int = STREAMS) -> Iterator[Figure]:
    folder = folder or desk()
    with copied(folder) as copy:
        grown, told, stopped = asyncio.run(_streamed(copy, streams))
    beside = {"desk": folder.name, "streams": streams}
    yield Figure("streaming", "memory per stream", round(grown / streams * 1000, 1), "kB", REACH_KB, beside)
    yield Figure("streaming", "told to all: p95", round(percentile(told, 95), 1), "ms", REACH_TOLD, beside)
    yield Figure("streaming", "stop with 50 streams", round(stopped, 2), "s", REACH_SECONDS)


async def _streamed(folder: Path, streams: int) -> tuple[float, list[float], float]:
    """MB by which the service grew; ms until each stream told of something new; seconds that the stop took."""
    async with served(folder, "bench") as service, service.visitor("bench") as client:
        intake = Intake(service)
        await intake.says("is anybody there?")  # what is read at the first change has been read
        await client.get("/")
        before = service.memory()
        async with _listening(service, client, streams) as readers:
            grown = service.memory() - before
            began = time.perf_counter()
            waiting = [asyncio.create_task(_until_new(reader, began)) for reader in readers]
            await intake.says("where is my money?")
            told = await asyncio.gather(*waiting)
        await intake.close()
        async with _listening(service, client, AT_STOP) as readers:
            await service.stop()
            await asyncio.gather(*(reader.read() for reader in readers))
    return grown, told, service.stopped_in


@asynccontextmanager
async def _listening(
    service: Served, client: httpx.AsyncClient, streams: int
) -> AsyncIterator[list[asyncio.StreamReader]]:
    """So many open streams of one visitor; each has been greeted."""
    place = urlsplit(service.url)
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    request = f"GET /events?lang=en HTTP/1.1\r\nHost: {place.netloc}\r\nCookie: {cookies}\r\n\r\n".encode()
    opened = [await asyncio.open_connection(place.hostname, place.port) for _ in range(streams)]
    try:
        for reader, writer in opened:
            writer.write(request)
            await reader.readuntil(b"event: hello")
        yield [reader for reader, _ in opened]
    finally:
        for _, writer in opened:
            writer.close()


async def _until_new(reader: asyncio.StreamReader, began: float) -> float:
    await reader.readuntil(b"event: new")
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    print_figures(measure())
