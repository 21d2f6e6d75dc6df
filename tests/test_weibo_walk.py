"""The walk through a listing, with whatever happens between two polls and wherever a poll dies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import Record
from connectors.weibo.walk import KNOWN, EmptyAnswerError, Place, Walk

SINCE = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Listing:
    """Rows by id, newest first, `per_page` at once. Hidden ones make pages shorter."""

    per_page: int
    ids: list[int] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)

    def arrive(self, rows: int, hide_each: int) -> None:
        """`hide_each`: every how many moderation keeps back, an even number; 0: none. Never two in a row."""
        for place in range(len(self.ids), len(self.ids) + rows):
            self.ids.append(5_000_000_000_000_000 + 3 * place)
            if hide_each and place % hide_each == 0:
                self.hidden.add(self.ids[-1])

    async def fetch(self, since_id: int, max_id: int) -> tuple[list[Record], int | None]:
        within = [number for number in self.ids if number > since_id and (not max_id or number <= max_id)]
        page = within[::-1][: self.per_page]
        return [row(number) for number in page if number not in self.hidden], len(self.ids)

    def shown(self) -> set[int]:
        return set(self.ids) - self.hidden


def row(number: int) -> Record:
    return {"id": number, "text": f"第{number}条", "created_at": "Sat Mar 14 12:00:00 +0800 2026"}


@dataclass
class Hiccups(Listing):
    """Some of its answers, counted from the first of a poll, are empty though they look fine."""

    empty: Sequence[int] = ()
    asked: int = 0

    async def fetch(self, since_id: int, max_id: int) -> tuple[list[Record], int | None]:
        self.asked += 1
        rows, total = await super().fetch(since_id, max_id)
        return ([] if self.asked in self.empty else rows), total


def one_poll(listing: Listing, place: Place, seen: list[int], pages: int | None) -> Place:
    """Commit `pages` pages (None: all) and return the place as a restart finds it."""

    async def run() -> str:
        stored = json.dumps(place.cursor())
        walk = Walk(Place.of(json.loads(stored)), listing.fetch, SINCE)
        count = 0
        async for step in walk.steps():
            if count == pages:
                break
            seen.extend(each["id"] for each in step.new)
            stored, count = json.dumps(walk.place.cursor()), count + 1
        return stored

    return Place.of(json.loads(asyncio.run(run())))


@settings(max_examples=150, deadline=None)
@given(
    per_page=st.integers(2, 30),
    days=st.lists(
        st.tuples(st.integers(0, 70), st.sampled_from([0, 0, 4, 6]), st.one_of(st.none(), st.integers(0, 6))),
        min_size=1,
        max_size=8,
    ),
)
def test_every_row_is_seen_once_whatever_arrives_and_wherever_a_poll_dies(
    per_page: int, days: Sequence[tuple[int, int, int | None]]
) -> None:
    listing, place, seen = Listing(per_page), Place(), list[int]()
    for rows, hide_each, pages in days:
        listing.arrive(rows, hide_each)
        place = one_poll(listing, place, seen, pages)
    place = one_poll(listing, place, seen, None)
    assert sorted(seen) == sorted(listing.shown())
    assert place.low is None
    assert len(place.known) <= KNOWN
    assert place.high == max(listing.shown(), default=0)


def test_what_is_kept_of_a_listing_stays_small_however_long_the_storm() -> None:
    listing, seen = Listing(200), list[int]()
    listing.arrive(10, 0)
    place = one_poll(listing, Place(), seen, None)
    listing.arrive(5000, 0)
    during = one_poll(listing, place, seen, 20)
    assert len(json.dumps(during.cursor())) < 4_000
    assert during.low is not None


def test_a_listing_that_is_emptied_is_not_believed() -> None:
    listing, seen = Listing(200), list[int]()
    listing.arrive(10, 0)
    place = one_poll(listing, Place(), seen, None)
    listing.hidden.update(listing.ids)
    with pytest.raises(EmptyAnswerError, match="not even the 10 newest rows"):
        one_poll(listing, place, seen, None)


@pytest.mark.parametrize("empty", [(3, 4), (4, 5), (3, 4, 6, 7)])
def test_answers_that_are_empty_on_the_way_down_lose_nothing(empty: Sequence[int]) -> None:
    listing, seen = Hiccups(200), list[int]()
    listing.arrive(10, 0)
    place = one_poll(listing, Place(), seen, None)
    listing.arrive(700, 0)
    listing.asked, listing.empty = 0, empty
    for _ in range(3):
        place = one_poll(listing, place, seen, None)
    assert set(seen) == listing.shown()


def test_a_walk_that_was_broken_off_does_not_end_where_nothing_is_shown() -> None:
    listing, seen = Hiccups(200), list[int]()
    listing.arrive(10, 0)
    place = one_poll(listing, Place(), seen, None)
    listing.arrive(700, 0)
    place = one_poll(listing, place, seen, 2)
    listing.asked, listing.empty = 0, range(100)
    with pytest.raises(EmptyAnswerError):
        one_poll(listing, place, seen, None)
    listing.empty = ()
    one_poll(listing, place, seen, None)
    assert set(seen) == listing.shown()


def test_a_walk_arrives_though_all_that_was_known_is_deleted() -> None:
    listing, seen = Listing(20), list[int]()
    listing.arrive(60, 0)
    place = one_poll(listing, Place(), seen, None)
    listing.hidden = set(listing.ids[10:])  # what is older is shown still
    listing.ids = [number for number in listing.ids if number not in listing.hidden]
    fresh = [max(listing.hidden) + 3 * n for n in range(1, 41)]
    listing.ids += fresh
    place = one_poll(listing, place, seen, None)
    assert set(fresh) <= set(seen)
    assert place.low is None
