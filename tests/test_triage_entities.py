"""What a post names: transactions, addresses, links, amounts, versions, error codes."""

from __future__ import annotations

import time

import pytest

from aggregator.triage.entities import find_entities
from aggregator.triage.language import search_text

EVM_TX = "0x" + "9f3c" * 16
EVM_ADDRESS = "0x" + "Ab12" * 10
BARE_TX = "4e1d" * 16
SOLANA_TX = ("3xKv9QmZ7pLd2RtWc8Yh" * 5)[:88]
TRON = "T" + "Xb7KpQ2mRz9" * 3
BITCOIN = "bc1q" + "0xr5v7e8" * 4 + "pzkd2m"
SOLANA = ("7YkPz3QvLm9RtXc2Wd" * 3)[:44]


def find(text: str) -> dict[str, list[str]]:
    return find_entities(text, search_text(text))


@pytest.mark.parametrize(
    ("text", "transaction"),
    [
        (f"交易{EVM_TX}没到账", EVM_TX),
        (f"see https://explorer.invalid/tx/{EVM_TX}", EVM_TX),
        (f"btc hash {BARE_TX}", BARE_TX),
        (f"哈希：{SOLANA_TX}，请查", SOLANA_TX),
    ],
)
def test_a_transaction_id_is_found(text: str, transaction: str) -> None:
    assert find(text)["tx"] == [transaction]


@pytest.mark.parametrize("address", [EVM_ADDRESS, TRON, BITCOIN, SOLANA])
def test_an_address_is_found(address: str) -> None:
    assert find(f"我的地址是{address}，没收到")["address"] == [address]


def test_bare_hex_without_context_is_no_transaction() -> None:
    assert "tx" not in find(f"what is {BARE_TX}")


def test_a_transaction_id_is_no_address() -> None:
    assert "address" not in find(f"tx {EVM_TX} and {SOLANA_TX}")


def test_a_shortened_id_is_none() -> None:
    assert find("0x9f3c…8a21 还没到") == {}


@pytest.mark.parametrize(
    ("text", "link"),
    [
        (
            "打开https://wallet-check.example.com/verify?id=1，就被要求输入",
            "https://wallet-check.example.com/verify?id=1",
        ),
        ("is claim-bonus.xyz yours?", "claim-bonus.xyz"),
        ("See (http://forum.example.org/t/9).", "http://forum.example.org/t/9"),
    ],
)
def test_a_link_is_found_without_the_sentence_around_it(text: str, link: str) -> None:
    assert find(text)["link"] == [link]


@pytest.mark.parametrize(
    "link",
    [
        "https://wallet-check.example?@harbor.test/a",
        "https://wallet-check.example#@harbor.test/a",
        "https://wallet-check.example\\@harbor.test/a",
        "https://harbor.test@x@wallet-check.example/a",
    ],
)
def test_a_domain_is_that_to_which_a_browser_goes(link: str) -> None:
    assert find(f"is {link} yours")["domain"] == ["wallet-check.example"]


@pytest.mark.parametrize("text", ["a.b", "http://localhost here", "me@mail.example.com wrote", "e.g. this"])
def test_what_has_no_registrable_host_is_no_link(text: str) -> None:
    assert "link" not in find(text)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("提现500USDT没到", "500 USDT"),
        ("sent 0.25 eth", "0.25 ETH"),
        ("少了1,200 u", "1200 USDT"),
        ("200个U不见了", "200 USDT"),
        ("1.2万u没了", "12000 USDT"),
        ("2k usdt", "2000 USDT"),
        ("三千U被转走", "3000 USDT"),
        ("转了一万五千块", "15000 CNY"),
        ("半个大饼", "0.5 BTC"),
        ("$2,000 drained", "2000 USD"),
        ("USDT: 300", "300 USDT"),
        ("thirty pounds gone", "30 GBP"),
        ("3000 долларов", "3000 USD"),
    ],
)
def test_an_amount_with_its_token_is_found(text: str, amount: str) -> None:
    assert find(text)["amount"] == [amount]


def test_a_number_alone_is_no_amount() -> None:
    assert "amount" not in find("等了3天，打了5次电话，5 users, ETH 2.0, 2 phones")


@pytest.mark.parametrize(
    "text",
    [
        "BTC 现在 95000 刀",
        "大饼涨到 95000 美元了",
        "涨了 300 U",
        "eth 跌到 3000u 了",
        "幣價 3000u",
        "BTC just hit $95,000",
        "btc at 95000 usd, wow",
    ],
)
def test_what_a_coin_costs_is_no_amount(text: str) -> None:
    assert "amount" not in find(text)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("BTC 涨到 95000 刀了，我的 300 U 还没到", "300 USDT"),
        ("余额跌到 12 U", "12 USDT"),
        ("涨到 300u，我的 300u 没到账", "300 USDT"),
        ("down 300 usdt from my wallet", "300 USDT"),
        ("btc 到账少了 20 U", "20 USDT"),
    ],
)
def test_a_sum_of_ones_own_beside_a_price_is_one(text: str, amount: str) -> None:
    assert find(text)["amount"] == [amount]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("someone messaged me on telegram asking for my phrase", None),
        ("a whatsapp group of yours", None),
        ("my telegram: harbourfish", ["harbourfish"]),
        ("telegram harbour_king", ["harbour_king"]),
    ],
)
def test_how_a_sentence_goes_on_behind_a_messenger_is_no_name(text: str, names: list[str] | None) -> None:
    entities = find(text)
    assert (entities.get("telegram") or entities.get("whatsapp")) == names


def test_a_version_is_found() -> None:
    assert find("更新到v2.14.3之后闪退, before 2.13.0 ok")["version"] == ["2.14.3", "2.13.0"]


def test_an_ip_address_is_no_version() -> None:
    assert "version" not in find("server 10.0.0.12 does not answer")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("错误码 4001", "4001"),
        ("Error: -32603 on swap", "-32603"),
        ("error code ERR_TIMEOUT_9", "ERR_TIMEOUT_9"),
        ("报错E-1032", "E-1032"),
    ],
)
def test_an_error_code_is_found(text: str, code: str) -> None:
    assert find(text)["error"] == [code]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("trc20转的", "chain", "tron"),
        ("发到了币安智能链", "chain", "bsc"),
        ("https://www.tronscan.org/#/address/x", "chain", "tron"),
        ("optimistic.etherscan.io/tx/1", "chain", "optimism"),
        ("我的姨太和大饼", "token", "ETH"),
        ("我的U呢", "token", "USDT"),
        ("华为 Mate 40 Pro", "device", "huawei mate 40 pro"),
        ("果子14", "device", "iphone 14"),
        ("三星S22打不开", "device", "samsung s22"),
        ("iOS 17.2.1", "os", "ios 17.2.1"),
        ("win11", "os", "windows 11"),
        ("版本 4.8", "version", "4.8"),
        ("订单号：AB-20260314", "order", "AB-20260314"),
        ("ticket #55210", "order", "55210"),
        ("加微信 harbour_help88", "wechat", "harbour_help88"),
        ("qq 283746555", "qq", "283746555"),
        ("联系 @harbour_helper", "handle", "harbour_helper"),
        ("my mail: reed@post.example.", "email", "reed@post.example"),
        ("手机 13912345678", "phone", "13912345678"),
        ("UID 88231907", "account", "88231907"),
        ("go to https://claim.harbour.github.io/x", "domain", "harbour.github.io"),
        ("see shop.harbour.com.hk", "domain", "harbour.com.hk"),
        ("昨晚八点", "time", "昨晚"),
        ("卡了23 个小时", "time", "23 个小时"),
        ("从九点等到十二点", "time", "十二点"),
        ("等了十五分钟没到", "time", "十五分钟"),
    ],
)
def test_it_names(text: str, kind: str, value: str) -> None:
    assert value in find(text).get(kind, [])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a method to solve this", "token"),
        ("eth-bonus.example", "token"),
        ("you and u", "token"),
        ("en vivo con todos", "device"),
        ("1.5 meters", "version"),
        ("trc-20", "error"),
        ("it was an open and shut case", "order"),
        ("吃了个苹果派", "os"),
        ("24/7 service", "time"),
        ("10.0.0.12", "time"),
    ],
)
def test_it_does_not_name(text: str, kind: str) -> None:
    assert kind not in find(text)


def test_a_huge_post_is_read_in_time() -> None:
    text = "a@" * 20_000 + "1.2.3" * 20_000 + "三千" * 20_000 + "0x" * 20_000
    started = time.process_time()
    find(text)
    assert time.process_time() - started < 5


def test_each_value_stands_once_in_the_order_of_the_text() -> None:
    assert find(f"{TRON} {EVM_ADDRESS} {TRON}")["address"] == [TRON, EVM_ADDRESS]


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("苹果15pm 闪退", "time", None),
        ("5G网络下打不开", "time", None),
        ("lúc 5g chiều nay tôi rút tiền", "time", ["5g", "chiều nay"]),
        ("retiro de 1.234,56 USDT", "amount", ["1234.56 USDT"]),
        ("nạp 1.000.000 VND chưa vào", "amount", ["1000000 VND"]),
        ("报错 INSUFFICIENT_OUTPUT_AMOUNT", "error", ["INSUFFICIENT_OUTPUT_AMOUNT"]),
        ("提示网络错误500", "error", ["500"]),
        ("报错10次了", "error", None),
        ("验证码错误 123456", "error", None),
        ("荣耀Magic6", "device", ["honor magic6"]),
        ("三星S24U", "device", ["samsung s24u"]),
        ("vivo X100s", "device", ["vivo x100"]),
        ("OPPO Find X7", "device", ["oppo find x7"]),
    ],
)
def test_what_a_short_word_beside_a_number_means(text: str, kind: str, values: list[str] | None) -> None:
    assert find(text).get(kind) == values
