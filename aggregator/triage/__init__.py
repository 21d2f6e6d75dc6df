"""What a post means: its language, its kind, the named terms of its priority, and what it names.

`judge` reads a page of masked texts, `understand` the posts that hold them. Both are pure: no clock, no store, nothing
that hangs on other posts; those terms (waiting, repeat contact) are added where inquiries are folded and read.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from aggregator.inquiry import Kind, Reason, Understanding
from aggregator.triage import (
    asked_for,
    entities,
    followup,
    laughing,
    little,
    own_doing,
    own_trouble,
    plainly,
    promises,
    soliciting,
    thanks,
)
from aggregator.triage.entities import Seen, look_all, with_hidden
from aggregator.triage.entities.lists import always
from aggregator.triage.language import language_of
from aggregator.triage.language import search_text as search_text
from aggregator.triage.lexicon import Hit
from aggregator.triage.model import HEADS, Judged, load
from aggregator.triage.phrases import phrases
from aggregator.triage.slots import given
from aggregator.triage.spans import spans_of
from aggregator.triage.terms import TROUBLED, Found, falling, weigh
from aggregator.triage.thanks import Acknowledged
from aggregator.triage.turning import behind_the_turn
from aggregator.triage.words import hits_of, lexicon

_NUMBER = {name: number for number, name in enumerate(HEADS)}
_ORDINARY, _ASKS, _PRAISE = _NUMBER["ordinary"], _NUMBER["asks"], _NUMBER["praise"]
_SUMS = frozenset({"amount", "tx", "address"})
_LEVELS = 4
_WELL_KNOWN = ("zh", "en", "und")
_AT_ONCE = 1000  # texts: the model takes some 20 kB for each


class Grade(NamedTuple):
    """How one text of a page reads: which words of the lists it holds, and what the model makes of it."""

    searched: str
    hits: Mapping[str, Sequence[Hit]]
    levels: Sequence[float]  # how likely its grade is at least 1, 2, 3, 4; falling
    likely: Sequence[float]  # in the order of HEADS
    page: Judged
    number: int  # of the text in its page

    def says(self, head: str) -> float:
        """How likely the question of this head is answered by yes."""
        return self.likely[_NUMBER[head]]

    @property
    def troubled(self) -> bool:
        """Whether it most likely tells of a fault or worse, and is no question."""
        return self.likely[_ORDINARY] > 0.85 and self.likely[_ASKS] < 0.9

    def words(self) -> str:
        """The words that say most for its being serious, in the form of `search_text`; empty: none do."""
        return load().telling(self.page, self.number)


class Written(NamedTuple):
    """One post, and what is known of it beside its words.

    text: masked.
    lang: None: to be told from the text.
    followers: of the author; None: not told.
    secrets: what masking found in `text`.
    staff: written by one of us; it is read for language and entities only.
    pictures: whether images are attached.
    links: targets that `text` does not show.
    """

    text: str
    lang: str | None
    public: bool
    followers: int | None
    secrets: Sequence[Found]
    staff: bool
    pictures: bool = False
    links: Sequence[str] = ()


def judge(searched: Sequence[str]) -> list[Grade]:
    """How the texts of a page read, each as `search_text` gives it."""
    return [
        grade for start in range(0, len(searched), _AT_ONCE) for grade in _judge(searched[start : start + _AT_ONCE])
    ]


def _judge(searched: Sequence[str]) -> Iterator[Grade]:
    hits = [hits_of(text) for text in searched]
    page = load().judge(searched, hits)
    levels = falling(page.likely[:, :_LEVELS].astype(np.float64)).tolist()
    turned = {number: rest for number, rest in enumerate(map(behind_the_turn, searched, hits)) if rest}
    behind = dict(zip(turned, _judge(list(turned.values())), strict=True)) if turned else {}
    each = zip(searched, hits, levels, page.likely.tolist(), strict=True)
    for number, (text, found, grades, likely) in enumerate(each):
        grade = Grade(text, found, grades, likely, page, number)
        yield _with(grade, behind[number]) if number in behind else grade


def _with(grade: Grade, behind: Grade) -> Grade:
    """As grave as what stands behind the thanks, and no more pleased."""
    levels = [max(three) for three in zip(grade.levels, behind.levels, TROUBLED, strict=True)]
    likely = [*grade.likely]
    likely[_PRAISE] = min(grade.likely[_PRAISE], behind.likely[_PRAISE])
    likely[_ORDINARY] = max(grade.likely[_ORDINARY], behind.likely[_ORDINARY])
    return grade._replace(levels=levels, likely=likely)


def understand_all(
    posts: Sequence[Written], grades: Sequence[Grade], points: Mapping[str, float]
) -> list[Understanding]:
    """Read the posts of a page, step by step: what one step needs for all of them stays in the processor's cache.

    Args:
        grades: how each reads.
        points: rule -> points, where the configuration overrides `terms.RULES`.
    """
    both = list(zip(posts, grades, strict=True))
    langs = [post.lang or language_of(post.text, grade.searched) for post, grade in both]
    looked = look_all([post.text for post in posts], [grade.searched for grade in grades])
    seen = [with_hidden(one, post.links) if post.links else one for post, one in zip(posts, looked, strict=True)]
    weighed = [
        _NOTHING if post.staff else _weighed(post, grade, one, points, well_known=lang.startswith(_WELL_KNOWN))
        for (post, grade), one, lang in zip(both, seen, langs, strict=True)
    ]
    told = [
        () if post.staff else given(grade.searched, one, pictures=post.pictures, troubled=grade.troubled)
        for (post, grade), one in zip(both, seen, strict=True)
    ]
    return [
        Understanding(lang, kind, reasons, heard != "", one.entities, heard == "solved", slots)
        for lang, one, (kind, reasons, heard), slots in zip(langs, seen, weighed, told, strict=True)
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
    """Read one post: see `Written` and `understand_all`."""
    return understand_all([Written(text, lang, public, followers, secrets, staff, pictures)], [grade], points)[0]


_Weighed = tuple[Kind, tuple[Reason, ...], Acknowledged]
_NOTHING: _Weighed = ("other", (), "")


def _weighed(post: Written, grade: Grade, seen: Seen, points: Mapping[str, float], *, well_known: bool) -> _Weighed:
    """`well_known`: the model knows its language well, and a long list of words does."""
    return weigh(
        grade.searched,
        grade.hits,
        grade,
        public=post.public,
        followers=post.followers,
        secrets=post.secrets,
        span=spans_of(post.text, grade.searched),
        points=points,
        coded="error" in seen.entities and _SUMS.isdisjoint(seen.entities),
        problem=not well_known and "problem" in seen.hits and always().any_stands(grade.searched, seen.hits["problem"]),
    )


@functools.cache
def get_ready() -> None:
    """Load word lists and model now.

    Raises:
        ConfigError: every mistake in the lists, with file and line.
    """
    with ThreadPoolExecutor(1) as beside:
        model = beside.submit(load)  # unpacking it takes half a second, and keeps no other thread waiting
        lexicon()
        entities.get_ready()
        followup.get_ready()
        phrases("promises", promises.GROUPS)
        phrases("asked_for", asked_for.GROUPS)
        phrases("plainly", plainly.GROUPS)
        phrases("laughing", laughing.GROUPS)
        phrases("own_doing", own_doing.GROUPS)
        phrases("own_trouble", own_trouble.GROUPS)
        phrases("soliciting", soliciting.GROUPS)
        little.get_ready()
        thanks.get_ready()
        model.result()
