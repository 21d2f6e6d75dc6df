"""How the rows of one file are read, in whichever process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aggregator.importer.connector import FileConnector
from aggregator.ingest.origin import Origin
from aggregator.ingest.prepare import prepare

if TYPE_CHECKING:
    from datetime import datetime

    from aggregator.config import ChannelClock
    from aggregator.importer.files import Rows
    from aggregator.ingest.drafts import Prepared
    from aggregator.triage.impersonation import OurNames


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker has to know of a file, once."""

    source: str
    digest: str
    now: datetime
    staff: Mapping[str, str] = field(default_factory=dict)
    official: frozenset[str] = frozenset()
    points: Mapping[str, float] = field(default_factory=dict)
    clocks: Mapping[str, ChannelClock] = field(default_factory=dict)
    names: OurNames | None = None

    def origin(self) -> Origin:
        connector = FileConnector(self.source)
        return Origin(
            source=self.source,
            space=connector.space,
            channel=connector.channel,
            read=connector.post,
            staff=self.staff,
            official=self.official,
            points=self.points,
            clocks=self.clocks,
            names=self.names,
        )

    def prepare(self, rows: Rows, done: int, origin: Origin) -> Prepared:
        """Read rows that stand in the file after the first `done`; each is named by its place."""
        records = rows.records()
        for number, record in enumerate(records, done + 1):
            record["row"] = f"{self.digest}:{number}"
        return prepare(records, origin, self.now)
