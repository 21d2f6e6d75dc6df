"""What is known of a source before any of its records is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aggregator.triage.language import search_text
from connectors.contract import Author, Item, Record

if TYPE_CHECKING:
    from aggregator.config import ChannelClock
    from aggregator.inquiry import InquiryReason
    from aggregator.triage.impersonation import OurNames


Shape = tuple[object, ...]
"""What the fold of a customer's old post hangs on, but for ids, times and words (aggregator/ingest/alone.py)."""


@dataclass(frozen=True, slots=True, eq=False)
class Folded:
    """What comes out for posts of one shape: by column a mark, or what is the same for all; and further reasons."""

    columns: dict[str, Any]
    further: tuple[InquiryReason, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """How the records of a source are read."""

    source: str
    space: str
    channel: str
    read: Callable[[Record], Item | Sequence[Item] | None]  # Connector.post
    staff: Mapping[str, str] = field(default_factory=dict)  # native account id -> colleague's name
    official: frozenset[str] = frozenset()
    live_since: datetime | None = None  # None: everything is backfill
    points: Mapping[str, float] = field(default_factory=dict)
    include: re.Pattern[str] | None = None  # only posts that hold one of these begin an inquiry (see `any_of`)
    exclude: re.Pattern[str] | None = None  # posts that hold one of these begin none
    clocks: Mapping[str, ChannelClock] = field(default_factory=dict)  # by channel; "default" is there
    own: Callable[[Author], bool] | None = None  # Replying.is_own: the account that we answer with
    names: OurNames | None = None  # what impostors pose as; None: nobody does
    folded: dict[Shape, Folded | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    def clock_of(self, channel: str) -> ChannelClock:
        """The times promised on a channel."""
        return self.clocks.get(channel) or self.clocks["default"]

    def passes_over(self, title: str | None, searchable: str) -> bool:
        """Whether its words keep a post from beginning an inquiry. `searchable`: as `search_text` gives its text."""
        if self.include is None and self.exclude is None:
            return False
        said = f"{search_text(title)}\n{searchable}" if title else searchable
        wanted = self.include is None or self.include.search(said) is not None
        return not wanted or (self.exclude is not None and self.exclude.search(said) is not None)


def any_of(words: Collection[str]) -> re.Pattern[str] | None:
    """Finds any of these words or phrases in a `search_text`, Latin ones only as whole words; None: there are none."""
    if not words:
        return None
    return re.compile("|".join(_whole(search_text(word)) for word in sorted(words, key=len, reverse=True)))


def _whole(word: str) -> str:
    before = r"(?<![a-z0-9])" if re.match(r"[a-z0-9]", word) else ""
    after = r"(?![a-z0-9])" if re.search(r"[a-z0-9]$", word) else ""
    return f"{before}{re.escape(word)}{after}"
