"""One person on several channels: what links accounts, what does not, and that every link can be undone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.identity import as_uuid, stable_id
from aggregator.moving_points import share_of
from aggregator.people.links import Link, between, joined
from aggregator.store.contacts import path_to
from aggregator.store.reading import inquiry_page, rows_by_id
from aggregator.triage.evidence import evidence_of, hashed
from tests.conftest import START
from tests.people_stage import ADDRESS, OTHER, Stage, account, stage

LOST = f"my withdrawal to {ADDRESS} has not arrived"
TX = "0x" + "ab12" * 16


@pytest.fixture
def desk() -> Iterator[Stage]:
    with stage() as it:
        yield it


def wallet(number: int) -> str:
    return f"0x{number:040x}".replace("0x0", "0xa", 1)


# -- what links ----------------------------------------------------------------------------------


def test_who_names_the_same_wallet_elsewhere_counts_as_one_contact_but_is_not_one_person(desk: Stage) -> None:
    desk.says("telegram", "fox", LOST)
    desk.says("weibo", "lin", f"还没到账 {ADDRESS.lower()}，三天了")
    assert desk.contacts() == {frozenset({"fox", "lin"})}
    assert desk.persons() == set()


def test_the_same_authenticated_mail_address_makes_one_person(desk: Stage) -> None:
    desk.says("email", "fox", "where is my money?", vouched=[("mail", "Fox@Mail.example")])
    desk.says("telegram", "fuchs", "where is my money?", vouched=[("mail", "fox@mail.example")])
    assert desk.persons() == desk.contacts() == {frozenset({"fox", "fuchs"})}


def test_an_address_that_many_name_links_nobody_even_who_was_linked_before(desk: Stage) -> None:
    for number in range(5):
        desk.says("telegram", f"user{number}", f"I sent it to {ADDRESS} by mistake")
    assert {len(group) for group in desk.contacts()} == {5}
    desk.says("weibo", "one more", f"me too, {ADDRESS}")
    assert desk.contacts() == set()
    assert {links for (links,) in desk.db.query("SELECT count(*) FROM person_link")} == {0}


def test_only_hashes_of_what_was_shown_are_kept(desk: Stage) -> None:
    desk.says("telegram", "fox", LOST, vouched=[("mail", "fox@mail.example")])
    kept = str(desk.db.query("FROM evidence"))
    assert len(desk.db.query("FROM evidence")) == 2
    assert ADDRESS.lower() not in kept.lower()
    assert "fox@" not in kept


def test_a_table_of_addresses_shows_nothing_of_its_author() -> None:
    listed = {"address": [wallet(number) for number in range(9)]}
    assert evidence_of((), listed) == ()
    assert len(evidence_of((), {"address": listed["address"][:8]})) == 8


def test_spellings_of_one_value_are_one_value() -> None:
    assert hashed("tx", TX) == hashed("tx", TX[2:].upper())
    assert hashed("address", "Tbcd") != hashed("address", "TBCD")
    assert hashed("tx", TX) != hashed("address", TX)


def test_our_own_posts_and_those_of_impostors_show_nothing() -> None:
    with stage(brand={"names": ["Lantern Wallet"]}, official={"telegram": ["1"]}) as desk:
        desk.says("telegram", "1", f"we see {ADDRESS}")
        desk.says("telegram", "9", f"send to {ADDRESS}", name="Lantern Wallet Support")
        desk.says("weibo", "lin", f"还没到账 {ADDRESS}")
        assert len(desk.db.query("FROM evidence")) == 1


# -- what it changes -----------------------------------------------------------------------------


def test_the_first_contact_is_inherited_and_the_other_place_counts(desk: Stage) -> None:
    desk.says("email", "fox", LOST)
    desk.clock.pass_(hours=3)
    desk.says("weibo", "lin", LOST)
    row = desk.feed()["lin"]
    assert row["priority"] == pytest.approx(row["points"] + share_of(row["points"]) * (3 + 3 * 3))
    assert row["first_since"] == START


def test_the_inherited_age_is_capped_as_waiting_is(desk: Stage) -> None:
    desk.says("email", "fox", LOST)
    desk.clock.pass_(days=6)
    desk.says("weibo", "lin", LOST)
    desk.clock.pass_(hours=2)
    row = desk.feed()["lin"]
    with desk.db.reading() as cursor:
        (shown,) = rows_by_id(cursor, [row["inquiry_id"].bytes], moment=desk.clock())
    terms = {term.rule: term.points for term in shown.terms}
    assert terms["waiting"] + terms["first_contact"] == pytest.approx(12 * share_of(row["points"]))
    assert sum(terms.values()) == pytest.approx(shown.priority) == pytest.approx(row["priority"])


def test_who_waits_nowhere_else_inherits_nothing(desk: Stage) -> None:
    desk.says("email", "fox", LOST)
    desk.clock.pass_(hours=5)
    desk.says("weibo", "lin", f"great wallet, love it! {ADDRESS}")
    assert desk.feed()["lin"]["priority"] < 0


def test_the_feed_hears_of_both_when_two_are_linked(desk: Stage) -> None:
    desk.says("email", "fox", LOST)
    desk.clock.pass_(hours=1)
    changed = desk.page("weibo", desk.record("lin", LOST))
    assert changed == {row["inquiry_id"].bytes for row in desk.feed().values()}


# -- undoing -------------------------------------------------------------------------------------


def test_an_undone_link_is_gone_and_not_made_again(desk: Stage) -> None:
    desk.says("telegram", "fox", LOST)
    before = desk.priorities()
    desk.says("weibo", "lin", LOST)
    desk.unlinks(account("telegram", "fox"), account("weibo", "lin"))
    assert desk.contacts() == set()
    assert desk.priorities()["fox"] == before["fox"]
    desk.says("weibo", "lin", f"again: {ADDRESS}")
    desk.says("telegram", "fox", f"again: {ADDRESS}")
    assert desk.contacts() == set()
    assert desk.db.query("SELECT undone_by FROM person_link WHERE undone_at IS NOT NULL") == [("amy",)]


def test_a_third_who_names_it_is_linked_to_who_is_left(desk: Stage) -> None:
    desk.says("telegram", "fox", LOST)
    desk.says("weibo", "lin", LOST)
    desk.unlinks(account("telegram", "fox"), account("weibo", "lin"))
    desk.says("email", "owl", LOST)
    assert desk.contacts() == {frozenset({"fox", "owl"})}


def test_undoing_one_link_leaves_those_behind_it(desk: Stage) -> None:
    desk.says("telegram", "fox", LOST)
    desk.says("weibo", "lin", LOST, vouched=[("app", "7")])
    desk.says("email", "lin@mail", "where is it?", vouched=[("app", "7")])
    assert desk.contacts() == {frozenset({"fox", "lin", "lin@mail"})}
    desk.unlinks(account("telegram", "fox"), account("weibo", "lin"))
    assert desk.contacts() == desk.persons() == {frozenset({"lin", "lin@mail"})}


def test_what_was_undone_can_be_linked_again(desk: Stage) -> None:
    desk.says("telegram", "fox", LOST)
    desk.says("weibo", "lin", f"{LOST} {OTHER}")
    desk.says("email", "owl", f"where is {OTHER}?")
    before = desk.contacts(), desk.priorities()
    desk.unlinks(account("telegram", "fox"), account("weibo", "lin"))
    assert desk.contacts() == {frozenset({"lin", "owl"})}
    desk.links_again(account("telegram", "fox"), account("weibo", "lin"))
    assert (desk.contacts(), desk.priorities()) == before


SHOWN = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from(["tx", "address", "mail", "app"]), st.integers(0, 3)),
    min_size=1,
    max_size=24,
    unique=True,
)


@settings(max_examples=40, deadline=None)
@given(shown=SHOWN, data=st.data())
def test_links_in_any_order_of_arrival_give_the_same_persons(
    shown: list[tuple[int, str, int]], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(shown))
    assert _groups_of(shown) == _groups_of(order)


def _groups_of(shown: list[tuple[int, str, int]]) -> tuple[object, ...]:
    with stage() as desk:
        for who, kind, value in shown:
            _shows(desk, who, kind, value)
        ids = desk.db.query("SELECT account_id, contact_id FROM contact ORDER BY ALL")
        return desk.persons(), desk.contacts(), ids


def _shows(desk: Stage, who: int, kind: str, value: int) -> None:
    named = {"tx": f"0x{value + 10:064x}", "address": wallet(value + 10)}
    vouched = () if kind in named else [(kind, f"{value}@mail.example")]
    desk.says(("telegram", "weibo")[who % 2], f"user{who}", f"please look {named.get(kind, '')}", vouched=vouched)


@settings(max_examples=25, deadline=None)
@given(shown=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=10, unique=True))
def test_undoing_every_link_restores_every_priority(shown: list[tuple[int, int]]) -> None:
    with stage() as apart, stage() as linked:
        for number, (who, value) in enumerate(shown):
            for desk, address in ((apart, wallet(1000 + number)), (linked, wallet(value + 10))):
                desk.says("weibo", f"user{who}", f"my deposit to {address} is missing", thread=f"{who}")
                desk.clock.pass_(hours=1)
        everybody = [account("weibo", f"user{who}") for who in range(5)]
        for mine, theirs in combinations(everybody, 2):
            linked.unlinks(mine, theirs)
        assert linked.contacts() == set()
        assert linked.priorities() == pytest.approx(apart.priorities())


LINKS = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 5)), max_size=20, unique=True)


@given(pairs=LINKS)
def test_what_lies_between_two_accounts_parts_them_and_only_them(pairs: list[tuple[int, int]]) -> None:
    links = [Link(bytes([who]), bytes([value]), "tx", "claimed", START) for who, value in pairs]
    gone = between(links, bytes([0]), bytes([1]))
    left = joined(link for link in links if link not in gone)
    assert all(link.account_id == bytes([1]) for link in gone)
    assert left.get(bytes([0]), b"none") != left.get(bytes([1]), b"nobody")
    others = joined(link for link in links if link.account_id != bytes([1]))
    assert all(left[one] == left[other] for one, root in others.items() for other in others if others[other] == root)


# -- the way here --------------------------------------------------------------------------------


def test_the_way_here_tells_places_times_and_followers_and_no_words_of_a_claimed_link(desk: Stage) -> None:
    desk.says("email", "fox@mail", LOST, vouched=[("app", "7")])
    desk.clock.pass_(days=1)
    desk.says("telegram", "fox", f"any news? {OTHER}", vouched=[("app", "7")])
    desk.clock.pass_(days=1)
    desk.says("weibo", "lin", f"还没到账 {OTHER}")
    with desk.db.reading() as cursor:
        page = inquiry_page(cursor, desk.feed()["fox"]["inquiry_id"].bytes, moment=desk.clock())
    assert page is not None
    steps = [(step.channel, step.level, step.kinds, bool(step.words), step.here) for step in page.path]
    assert steps == [
        ("email", "verified", ("app",), True, False),
        ("telegram", "same", (), True, True),
        ("weibo", "claimed", ("address",), False, False),
    ]


def test_a_namesake_elsewhere_is_only_suggested_and_can_be_refused(desk: Stage) -> None:
    desk.says("telegram", "1", "where is my money?", name="night_owl_77")
    desk.says("weibo", "2", "where is my money?", name="night_owl_77")
    assert desk.contacts() == set()
    assert [step.level for step in _path(desk)] == ["same", "suggested"]
    desk.unlinks(account("telegram", "1"), account("weibo", "2"))
    assert [step.level for step in _path(desk)] == ["same", "undone"]
    desk.links_again(account("telegram", "1"), account("weibo", "2"))
    assert [step.level for step in _path(desk)] == ["same", "suggested"]


def _path(desk: Stage) -> list[object]:
    ((inquiry,),) = desk.db.query(
        "SELECT inquiry_id FROM inquiry_open WHERE person_id = ?", [as_uuid(account("telegram", "1"))]
    )
    with desk.db.reading() as cursor:
        (row,) = rows_by_id(cursor, [inquiry.bytes], moment=desk.clock())
        return list(path_to(cursor, row.inquiry))


def test_a_link_that_nobody_made_cannot_be_undone_into_one(desk: Stage) -> None:
    desk.says("telegram", "fox", LOST)
    desk.links_again(account("telegram", "fox"), stable_id("nobody"))
    assert desk.contacts() == set()
