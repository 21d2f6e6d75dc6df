"""A forgotten password is no outage, and a phrase entered to restore a wallet was given to nobody."""

from __future__ import annotations

import pytest

from aggregator.incidents.extract import fields_of
from aggregator.inquiry import Understanding
from aggregator.triage import judge, search_text, understand


def read(text: str) -> Understanding:
    (grade,) = judge([search_text(text)])
    return understand(text, grade, lang=None, public=True, followers=None, secrets=[], staff=False, points={})


def rules(text: str) -> set[str]:
    return {reason.rule for reason in read(text).reasons}


def priority(text: str) -> float:
    return sum(reason.points for reason in read(text).reasons)


@pytest.mark.parametrize(
    "text",
    [
        "密码忘了登不上去",
        "我把助记词抄错了，导入后进不去钱包",
        "换手机以后钱包进不去了，密码不记得",
        "換手機後錢包進不去了，密碼不記得",
        "忘记密码了，登不进去",
        "i forgot my password and can't get in",
        "new phone, can't get into my wallet",
        "I wrote my seed phrase down wrong and now I can't get into my wallet",
        "olvidé mi contraseña y no puedo entrar",
    ],
)
def test_who_cannot_get_in_by_his_own_mistake_tells_of_no_outage(text: str) -> None:
    assert rules(text).isdisjoint({"app_down", "key_given", "reads_emergency"})
    assert read(text).kind != "emergency"
    assert priority(text) < 75


@pytest.mark.parametrize(
    "text",
    [
        "I entered my seed phrase in your app and it says invalid",
        "I typed my 12 words correctly but it says invalid phrase",
        "我输入了助记词，提示助记词错误",
        "我輸入了助記詞，提示助記詞錯誤",
        "助记词输进去显示无效",
        "I wrote to you about my seed phrase not working",
        "助记词传家宝一样藏着呢",
    ],
)
def test_who_enters_his_phrase_in_our_app_has_given_it_to_nobody(text: str) -> None:
    assert "key_given" not in rules(text)
    assert read(text).kind != "emergency"


@pytest.mark.parametrize(
    "text",
    [
        "我在一个网站输入了助记词，提示助记词错误",
        "客服让我重新导入，我把助记词填进去了，显示无效",
        "I entered my seed phrase on a website and it says invalid",
        "he sent me a link, I typed my 12 words, it says invalid phrase",
        "手机丢了，助记词存在相册",
    ],
)
def test_who_enters_it_elsewhere_has_given_it_away(text: str) -> None:
    assert "key_given" in rules(text)
    assert priority(text) >= 80


@pytest.mark.parametrize(
    "text",
    [
        "所有人都登不上，不止忘密码的",
        "大家都打不开，换了手机也不行",
        "网站打不开了，换了手机后也打不开",
        "Nobody can log in, the app is down for everyone",
    ],
)
def test_an_outage_is_one_though_somebody_speaks_of_passwords(text: str) -> None:
    assert "app_down" in rules(text)


@pytest.mark.parametrize(
    "text", ["密码忘了登不上去", "I forgot my password and can't log in", "換手機後登不進去，密碼不記得"]
)
def test_ones_own_mistake_is_reported_to_no_incident(text: str) -> None:
    assert fields_of(search_text(text), text, {"kind": "complaint"}) is None


@pytest.mark.parametrize("text", ["密码是对的，就是登不上去", "I can't log in, the login page only shows an error"])
def test_a_login_that_fails_is(text: str) -> None:
    fields = fields_of(search_text(text), text, {"kind": "complaint"})
    assert fields is not None
    assert fields.feature == "login"
