"""What a post means: its language, its kind, the named terms of its priority, and what it names.

`understand` reads one masked post. It is pure: no clock, no store, nothing that hangs on other posts; those
terms (waiting, repeat contact) are added where inquiries are folded and read.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from aggregator.inquiry import Understanding
from aggregator.triage import entities, followup
from aggregator.triage.entities import look
from aggregator.triage.language import language_of
from aggregator.triage.language import search_text as search_text
from aggregator.triage.lexicon import LEXICONS, Lexicon, load
from aggregator.triage.missing import given
from aggregator.triage.spans import spans_of
from aggregator.triage.terms import CATEGORIES, Found, weigh


def understand(
    text: str,
    *,
    search_text: str,
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
        search_text: the same as `search_text(text)` gives it.
        lang: None: to be told from the text.
        followers: of the author; None: not told.
        secrets: what masking found in `text`.
        staff: written by one of us; it is read for language and entities only.
        pictures: whether images are attached.
        points: rule -> points, where the configuration overrides `terms.RULES`.
    """
    language = lang or language_of(text, search_text)
    seen = look(text, search_text)
    if staff:
        return Understanding(language, "other", (), False, seen.entities)
    kind, reasons, thanks = weigh(
        search_text,
        _lexicon().hits(search_text),
        public=public,
        followers=followers,
        secrets=secrets,
        span=spans_of(text, search_text),
        points=points,
    )
    return Understanding(language, kind, reasons, thanks, seen.entities, given(search_text, seen, pictures=pictures))


def get_ready() -> None:
    """Load the lexicons now.

    Raises:
        ConfigError: every mistake in them, with file and line.
    """
    _lexicon()
    entities.get_ready()
    followup.get_ready()


@functools.cache
def _lexicon() -> Lexicon:
    return load(LEXICONS, CATEGORIES)
