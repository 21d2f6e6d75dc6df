"""Proof that somebody's words are gone: every column is asked, and every byte of the files is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ahocorasick_rs import BytesAhoCorasick

from aggregator.keeping import sweep
from aggregator.keeping.black import Black, is_whole
from aggregator.store.desk_erasing import found_in_desk

if TYPE_CHECKING:
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


def prove(con: Connection, desk: Desk, black: Black, data: Path, logs: Sequence[Path]) -> Proof:
    """Look. Files: all of the data directory, and these logs."""
    left = dict(sweep.found(con, black)) | {f"desk.{name}": count for name, count in found_in_desk(desk, black).items()}
    files = [path for path in sorted(data.rglob("*")) if path.is_file()] + list(logs)
    patterns = black.as_bytes()
    return Proof(len(patterns), len(sweep.columns(con)), left, [scan(path, patterns) for path in files])


def scan(path: Path, patterns: Mapping[bytes, bool]) -> File:
    """How often one of these stands in a file, small or capital; True: only as a whole word."""
    size = path.stat().st_size
    if not patterns or not size:
        return File(str(path), size, 0)
    words = list(patterns)
    finder, longest = BytesAhoCorasick(words), max(map(len, words)) + 1
    found: set[int] = set()
    with path.open("rb") as content:
        at, before = 0, b""
        while block := content.read(BLOCK):
            part, start_of = before + block.lower(), at - len(before)
            at += len(block)
            for number, start, end in finder.find_matches_as_indexes(part, overlapping=True):
                if end == len(part) and at < size:
                    continue  # found again with what follows
                if not patterns[words[number]] or is_whole(part, start, end):
                    found.add(start_of + start)
            before = part[-longest:]
    return File(str(path), size, len(found))
