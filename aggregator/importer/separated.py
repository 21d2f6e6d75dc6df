"""Rows of CSV and TSV, one by one, and what to make of those whose quotes are wrong.

A quote that is never closed would take all rows after it for one text. So what is read strictly fails, its first line
alone is kept apart, and reading goes on at the next one.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

LONGEST_ROW = 1_000_000
"""Characters of a row: no post is longer, and a quote that is not closed by then never will be."""
SHORTEST_LOOK = 10_000
"""Characters after which a quote counts as not closed, at least. Each that never was halves how far the next is looked
for: else a file full of them would be read over and over."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What stands in a file for a row, and why it is none."""

    text: str
    why: str


class Separated:
    """All rows of an open file; empty ones are left out. `line`: how many of its lines were read."""

    def __init__(self, file: TextIO, delimiter: str) -> None:
        self.line = 0
        self._file = file
        self._delimiter = delimiter
        self._again: list[str] = []  # lines to be read once more, the first one last
        self._taken: list[str] = []  # lines of the row that is being read
        self._longest = self._room = LONGEST_ROW

    def __iter__(self) -> Iterator[list[str] | Unreadable]:
        reader = csv.reader(self._lines(), delimiter=self._delimiter, strict=True)
        while True:
            self._taken.clear()
            self._room = self._longest
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                self._longest = max(SHORTEST_LOOK, self._longest // 2)
                yield self._first_alone()
                reader = csv.reader(self._lines(), delimiter=self._delimiter, strict=True)
            else:
                if cells:
                    yield cells

    def _lines(self) -> Iterator[str]:
        while line := self._again.pop() if self._again else self._file.readline():
            self.line += 1
            self._taken.append(line)
            self._room -= len(line)
            if self._room < 0:
                raise csv.Error("a row is too long")
            yield line

    def _first_alone(self) -> list[str] | Unreadable:
        """The first line of what cannot be read as a row; the others are read again."""
        first, *others = self._taken
        self._again += reversed(others)
        self.line -= len(others)
        if len(first) > LONGEST_ROW:
            why = f"line {self.line} is too long: more than {LONGEST_ROW:,} characters"
            return Unreadable(f"({len(first):,} characters, not kept)", why)
        rows = list(csv.reader([first, "the next row"], delimiter=self._delimiter))
        if len(rows) > 1:  # a quote within a text, but nothing is open at the end of the line
            return rows[0]
        return Unreadable(first, f"line {self.line}: a quote begins there that is not closed")
