"""Records of a source that could not be read, since the last one that could be.

A few are anybody's doing: three broken mails must not keep a mailbox from being read, so they are told of, and no more.
Where many come for long, and nothing else does, the platform has changed its format.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aggregator.identity import Id
    from aggregator.ingest.arrivals import Outcome

TOLD_OF: Final = 3  # records
TOO_MANY: Final = 50  # records,
TOO_LONG: Final = timedelta(hours=1)  # in no less time: who sends many at once should stop nothing


@dataclass(slots=True)
class Unread:
    """`records`: some platforms bring the same one again and again, which says no more than once."""

    since: datetime | None = None
    records: set[Id] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.records)

    @property
    def is_trouble(self) -> bool:
        return len(self) >= TOLD_OF

    def after(self, page: Outcome, now: datetime) -> Unread:
        """What stands after a page; one of which all can be read, or a part, begins anew."""
        if not page.records:
            return self
        if page.rejected != page.records:
            return Unread()
        return Unread(self.since or now, self.records | page.unread)

    def means_another_format(self, now: datetime) -> bool:
        return self.since is not None and len(self) >= TOO_MANY and now - self.since >= TOO_LONG
