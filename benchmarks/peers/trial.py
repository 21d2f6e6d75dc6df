"""What one contestant goes through, and the line that is printed of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Final

import duckdb
import orjson

from benchmarks.figures import Figure
from benchmarks.peers.contestants import OURS, Contestant, prepare
from benchmarks.peers.watching import Watched, watched

POLL: Final = 25  # posts
POLLS: Final = 11  # in one process; the first is left out
LATER: Final = datetime(2026, 5, 1, tzinfo=UTC)  # after all that the file holds
PHRASE: Final = "abandon " * 11 + "about"  # the recovery phrase of every textbook; one post of each poll tells it


class LoadFailedError(Exception):
    """A contestant's load ended with an error."""


class Trial:
    """folder: the contestant's environment. place: where its stores are made."""

    def __init__(self, who: Contestant, folder: Path | None, place: Path, file: Path, posts: int) -> None:
        self.who, self.folder, self.place, self.file, self.posts = who, folder, place, file, posts

    def run(self, kills: Sequence[float]) -> Figure:
        """The first load counts; the others stand beside it."""
        store = self._store("loaded")
        first = self._must(store, [self.file])
        rows, distinct = self._rows(store)
        said: dict[str, Any] = {
            "cpu_seconds": round(first.cpu_seconds, 2),
            "peak_mb": round(first.peak_mb, 1),
            "did": self.who.did,
            "merges": self.who.merges,
            "posts": self.posts,
            "rows": rows,
            "lost": self.posts - distinct,
            "file_mb": round(_size(store) / 1e6, 1),
        }
        if self.who.floor:
            return Figure("peers", self.who.name, round(first.seconds, 2), "s", beside=said)
        if self.who is OURS:
            ((said["inquiries"],),) = self._query(store, "SELECT count(*) FROM inquiry")
        again = self._must(store, [self.file])
        rows, _ = self._rows(store)
        said["again"] = {**_times(again), "rows": rows, "doubled": rows - self.posts if rows > self.posts else 0}
        said["poll"] = self._polls(store)
        ((said["phrases_readable"],),) = self._query(
            store, f"SELECT count(*) FROM {self.who.table} WHERE contains(text, ?)", PHRASE
        )
        said["killed"] = [self._killed(first.seconds * part, part) for part in kills]
        return Figure("peers", self.who.name, round(first.seconds, 2), "s", beside=said)

    # -- loads ------------------------------------------------------------------------------------

    def _store(self, name: str) -> Path:
        store = self.place / name
        store.mkdir()
        prepare(store)
        return store

    def _load(
        self, store: Path, files: Sequence[Path], kill_after: float | None = None, polls: bool = False
    ) -> Watched:
        command = self.who.command(self.folder, store, files, self.who.polls if polls else self.who.words)
        return watched(command, store, self.who.variables(self.folder, store), kill_after)

    def _must(self, store: Path, files: Sequence[Path], polls: bool = False) -> Watched:
        ran = self._load(store, files, polls=polls)
        if ran.status:
            raise LoadFailedError(f"{self.who.name}: ended with {ran.status}: {ran.errors[-2000:].decode()}")
        return ran

    def _killed(self, after: float, part: float) -> dict[str, Any]:
        """A load that is killed, with all its processes, and started once more; a third time if posts are missing."""
        store = self._store(f"killed-{part}")
        killed = self._load(store, [self.file], kill_after=after)
        said: dict[str, Any] = {"at": part, "ended_before": killed.status == 0, "after_kill": self._rows(store)[0]}
        for start in ("second", "third"):
            ran = self._load(store, [self.file])
            rows, distinct = self._rows(store)
            said[start] = {
                "rows": rows, "lost": self.posts - distinct, "doubled": rows - distinct, "failed": ran.status != 0
            }  # fmt: skip
            if distinct == self.posts:
                break
        return said

    def _polls(self, store: Path) -> dict[str, Any]:
        """25 new posts beside what is stored: a process for them; then several polls in one process."""
        files = [self.place / f"poll-{number}.jsonl" for number in range(1 + POLLS)]
        for number, file in enumerate(files):
            file.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in self._new(number)))
        whole = self._must(store, files[:1])
        said: dict[str, Any] = {
            "process": {"ms": round(whole.seconds * 1000), "cpu_ms": round(whole.cpu_seconds * 1000)}
        }
        if self.who.polls:
            told = [orjson.loads(line) for line in self._must(store, files[1:], polls=True).output.splitlines()
                    if line.startswith(b'{"seconds"')]  # fmt: skip
            assert len(told) == POLLS
            said["kept"] = {
                "ms": round(1000 * median(each["seconds"] for each in told[1:]), 1),
                "cpu_ms": round(1000 * median(each["cpu_seconds"] for each in told[1:]), 1),
            }
        return said

    def _new(self, number: int) -> Iterator[dict[str, Any]]:
        """What the file's posts say, as others that were written later."""
        with self.file.open("rb") as lines:
            chosen = islice(lines, (number * POLL) % max(1, self.posts - POLL), None)
            for at, line in enumerate(islice(chosen, POLL)):
                moment = LATER + timedelta(hours=number, seconds=at)
                post = orjson.loads(line)
                if at == 1:
                    post["text"] = f"my 12 words are {PHRASE}, where is my money"
                yield post | {
                    "native_id": f"poll-{number}-{at}",
                    "created_at": moment.isoformat(timespec="milliseconds"),
                }

    # -- what is stored ---------------------------------------------------------------------------

    def _query(self, store: Path, sql: str, *values: object) -> list[Any]:
        with duckdb.connect(str(store / self.who.database), read_only=True) as con:
            return con.execute(sql, values).fetchall()

    def _rows(self, store: Path) -> tuple[int, int]:
        """Rows and different posts; none where the table does not stand yet."""
        try:
            ((rows, distinct),) = self._query(
                store, f"SELECT count(*), count(DISTINCT native_id) FROM {self.who.table}"
            )
        except (duckdb.IOException, duckdb.CatalogException):
            return 0, 0
        return rows, distinct


def _times(ran: Watched) -> dict[str, float]:
    return {"seconds": round(ran.seconds, 2), "cpu_seconds": round(ran.cpu_seconds, 2)}


def _size(store: Path) -> int:
    return sum(file.stat().st_size for file in store.rglob("*.duckdb*"))
