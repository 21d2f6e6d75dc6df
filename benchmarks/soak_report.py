"""What a soak came to: its figures, which of them are bars, and how they are written."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from benchmarks.crash_verdict import Verdict
from benchmarks.figures import Figure, percentile
from benchmarks.soak_samples import FIFTHS, Sample, fifth, per_post, pooled, slope
from benchmarks.soak_visible import Wait

LONG: Final = 10.0  # minutes from which on what happens over time is held against a bar; before, it only warms up
MB_A_MINUTE: Final = 1.0
FILE_RATIO: Final = 1.25
LATENCY_RATIO: Final = 1.5
MORE_DESCRIPTORS: Final = 5
MORE_THREADS: Final = 3
ASKED: Final = ("list", "inquiry", "claim", "comment", "reply", "resolve", "resolve many", "search")
ALSO: Final = ("told", "loop", "sql", "key painted", "page in the browser")


@dataclass(frozen=True, slots=True)
class Result:
    """seconds: for which people wrote. waited: of them, those in which they waited for the desk. lines: of the script;
    published: posts among them. read_again: whether everything was read and folded once more at the end. stopped: by
    Ctrl-C."""

    minutes: float
    rate: float
    seed: int
    browser: bool
    seconds: float
    samples: Sequence[Sample]
    lines: int
    published: int
    waited: float
    faults: Mapping[str, int]
    people: Mapping[str, int]
    errors: Mapping[str, int]
    restarts: int
    stop_seconds: float
    waits: Sequence[Wait]
    verdict: Verdict
    read_again: bool
    stopped: bool

    @property
    def is_long(self) -> bool:
        return self.seconds >= 60 * LONG


def figures(result: Result) -> Iterator[Figure]:
    """What is promised first, then what explains it."""
    yield from _kept(result)
    yield from _over_time(result)
    yield from _latencies(result)
    yield from _beside(result)


def is_good(result: Result, found: Sequence[Figure]) -> bool:
    return result.verdict.is_good and all(each.reach is None or each.value <= each.reach for each in found)


def _figure(what: str, value: float, unit: str, reach: float | None = None, **beside: object) -> Figure:
    return Figure("soak", what, value, unit, reach, beside)


def _kept(result: Result) -> Iterator[Figure]:
    verdict = result.verdict
    yield _figure("lost", verdict.lost, "posts", 0, wrong=verdict.wrong)
    yield _figure("doubled", verdict.doubled, "posts", 0)
    yield _figure("stored otherwise than said", verdict.differing, "posts", 0)
    yield _figure("orphaned", sum(verdict.orphans.values()), "rows", 0, **verdict.orphans)
    yield _figure("content that differs", int(verdict.hashes[0] != verdict.hashes[1]), "hashes", 0)
    gone = {"told_no_more": verdict.undeliverable, "gaps": dict(verdict.gaps)}
    yield _figure("told no more by the platform, and in no gap", verdict.uncovered, "posts", 0, **gone)
    if result.read_again:
        changed = sum(verdict.changed_again.values())
        yield _figure("changed by reading all again", changed, "rows", 0, **verdict.changed_again)
    lost = "claims that were answered, and are gone or there twice"
    yield _figure(lost, verdict.unkept, "claims", 0, claims=verdict.claims)
    yield _figure("broken desk.db", int(not verdict.desk), "files", 0)
    yield _figure("restarts", result.restarts, "times", 0)
    yield _figure("errors", sum(result.errors.values()), "times", 0, kinds=dict(result.errors))


def _over_time(result: Result) -> Iterator[Figure]:
    samples, second, last = result.samples, fifth(result.samples, 2), fifth(result.samples, FIFTHS)
    if not (second and last):
        return

    def bar(value: float) -> float | None:
        return value if result.is_long else None

    def grown(name: str) -> float:
        before, after = (median(getattr(one, name) for one in some) for some in (second, last))
        return round(after - before, 1)

    rss = {
        "second_fifth": round(median(one.rss for one in second)),
        "last_fifth": round(median(one.rss for one in last)),
    }
    rss |= {"highest": round(max(one.rss for one in samples)), "duckdb": round(last[-1].duckdb)}
    growth = slope(samples, lambda one: one.rss - one.duckdb)
    rss["with_duckdb"] = round(slope(samples, lambda one: one.rss), 2)
    yield _figure(
        "memory besides DuckDB's after warming up, by the minute", round(growth, 2), "MB", bar(MB_A_MINUTE), **rss
    )
    yield _figure("proportional memory, by the minute", round(slope(samples, lambda one: one.pss), 2), "MB")
    early, late = (per_post(fifth_, lambda one: one.on_disk) for fifth_ in (_until(samples, 2), _from(samples, 4)))
    sizes = {"early": round(early), "late": round(late), "desk": last[-1].desk, "log": last[-1].log}
    ratio = round(late / early, 2) if early > 0 else 0.0
    yield _figure("bytes on disk for a post, late against early", ratio, "times", bar(FILE_RATIO), **sizes)
    more = grown("descriptors")
    yield _figure("more open files", more, "files", bar(MORE_DESCRIPTORS), now=last[-1].descriptors)
    yield _figure("more threads", grown("threads"), "threads", bar(MORE_THREADS), now=last[-1].threads)
    yield _figure("more lines of /metrics", grown("series"), "lines", bar(0), now=last[-1].series)


def _until(samples: Sequence[Sample], number: int) -> Sequence[Sample]:
    return samples[: len(fifth(samples, 1)) + sum(len(fifth(samples, one)) for one in range(2, number + 1))]


def _from(samples: Sequence[Sample], number: int) -> Sequence[Sample]:
    return samples[-sum(len(fifth(samples, one)) for one in range(number, FIFTHS + 1)) :]


def _latencies(result: Result) -> Iterator[Figure]:
    samples = result.samples
    for what in (*ASKED, *ALSO):
        p50, p95 = pooled(samples, what, 50), pooled(samples, what, 95)
        if p50 is None or p95 is None:
            continue
        count = sum(len(one.times.get(what, ())) for one in samples)
        beside: dict[str, object] = {"p50": round(p50, 1), "count": count}
        early, late = (pooled(fifth(samples, number), what, 50) for number in (2, FIFTHS))
        ratio = round(late / early, 2) if early and late else None
        yield _figure(f"{what}: p95", round(p95, 1), "ms", None, **beside)
        if ratio is not None and what in ("list", "inquiry", "claim"):
            spoken = {"early": round(early or 0, 1), "late": round(late or 0, 1)}
            reach = LATENCY_RATIO if result.is_long else None
            yield _figure(f"{what}: p50 of the last fifth against the second", ratio, "times", reach, **spoken)
    yield from _visible(result)


def _visible(result: Result) -> Iterator[Figure]:
    if not result.waits:
        return
    seconds = [wait.seconds for wait in result.waits]
    beside = {"p50": round(median(seconds), 2), "posts": len(seconds), "longest": round(max(seconds), 1)}
    yield _figure("published to visible: p95", round(percentile(seconds, 95), 2), "s", None, **beside)
    begin = result.waits[0].published
    length = (result.waits[-1].published - begin) / FIFTHS
    parts = [
        [wait.seconds for wait in result.waits if number <= (wait.published - begin) / length < number + 1]
        for number in (1, FIFTHS - 1)
    ] if length else []  # fmt: skip
    if parts and all(parts):
        early, late = (percentile(part, 50) for part in parts)
        reach = LATENCY_RATIO if result.is_long else None
        spoken = {"early": round(early, 2), "late": round(late, 2)}
        ratio = round(late / early, 2) if early else 0.0
        yield _figure("visible: p50 of the last fifth against the second", ratio, "times", reach, **spoken)


def _beside(result: Result) -> Iterator[Figure]:
    rate, minutes = result.published / result.seconds, result.seconds / 60
    told = {"wished_lines": result.rate, "lines": round(result.lines / result.seconds, 1), "posts": result.published}
    yield _figure("posts a second", round(rate, 1), "posts", None, waited_seconds=round(result.waited), **told)
    yield _figure("stored", result.verdict.posts, "posts", None, minutes=round(minutes, 1), stopped=result.stopped)
    yield _figure("faults", sum(result.faults.values()), "times", None, kinds=dict(result.faults))
    yield _figure("people", sum(result.people.values()), "deeds", None, browser=result.browser, **result.people)
    yield _figure("stop", round(result.stop_seconds, 2), "s")
    if result.samples:
        cpu = {name: round(median(one.cpu[name] for one in result.samples), 2) for name in result.samples[-1].cpu}
        yield _figure("writer at work", round(100 * median(one.busy for one in result.samples)), "%", None, **cpu)
        longest = result.samples[-1].longest
        queue = max(one.queue for one in result.samples)
        yield _figure("longest transaction", round(longest, 2), "s", None, longest_queue=queue)
        yield _figure("open inquiries at the end", result.samples[-1].opened, "inquiries")


# -- written -------------------------------------------------------------------------------------


def progress(samples: Sequence[Sample], lines: int) -> str:
    """One line for the newest sample."""
    now = samples[-1]
    before = samples[-2] if len(samples) > 1 else None
    rate = (now.posts - (before.posts if before else 0)) / max(0.001, now.at - (before.at if before else 0.0))
    times = "  ".join(
        f"{what} {pooled([now], what, 50):.0f}/{pooled([now], what, 95):.0f}"
        for what in ("list", "inquiry", "claim", "told", "loop", "sql")
        if now.times.get(what)
    )
    return (
        f"{now.at:5.0f} s  {lines} said, {now.posts} stored ({rate:.0f}/s)  "
        f"{now.rss:.0f} MB (DuckDB {now.duckdb:.0f})  "
        f"disk {now.on_disk / 1e6:.0f} MB  {now.descriptors} files, {now.threads} threads  {now.opened:.0f} open  "
        f"writer {100 * now.busy:.0f}%, {now.queue:.0f} wait  ms {times}  "
        f"cpu {' '.join(f'{name} {used}' for name, used in now.cpu.items())}"
    )


def as_json(result: Result, found: Sequence[Figure]) -> dict[str, Any]:
    """Everything, with the course of the samples in at most 60 points."""
    step = max(1, len(result.samples) // 60)
    course = [
        {
            "at": round(one.at), "posts": one.posts, "rss": round(one.rss), "pss": round(one.pss),
            "duckdb": round(one.duckdb), "disk": one.on_disk, "files": one.descriptors, "threads": one.threads,
            "open": one.opened, "list": round(pooled([one], "list", 50) or 0), "cpu": dict(one.cpu),
        }
        for one in result.samples[::step]
    ]  # fmt: skip
    return {
        "benchmark": "soak",
        "good": is_good(result, found),
        "minutes": round(result.seconds / 60, 2),
        "seed": result.seed,
        "load": round(os.getloadavg()[0], 1),
        "figures": [{name: value for name, value in one.as_json().items() if name != "load"} for one in found],
        "course": course,
    }


def table(result: Result, found: Sequence[Figure]) -> str:
    """For docs/reliability.md."""
    rows = ["| figure | measured | at most | |", "|---|---|---|---|"]
    for one in found:
        reached = "" if one.reach is None else "reached" if one.value <= one.reach else "**missed**"
        p50 = f" (p50 {one.beside['p50']:g})" if "p50" in one.beside else ""
        reach = "" if one.reach is None else f"{one.reach:g}"
        rows.append(f"| {one.what} | {one.value:g} {one.unit}{p50} | {reach} | {reached} |")
    if not result.is_long:
        rows.append(f"\nShorter than {LONG:g} minutes: what happens over time is only told.")
    return "\n".join(rows)
