"""A stranger asks for the recovery phrase: a report, unless it was given."""

from __future__ import annotations

import pytest

from aggregator.inquiry import Understanding
from aggregator.triage import judge, search_text, understand
from aggregator.triage.followup import needed

APPROACHED = frozenset({"secret_asked", "impersonation_report"})


def read(text: str) -> Understanding:
    (grade,) = judge([search_text(text)])
    return understand(text, grade, lang=None, public=True, followers=None, secrets=[], staff=False, points={})


def rules(text: str) -> set[str]:
    return {reason.rule for reason in read(text).reasons}


@pytest.mark.parametrize(
    "text",
    [
        "somebody asks me for my words",
        "a stranger asked me for my recovery phrase",
        "he asked me to give him my private key, I did not",
        "they want me to enter my 12 words on a page to verify",
        "Someone claiming to be from your team asked for my phrase. I told him no.",
        "your admin dm'd me and asked for my seed phrase",
        "有人问我要助记词",
        "有个陌生人让我把助记词发给他",
        "有個陌生人叫我把助記詞發給他",
        "陌生人叫我把12个词告诉他",
        "群里有人私聊我，让我把助记词填进一个网站",
        "客服让我发助记词，这是真的吗",
        "他问我要助记词，我没给",
        "有人要我报12个单词给他",
        "有人私信我说是官方客服，要我把助记词发给他，这是真的吗？",
    ],
)
def test_who_is_asked_for_the_phrase_reports_a_scammer_and_has_given_nothing(text: str) -> None:
    said = read(text)
    assert said.kind == "complaint"
    assert rules(text) & APPROACHED
    assert "key_given" not in rules(text)
    assert sum(reason.points for reason in said.reasons) >= 42


@pytest.mark.parametrize(
    "text",
    [
        "somebody asks me for my words and i gave them",
        "a stranger asked for my seed phrase and I sent it to him",
        "he asked for my 12 words, i typed them in, what now",
        "a scammer asked for my phrase, I gave it and all my money is gone",
        "有人问我要助记词，我给了他",
        "陌生人要我把助记词发给他，我发了",
        "对方让我把助记词输入他的网站，我已经输入了",
        "骗子让我提供助记词，我已经把助记词告诉他了",
        "骗子骗我把助记词发给他了",
        "i gave my seed phrase to someone",
        "我把助记词发给骗子了",
    ],
)
def test_who_gave_it_away_is_in_an_emergency_whoever_asked(text: str) -> None:
    said = read(text)
    assert said.kind == "emergency"
    assert "key_given" in rules(text)
    assert "secret_asked" not in rules(text)


@pytest.mark.parametrize(
    "text",
    [
        "the app asks me for my recovery phrase after the update, where do I find it",
        "if someone asks me for my seed phrase what should I do",
        "support told me to import my phrase again, I did, balance is zero",
        "he wants me to pay fees before withdrawal",
        "我要我的助记词，忘记了",
        "客服让我先卸载再用助记词恢复，我照做了，币没了",
        "提醒大家：有人让我发助记词都是骗子，千万别给",
        "客服让我提供交易哈希",
    ],
)
def test_our_own_app_warnings_and_other_wishes_are_neither(text: str) -> None:
    assert rules(text).isdisjoint({"secret_asked", "key_given"})


def test_the_reason_marks_the_words_and_asks_for_a_picture_only() -> None:
    text = "Hello. A man on Telegram wants me to send him my 12 words! Is he one of you?"
    (reason,) = [each for each in read(text).reasons if each.rule == "secret_asked"]
    assert text[reason.start : reason.end] == "wants me to send him my 12 words"
    assert needed("complaint", {"secret_asked"}) == ("problem", "screenshot")
