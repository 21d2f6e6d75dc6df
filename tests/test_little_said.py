"""A bare call for help and a bare price are no emergencies; who laughs over lost coins has lost them."""

from __future__ import annotations

import pytest

from aggregator.config import Bands
from aggregator.inquiry import Understanding
from aggregator.triage import judge, search_text, understand
from aggregator.triage.little import too_little


def read(text: str) -> Understanding:
    (grade,) = judge([search_text(text)])
    return understand(text, grade, lang=None, public=True, followers=None, secrets=[], staff=False, points={})


def priority(text: str) -> float:
    return sum(reason.points for reason in read(text).reasons)


@pytest.mark.parametrize("text", ["help 帮帮我", "help", "帮帮我", "救命", "求助！！", "SOS please help", "客服救命啊"])
def test_a_call_for_help_that_says_no_more_is_seen_soon_and_is_no_emergency(text: str) -> None:
    assert read(text).kind != "emergency"
    assert Bands().P2 <= priority(text) < Bands().P1


@pytest.mark.parametrize(
    "text", ["救命，钱没了", "help, my wallet was drained", "帮帮我，钱包被盗了", "我不想活了，救命"]
)
def test_a_call_that_says_what_for_is_as_grave_as_that(text: str) -> None:
    assert priority(text) >= Bands().P1


@pytest.mark.parametrize(
    "text", ["BTC just hit 95000", "eth now 3000", "BTC 涨到 95000 了", "BTC 现在 95000 刀", "以太坊终于突破 4000 了！"]
)
def test_a_price_that_says_no_more_is_no_trouble(text: str) -> None:
    assert priority(text) < Bands().P2


@pytest.mark.parametrize("text", ["btc 3 天没到", "ETH 到不了账", "BTC 到 95000 我的提现没到", "help me withdraw 300"])
def test_what_says_more_is_not_too_little(text: str) -> None:
    assert too_little(search_text(text)) is None


@pytest.mark.parametrize(
    "text", ["u 全没了哈哈哈哈", "haha all my coins are gone from the wallet, great", "钱包余额变成0了，笑死"]
)
def test_bitter_laughter_hides_no_loss(text: str) -> None:
    understood = read(text)
    assert understood.kind in ("complaint", "emergency")
    assert priority(text) >= Bands().P2


@pytest.mark.parametrize(
    "text",
    ["吃饭的钱都没了哈哈哈", "剁手了，钱全没了哈哈哈", "又梭哈了 u 全没了 哈哈", "跌没了哈哈，钱包空了", "哈哈"],
)
def test_who_laughs_over_what_he_spent_or_the_market_took_is_heard_as_such(text: str) -> None:
    assert read(text).kind == "noise"
