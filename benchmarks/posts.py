"""A file of posts to import: a crowd in zh and en, with several thousand authors and threads. All invented.

`python -m benchmarks.posts COUNT FILE` writes it, in a process of its own: the crowd remembers every text.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final

import orjson

from aggregator.demo.script import DAY_SECONDS, Day, Line, crowd, load
from benchmarks.children import run

FOLDER: Final = Path(".data/bench")
SEED: Final = 20_260_314
BEGINS: Final = datetime(2026, 3, 1, tzinfo=UTC)
LASTS: Final = timedelta(days=30)
NAMESAKES: Final = 60  # authors for each person of the script
CHATS: Final = 1500  # reply chains for each topic of the group


def file_of(count: int) -> Path:
    """The file with so many posts; written at its first use."""
    path = FOLDER / f"posts-{count}-{SEED}.jsonl"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        run(sys.executable, "-m", "benchmarks.posts", str(count), unfinished)
        unfinished.replace(path)
    return path


def lines(day: Day, count: int) -> Iterator[Line]:
    """What `count` new posts say."""
    drawn = crowd(day, count + count // 8 + 50, SEED)  # one line in twenty is an edit
    return islice((line for line in drawn if line.act == "says"), count)


def rows(count: int) -> Iterator[dict[str, object]]:
    """The posts, with the fields that an export has, in order of time."""
    day, rng = load(), random.Random(SEED)
    for line in lines(day, count):
        person = day.people[line.who]
        number = rng.randrange(NAMESAKES)
        on_forum = line.channel == "forum"
        yield {
            "native_id": line.id,
            "text": line.text,
            "created_at": (BEGINS + line.at / DAY_SECONDS * LASTS).isoformat(timespec="milliseconds"),
            "thread_id": f"{line.channel}/{line.topic}" + ("" if on_forum else f"/{rng.randrange(CHATS)}"),
            "author_id": f"{line.who}{number}",
            "author_name": f"{person.name} {number}",
            "channel": line.channel,
            "public": True,
            "reply_to": line.reply_to,
            "url": f"https://forum.example.org/p/{line.id}" if on_forum else None,
            "likes": rng.randrange(9) if on_forum else None,
        }


def main() -> None:
    with Path(sys.argv[2]).open("wb") as file:
        for row in rows(int(sys.argv[1])):
            file.write(orjson.dumps(row) + b"\n")


if __name__ == "__main__":
    main()
