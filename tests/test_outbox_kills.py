"""Killed with SIGKILL while an answer is held, being sent, taken, sent: never twice, and never silently not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.outbox_town import PEOPLE, SOURCES, Place, Town, a_town, answer_to

CAN_TELL = frozenset(SOURCES) - {"telegram"}
SHOWN_AS_POSTS = frozenset(SOURCES) - {"telegram"}


@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_service_that_is_killed_sends_each_answer_once_or_asks(tmp_path: Path, where: Place) -> None:
    """lin's answer is sent, fox's waits at the platform's gate, mei's is held behind it when the process dies."""
    async with a_town(tmp_path) as town:
        await town.asks()
        async with town.service() as service:
            await service.answers("lin")
            await service.until_settled("lin")
            town.shut(where)
            await service.answers("fox")
            await town.all_wait()
            await service.answers("mei")
            assert set((await service.states("mei")).values()) == {"held"}
            await service.is_killed()
        town.shut("open")
        async with town.service() as service:
            await service.until_settled(*PEOPLE)
            shown = await service.states("fox")
            await service.is_killed()
        await _judged(town, where, shown)


async def _judged(town: Town, where: Place, shown: dict[str, str]) -> None:
    found = CAN_TELL if where == "after" else frozenset()
    expected = ["lin", "fox", "mei"] if where == "after" else ["lin", "mei"]
    # Each platform has each answer once, in order; what was not taken nobody has sent again.
    assert town.said() == {source: [answer_to(person) for person in expected] for source in SOURCES}
    # Where nobody can tell, the page asks.
    assert shown == {source: "" if source in found else "unknown" for source in SOURCES}
    async with town.desk() as work:
        await town.reads(work)
        await town.reads(work)
        for person in ("lin", "mei"):
            assert {row.state for row in town.rows(work, person).values()} == {"sent"}
        states = {source: row.state for source, row in town.rows(work, "fox").items()}
        assert states == {source: "sent" if source in found else "unknown" for source in SOURCES}
        inquiries = work.db.query("SELECT state, count(*) FROM inquiry GROUP BY state")
        posts = work.db.query("SELECT source, count(*) FROM post WHERE staff GROUP BY source")
        strangers = work.db.query("SELECT count(*) FROM inquiry WHERE excerpt LIKE 'Dear%'")
        events = work.db.query("SELECT count(*) FROM inquiry_event WHERE what = 'reply'")
    assert dict(inquiries) == {"answered": 12 + len(found), "new": 6 - len(found)}
    assert dict(posts) == dict.fromkeys(SHOWN_AS_POSTS, len(expected))
    assert (strangers, events) == ([(0,)], [(12 + len(found),)])
