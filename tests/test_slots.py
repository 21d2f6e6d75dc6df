"""What counts as given, what an inquiry needs, and how it is asked for."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given as each
from hypothesis import settings
from hypothesis import strategies as st

from aggregator.triage import judge
from aggregator.triage.entities import look
from aggregator.triage.followup import FILE, LANGUAGES, NEEDS, follow_up, load, needed
from aggregator.triage.language import search_text
from aggregator.triage.slots import SLOTS, given
from aggregator.triage.terms import STAKES
from connectors.errors import ConfigError
from tests.sets import slots

TX = "0x" + "9f3c" * 16
ADDRESS = "0x" + "ab12" * 10


def told(text: str, *, pictures: bool = False) -> set[str]:
    searchable = search_text(text)
    return set(given(searchable, look(text, searchable), pictures=pictures))


@pytest.mark.parametrize(
    ("text", "slot"),
    [
        (ADDRESS, "account"),
        (f"哈希是 {ADDRESS}", "account"),
        ("用户ID：88231907", "account"),
        ("my username is reedlark88", "account"),
        ("harbourlight.eth", "account"),
        ("mail reaches me at reed.lark@post.example", "account"),
        ("邮箱reed.lark@post.example", "account"),
        ("ID：88231907", "account"),
        (f"我从币安提到 {ADDRESS} 没到账", "account"),
        (f"withdrew from Binance to {ADDRESS}, not arrived", "account"),
        (f"收款地址{ADDRESS} 是我的钱包", "account"),
        (f"https://etherscan.io/address/{ADDRESS}", "account"),
        ("转账一直没到账", "problem"),
        ("报 -32603", "problem"),
        ("余额变成 0 了", "problem"),
        ("クラッシュします", "problem"),
        ("출금이 안 돼요", "problem"),
        ("tiền rút chưa về ví", "problem"),
        ("перевод так и не пришёл", "problem"),
        ("la app se cierra sola", "problem"),
        (TX, "tx"),
        (f"https://tronscan.org/#/transaction/{'4e1d' * 16}", "tx"),
        ("果子14", "device"),
        ("华为 Mate 60", "device"),
        ("安卓14", "version"),
        ("app v5.12", "version"),
        ("2.0.8好好的，升到2.1.0就不行", "version"),
        ("昨晚八点多", "time"),
        ("three hours", "time"),
        ("週三", "time"),
        ("3月12日", "time"),
        ("hace 3 días", "time"),
        ("见图", "screenshot"),
        ("[图片]", "screenshot"),
        ("Screenshots are attached.", "screenshot"),
    ],
)
def test_it_is_given(text: str, slot: str) -> None:
    assert slot in told(text)


@pytest.mark.parametrize(
    ("text", "slot"),
    [
        (f"骗子地址 {ADDRESS}", "account"),
        (f"I sent it to {ADDRESS}", "account"),
        (f"is {ADDRESS} a contract", "account"),
        (f"这个地址 {ADDRESS} 是诈骗地址，骗了我8000U", "account"),
        ("苹果15pm 闪退", "time"),
        ("5G网络下打不开", "time"),
        ("行情图一直转圈，刷不出来", "screenshot"),
        ("订单号 202603141122", "account"),
        (f"从币安转给朋友 {ADDRESS} 没到", "account"),
        (f"转到币安 {ADDRESS} 没到账", "account"),
        (f"sent from my wallet to Binance, to {ADDRESS}", "account"),
        ("订单ID：88231907", "account"),
        ("my account is locked", "account"),
        ("写信给 support@harbour.example 没人理", "account"),
        ("用不了了，出问题了", "problem"),
        ("it does not work", "problem"),
        ("怎么换头像？", "problem"),
        ("如果转账失败会怎样", "problem"),
        ("I can't take a screenshot", "problem"),
        ("哈希 0x9f3c…8a21", "tx"),
        ("没有哈希", "tx"),
        ("what is the hash, where do I find it", "tx"),
        ("普通安卓机", "device"),
        ("最新版", "version"),
        ("2.0.8 was fine", "version"),
        ("server 10.0.0.12", "version"),
        ("从更新以后", "time"),
        ("for ages", "time"),
        ("客服说24小时内处理", "time"),
        ("每天晚上都看你们的群", "time"),
        ("要发截图吗", "screenshot"),
        ("截不了图", "screenshot"),
        ("昨天发过截图了", "screenshot"),
        ("I can send a screenshot later", "screenshot"),
    ],
)
def test_it_is_not_given(text: str, slot: str) -> None:
    assert slot not in told(text)


def test_an_attached_picture_is_a_screenshot_even_without_a_word() -> None:
    assert told("", pictures=True) == {"screenshot"}


def test_both_addresses_of_a_transfer_give_the_writers_own() -> None:
    assert "account" in told(f"从我的地址 {ADDRESS} 转到 0x{'cd34' * 10}")


@settings(deadline=None)  # the first call loads the lists
@each(st.text(max_size=200), st.booleans())
def test_any_text_is_read_and_gives_known_slots_once_in_their_order(text: str, pictures: bool) -> None:
    searchable = search_text(text)
    found = given(searchable, look(text, searchable), pictures=pictures)
    assert list(found) == [slot for slot in SLOTS if slot in found]


@pytest.mark.parametrize("name", ["slots.tsv", "slots_later.tsv"])
def test_the_slots_of_the_labelled_sets_are_told(name: str) -> None:
    counts: Counter[str] = Counter()
    messages = slots(name)
    grades = judge([search_text(message.text) for message in messages])
    for message, grade in zip(messages, grades, strict=True):
        found = set(given(grade.searched, look(message.text, grade.searched), troubled=grade.troubled))
        counts.update(right=len(found & message.given), all=len(found), wanted=len(message.given))
    assert 2 * counts["right"] / (counts["all"] + counts["wanted"]) >= 0.95


def test_a_fault_in_words_of_no_list_is_told_if_the_model_reads_one_and_enough_is_said() -> None:
    said = "my gallery turned into grey boxes with strange corners"

    def problem(text: str, *, troubled: bool = True) -> bool:
        return "problem" in given(search_text(text), look(text, search_text(text)), troubled=troubled)

    assert problem(said)
    assert not problem(said, troubled=False)
    assert not problem(f"Galaxy A54, android 14, app 5.12.3, yesterday evening, {TX}")
    assert not problem("Samsung Galaxy A54 on android since yesterday evening and this morning")


def test_who_asks_is_in_no_trouble_however_grave_the_words() -> None:
    fault, question = judge(
        [search_text("转账一直没到账,等了两天了"), search_text("what is the fee for a withdrawal?")]
    )
    assert fault.troubled
    assert not question.troubled


@pytest.mark.parametrize(
    ("text", "whose"),
    [
        ("sent eth to bakerjohn77.eth yesterday and he swears nothing arrived", "theirs"),
        ("my wallet is harbourlight.eth", "ours"),
        ("harbourlight.eth", "ours"),
        ("user id 88231907: sent to bob.eth, twice to bob.eth", "ours"),
    ],
)
def test_a_name_on_a_chain_is_an_account_only_if_it_is_the_writers(text: str, whose: str) -> None:
    assert ("account" in told(text)) == (whose == "ours")


def test_letters_and_digits_of_a_version_are_no_hour() -> None:
    assert "time" not in told("Windows 10 22H2")
    assert "time" in told("a las 22h")


@pytest.mark.parametrize(
    ("rules", "slots_needed"),
    [
        ({"question"}, ()),
        ({"key_exposed", "funds_missing"}, ()),
        ({"funds_missing", "anger"}, ("problem", "account", "tx", "time")),
        ({"app_down"}, ("problem", "time", "device", "version")),
        ({"threat_media"}, ("problem", "account")),
    ],
)
def test_what_is_at_stake_says_what_is_needed(rules: set[str], slots_needed: tuple[str, ...]) -> None:
    assert needed("complaint", rules) == slots_needed


def test_noise_and_questions_without_a_stake_need_nothing() -> None:
    assert [needed(kind, set()) for kind in ("question", "noise", "praise", "other")] == [()] * 4


def test_every_stake_says_what_it_needs() -> None:
    assert NEEDS.keys() == {"key_exposed", *STAKES}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_text_asks_only_for_what_is_missing_in_one_short_message(lang: str) -> None:
    texts = load(FILE)[lang].items
    asked, spoken = follow_up(lang, ("tx", "time"))
    assert spoken == lang
    assert texts["tx"] in asked
    assert texts["time"] in asked
    assert not any(text in asked for slot, text in texts.items() if slot not in ("tx", "time"))
    assert "\n" not in asked
    assert len(asked) < 320


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_text_asks_for_a_secret_and_each_says_once_that_we_never_do(lang: str) -> None:
    wording = load(FILE)[lang]
    secret = re.compile(
        r"私钥|私鑰|密码|密碼|private key|password|秘密鍵|パスワード|개인 키|비밀번호|khóa riêng|mật khẩu"
        r"|приватн|пароль|clave|contraseña"
    )
    asked = wording.text.partition("{items}")
    assert not any(secret.search(text) for text in (*wording.items.values(), asked[0]))
    assert secret.search(asked[2])


@pytest.mark.parametrize(("lang", "spoken"), [("zh", "zh-Hans"), ("fr", "en"), ("und", "en"), ("ja", "ja")])
def test_other_languages_are_asked_in_english(lang: str, spoken: str) -> None:
    assert follow_up(lang, ("tx",))[1] == spoken


def test_nothing_missing_asks_nothing() -> None:
    assert follow_up("en", ()) == ("", "en")


def test_a_mistake_in_the_texts_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "followups.yaml"
    written = FILE.read_text(encoding="utf-8")
    broken = (
        written.replace("请补充{items}。", "请补充。").replace("    tx: 完整的交易雜湊\n", "").replace("\nja:", "\njp:")
    )
    file.write_text(broken, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file)
    lines = str(caught.value).splitlines()
    assert any(re.match(r"followups\.yaml:\d+:\d+ zh-Hans\.text: should hold", line) for line in lines)
    assert any(re.match(r"followups\.yaml:\d+:\d+ zh-Hant\.items\.tx: a text is missing", line) for line in lines)
    assert any(re.match(r"followups\.yaml:\d+:\d+ jp: unknown language", line) for line in lines)


@pytest.mark.parametrize(
    ("text", "slot", "is_given"),
    [
        ("提现没到账，快一点处理", "time", False),
        ("一点消息都没有，转账失败", "time", False),
        ("昨天下午一点转的账没到", "time", True),
        ("早上一点多转的，没到账", "time", True),
        ("等了一个多月还没到账", "time", True),
        ("两个多星期没到账", "time", True),
        ("Приложение вылетает с 10.03.2026", "time", True),
        ("Приложение вылетает с 10.03.2026", "version", False),
        ("App crashes since 10.3.26", "version", True),
        ("手机号13812345678，账号登不上了", "account", True),
        ("骗子的手机号是13812345678", "account", False),
    ],
)
def test_what_looks_like_a_time_a_version_or_an_account_and_what_is_one(text: str, slot: str, is_given: bool) -> None:
    assert (slot in told(text)) == is_given
