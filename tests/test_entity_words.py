"""Every word of the entity lists is read and found; mistakes are named where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.triage.entities.lists import ALWAYS, BESIDE_IDS, BESIDE_VERSIONS
from aggregator.triage.entities.words import FOLDER, Word, Words, load
from connectors.errors import ConfigError

LISTS = load(FOLDER, ALWAYS, BESIDE_IDS, BESIDE_VERSIONS)
EVERY = [(words, word) for words in LISTS for word in words.words]


def small(tmp_path: Path, content: str) -> Words:
    (tmp_path / "a.yaml").write_text(content, encoding="utf-8")
    return load(tmp_path, {"bug", "fee"})[0]


def mistakes(tmp_path: Path, content: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        small(tmp_path, content)
    return str(caught.value).splitlines()


def is_found(words: Words, word: Word) -> bool:
    return any(name == word.name for name, _, _ in words.hits(f", {word.text} ,").get(word.kind, ()))


def test_every_word_is_found_and_gives_its_name() -> None:
    assert [word.text for words, word in EVERY if not is_found(words, word)] == []


def test_every_kind_has_words() -> None:
    assert {word.kind for _, word in EVERY} == ALWAYS | BESIDE_IDS | BESIDE_VERSIONS


def test_a_word_that_goes_on_is_found_at_the_beginning_of_a_longer_one(tmp_path: Path) -> None:
    words = small(tmp_path, "bug: {words: {ru: [ошибк*, сбой]}}")
    assert words.hits("ошибками") == {"bug": [("ru", 0, 5)]}
    assert words.hits("сбойка") == {}


def test_chinese_is_found_in_traditional_characters(tmp_path: Path) -> None:
    words = small(tmp_path, "bug: {words: {zh: [转账失败, 上周]}}")
    assert [start for _, start, _ in words.hits("轉賬失敗,上週")["bug"]] == [0, 5]


def test_latin_words_match_whole_and_no_handles(tmp_path: Path) -> None:
    words = small(tmp_path, "bug: {words: {en: [sol]}}")
    assert words.hits("solved @sol sol_x") == {}
    assert words.hits("5sol我sol") == {"bug": [("en", 1, 4), ("en", 5, 8)]}


def test_the_longest_of_two_words_that_overlap_counts(tmp_path: Path) -> None:
    words = small(tmp_path, "bug: {words: {zh: [问题]}}\nfee: {words: {zh: [没有问题]}}")
    assert words.hits("没有问题") == {"fee": [("zh", 0, 4)]}


def test_a_guarded_word_does_not_count_beside_its_guard_in_the_same_clause(tmp_path: Path) -> None:
    words = small(tmp_path, "bug: {not_after: [如果], not_before: [吗], words: {zh: [坏了]}}")
    assert words.hits("如果坏了") == {}
    assert words.hits("坏了吗") == {}
    assert words.hits("如果,坏了,吗") == {"bug": [("zh", 3, 5)]}


def test_a_word_may_have_a_guard_of_its_own(tmp_path: Path) -> None:
    words = small(tmp_path, "bug: {words: {zh: [坏了, {word: 卡, not_before: [号]}]}}")
    assert words.hits("卡号") == {}
    assert words.hits("坏了号")


def test_all_mistakes_are_named_with_their_lines(tmp_path: Path) -> None:
    content = (
        "bgu:\n  words: {en: [x]}\n"
        "bug:\n  nto_after: [x]\n  words:\n    en: [slow, {word: '', x: 1}, slow]\n    ru: late\n"
        "fee: [x]\n"
    )
    assert [line.split(": ")[0] for line in mistakes(tmp_path, content)] == [
        "a.yaml:1:1 bgu",
        "a.yaml:4:3 bug.nto_after",
        "a.yaml:6:16 bug.words.en[1]",
        "a.yaml:6:27 bug.words.en[1].x",
        "a.yaml:6:34 bug.words.en[2]",
        "a.yaml:7:5 bug.words.ru",
        "a.yaml:8:1 fee",
    ]


def test_a_file_that_is_a_list_is_told(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "[a, b]") == ["a.yaml:1:1: should be a mapping, `kind:` and its words"]
