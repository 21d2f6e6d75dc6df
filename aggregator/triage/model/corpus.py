"""Our own messages with their grades: `corpus/*.tsv`, one message a line, masked as every text is."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("corpus")


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    name: unique. scenario: the situation it is about; those of one scenario stay together when the corpus is split.
    tier: p plain, h hard (as its author meant it). grade: 0 to 4. kind: emergency, complaint, question, praise, spam,
    chatter. flags: any of a (angry), t (threatens), b (bait), s (advertising), q (asks something).
    first, second: grade, kind and flags by each of the two who graded it; where they differ, a third one settled it.
    """

    name: str
    scenario: str
    lang: str
    channel: str
    tier: str
    grade: int
    kind: str
    flags: str
    first: str
    second: str
    text: str

    @property
    def hand(self) -> str:
        """Who wrote it: the name of its file."""
        return self.scenario.partition("s")[0]


def read(folder: Path = FOLDER) -> list[Message]:
    """All messages, in the order of the files and their lines."""
    return [message for file in sorted(folder.glob("*.tsv")) for message in _messages(file)]


def _messages(file: Path) -> Iterator[Message]:
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            text = row["text"].replace("\\n", "\n")
            yield Message(
                row["name"], row["scenario"], row["lang"], row["channel"], row["tier"], int(row["grade"]), row["kind"],
                row["flags"], row["first"], row["second"], text,
            )  # fmt: skip
