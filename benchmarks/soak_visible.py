"""From published on a platform to visible in the feed, for each post of a soak."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import duckdb

from aggregator.backup import DATABASE
from aggregator.demo.stage import Stage
from benchmarks.soak_people import ARRIVAL


class Wait(NamedTuple):
    """When a post was published (time.monotonic), and after how many seconds it stood in an open feed."""

    published: float
    seconds: float


def waits(data: Path, arrivals: Path, stage: Stage) -> list[Wait]:
    """In order of publishing; a post that no stream told of, because it was read again as a whole, is left out."""
    told: defaultdict[bytes, list[tuple[float, float]]] = defaultdict(list)
    raw = arrivals.read_bytes()
    for at, inquiry, seen in ARRIVAL.iter_unpack(raw[: len(raw) - len(raw) % ARRIVAL.size]):
        told[inquiry].append((at, seen))
    sources = {space: source for source, space in stage.spaces.items()}
    with duckdb.connect(str(data / DATABASE), read_only=True) as con:
        stored = con.execute(
            "SELECT space, native_id, inquiry_id, epoch(seen_at) FROM post WHERE NOT staff AND inquiry_id IS NOT NULL"
        ).fetchall()
    found = []
    for space, native_id, inquiry_id, seen_at in stored:
        published = stage.published.get((sources.get(space, ""), native_id))
        at = next((at for at, seen in told.get(inquiry_id.bytes, ()) if seen >= seen_at - 1e-6), None)
        if published is not None and at is not None:
            found.append(Wait(published, at - published))
    return sorted(found)
