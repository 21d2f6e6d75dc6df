"""The severity model: the corpus it comes from, that anyone can make it again, and that a page changes nothing."""

from __future__ import annotations

import hashlib
import random
from collections import Counter

import numpy as np
import pytest

from aggregator.evaluating import auc
from aggregator.triage import judge, search_text
from aggregator.triage.model import HEADS, load
from aggregator.triage.model import train as training
from aggregator.triage.model.corpus import Message, read
from aggregator.triage.model.features import pieces, plain
from aggregator.triage.model.heads import FILE, Weights, packed, unpacked
from aggregator.triage.secrets import find
from benchmarks.grading import kappa


@pytest.fixture(scope="module")
def corpus() -> list[Message]:
    return read()


def test_the_corpus_is_large_of_many_languages_and_graded_twice(corpus: list[Message]) -> None:
    languages = Counter(message.lang for message in corpus)
    assert len(corpus) >= 6000
    assert languages["zh"] / len(corpus) > 0.55
    assert languages["en"] / len(corpus) > 0.22
    assert {"ja", "ko", "vi", "ru", "es", "zh-Hant", "mixed"} <= languages.keys()
    assert {message.grade for message in corpus} == set(range(5))
    assert all(len(message.first.split()) == len(message.second.split()) == 3 for message in corpus)
    assert kappa(corpus) > 0.9


def test_every_message_has_a_name_of_its_own_and_a_grade_that_a_grader_gave_or_a_third_one_settled(
    corpus: list[Message],
) -> None:
    assert len({message.name for message in corpus}) == len(corpus)
    agreed = [message for message in corpus if message.first == message.second]
    assert all(message.first.split()[:2] == [str(message.grade), message.kind] for message in agreed)
    assert len(agreed) > 0.8 * len(corpus)


def test_no_message_of_the_corpus_holds_a_secret(corpus: list[Message]) -> None:
    assert [message.name for message in corpus if find(message.text)] == []


def test_the_weights_that_ship_are_small_and_of_this_corpus(corpus: list[Message]) -> None:
    assert FILE.stat().st_size <= 2_000_000
    assert load().version == training.version_of(corpus)


def test_training_again_gives_the_same_file(corpus: list[Message]) -> None:
    some = random.Random(3).sample(corpus, 250)
    first, second = (packed(training.fit(some, lambda _: None)) for _ in range(2))
    assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()


def test_weights_come_back_from_their_file_as_they_were() -> None:
    learned = unpacked(FILE.read_bytes())
    again = unpacked(packed(learned))
    assert isinstance(again, Weights)
    assert again.version == learned.version
    assert again.categories == learned.categories
    assert np.array_equal(again.pieces, learned.pieces)
    assert np.array_equal(again.worths, learned.worths)


def test_a_message_reads_the_same_alone_and_among_others(corpus: list[Message]) -> None:
    texts = [search_text(message.text) for message in random.Random(5).sample(corpus, 120)]
    texts += ["", " ", "\0", "?", "0x" + "ab" * 32, "a" * 9000]
    together = judge(texts)
    for text, among in zip(texts, together, strict=True):
        (alone,) = judge([text])
        assert alone.likely == pytest.approx(among.likely, abs=1e-6)
        assert alone.words() == among.words()


def test_a_grade_is_never_likelier_than_the_one_below(corpus: list[Message]) -> None:
    for grade in judge([search_text(message.text) for message in corpus[::40]]):
        levels = grade.levels
        assert list(levels) == sorted(levels, reverse=True)


def test_what_was_trained_on_is_told_apart(corpus: list[Message]) -> None:
    """No measure of quality (that is benchmarks.grading): only that corpus, weights and reading belong together."""
    some = corpus[::5]
    serious = np.array([grade.says("serious") for grade in judge([search_text(message.text) for message in some])])
    assert auc(serious, np.array([message.grade >= 3 for message in some])) > 0.93


def test_the_marked_words_are_what_speaks_for_it(corpus: list[Message]) -> None:
    serious = HEADS.index("serious")
    texts = [search_text(message.text) for message in corpus if message.grade >= 3 and len(message.text) > 20][::12]
    marked = [(text, grade.words(), grade.likely[serious]) for text, grade in zip(texts, judge(texts), strict=True)]
    found = [(text.replace(words, " "), before) for text, words, before in marked if words and words in text]
    after = [grade.likely[serious] for grade in judge([text for text, _ in found])]
    less = sum(now < before for now, (_, before) in zip(after, found, strict=True))
    assert len(found) > 100
    assert less / len(found) > 0.9


def test_links_ids_numbers_and_masks_are_one_sign_each() -> None:
    assert plain(["see https://a.example/x?y=1 now"]) == plain(["see https://b.example/other now"])
    assert plain(["tx 0x" + "ab" * 32]) == plain(["tx 0x" + "cd" * 32])
    assert plain(["12 usdt"]) == plain(["7 usdt"]) != plain(["1234 usdt"])
    assert plain(["words ████ ███ ██ here"]) == plain(["words █████████ here"])


def test_a_page_reads_as_its_texts_do() -> None:
    texts = ["", "12 usdt  gone", "", "", "a\0b\nc", " ", "see https://a.example/x", "x" * 5000, ""]
    assert plain(texts) == "\0".join(plain([text]) for text in texts)
    assert plain([""]) == "  "


def test_pieces_stand_where_they_say(corpus: list[Message]) -> None:
    found = pieces([search_text(message.text) for message in corpus[:50]])
    listed, page = found.listed(), found.plain
    assert all(list(some.start) == sorted(some.start) for some in listed)
    assert list(np.bincount(np.concatenate([found.texts(some) for some in listed]))) == list(found.counts)
    assert all(
        "\0" not in page[start : start + length]
        for some in listed
        for start, length in zip(some.start, some.length, strict=True)
    )
