"""Phrases are found as the pattern finds them that says the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.triage.phrases import AnyOf

LETTER = r"[a-z\u00df-\u024f\u0400-\u04ff\u1e00-\u1eff]"
some = st.text("abß đя没 到'.-1_", max_size=30)
phrase = st.text("abßя没到 '1", min_size=1, max_size=4).filter(str.strip)


def as_pattern(phrases: list[str]) -> str:
    """Slow to compile and plain to read: the longest of those that begin alike, no letter beside a letter."""
    return "|".join(map(_whole, sorted(phrases, key=len, reverse=True))) or "(?!)"


def _whole(phrase: str) -> str:
    before = rf"(?<!{LETTER})" if re.match(LETTER, phrase[0]) else ""
    behind = rf"(?!{LETTER})" if re.match(LETTER, phrase[-1]) else ""
    return before + re.escape(phrase) + behind


@given(st.lists(phrase, max_size=6), some, st.integers(0, 30), st.integers(0, 30))
def test_phrases_are_found_as_by_a_pattern(phrases: list[str], text: str, start: int, end: int) -> None:
    mine, pattern = AnyOf(phrases), re.compile(as_pattern(phrases))
    start = min(start, len(text))
    found = [(match.start(), match.end(), match[0]) for match in pattern.finditer(text)]
    assert list(mine.finditer(text)) == found
    assert mine.search(text) == (found[0] if found else None)
    assert mine.sub("#", text) == pattern.sub("#", text)
    first = pattern.match(text)
    assert mine.match(text) == ((first.start(), first.end(), first[0]) if first else None)
    within = [(match.start(), match.end(), match[0]) for match in pattern.finditer(text, start, end)]
    assert list(mine.finditer(text, start, end)) == within
    assert mine.search(text, start, end) == (within[0] if within else None)
    assert mine.fills(text) == bool(re.fullmatch(rf"(?>(?:{pattern.pattern})|[\W_])++", text))


@pytest.mark.parametrize(
    ("text", "fills"),
    [("ok, thanks!", True), ("ok thanksgiving", False), ("好的谢谢", True), ("", False), ("...", True)],
)
def test_a_text_of_nothing_else(text: str, fills: bool) -> None:
    assert AnyOf(["ok", "thanks", "thanks a lot", "好", "好的", "谢谢"]).fills(text) is fills
