"""Every word of every lexicon is read, found, and stands once; mistakes are named where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.triage.language import TRADITIONAL, search_text
from aggregator.triage.lexicon import LEXICONS, Lexicon, Term, load, read
from aggregator.triage.terms import CATEGORIES
from connectors.errors import ConfigError

TERMS = read(LEXICONS, CATEGORIES)
LEXICON = Lexicon(TERMS)
CHINESE = [term for term in TERMS if term.language == "zh"]


def sentence(term: Term) -> str:
    return f"嗯？{term.text}，" if term.language == "zh" else f"well; {term.text}, "


def fires(lexicon: Lexicon, text: str, term: Term) -> bool:
    return term.category in lexicon.hits(search_text(text))


def small(tmp_path: Path, *files: str) -> Lexicon:
    for number, content in enumerate(files):
        (tmp_path / f"{number}.yaml").write_text(content, encoding="utf-8")
    return load(tmp_path, {"bug", "fee"})


def test_every_term_fires_its_category_in_a_sentence() -> None:
    assert [term.text for term in TERMS if not fires(LEXICON, sentence(term), term)] == []


def test_every_chinese_term_fires_in_traditional_characters() -> None:
    silent = [t.text for t in CHINESE if not fires(LEXICON, sentence(t).translate(TRADITIONAL), t)]
    assert silent == []


def test_every_chinese_term_fires_as_taiwan_writes_it() -> None:
    forms = [(t, sentence(t).translate(TRADITIONAL).replace("賬", "帳")) for t in CHINESE if "账" in t.text]
    assert len(forms) > 30
    assert [form for term, form in forms if not fires(LEXICON, form, term)] == []


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("轉帳失敗", "defect"),
        ("帳號被封", "account_locked"),
        ("帳戶異常", "account_locked"),
        ("還沒入帳", "funds_missing"),
    ],
)
def test_an_account_is_written_in_two_ways_in_traditional_characters(text: str, category: str) -> None:
    assert category in LEXICON.hits(search_text(text))
    assert category in LEXICON.hits(search_text(text.replace("帳", "賬")))


def test_every_category_has_terms_in_both_languages() -> None:
    assert {t.category for t in TERMS if t.language == "en"} == CATEGORIES
    assert {t.category for t in CHINESE} == CATEGORIES


def test_no_term_stands_twice(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"1\.yaml:3: 'crash' stands already in 0\.yaml:3"):
        small(
            tmp_path,
            "language: en\ncategories:\n  bug: {terms: [crash]}\n",
            "language: en\ncategories:\n  fee: {terms: [Crash]}\n",
        )


def test_all_mistakes_are_named_with_their_lines(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        small(
            tmp_path,
            "language: en\ncategories:\n  bug:\n    terms:\n"
            "    - {term: slow, pionts: 3}\n    - {term: late, points: many}\n",
            "language: en\ncategories:\n  bgu: {terms: [x]}\n",
            "language: fr\ncategories: {}\n",
            "language: [\n",
        )
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == [
        "0.yaml:5",
        "0.yaml:6",
        "1.yaml:3",
        "2.yaml:1",
        "3.yaml:2",
    ]


def test_latin_words_match_whole_only(tmp_path: Path) -> None:
    lexicon = small(tmp_path, "language: en\ncategories:\n  bug: {terms: [app]}\n")
    assert lexicon.hits("an apple is happy") == {}
    assert lexicon.hits("我的app坏了") == {"bug": [(2, 5, None)]}


def test_numbers_match_whole_only(tmp_path: Path) -> None:
    lexicon = small(tmp_path, "language: zh\ncategories:\n  fee: {terms: [315]}\n")
    assert lexicon.hits("1315 3150") == {}
    assert lexicon.hits("打315") == {"fee": [(1, 4, None)]}


def test_the_longer_of_two_terms_counts_whatever_its_category(tmp_path: Path) -> None:
    lexicon = small(tmp_path, "language: zh\ncategories:\n  bug: {terms: [没到账]}\n  fee: {terms: [到账, 没到]}\n")
    assert lexicon.hits("还没到账") == {"bug": [(1, 4, None)]}


def test_terms_that_only_overlap_both_count(tmp_path: Path) -> None:
    lexicon = small(tmp_path, "language: zh\ncategories:\n  bug: {terms: [甲乙丙]}\n  fee: {terms: [丙丁]}\n")
    assert lexicon.hits("甲乙丙丁") == {"bug": [(0, 3, None)], "fee": [(2, 4, None)]}


def test_an_apostrophe_may_be_typographic_or_absent(tmp_path: Path) -> None:
    lexicon = small(tmp_path, "language: en\ncategories:\n  bug: {terms: [can't send]}\n")
    assert [bool(lexicon.hits(text)) for text in ("can't send", "can’t send", "cant send")] == [True] * 3


def test_a_guarded_term_does_not_count_behind_its_word(tmp_path: Path) -> None:
    lexicon = small(tmp_path, "language: en\ncategories:\n  bug: {not_after: [not], terms: [angry]}\n")
    assert lexicon.hits("i am not at all angry") == {}
    assert lexicon.hits("why not. angry now") == {"bug": [(9, 14, None)]}


def test_a_guarded_term_does_not_count_before_its_word(tmp_path: Path) -> None:
    lexicon = small(tmp_path, "language: zh\ncategories:\n  bug: {terms: [{term: 好了, not_before: [吗]}]}\n")
    assert lexicon.hits("好了吗") == {}
    assert lexicon.hits("好了,吗") == {"bug": [(0, 2, None)]}


def test_unless_looks_at_the_whole_post(tmp_path: Path) -> None:
    lexicon = small(tmp_path, "language: zh\ncategories:\n  bug: {unless: [游戏], terms: [被盗]}\n")
    assert lexicon.hits("被盗。是我的游戏号") == {}


def test_a_term_may_have_its_own_points(tmp_path: Path) -> None:
    lexicon = small(tmp_path, "language: en\ncategories:\n  bug: {terms: [{term: dead, points: 9}]}\n")
    assert lexicon.hits("dead") == {"bug": [(0, 4, 9.0)]}


@pytest.mark.parametrize(
    "text",
    [
        "I almost gave him my seed phrase but stopped in time",
        "nearly entered my recovery phrase on that site",
        "我差点把助记词给了骗子，还好停住了",
        "险些输入了助记词",
    ],
)
def test_what_was_almost_given_away_was_not(text: str) -> None:
    hits = LEXICON.hits(search_text(text))
    assert {"key_given", "told"}.isdisjoint(hits)
    without = text.replace("almost ", "").replace("nearly ", "").replace("差点", "").replace("险些", "")
    assert "key_given" in LEXICON.hits(search_text(without))


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("my deposit isn't showing in the app", "funds_missing"),
        ("it says completed, but nothing arrived", "funds_missing"),
        ("where the hell is my money", "funds_missing"),
        ("after the update my account is empty", "funds_missing"),
        ("my wallet got emptied overnight", "funds_stolen"),
        ("I've messaged you 3 times already", "unanswered_said"),
        ("币转出去了，交易所没收到", "funds_missing"),
        ("我U呢", "funds_missing"),
        ("我都问了多少次了", "unanswered_said"),
        ("转账三小时了还在路上", "pending"),
    ],
)
def test_the_usual_ways_of_telling_are_known(text: str, category: str) -> None:
    assert category in LEXICON.hits(search_text(text))


@pytest.mark.parametrize("text", ["我发的消息对方没收到", "The bin was emptied", "he wrote 3 lines", "你呢？"])
def test_words_like_them_in_another_sense_are_not(text: str) -> None:
    assert {"funds_missing", "funds_stolen", "unanswered_said"}.isdisjoint(LEXICON.hits(search_text(text)))
