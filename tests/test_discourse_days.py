"""Whole days of a forum, drawn at random: people write, edit and remove, requests fail, we crash. Nothing is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import get_args

import pytest

from aggregator.demo.forum import Dialect, ForumSimulator
from aggregator.demo.forum_faults import Fault
from aggregator.listener import serve
from connectors.contract import Deleted, Post
from connectors.discourse import Discourse
from connectors.errors import ConnectorError
from tests.contract_suite import Drained, drain, items

NOW = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)
SEEDS = 4
FAULTS: tuple[Fault, ...] = ("reset", "truncated", "500", "503", "latin1", "empty", "429_text")


def something_happens(forum: ForumSimulator, chance: Random) -> None:
    """A handful of people do something, within the overlap; ids of posts that we cannot see lie between."""
    for _ in range(chance.randrange(90)):
        known = sorted(int(native_id[1:]) for native_id in forum.truth())[-40:]
        deed = chance.random()
        if deed < 0.7 or not known:
            forum.says(chance.choice("abcdef"), f"text {forum.next_id}", held=deed < 0.05)
        elif deed < 0.8:
            forum.writes_elsewhere(chance.randrange(9))
        elif deed < 0.87:
            forum.edits(chance.choice(known), f"edited {chance.random()}", at=NOW + timedelta(seconds=forum.next_id))
        elif deed < 0.92:
            forum.deletes(chance.choice(known))
        elif deed < 0.96:
            forum.recovers(chance.choice(known))
        else:
            forum.likes(chance.choice(known))
    for post_id in [number for number, post in forum._posts.items() if post.held]:
        forum.approves(post_id)


def new_connector(url: str) -> Discourse:
    config = Discourse.Config.model_validate({"connector": "discourse", "url": url, "calls_per_minute": 1_000_000})
    return Discourse("forum", config, since=NOW - timedelta(days=1))


async def a_poll(url: str, done: Drained, chance: Random) -> Drained:
    """One poll by a fresh process, which may die after any page."""
    progress = Drained(done.cursor, done.records)
    try:
        return await drain(new_connector(url), progress, pages=chance.choice((1, 2, 3, 2000)))
    except ConnectorError:
        return done


def stored(done: Drained) -> dict[str, Post | None]:
    """What a store holds in the end: the last word on each post, None for deleted."""
    held: dict[str, Post | None] = {}
    for item in items(new_connector("http://127.0.0.1"), done.records):
        if isinstance(item, Post | Deleted):
            held[item.native_id] = item if isinstance(item, Post) else None
    return held


@pytest.mark.parametrize("dialect", get_args(Dialect))
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_after_any_day_we_hold_what_the_forum_holds(dialect: Dialect, seed: int) -> None:
    chance = Random(seed)
    forum = ForumSimulator(dialect=dialect, clock=lambda: NOW)
    done = Drained()
    async with serve(forum.app) as url:
        for _ in range(12):
            something_happens(forum, chance)
            forum.fail_next(*chance.choices(FAULTS, k=chance.randrange(2)))
            done = await a_poll(url, done, chance)
        for _ in range(6):
            done = await drain(new_connector(url), done)
    held = {native_id: post.text for native_id, post in stored(done).items() if post}
    assert held == {native_id: truth.text for native_id, truth in forum.truth().items() if not truth.deleted}
