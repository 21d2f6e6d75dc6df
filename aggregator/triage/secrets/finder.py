"""Find and mask secrets in one text. A cheap gate first: hardly any ordinary post passes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from aggregator.triage.secrets.chinese import find_chinese
from aggregator.triage.secrets.found import MASK, Found
from aggregator.triage.secrets.keys import find_keys
from aggregator.triage.secrets.letters import fold
from aggregator.triage.secrets.phrases import find_phrases
from aggregator.triage.secrets.screen import SHORTEST, Suspicion, suspicion

_ALL = Suspicion(words=True, keys=True, chinese=True)


def find(text: str, label: str = "") -> list[Found]:
    """Secrets in a text, in order, not overlapping. `label`: the name of the field that holds it, if any."""
    if len(text) < SHORTEST or (suspected := suspicion(text)) is None:
        return []
    return find_closely(text, label, suspected)


def find_closely(text: str, label: str = "", suspected: Suspicion = _ALL) -> list[Found]:
    """The same without the cheap look before."""
    folded = fold(text)
    found = [*find_keys(folded.text, label)] if suspected.keys else []
    if suspected.words:
        found += find_phrases(folded.text.lower())
    if suspected.chinese:
        found += find_chinese(folded.text)
    if not found:
        return []
    kept = _apart(found)
    places = folded.spans([(one.start, one.end) for one in kept])
    return [replace(one, start=start, end=end) for one, (start, end) in zip(kept, places, strict=True)]


def _apart(found: Iterable[Found]) -> list[Found]:
    """Secrets in order of place; of two that overlap the earlier found stays, and grows to cover both."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda one: one.start):
        if kept and one.start < kept[-1].end:
            kept[-1] = _merged(kept[-1], one)
        else:
            kept.append(one)
    return kept


_RANK = ("keystore", "xprv", "wif", "solana_key", "phrase", "private_key", "fragment")


def _merged(left: Found, right: Found) -> Found:
    """Both, named after the surer one."""
    surer = min(left, right, key=lambda one: (not one.checked, _RANK.index(one.kind)))
    known = left.published or right.published
    return replace(surer, start=left.start, end=max(left.end, right.end), published=known)


def mask(text: str) -> tuple[str, list[Found]]:
    """The text with a █ for each UTF-16 unit of a secret, and what was found, by offsets in the masked text."""
    found = find(text)
    return masked(text, found) if found else (text, [])


def masked(text: str, found: Iterable[Found]) -> tuple[str, list[Found]]:
    """Mask what was found. A letter outside the basic plane is two units, so later offsets move."""
    parts: list[str] = []
    now: list[Found] = []
    done = grown = 0
    for one in found:
        secret = text[one.start : one.end]
        units = len(secret) + sum(char > "\uffff" for char in secret)
        start = one.start + grown
        parts += [text[done : one.start], MASK * units]
        now.append(replace(one, start=start, end=start + units))
        grown += units - len(secret)
        done = one.end
    parts.append(text[done:])
    return "".join(parts), now
