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


ASKED = {
    "ja": ["サポートを名乗る人にシードフレーズを教えてと言われました", "知らない人からDMで秘密鍵を聞かれました"],
    "ko": ["텔레그램에서 어떤 사람이 복구 문구를 알려달라고 해요", "모르는 사람이 개인키를 요구했어요"],
    "vi": ["Có người nhắn tin yêu cầu tôi gửi cụm từ khôi phục", "một người lạ hỏi tôi 12 từ"],
    "ru": ["Какой-то человек просит сид-фразу", "мне написали и попросили прислать приватный ключ"],
    "es": [
        "Un desconocido me pide mi frase de recuperación, ¿es normal?",
        "un supuesto soporte me pidió la clave privada",
    ],
    "zh-Hant": ["有個陌生人跟我要註記詞", "有人叫我把助憶詞傳給他"],
}
GIVEN = {
    "ja": ["シードフレーズを教えてと言われて、教えてしまいました"],
    "ko": ["복구 문구를 알려달라고 해서 알려줬어요"],
    "vi": ["người ta yêu cầu tôi gửi cụm từ khôi phục và tôi đã gửi"],
    "ru": ["он попросил сид-фразу, я отправил"],
    "es": ["me pidió mi frase semilla y se la di"],
    "zh-Hant": ["他跟我要註記詞，我給了他"],
}
NEITHER = {
    "ja": ["アプリを更新したらシードフレーズを入力するよう求められました", "シードフレーズはどこで確認できますか"],
    "ko": ["앱에서 복구 문구를 입력하라고 해요", "시드 구문은 어디서 보나요"],
    "vi": ["ứng dụng yêu cầu tôi nhập cụm từ khôi phục sau khi cập nhật", "xin hỏi cụm từ khôi phục nằm ở đâu"],
    "ru": ["приложение просит сид-фразу после обновления", "где посмотреть сид-фразу?", "он попросил номер перевода"],
    "es": ["la app me pide la frase de recuperación al abrir", "soporte me pide restaurar con mi frase semilla"],
    "zh-Hant": ["我想知道註記詞在哪裡看", "客服跟我要交易雜湊"],
}


@pytest.mark.parametrize("lang", ASKED)
def test_in_each_language_it_is_told_whether_it_was_only_asked_for_or_given(lang: str) -> None:
    told = {text: rules(text) & {"secret_asked", "key_given"} for text in (*ASKED[lang], *GIVEN[lang], *NEITHER[lang])}
    expected = [{"secret_asked"}] * len(ASKED[lang]) + [{"key_given"}] * len(GIVEN[lang]) + [set()] * len(NEITHER[lang])
    assert told == dict(zip(told, expected, strict=True))


def test_the_reason_marks_the_words_and_asks_for_a_picture_only() -> None:
    text = "Hello. A man on Telegram wants me to send him my 12 words! Is he one of you?"
    (reason,) = [each for each in read(text).reasons if each.rule == "secret_asked"]
    assert text[reason.start : reason.end] == "wants me to send him my 12 words"
    assert needed("complaint", {"secret_asked"}) == ("problem", "screenshot")
