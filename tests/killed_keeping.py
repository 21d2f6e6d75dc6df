"""Compact, erase and restore, each killed at every step on the file system, and at moments by chance; erasing, which is
several transactions, after each of these, too, and finished by the next start.

A process of its own: it forks before it opens any database, once for each kill. Prints what was found afterwards, as
JSON: {"compact": {"old": 3, "new": 2}, ...}; whatever is neither stands there as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from aggregator.backup import restore, settle
from aggregator.commands import handlers
from aggregator.config import Settings
from aggregator.housekeeping import finish_erasing
from aggregator.incidents import extract
from aggregator.keeping import erasing
from aggregator.store.database import Connection, Database
from aggregator.store.desk import Desk
from aggregator.triage import get_ready
from aggregator.workplace import Workplace

STEPS = ("os.remove", "os.rename", "os.chmod", "os.truncate", "shutil.copyfile", "sqlite3.connect")
TABLES = (
    "post", "record", "account", "incident_member", "erasing", "erasing_post",
    "(SELECT * EXCLUDE (ver) FROM inquiry)",  # how often it was folded
)  # fmt: skip
MOST = 6  # steps of each command at which it is killed
MOST_COMMITS = 6
BY_CHANCE = 2  # kills of each command
WHO = [f"a{number % 7}" for number in range(40)]
LINES = [
    {"native_id": f"{number}", "author_id": who, "author_name": f"Author {who}", "text": text}
    for number, (who, text) in enumerate(
        (who, f"the transfer number {number} of my wallet has not arrived") for number, who in enumerate(WHO)
    )
]
# Somebody else quotes who is to be erased, later.
LINES[39] |= {"text": f"they wrote: {LINES[3]['text']}", "created_at": "2026-03-15T08:00:00Z"}
LINES[3] |= {"created_at": "2026-03-14T08:00:00Z"}


async def ask(data: Path, command: str, arguments: dict[str, Any]) -> None:
    async with Workplace(Settings(sources={}, data=data)) as work:
        await handlers(work)[command](arguments, lambda _: None)


async def fill(folder: Path) -> None:
    """A desk with forty posts, its backup, and more in it since."""
    data, file = folder / "data", folder / "old.jsonl"
    for part in (LINES[:30], LINES[30:]):
        file.write_bytes(b"\n".join(map(orjson.dumps, part)))
        await ask(data, "import", {"files": [str(file)], "source": "old", "map": {}, "encoding": "utf-8"})
        async with Workplace(Settings(sources={}, data=data)) as work:
            work.desk.add_user(f"colleague-{len(part)}", "agent")
        if part is not LINES[30:] and not (folder / "backup").exists():
            await ask(data, "backup", {"target": str(folder / "backup")})


async def start(data: Path) -> None:
    """As the service does after its start."""
    async with Workplace(Settings(sources={}, data=data)) as work:
        await finish_erasing(work)


def contents(data: Path) -> list[Any]:
    """What whoever opens it next finds, and which files lie about."""
    settle(data)
    asyncio.run(start(data))
    db, desk = Database(data / "inquiries.duckdb"), Desk(data / "desk.db")
    found = [db.query(f"FROM {table} ORDER BY ALL") for table in TABLES]
    users = [user.name for user in desk.users()]
    desk.close()
    db.close()
    return [str(found), users, sorted(path.name for path in data.iterdir())]


COMMANDS: dict[str, Callable[[Path], None]] = {
    "compact": lambda folder: asyncio.run(ask(folder / "data", "compact", {})),
    "erase": lambda folder: asyncio.run(
        ask(folder / "data", "erase", {"person": "import/old:a3", "dry_run": False, "logs": []})
    ),
    "restore": lambda folder: restore(folder / "backup", folder / "data", force=True) and None,
}


def forked(job: Callable[[], None]) -> int:
    """How a process that does only this ends."""
    if (child := os.fork()) == 0:
        code = 1
        with contextlib.suppress(BaseException):
            job()
            code = 0
        os._exit(code)
    return os.waitpid(child, 0)[1]


def told(job: Callable[[], Any], answer: Path) -> Any:
    """What it returns, though another process did it."""
    if forked(lambda: answer.write_bytes(orjson.dumps(job()))) != 0:
        return "broken"
    return orjson.loads(answer.read_bytes())


def steps_of(command: Callable[[Path], None], folder: Path) -> int:
    taken = Counter[str]()
    sys.addaudithook(lambda event, _: taken.update([event]) if event in STEPS else None)
    command(folder)
    return taken.total()


def killed_at(command: Callable[[Path], None], folder: Path, step: int) -> None:
    left = [step]

    def look(event: str, _: object) -> None:
        if event in STEPS:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(look)
    command(folder)


def killed_after(command: Callable[[Path], None], folder: Path, seconds: float) -> None:
    threading.Timer(seconds, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
    command(folder)


def killed_after_commit(command: Callable[[Path], None], folder: Path, commits: int) -> None:
    """As soon as so many transactions of the database, counted from its opening, are on the disk."""
    left, of_theirs = [commits], Database._transaction

    def counted(db: Database, work: Callable[[Connection], Any]) -> Any:
        result = of_theirs(db, work)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    Database._transaction = counted
    command(folder)


def commits_of(command: Callable[[Path], None], folder: Path) -> int:
    taken, of_theirs = [0], Database._transaction

    def counted(db: Database, work: Callable[[Connection], Any]) -> Any:
        taken[0] += 1
        return of_theirs(db, work)

    Database._transaction = counted
    command(folder)
    return taken[0]


def main(folder: Path, seed: int) -> None:
    erasing.POSTS_AT_ONCE, erasing.VALUES_AT_ONCE = 2, 1  # several transactions of the few posts there are
    extract.get_ready()
    get_ready()  # once, for all that are forked
    answer, result = folder / "answer", dict[str, Any]()
    forked(lambda: asyncio.run(fill(folder)))
    shutil.copytree(folder / "data", folder / "before")

    def again() -> None:
        shutil.rmtree(folder / "data", ignore_errors=True)
        shutil.copytree(folder / "before", folder / "data")

    look = lambda: told(lambda: contents(folder / "data"), answer)  # noqa: E731 -- one line, said once
    old = look()
    for name, command in COMMANDS.items():
        again()
        began = time.monotonic()
        steps = told(partial(steps_of, command, folder), answer)
        took, new = time.monotonic() - began, look()
        chance = random.Random(seed)
        chosen = sorted(chance.sample(range(1, steps + 1), min(steps, MOST)))
        kills = [partial(killed_at, command, folder, step) for step in chosen]
        kills += [partial(killed_after, command, folder, chance.uniform(0, took)) for _ in range(BY_CHANCE)]
        if name == "erase":
            again()
            commits = told(partial(commits_of, command, folder), answer)
            some = sorted(chance.sample(range(1, commits + 1), min(commits, MOST_COMMITS)))
            kills += [partial(killed_after_commit, command, folder, number) for number in some]
        found: Counter[str] = Counter()
        for kill in kills:
            again()
            forked(kill)
            state = look()
            found["old" if state == old else "new" if state == new else str(state)[:300]] += 1
        result[name] = {"steps": steps, "found": found, "same": old == new}
    sys.stdout.write(orjson.dumps(result).decode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
