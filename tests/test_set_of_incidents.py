"""The labelled day of incidents has the shape that its measure needs, and is the same day for the same seed."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from tests.sets import rows
from tests.sets.incidents import DAY, INCIDENTS, stream

KEYS = {incident.key for incident in INCIDENTS}


def test_a_seed_gives_one_day_and_another_seed_another() -> None:
    assert stream(1) == stream(1)
    assert stream(1) != stream(2)


@pytest.mark.parametrize("seed", range(5))
def test_each_incident_is_reported_by_several_persons_over_several_channels(seed: int) -> None:
    labelled = [post for post in stream(seed) if post.incident]
    counts = Counter(post.incident for post in labelled)

    assert counts.keys() == KEYS
    assert all(5 <= count <= 60 for count in counts.values())
    assert all(len({p.author for p in labelled if p.incident == key}) >= 4 for key in KEYS)
    assert all(len({p.channel for p in labelled if p.incident == key}) >= 2 for key in KEYS)


@pytest.mark.parametrize("seed", range(5))
def test_ordinary_posts_stand_between_them(seed: int) -> None:
    posts = stream(seed)

    assert sum(post.incident is None for post in posts) >= 600
    assert posts == sorted(posts, key=lambda post: post.at)
    assert all(DAY <= post.at < DAY + timedelta(hours=25) for post in posts)


def test_every_incident_has_many_phrasings_in_several_languages() -> None:
    phrases = rows("incident_phrases.tsv")

    assert all(sum(row["incident"] == key for row in phrases) >= 15 for key in KEYS)
    assert all({"zh", "en"} <= {row["lang"] for row in phrases if row["incident"] == key} for key in KEYS)
    assert {row["incident"] for row in phrases} == KEYS


def test_answers_point_to_an_earlier_post_of_the_same_space() -> None:
    posts = stream(3)
    at = {(post.space, post.native_id): post.at for post in posts}
    answers = [post for post in posts if post.reply_to]

    assert len(at) == len(posts)
    assert len(answers) >= 40
    assert all(at[post.space, post.reply_to] < post.at for post in answers if post.reply_to)


def test_me_too_without_an_answered_post_is_nobodys_report() -> None:
    vague = [post for post in stream(3) if post.text in ("我也是", "me too", "+1")]

    assert any(post.incident for post in vague)
    assert any(post.incident is None for post in vague)
    assert all(post.reply_to for post in vague if post.incident)


def test_some_persons_report_twice_and_the_two_swap_faults_overlap() -> None:
    labelled = [post for post in stream(3) if post.incident]
    by_person = Counter((post.space, post.author) for post in labelled)
    bsc = [post.at for post in labelled if post.incident == "swap-bsc"]
    arbitrum = [post.at for post in labelled if post.incident == "swap-arbitrum"]

    assert max(by_person.values()) >= 2
    assert min(bsc) < min(arbitrum) < max(bsc)
