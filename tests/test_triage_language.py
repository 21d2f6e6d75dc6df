"""Which language a post is written in, and the form in which it is searched."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.triage.language import language_of, search_text, told_language


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("我的转账还没有到账", "zh-Hans"),
        ("轉帳還沒有到帳，請問怎麼辦", "zh-Hant"),
        ("你好", "zh"),
        ("USDT 提现 pending 了", "zh-Hans"),
        ("My wallet の swap is 失败", "en"),
        ("可爱の钱包", "zh-Hans"),
        ("My deposit is still missing", "en"),
        ("swap failed", "en"),
        ("入金が反映されません", "ja"),
        ("ウォレットにログインできない", "ja"),
        ("출금이 아직 안 됐어요", "ko"),
        ("Деньги не пришли на кошелёк", "ru"),
        ("Гроші ще не надійшли, їх немає", "uk"),
        ("Tôi không nhận được tiền", "vi"),
        ("No puedo retirar mis fondos", "es"),
        ("Mein Guthaben ist verschwunden", "de"),
        ("Não consigo sacar meu saldo", "pt"),
        ("لم تصل الأموال إلى محفظتي", "ar"),
        ("ถอนเงินไม่ได้", "th"),
        ("मेरा पैसा नहीं आया", "hi"),
        ("出金が届きません。TXID " + "4e3a9d" * 10, "ja"),
        ("確認をお願いします https://tronscan.org/#/transaction/" + "4e1d" * 16, "ja"),
    ],
)
def test_the_language_of_a_post_is_told(text: str, lang: str) -> None:
    assert language_of(text, search_text(text)) == lang


@pytest.mark.parametrize(
    "text",
    [
        "",
        "👍👍",
        "https://explorer.invalid/tx/0xabcdef12",
        "0x" + "ab" * 32,
        "████████",
        "12345 !!!",
        "@somebody #tag $TKN",
    ],
)
def test_nothing_is_told_where_nothing_can_be_told(text: str) -> None:
    assert language_of(text, search_text(text)) == "und"


@pytest.mark.parametrize(
    ("told", "lang"),
    [
        ("zh-Hans", "zh-Hans"),
        ("AR", "AR"),
        ("", None),
        (None, None),
        ("English (US)", None),
        ("zh\x01", None),
        ("中文", None),
    ],
)
def test_what_a_platform_calls_a_language_counts_if_it_names_one(told: str | None, lang: str | None) -> None:
    assert told_language(told) == lang


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_searched_text_is_nfkc_in_lower_case(text: str) -> None:
    assert search_text(text) == unicodedata.normalize("NFKC", text).lower()


@given(st.text(alphabet="，！？：（）；～…。ＡｂÄé중가ｶﾞ没到账 ok", max_size=40))
def test_the_quick_way_to_searched_text_is_the_same(text: str) -> None:
    assert search_text(text) == unicodedata.normalize("NFKC", text).lower()


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("闪退 iPhone 15 Pro Max iOS 17.2", "zh-Hans"),
        ("报错 INSUFFICIENT_OUTPUT_AMOUNT", "zh-Hans"),
        ("登录不了 login failed error 403", "zh-Hans"),
        ("报错: Transaction simulation failed: Error processing Instruction 2", "zh-Hans"),
        ("エラー login failed please help", "ja"),
        ("오류 transaction failed please", "ko"),
        ("The button says 确认 but nothing happens", "en"),
        ("USDT 提现 failed, please check my wallet", "en"),
        ("您好，已经收到您的问题。\nHello, we have received your question and will look into it.", "en"),
    ],
)
def test_who_begins_in_his_script_and_quotes_the_app_speaks_that_language(text: str, lang: str) -> None:
    assert language_of(text, search_text(text)) == lang
