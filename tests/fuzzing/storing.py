"""A page with hostile records is committed: one that the database refuses would hold its source up for ever."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Final

from aggregator.config import Settings
from aggregator.ingest.origin import Origin
from aggregator.workplace import Workplace
from connectors.replying import Replying
from tests.fuzzing.draw import Draw, changed
from tests.fuzzing.records import NAMES, stored
from tests.fuzzing.sources import source
from tests.fuzzing.target import NOON, Feed, Target

BESIDE: Final = 3  # records that come with the hostile one


class Desk:
    """A workplace in a folder of its own, which is emptied when the process ends."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.work = Workplace(Settings(sources={}, data=Path(self._folder.name)), clock=lambda: NOON)
        self.loop.run_until_complete(self.work.__aenter__())

    def origin(self, name: str) -> Origin:
        connector = source(name)
        origin = self.work.ingest.origin(connector, NOON.replace(year=2000))
        if isinstance(connector, Replying):
            self.work.connectors[connector.source] = connector
        return origin


def _ready() -> Feed:
    desk = Desk()
    origins = [desk.origin(name) for name in NAMES]
    whole = [stored(name) for name in NAMES]

    def feed(data: bytes) -> None:
        draw = Draw(data)
        place = draw.number(len(NAMES))
        records = []
        for _ in range(draw.number(BESIDE) + 1):
            record = changed(draw.one_of(whole[place]), draw)
            records.append(record if isinstance(record, dict) else {"unreadable": record})
        outcome = desk.loop.run_until_complete(desk.work.ingest.pushed(origins[place], records))
        assert outcome.records == len(records)
        if draw.number(64) == 0:
            desk.loop.run_until_complete(desk.work.ingest.group())

    return feed


STORING = [Target("stored", lambda: [bytes([n % len(NAMES), 1, *range(n, n + 40)]) for n in range(100)], _ready)]
