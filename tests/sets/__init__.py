"""Labelled sets to measure triage with, written by another hand than the rules they measure.

Every text, name, address and hash in this folder is invented. The tables are tab separated with a header; a line
break inside a text stands as backslash and n.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class SlotMessage:
    """A customer's message and what it gives; `amounts` as `300 USDT` or `200 USD`, never rounded."""

    id: str
    lang: str
    channel: str
    given: frozenset[str]  # of account, problem, tx, device, version, time, screenshot
    chains: frozenset[str]
    tokens: frozenset[str]
    amounts: frozenset[str]
    text: str


def slots(name: str = "slots.tsv") -> list[SlotMessage]:
    """`slots.tsv`, which the rules have seen, or `slots_later.tsv`, of a hand that came when they had been made."""
    return [
        SlotMessage(
            id=row["id"],
            lang=row["lang"],
            channel=row["channel"],
            given=_several(row["given"], ","),
            chains=_several(row["chain"], "|"),
            tokens=_several(row["token"], "|"),
            amounts=_several(row["amount"], "|"),
            text=row["text"],
        )
        for row in rows(name)
    ]


@dataclass(frozen=True)
class Answer:
    """What one of us wrote; `due` is when the promise in it runs out, None where it holds none.

    Working days are Monday to Friday, 9 to 18 o'clock; a day, and every span told in days, ends at 18; a morning ends
    at 12; hours and minutes run through the night.
    """

    id: str
    lang: str
    posted_at: datetime
    timezone: str
    due: datetime | None
    text: str


def promises() -> list[Answer]:
    return [
        Answer(
            id=row["id"],
            lang=row["lang"],
            posted_at=datetime.fromisoformat(row["posted_at"]),
            timezone=row["timezone"],
            due=datetime.fromisoformat(row["due"]) if row["due"] else None,
            text=row["text"],
        )
        for row in rows("promises.tsv")
    ]


def rows(name: str) -> list[dict[str, str]]:
    """The lines of a table by its header. Not csv: a quotation mark in a text is only a quotation mark."""
    header, *lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    columns = header.split("\t")
    read = [dict(zip(columns, line.split("\t"), strict=True)) for line in lines]
    return [row | {"text": row["text"].replace("\\n", "\n")} for row in read]


def _several(cell: str, separator: str) -> frozenset[str]:
    return frozenset(part for part in cell.split(separator) if part)


@dataclass(frozen=True)
class Draft:
    """An answer before it is sent; `rules` of aggregator.answering.safety that speak against it, those of one meaning
    under one name. Unlike the others, this set was written by the hand that wrote the rules, before them."""

    id: str
    rules: frozenset[str]
    given: frozenset[str]  # slots that the customer has given
    customer: str  # the language in which the customer wrote
    text: str


def answers(name: str) -> list[Draft]:
    """`answers.tsv`, on which the rules were made, or `answers_apart.tsv`, which was looked at when they were done."""
    return [
        Draft(row["id"], _several(row["rules"], ","), _several(row["given"], ","), row["customer"], row["text"])
        for row in rows(name)
    ]
