"""Snippets: the first set is sound, variables are filled or stay visible, changes can be taken back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.answering import snippets as module
from aggregator.answering.linking import Official
from aggregator.answering.safety import Context, check
from aggregator.answering.snippets import Snippet, fill, greeted, in_order, load, shipped, snippets
from aggregator.answering.strangers import same_id
from aggregator.store.desk import Desk
from aggregator.store.snippets import BACK_WITHIN, Stored, remove_snippet, save_snippet, stored_snippets
from aggregator.triage.impersonation import OurNames
from connectors.errors import ConfigError
from tests.conftest import START

VALUES = {
    "name": "Mira", "code": "K4TQ2MA", "tx": "0x" + "3f9a" * 16, "missing": "your wallet address",
    "incident": "swaps fail on Tron", "me": "Lin",
}  # fmt: skip
NEW = Stored("", "amy", None, "Hello", "en", ("question",), "Hello {name}", START.timestamp(), "amy", None)


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk(None)
    desk.add_user("amy", "agent")
    desk.add_user("sam", "agent")
    yield desk
    desk.close()


def names(desk: Desk, user: str = "amy") -> set[str]:
    return {one.name for one in snippets(stored_snippets(desk, user))}


def test_the_first_set_is_the_same_in_chinese_and_english() -> None:
    by_lang = {
        lang: {one.origin.partition("/")[0] for one in shipped() if one.lang == lang and one.origin}
        for lang in ("zh", "en")
    }
    assert by_lang["zh"] == by_lang["en"]
    assert len(by_lang["zh"]) >= 12


@pytest.mark.parametrize("one", shipped(), ids=lambda one: one.snippet_id)
def test_nothing_speaks_against_a_shipped_snippet(one: Snippet) -> None:
    text, gaps = fill(one.text, VALUES)
    known = frozenset({same_id(VALUES["tx"])})
    lang = {"zh": "zh-Hans"}.get(one.lang, one.lang)
    assert not gaps
    assert check(text, Context(Official(OurNames([])), lang=lang, known=known, now=START)) == []


def test_what_is_not_known_stays_a_gap_and_can_be_found() -> None:
    text, gaps = fill("Hello {name}, {tx} is {x}｛code｝", {"name": "Mira", "tx": "", "code": "K4"})
    assert text == "Hello Mira, {tx} is {x}K4"
    assert [text[start:end] for start, end in gaps] == ["{tx}", "{x}"]


def test_what_a_value_brings_is_not_read_for_variables() -> None:
    assert fill("{name} {tx}", {"name": "{tx}", "tx": "abc"}) == ("{tx} abc", ())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Mira  Fox", "Mira Fox"),
        ("小狐狸", "小狐狸"),
        ("M\u202eira", "Mira"),
        ("visit evil.top", ""),
        ("https://evil", ""),
        ("@support", ""),
        ("x" * 50, ""),
        ("13800138000", ""),
        ("{tx}", ""),
        ("", ""),
    ],
)
def test_only_what_is_a_name_is_repeated(name: str, said: str) -> None:
    assert greeted(name) == said


def test_a_colleague_sees_own_and_shared_ones(desk: Desk) -> None:
    save_snippet(desk, NEW)
    save_snippet(desk, replace(NEW, owner=None, name="For all"))
    assert {"Hello", "For all"} <= names(desk)
    assert "Hello" not in names(desk, "sam")
    assert "For all" in names(desk, "sam")


def test_a_changed_shipped_one_stands_in_its_place_and_a_removed_one_is_gone(desk: Desk) -> None:
    changed = replace(NEW, owner=None, origin="closing/en", name="Bye")
    one = save_snippet(desk, changed)
    assert "Bye" in names(desk)
    assert "Closing" not in names(desk)
    assert save_snippet(desk, replace(changed, name="Bye bye")).snippet_id == one.snippet_id
    remove_snippet(desk, one.snippet_id, "amy", START)
    assert not {"Bye bye", "Closing"} & names(desk)
    remove_snippet(desk, one.snippet_id, "amy", START + BACK_WITHIN * 3, back=True)
    assert "Bye bye" in names(desk)


def test_a_removed_one_can_be_taken_back_for_a_month(desk: Desk) -> None:
    one = save_snippet(desk, NEW)
    remove_snippet(desk, one.snippet_id, "amy", START)
    assert "Hello" not in names(desk)
    remove_snippet(desk, one.snippet_id, "amy", START, back=True)
    assert "Hello" in names(desk)
    remove_snippet(desk, one.snippet_id, "amy", START)
    remove_snippet(desk, "other", "amy", START + BACK_WITHIN + timedelta(days=1))
    assert stored_snippets(desk, "amy") == []


def test_the_customers_language_and_matter_come_first() -> None:
    found = in_order(shipped(), "zh-Hant", frozenset({"funds_stolen", "emergency"}))
    assert found[0].lang == "zh"
    assert "funds_stolen" in found[0].kinds
    assert found[-1].lang == "en"


@pytest.mark.parametrize(
    ("content", "mistake"),
    [
        ("- a", "should hold snippets by their names"),
        ("a: {kinds: []}", "a: should hold kinds, and name and text"),
        ("a: {kinds: [nothing], en: {name: x, text: y}}", "a.kinds: should be a list of these"),
        ("a: {en: {name: x, text: '{nmae}'}}", "a.en.text: unknown variable {nmae}"),
        ("a: {en: {name: x}}", "a.en: should hold name (at most 80 characters)"),
        ("a: {en: {name: x, text: y}, fr: {name: x, text: y}}", "a.fr: unknown"),
    ],
)
def test_mistakes_in_the_file_are_told_with_their_place(tmp_path: Path, content: str, mistake: str) -> None:
    file = tmp_path / "snippets.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"snippets\.yaml:\d+:\d+ ?") as told:
        load(file)
    assert mistake in str(told.value)


def test_the_shipped_file_is_the_one_that_is_read() -> None:
    assert load(module.FILE) == shipped()
