"""What a process that runs for weeks does with what its start has left."""

from __future__ import annotations

import gc

from aggregator.allocating import give_back


def test_what_a_start_has_left_is_not_looked_through_again() -> None:
    before = gc.get_freeze_count()
    kept = [{"number": number} for number in range(1000)]  # what a collection would look at
    try:
        give_back()
        assert gc.get_freeze_count() >= before + len(kept)
        assert all(each is not one for each in gc.get_objects() for one in kept[:1])
    finally:
        gc.unfreeze()
