"""The sets of posers, bystanders and their talk have the shape that their measure needs."""

from __future__ import annotations

from collections import Counter

from tests.sets.names import OFFICIAL, TRICKS, exchanges, look_alikes, ordinary


def test_two_thousand_posers_use_every_trick_and_are_all_different() -> None:
    posers = look_alikes(1)
    tricks = Counter(poser.how.removesuffix(", mark") for poser in posers)

    assert len(posers) == 2000
    assert len({(poser.name, poser.handle) for poser in posers}) == 2000
    assert tricks.keys() == TRICKS.keys()
    assert min(tricks.values()) >= 100


def test_a_poser_is_no_official_account_though_it_may_bear_its_name() -> None:
    posers = look_alikes(1)

    assert not {poser.id for poser in posers} & {account.id for account in OFFICIAL}
    assert not {poser.handle for poser in posers} & {account.handle for account in OFFICIAL}
    assert {poser.name for poser in posers} & {account.name for account in OFFICIAL}


def test_five_thousand_bystanders_speak_many_languages_and_use_our_words() -> None:
    people = ordinary(1)
    langs = Counter(person.lang for person in people)

    assert len(people) == len({(person.name, person.handle) for person in people}) == 5000
    assert langs["zh"] >= 1500
    assert langs["en"] >= 1500
    assert langs.keys() >= {"ja", "ko", "ru", "vi", "es", "ar"}
    assert sum("heron" in person.name.lower() for person in people) >= 200
    assert sum("官" in person.name or "客" in person.name for person in people) >= 200


def test_every_exchange_tells_who_was_approached() -> None:
    talks = exchanges(1)

    assert len(talks) == 60
    assert all(talk.fake in {said.account.id for said in talk.posts} for talk in talks)
    assert all(talk.approached in {said.account.id for said in talk.posts} for talk in talks)
    assert (
        sum(any(said.reply_to is not None and said.account.id == talk.fake for said in talk.posts) for talk in talks)
        == 20
    )


def test_the_same_seed_gives_the_same_names() -> None:
    assert look_alikes(2, 200) == look_alikes(2, 200)
    assert look_alikes(2, 200) != look_alikes(3, 200)
    assert ordinary(2, 200) == ordinary(2, 200)
    assert exchanges(2) == exchanges(2)
