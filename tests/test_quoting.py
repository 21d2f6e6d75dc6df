"""What another customer was told is offered only without anything that was theirs."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.answering.quoting import Other, quotable

TX = "0x" + "3f9a" * 16
EVM = "0x52908400098527886E0F7030069857D2E4169EE7"
TRON = "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8"
BTC = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
MIRA = Other(
    names=("Mira Fox", "mira_fox"),
    bystanders=("Marlow",),
    staff=("Lin Yue", "amy"),
    said=f"My transfer of 1,250 USDT ({TX}) to {EVM} is stuck, account mira_fox77, mail mira@mail.test, 0.35 ETH too",
    code="K4TQ2MA",
)
XIAOHU = Other(
    names=("小狐狸", "xiaohuli88"),
    staff=("林月",),
    said="我的uid是 88120394，转了3000U到TRON，手机13800138000",
    code="Q2WMN7T",
)


@pytest.mark.parametrize(
    ("answer", "quoted"),
    [
        (
            "Hello Mira, your transfer is confirmed on the chain.",
            "Hello {name}, your transfer is confirmed on the chain.",
        ),
        ("Hi Mira Fox! Please update the app and try again.", "Hi {name}! Please update the app and try again."),
        ("@mira_fox please update the app and restart it", "{name} please update the app and restart it"),
        ("Dear customer, please update the app and try again.", "Dear customer, please update the app and try again."),
        ("Hello there, please update the app and try again.", "Hello there, please update the app and try again."),
        (f"The transaction {TX} has succeeded, please refresh.", "The transaction {tx} has succeeded, please refresh."),
        (f"It went to {EVM}, which is an exchange: ask them.", "It went to {?}, which is an exchange: ask them."),
        (f"{TRON} is a contract, so please use the token list.", "{?} is a contract, so please use the token list."),
        (f"We see it at {BTC} with two confirmations.", "We see it at {?} with two confirmations."),
        ("It went to 0x5290...9EE7, which is an exchange.", "It went to {?}, which is an exchange."),
        ("It went to TJRab…pRTv8, which is an exchange.", "It went to {?}, which is an exchange."),
        ("mira.eth points to an old address, change it there.", "{?} points to an old address, change it there."),
        ("We have written to mira@mail.test, look there please.", "We have written to {?}, look there please."),
        ("Your case K4TQ2MA is with our engineers now.", "Your case {code} is with our engineers now."),
        ("See #ABCDEFG for the same question, it is solved.", "See {code} for the same question, it is solved."),
        ("The 1250 USDT have arrived, please refresh the list.", "The {?} have arrived, please refresh the list."),
        ("The $1,250.00 have arrived, please refresh the list.", "The {?} have arrived, please refresh the list."),
        ("The fee on this network is about 1 USDT, not more.", "The fee on this network is about 1 USDT, not more."),
        ("It takes 24 hours, and 19 confirmations, as a rule.", "It takes 24 hours, and 19 confirmations, as a rule."),
        ("Your account mira_fox77 is not locked any more.", "Your account {?} is not locked any more."),
        ("We called +49 170 555 0199 and nobody answered us.", "We called {?} and nobody answered us."),
        ("Order 20391177 was cancelled, you can buy again.", "Order {?} was cancelled, you can buy again."),
        ("As Marlow said above, switch the network first.", "As {?} said above, switch the network first."),
        (
            "Switch the network in Settings, then refresh.\nBest regards\nLin Yue",
            "Switch the network in Settings, then refresh.\nBest regards\n{me}",
        ),
        ("It is shown at https://explorer.test/tx/82736455 now.", "It is shown at {?} now."),
        (
            "The steps are at https://help.test/reset, please read.",
            "The steps are at https://help.test/reset, please read.",
        ),
    ],
)
def test_an_english_answer_loses_what_was_the_customers(answer: str, quoted: str) -> None:
    assert quotable(answer, MIRA) == quoted


@pytest.mark.parametrize(
    ("answer", "quoted"),
    [
        ("小狐狸您好，请升级到最新版本再试。", "{name}您好，请升级到最新版本再试。"),
        ("您好，请升级到最新版本再试。", "您好，请升级到最新版本再试。"),
        ("亲，您好，请升级到最新版本再试。", "亲，您好，请升级到最新版本再试。"),
        ("张先生您好，请升级到最新版本再试。", "{name}您好，请升级到最新版本再试。"),
        ("尊敬的王女士，您好，请升级到最新版本。", "尊敬的{name}，您好，请升级到最新版本。"),
        ("尊敬的用户您好，请升级到最新版本再试。", "尊敬的用户您好，请升级到最新版本再试。"),
        ("李小明，您好，这个功能在设置里打开。", "{name}，您好，这个功能在设置里打开。"),
        ("您的 UID 88120394 已经解锁，请重新登录。", "您的 UID {?} 已经解锁，请重新登录。"),
        ("已拨打13800138000，无人接听，请保持畅通。", "已拨打{?}，无人接听，请保持畅通。"),
        ("您转的3000U已经到账，请下拉刷新余额。", "您转的{?}已经到账，请下拉刷新余额。"),
        ("工单 Q2WMN7T 已转给技术，请等待结果。", "工单 {code} 已转给技术，请等待结果。"),
        (f"交易{TX}已经成功，请下拉刷新。", "交易{tx}已经成功，请下拉刷新。"),
        (f"{TRON}是合约地址，请勿转入代币。", "{?}是合约地址，请勿转入代币。"),
        ("请在设置里切换网络。\n林月", "请在设置里切换网络。\n{me}"),
        ("微信号 xiaohuli_88 不是我们的账号，请拉黑。", "微信号 {?} 不是我们的账号，请拉黑。"),
    ],
)
def test_a_chinese_answer_loses_what_was_the_customers(answer: str, quoted: str) -> None:
    assert quotable(answer, XIAOHU) == quoted


def test_an_answer_of_which_nothing_much_is_left_is_not_offered() -> None:
    assert quotable(f"{TX} {EVM}", MIRA) is None
    assert quotable("ok", MIRA) is None
    assert quotable("", MIRA) is None


def test_a_name_that_cannot_be_taken_out_keeps_the_answer_back() -> None:
    assert quotable("Please look at miRa_FoXes there, and refresh the list.", Other(names=("mira_fox",))) is None


THEIRS = st.sampled_from(
    [
        TX,
        EVM,
        TRON,
        BTC,
        "mira@mail.test",
        "+86 138 0013 8000",
        "13800138000",
        "mira_fox77",
        "mira_fox",
        "Mira Fox",
        "小狐狸",
        "88120394",
    ]
)
BETWEEN = st.sampled_from(
    [
        " ",
        ",",
        "，",
        "。",
        "(",
        ")",
        "：",
        " your transfer ",
        "您的转账",
        " is confirmed, please refresh ",
        "请下拉刷新",
        "\n",
        "https://x.test/",
        "@",
        "#",
        "-",
        "/",
    ]
)


@settings(max_examples=600, deadline=None)
@given(st.lists(st.tuples(BETWEEN, THEIRS, BETWEEN), min_size=1, max_size=4))
def test_nothing_of_theirs_is_ever_left(pieces: list[tuple[str, str, str]]) -> None:
    theirs = Other(
        names=("Mira Fox", "mira_fox", "小狐狸"),
        said=f"{TX} {EVM} {TRON} {BTC} mail mira@mail.test phone 13800138000 my account is mira_fox77, uid 88120394",
    )
    answer = "Please switch the network and refresh. " + "".join("".join(piece) for piece in pieces)
    quoted = quotable(answer, theirs) or ""
    left = [
        one for one in (TX, EVM, TRON, BTC, "mira", "小狐狸", "88120394", "1380013") if one.lower() in quoted.lower()
    ]
    assert left == []
    assert not re.search(r"\d{5}", quoted)
