"""A phrase whose words stand in several items of one array, or several fields of one object."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aggregator.triage.secrets.finder import find, find_closely, masked
from aggregator.triage.secrets.found import Found
from aggregator.triage.secrets.screen import SHORTEST, suspicion

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

# An id, a time or a link: it has no blanks and many digits. Its words, if any, are no part of a phrase.
TECHNICAL = re.compile(r"(?=[!-~]*://)[!-~]+|(?:[!-/:-~]*\d){8}[!-~]*")
_PHRASE_WORDS = 12  # of the shortest phrase
_LEAK_WORDS = 4  # fewer of its words left readable are no leak


def said(value: Json) -> str | None:
    """What an item of an array says: a string, or a message segment's text (OneBot, chat exports)."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return None
    text = value.get("text")
    data = value.get("data")
    if text is None and isinstance(data, dict):
        text = data.get("text")
    return text if isinstance(text, str) else None


def gathered(items: Sequence[Json]) -> tuple[list[Json], Found] | None:
    """The items with such a phrase masked, and the phrase; None where there is none."""
    texts = [None if text and TECHNICAL.fullmatch(text) else text for text in map(said, items)]
    joined = "\n".join(text or "" for text in texts)
    suspected = suspicion(joined) if len(joined) >= SHORTEST else None
    if suspected is None or not (suspected.words or suspected.chinese):
        return None
    runs = [
        one
        for one in find_closely(joined, suspected=suspected)
        if one.kind == "phrase" and "\n" in joined[one.start : one.end]
    ]
    secrets = [one for one in runs if not _stands_in_one(joined[one.start : one.end])]
    if not secrets:
        return None
    new: list[Json] = []
    at = 0
    for item, text in zip(items, texts, strict=True):
        size = len(text or "")
        inside = [one for one in secrets if one.start < at + size and one.end > at]
        cut = [Found(o.kind, max(o.start - at, 0), min(o.end - at, size)) for o in inside]
        new.append(_say(item, masked(text, cut)[0]) if text and cut else item)
        at += size + 1
    first = secrets[0]
    return new, Found("phrase", 0, 1, first.published, first.checked)


def _say(item: Json, text: str) -> Json:
    if not isinstance(item, dict):
        return text
    if isinstance(item.get("text"), str):
        return {**item, "text": text}
    data = item["data"]
    assert isinstance(data, dict)
    return {**item, "data": {**data, "text": text}}


def _stands_in_one(run: str) -> bool:
    """Whether one line of the run holds a whole phrase, and the rest, such as a name in the next item, is too little
    to be a part of it: fewer words than a leak has."""
    lines = run.split("\n")
    rest = [
        line for line in lines if len(line.split()) < _PHRASE_WORDS or not any(o.kind == "phrase" for o in find(line))
    ]
    return len(rest) < len(lines) and sum(len(line.split()) for line in rest) < _LEAK_WORDS
