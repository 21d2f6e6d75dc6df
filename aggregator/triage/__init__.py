"""What a post means: its language, its kind, the named terms of its priority, and what it names.

`judge` reads a page of masked texts, `understand` one post of it. Both are pure: no clock, no store, nothing that hangs
on other posts; those terms (waiting, repeat contact) are added where inquiries are folded and read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aggregator.inquiry import Understanding
from aggregator.triage import entities, followup, promises, thanks
from aggregator.triage.entities import look
from aggregator.triage.language import language_of
from aggregator.triage.language import search_text as search_text
from aggregator.triage.lexicon import Hit
from aggregator.triage.missing import given
from aggregator.triage.model import HEADS, Judged, load
from aggregator.triage.phrases import phrases
from aggregator.triage.spans import spans_of
from aggregator.triage.terms import Found, falling, weigh
from aggregator.triage.words import hits_of, lexicon

_NUMBER = {name: number for number, name in enumerate(HEADS)}
_SERIOUS = _NUMBER["serious"]
_SUMS = frozenset({"amount", "tx", "address"})


@dataclass(frozen=True, slots=True)
class Grade:
    """How one text of a page reads: which words of the lists it holds, and what the model makes of it."""

    searched: str
    hits: Mapping[str, Sequence[Hit]]
    likely: Sequence[float]  # in the order of HEADS
    page: Judged
    number: int  # of the text in its page

    @property
    def levels(self) -> tuple[float, float, float, float]:
        """How likely its grade is at least 1, 2, 3, 4; none more likely than the one below."""
        return falling(self.likely[:4])

    def says(self, head: str) -> float:
        """How likely the question of this head is answered by yes."""
        return self.likely[_NUMBER[head]]

    def words(self) -> str:
        """The words that say most for its being serious, in the form of `search_text`; empty: none do."""
        return load().telling(self.page, _SERIOUS, self.number)


def judge(searched: Sequence[str]) -> list[Grade]:
    """How the texts of a page read, each as `search_text` gives it."""
    if not searched:
        return []
    hits = [hits_of(text) for text in searched]
    page = load().judge(searched, hits)
    return [
        Grade(text, found, likely, page, number)
        for number, (text, found, likely) in enumerate(zip(searched, hits, page.likely.tolist(), strict=True))
    ]


def understand(
    text: str,
    grade: Grade,
    *,
    lang: str | None,
    public: bool,
    followers: int | None,
    secrets: Sequence[Found],
    staff: bool,
    points: Mapping[str, float],
    pictures: bool = False,
) -> Understanding:
    """Read one post.

    Args:
        text: the post's text, masked.
        grade: how it reads.
        lang: None: to be told from the text.
        followers: of the author; None: not told.
        secrets: what masking found in `text`.
        staff: written by one of us; it is read for language and entities only.
        points: rule -> points, where the configuration overrides `terms.RULES`.
        pictures: whether images are attached.
    """
    searched = grade.searched
    language = lang or language_of(text, searched)
    seen = look(text, searched)
    if staff:
        return Understanding(language, "other", (), False, seen.entities)
    kind, reasons, heard = weigh(
        searched,
        grade.hits,
        grade,
        public=public,
        followers=followers,
        secrets=secrets,
        span=spans_of(text, searched),
        points=points,
        coded="error" in seen.entities and _SUMS.isdisjoint(seen.entities),
    )
    told = given(searched, seen, pictures=pictures)
    return Understanding(language, kind, reasons, heard != "", seen.entities, heard == "solved", told)


def get_ready() -> None:
    """Load word lists and model now.

    Raises:
        ConfigError: every mistake in the lists, with file and line.
    """
    lexicon()
    entities.get_ready()
    followup.get_ready()
    phrases("promises", promises.GROUPS)
    phrases("thanks", thanks.GROUPS)
    load()
