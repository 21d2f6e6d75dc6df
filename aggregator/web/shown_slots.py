"""The slots of a trouble as an inquiry's page shows them: what is known, and what is still missing."""

from __future__ import annotations

from dataclasses import dataclass

from aggregator.store.reading import FeedRow, Told
from aggregator.triage.entities.ids import is_mistyped
from aggregator.triage.followup import follow_up, needed
from aggregator.triage.slots import SLOTS

_SHOWN = {
    "problem": ("error",),
    "account": ("account", "address", "email"),
    "tx": ("tx",),
    "time": ("time",),
    "device": ("device",),
    "version": ("version", "os"),
}
"""Which entities say what a slot was given as."""

_MOST = 3  # values of a slot


@dataclass(frozen=True, slots=True)
class Value:
    """One value as the customer wrote it. `mistyped`: it is an address whose checksum does not fit."""

    text: str
    mistyped: bool


@dataclass(frozen=True, slots=True)
class Known:
    """Slots with their values, those that are still needed, and the text that asks for these in the language `lang`."""

    given: tuple[tuple[str, tuple[Value, ...]], ...]
    missing: tuple[str, ...]
    ask: str
    lang: str


def known(row: FeedRow, told: Told) -> Known:
    missing = tuple(
        slot for slot in needed(row.inquiry.kind, {term.rule for term in row.terms}) if slot not in told.slots
    )
    return Known(given(told), missing, *follow_up(row.inquiry.lang, missing))


def given(told: Told) -> tuple[tuple[str, tuple[Value, ...]], ...]:
    """Each slot that was told, with what it was told as."""
    return tuple((slot, _values(slot, told)) for slot in SLOTS if slot in told.slots)


def _values(slot: str, told: Told) -> tuple[Value, ...]:
    named = [(kind, text) for kind in _SHOWN.get(slot, ()) for text in told.values.get(kind, ())]
    return tuple(Value(text, kind == "address" and is_mistyped(text)) for kind, text in named[:_MOST])
