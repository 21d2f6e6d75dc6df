"""How long erasing one person takes, and the writer with it: `python -m benchmarks.erasing --posts 50000`."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

import orjson

from aggregator.commands import handlers
from aggregator.config import Settings
from aggregator.workplace import Workplace

WORDS = [
    "wallet",
    "transfer",
    "swap",
    "fee",
    "network",
    "update",
    "screen",
    "card",
    "bridge",
    "token",
    "balance",
    "refund",
]


async def measured(posts: int, folder: Path) -> dict[str, float]:
    source, chance = folder / "posts.jsonl", random.Random(7)
    with source.open("wb") as lines:
        for number in range(posts):
            text = " ".join(chance.choices(WORDS, k=25)) + f" {number}"
            line = {"native_id": str(number), "author_id": f"a{number % (posts // 20)}", "text": text}
            lines.write(orjson.dumps(line | {"author_name": f"Author Number {number % (posts // 20)}"}) + b"\n")
    async with Workplace(Settings(sources={}, data=folder / "data")) as work:
        do = handlers(work)
        await do["import"]({"files": [str(source)], "source": "old", "map": {}, "encoding": "utf-8"}, lambda _: None)
        writer = work.db.written.seconds
        began = time.monotonic()
        told = await do["erase"]({"person": "import/old:a3", "dry_run": False, "logs": []}, lambda _: None)
        took = time.monotonic() - began
    assert told["proof"]["holds"]
    return {"posts": posts, "seconds": round(took, 2), "writer_seconds": round(work.db.written.seconds - writer, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=50_000)
    posts = parser.parse_args().posts
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(orjson.dumps(asyncio.run(measured(posts, Path(folder)))).decode() + "\n")


if __name__ == "__main__":
    main()
