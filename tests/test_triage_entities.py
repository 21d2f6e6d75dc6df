"""What a post names: transactions, addresses, links, amounts, versions, error codes."""

from __future__ import annotations

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


@pytest.mark.parametrize("text", ["a.b", "http://localhost here", "me@mail.example.com wrote", "e.g. this"])
def test_what_has_no_registrable_host_is_no_link(text: str) -> None:
    assert "link" not in find(text)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("提现500USDT没到", "500 USDT"),
        ("sent 0.25 eth", "0.25 ETH"),
        ("少了1,200 u", "1,200 U"),
        ("200个U不见了", "200 U"),
    ],
)
def test_an_amount_with_its_token_is_found(text: str, amount: str) -> None:
    assert find(text)["amount"] == [amount]


def test_a_number_alone_is_no_amount() -> None:
    assert find("等了3天，打了5次电话，5 users") == {}


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


def test_each_value_stands_once_in_the_order_of_the_text() -> None:
    assert find(f"{TRON} {EVM_ADDRESS} {TRON}")["address"] == [TRON, EVM_ADDRESS]
