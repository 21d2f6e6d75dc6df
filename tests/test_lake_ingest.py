"""What must hold of ingest on a file must hold on a lake: the very tests of the other files, where they touch most.

Of test_ingest.py those nine that write, edit, delete, answer, claim, close and reject; not those whose subject is a
connector, or pure computing, for which the store is the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import test_ingest
from tests.conftest import Community, open_community
from tests.lake_town import LakeTown
from tests.lake_town import lake_town as lake_town


@pytest.fixture
async def community(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lake_town: LakeTown) -> AsyncIterator[Community]:
    async with open_community(tmp_path / "data", monkeypatch) as opened:
        opened.more["lake"] = lake_town.lake(tmp_path / "files")
        yield opened


test_both_platforms_in_one_feed = test_ingest.test_posts_of_both_platforms_stand_in_one_feed
test_the_same_records_again = test_ingest.test_the_same_records_again_change_nothing
test_five_short_lines = test_ingest.test_five_short_lines_of_one_person_are_one_inquiry
test_an_edit = test_ingest.test_an_edit_becomes_the_words_and_the_earlier_version_stays
test_a_deleted_post = test_ingest.test_a_deleted_posts_terms_go_and_the_inquiry_stays_with_the_mark
test_an_answer_that_is_read_first = test_ingest.test_an_answer_that_is_read_before_its_question_finds_it
test_one_unreadable_record = test_ingest.test_one_unreadable_record_is_kept_apart_and_the_rest_is_stored
test_claimed_closed_reopened = test_ingest.test_a_colleague_claims_and_closes_and_a_new_word_reopens
test_no_orphans_nothing_twice = test_ingest.test_nothing_is_an_orphan_and_nothing_stands_twice
