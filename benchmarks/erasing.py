"""How long erasing one person takes, and the writer with it: `python -m benchmarks.erasing --posts 50000`."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import sys
import tempfile
import time
from pathlib import Path

import orjson

from aggregator.commands import handlers
from aggregator.config import Settings
from aggregator.workplace import Workplace

# As many as people use: with a dozen, three words of a column's dictionary would be somebody's passage by chance.
_SYLLABLES = ("ba", "der", "fo", "gil", "hu", "kan", "lo", "mir", "ne", "pol", "ras", "tu", "vel", "wo", "zin")
WORDS = ["".join(each) for each in itertools.product(_SYLLABLES, repeat=3)]


async def measured(posts: int, each: int, folder: Path) -> dict[str, float]:
    authors = max(1, posts // each)
    source, chance = folder / "posts.jsonl", random.Random(7)
    with source.open("wb") as lines:
        for number in range(posts):
            text = " ".join(chance.choices(WORDS, k=25)) + f" {number}"
            line = {"native_id": str(number), "author_id": f"a{number % authors}", "text": text}
            lines.write(orjson.dumps(line | {"author_name": f"Author Number {number % authors}"}) + b"\n")
    async with Workplace(Settings(sources={}, data=folder / "data")) as work:
        do = handlers(work)
        await do["import"]({"files": [str(source)], "source": "old", "map": {}, "encoding": "utf-8"}, lambda _: None)
        writer, work.db.written.longest = work.db.written.seconds, 0.0
        began = time.monotonic()
        told = await do["erase"]({"person": "import/old:a0", "dry_run": False, "logs": []}, lambda _: None)
        took = time.monotonic() - began
    assert told["proof"]["holds"], told
    return {
        "posts": posts,
        "of_that_person": told["posts"],
        "seconds": round(took, 2),
        "writer_seconds": round(work.db.written.seconds - writer, 2),
        "longest_transaction": round(work.db.written.longest, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=50_000)
    parser.add_argument("--each", type=int, default=20, help="Posts of one person.")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(orjson.dumps(asyncio.run(measured(said.posts, said.each, Path(folder)))).decode() + "\n")


if __name__ == "__main__":
    main()
