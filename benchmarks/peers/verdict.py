"""Ours held against the peers, from the lines that the same run printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.figures import Figure
from benchmarks.peers.contestants import OURS, PEERS
from benchmarks.peers.running import RUNNING


def verdict(told: Sequence[Figure], posts: int) -> Iterator[Figure]:
    """Our time and memory as times the median peer's (at most 1), and how many times longer than ours the quickest
    peer's small poll takes (at least 3). Nothing where there are none to compare."""
    ours = next((figure for figure in told if figure.what == OURS.name), None)
    names = {peer.name for peer in PEERS}
    peers = [figure for figure in told if figure.what in names]
    if ours is None or not peers:
        return
    merging = [figure for figure in peers if figure.beside["merges"]]
    for whom, some in (("all peers", peers), ("peers that merge", merging)):
        if some:
            yield _ratio(f"processor time, times the median of {whom}", ours, some, _cpu, posts)
            yield _ratio(f"seconds, times the median of {whom}", ours, some, lambda figure: figure.value, posts)
            yield _ratio(
                f"peak memory, times the median of {whom}", ours, some, lambda figure: figure.beside["peak_mb"], posts
            )
    yield _poll("25 posts, a process for them", ours.beside["poll"]["process"]["cpu_ms"], _polls(peers, "process"))
    running = [figure.beside["cpu_ms"] for figure in told if figure.what.startswith(RUNNING)]
    if running and (kept := _polls(peers, "kept")):
        yield _poll("25 posts, in a running process", max(running), kept)


def _polls(peers: Sequence[Figure], kind: str) -> dict[str, float]:
    return {peer.what: peer.beside["poll"][kind]["cpu_ms"] for peer in peers if kind in peer.beside["poll"]}


def _poll(what: str, ours: float, peers: Mapping[str, float]) -> Figure:
    """Processor time, as times that of the quickest peer."""
    quickest = min(peers, key=lambda name: peers[name])
    beside = {"ours_ms": ours, "quickest": quickest, "quickest_ms": peers[quickest]}
    what += ": processor time, times the quickest peer's"
    return Figure("peers", what, round(ours / peers[quickest], 2), "times", 0.33, beside)


def _ratio(what: str, ours: Figure, peers: Sequence[Figure], value: Callable[[Figure], Any], posts: int) -> Figure:
    middle = median(value(peer) for peer in peers)
    beside = {"ours": value(ours), "median": round(middle, 2), "peers": len(peers), "posts": posts}
    return Figure("peers", what, round(value(ours) / middle, 2), "times", 1.0, beside)


def _cpu(figure: Figure) -> Any:
    return figure.beside["cpu_seconds"]
