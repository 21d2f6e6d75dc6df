"""What happens to three collectors and two webs while posts stream in: each collector and a web is killed with
-9, S3 is cut off, PostgreSQL crashes and comes back, a collector's cable is pulled.
"""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass, field

from benchmarks.cluster_desk import Cluster, Verdict


@dataclass
class Report:
    """Seconds until all that was said at that moment was stored, by what had happened."""

    hosts: str
    verdict: Verdict | None = None
    seconds: dict[str, list[float]] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)
    """Of processes that ended by themselves, as systemd restarts them."""


async def play(desk: Cluster, *, rounds: int = 1, every: float = 0.3, s3_cut: float = 1.5, slow: float = 1.0) -> Report:
    """every: seconds between posts. s3_cut: seconds. slow: by what patience is multiplied."""
    report = Report(desk.hosts.kind)
    one = desk.add("one", "collect", "--shard", "1/2", "--hooks-port", "0")
    two = desk.add("two", "collect", "--shard", "2/2", "--hooks-port", "0")
    three = desk.add("three", "collect", "--hooks-port", "0")
    webs = [desk.add(f"web{number}", "web", "--port", "0") for number in (1, 2)]

    async def recovered(what: str, posts: int = 4) -> None:
        began = time.monotonic()
        desk.says(posts)
        await desk.stored(what, 60 * slow)
        report.seconds.setdefault(what, []).append(round(time.monotonic() - began, 1))

    for process in (one, two, *webs):
        process.begin()
    await desk.until(lambda: all("collector.started" in each.said() for each in (one, two)), 60 * slow, "they begin")
    three.begin()  # it stands by
    await recovered("begun")
    await asyncio.to_thread(desk.watching.maintain)  # from here on what is read lies in S3
    await desk.until(lambda: all(web.address for web in webs), 60 * slow, "the webs begin")
    doing = [asyncio.create_task(each) for each in (desk.stream(every), desk.claim(), desk.supervise())]
    for _ in range(rounds):
        one.kill()
        await recovered("a collector was killed")
        one.begin()

        desk.s3.wire.cut()
        desk.says(2)
        await asyncio.sleep(s3_cut)
        desk.s3.wire.mend()
        await recovered("S3 was cut off")

        await asyncio.to_thread(desk.town.server.stop, "immediate")
        desk.says(2)
        await asyncio.to_thread(desk.town.server.start)
        await recovered("PostgreSQL crashed")

        two.host.cut()
        webs[1].kill()
        await recovered("a collector was cut off, and a web killed")
        two.host.mend()
        webs[1].begin()

        three.kill()
        await recovered("another collector was killed")
        three.begin()
    for task in doing[:2]:
        task.cancel()
    ended = await asyncio.gather(*doing[:2], return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in ended), ended
    await recovered("the stream ended", 0)
    doing[2].cancel()
    report.restarts = dict(desk.restarts)
    report.verdict = await asyncio.to_thread(desk.verdict)
    assert one.running is not None
    one.running.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(one.running.wait, 30 * slow) == 0
    return report
