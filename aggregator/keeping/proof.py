"""Proof that somebody's words are gone: every column is asked, and every byte of the files is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ahocorasick_rs import BytesAhoCorasick

from aggregator.keeping import sweep
from aggregator.keeping.black import Black, is_whole
from aggregator.store.desk_erasing import found_in_desk

if TYPE_CHECKING:
    from aggregator.store.database import Database
    from aggregator.store.desk import Desk
    from aggregator.store.rows import Connection

BLOCK = 1 << 22  # bytes that are looked at together


class File(NamedTuple):
    path: str
    size: int
    found: int  # places


class Proof(NamedTuple):
    """patterns: byte strings that were looked for. columns: how many were asked; left: those that hold something."""

    patterns: int
    columns: int
    left: dict[str, int]
    files: list[File]

    @property
    def holds(self) -> bool:
        return not self.left and not any(file.found for file in self.files)


def prove(con: Connection, db: Database, desk: Desk, black: Black, data: Path, logs: Sequence[Path]) -> Proof:
    """Look. Files: all of the data directory, and these logs; of a lake, its files and the tables of its catalog."""
    left = dict(sweep.found(con, black)) | {f"desk.{name}": count for name, count in found_in_desk(desk, black).items()}
    files = [path for path in sorted(data.rglob("*")) if path.is_file()] + list(logs)
    patterns = black.as_bytes()
    looked_at = [scan(path, patterns) for path in files]
    looked_at += [search(where, content, patterns) for where, content in db.elsewhere()]
    return Proof(len(patterns), len(sweep.columns(con)), left, looked_at)


def scan(path: Path, patterns: Mapping[bytes, bool]) -> File:
    """How often one of these stands in a file, small or capital; True: only as a whole word. In one that is gone
    nothing does: databases and digests put their files away while others are looked through."""
    try:
        content = path.open("rb")
    except FileNotFoundError:
        return File(str(path), 0, 0)
    with content:
        return search(str(path), iter(lambda: content.read(BLOCK), b""), patterns)


def search(where: str, content: Iterable[bytes], patterns: Mapping[bytes, bool]) -> File:
    """The same in what comes piece by piece."""
    if not patterns:
        return File(where, sum(map(len, content)), 0)
    words = list(patterns)
    finder, longest = BytesAhoCorasick(words), max(map(len, words)) + 1
    found: set[int] = set()
    size, part = 0, b""
    for block in chain(content, [b""]):
        part = part[-longest:] + block.lower()
        size += len(block)
        begin = size - len(part)
        for number, start, end in finder.find_matches_as_indexes(part, overlapping=True):
            if (end == len(part) and block) or (start == 0 and begin):
                continue  # found with what follows, or with what came before
            if not patterns[words[number]] or is_whole(part, start, end):
                found.add(begin + start)
    return File(where, size, len(found))
