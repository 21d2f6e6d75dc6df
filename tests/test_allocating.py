"""What a process that runs for weeks does with what its start has left."""

from __future__ import annotations

import gc

from aggregator.allocating import started


def test_what_a_start_has_left_is_not_looked_through_again() -> None:
    before = gc.get_freeze_count()
    kept: list[list[int]] = [[number] for number in range(1000)]  # what a collection would look at
    with started():
        assert gc.get_freeze_count() >= before + len(kept)
        assert all(each is not kept[0] for each in gc.get_objects())
    assert any(each is kept[0] for each in gc.get_objects())
