"""What is remembered of changes that nobody who listens is told of any more."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from aggregator.config import Settings
from aggregator.store.database import Database
from aggregator.web.stream import BACKLOG, RING, Stream


async def test_old_changes_are_remembered_by_their_inquiry_alone() -> None:
    db = Database(None)
    stream = Stream(db, settings=Settings(sources={}), clock=lambda: datetime(2026, 3, 14, tzinfo=UTC))
    began, ids = stream.number, [UUID(int=number + 1) for number in range(BACKLOG + 40)]
    await stream._append([("gone", {"id": str(one)}, None) for one in ids])
    db.close()
    assert stream.since(began, RING) == (stream.number, {one.bytes for one in ids})
    assert [bool(change.data) for change in stream._ring] == [False] * 40 + [True] * BACKLOG
