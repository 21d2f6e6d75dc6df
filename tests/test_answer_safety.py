"""What may not be sent is not sent, and what may be sent is not held up."""

from __future__ import annotations

import random
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.answering.linking import Official, official
from aggregator.answering.safety import Context, Objection, blocks, check
from aggregator.answering.strangers import same_id
from aggregator.triage.followup import LANGUAGES, follow_up
from aggregator.triage.impersonation import OurNames
from aggregator.triage.slots import SLOTS
from tests.secret_maker import words
from tests.sets import Draft, answers, promises

NAMES = OurNames(
    ["Lantern Wallet", "灯笼钱包", "lanternwallet", "lantern_support"], ["Lin Yue"], ["lanternwallet.example"]
)
OURS = official(NAMES, ["etherscan.io", "apps.apple.com", "t.me/lanternwallet"], ["lanternwallet", "@lantern_support"])
NOW = datetime(2026, 3, 3, 2, tzinfo=UTC)
ONE_NAME = {"perhaps_asks_secret": "asks_secret", "lookalike": "link", "handle": "link"}
MEASURED = {"asks_secret", "asks_given", "promises_money", "promises_time", "link", "variable", "language"}
TX = "0x" + "3f9a" * 16
OTHER_TX = "0x" + "77be" * 16
ADDRESS = "0x52908400098527886E0F7030069857D2E4169EE7"


def found(draft: Draft) -> set[str]:
    """The rules that speak against it, as the set names them."""
    context = Context(OURS, lang=draft.customer, given=dict.fromkeys(draft.given, ()), now=NOW)
    return {ONE_NAME.get(one.rule, one.rule) for one in check(draft.text, context)} & MEASURED


def rules(text: str, **known: Any) -> list[str]:
    return [one.rule for one in check(text, Context(OURS, now=NOW, **known))]


def test_the_set_on_which_the_rules_were_made_is_told_apart() -> None:
    drafts = answers("answers.tsv")
    assert len(drafts) >= 120
    assert {draft.id: found(draft) for draft in drafts if found(draft) != draft.rules} == {}


def test_the_set_apart_is_told_apart() -> None:
    """As first seen: 38 of 40 objections were found, and 2 raised without need (docs/answering.md)."""
    counted: Counter[str] = Counter()
    for draft in answers("answers_apart.tsv"):
        counted["right"] += len(found(draft) & draft.rules)
        counted["needless"] += len(found(draft) - draft.rules)
        counted["missed"] += len(draft.rules - found(draft))
    assert counted["right"] >= 38
    assert counted["needless"] + counted["missed"] <= 4


def test_answers_written_by_another_hand_are_never_refused() -> None:
    context: dict[str, Any] = {"given": dict.fromkeys(SLOTS, ()), "official": OURS, "now": NOW}
    refused = [
        (answer.text, one)
        for answer in promises()
        for one in check(answer.text, Context(lang={"zh": "zh-Hans"}.get(answer.lang, answer.lang), **context))
        if one.level == "refuse"
    ]
    assert refused == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_our_own_text_that_asks_for_what_is_missing_is_fine_in_each_language(lang: str) -> None:
    text, _ = follow_up(lang, SLOTS)
    assert check(text, Context(OURS, lang=lang, now=NOW)) == []


@pytest.mark.parametrize(
    "text",
    [
        "請提供您的私鑰",
        "请提供：\n- 钱包地址\n- 私钥",
        "Please send us:\n1. your address\n2. your private key",
        "PLEASE SEND US YOUR PRIVATE KEY",
        "Please send us your private\u00a0key",
        "请把助记词发给我们，千万不要告诉别人",
        "Don't worry, just share your seed phrase with us.",
        "お手数ですが、秘密鍵を送っていただけませんか",
        "비밀번호를 알려 주세요",
        "Hãy cho chúng tôi biết mật khẩu của bạn",
        "Сообщите нам код из СМС",
        "Indícanos tu clave privada, por favor",
    ],
)
def test_a_request_for_a_secret_is_refused_in_whatever_form(text: str) -> None:
    assert "asks_secret" in rules(text)


@pytest.mark.parametrize(
    "text",
    [
        "秘密鍵を送ってはいけません。誰にも教えないでください",
        "비밀번호는 절대 알려 주지 마세요",
        "Đừng cho ai biết mật khẩu của bạn",
        "Никогда не сообщайте код из СМС",
        "Nunca compartas tu clave privada",
        "Please send us the error code and the QR code.",
        "We will send you a verification code by mail.",
        "系统会把验证码发送到您的手机",
        "Please tell us when you changed your password.",
        "请告诉我们忘记密码页面的提示",
    ],
)
def test_what_only_speaks_of_a_secret_is_not(text: str) -> None:
    assert not {"asks_secret", "perhaps_asks_secret"} & set(rules(text))


def test_a_secret_in_the_text_is_refused_and_never_repeated() -> None:
    secret = " ".join(words(random.Random(7)))
    one = check(f"Your words were: {secret}", Context(OURS))[0]
    assert (one.level, one.rule, one.words) == ("refuse", "secret", "")
    assert one.start == len("Your words were: ")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("see https://lanternwallet.example@evil.top/x", "link"),
        ("see https://LANTERNWALLET.EXAMPLE/faq", None),
        ("see https://help.lanternwallet.example:8443/faq?x=1", None),
        ("see https://lanternwallet.example.evil.top", "lookalike"),
        ("see l\u0430nternwallet.example", "lookalike"),
        ("see lanternwallet.vip", "lookalike"),
        ("请看lanternwallet.example的公告", None),
        ("https://t.me/lanternwallet/12", None),
        ("https://t.me/lanternwallet_help", "lookalike"),
        ("https://t.me/joinchat_x", "link"),
        ("Done.So please try again, e.g. tomorrow. Version 2.1.3 of app.js", None),
        ("never open lantern-help[.]top", None),
        ("write to care@lanternwallet.example", None),
        ("write to care@mail.test", "link"),
        ("javascript:alert(1)", None),
        ("see https://[evil.top", "link"),
        ("see https://evil.top\\@lanternwallet.example/help", "lookalike"),
        ("see https://evil.top\\.lanternwallet.example/help", "lookalike"),
        ("see https://evil.top?@lanternwallet.example/help", "link"),
    ],
)
def test_links_lead_to_official_domains_only(text: str, rule: str | None) -> None:
    kinds = [one for one in rules(text) if one in ("link", "lookalike", "handle")]
    assert kinds[:1] == ([rule] if rule else [])


def test_where_no_domain_is_official_a_link_is_only_warned_of() -> None:
    nobody = Official(OurNames([]))
    assert [one.level for one in check("see https://status.test/now", Context(nobody))] == ["warn"]


def test_the_span_is_that_of_the_written_text_also_where_its_searched_form_is_longer() -> None:
    text = "……请把您的私钥发给我们…"
    (one,) = check(text, Context(OURS, lang="zh-Hans"))
    assert text[one.start : one.end] == "私钥"


def test_ids_of_others_are_named_those_of_this_conversation_are_not() -> None:
    text = f"Your transfer {TX} went to {ADDRESS}; {OTHER_TX} is another one."
    known = frozenset(map(same_id, (TX, ADDRESS)))
    objections = check(text, Context(OURS, lang="en", known=known, owned=frozenset({same_id(OTHER_TX)})))
    assert [(one.level, one.rule, one.words) for one in objections] == [("warn", "others_id", OTHER_TX)]
    assert [one.rule for one in check(text, Context(OURS, lang="en", known=known))] == ["unknown_id"]


def test_a_contact_of_the_customer_is_theirs_but_not_for_everybody_to_read() -> None:
    text = "We have written to fox@mail.test"
    known = frozenset({"fox@mail.test"})
    assert rules(text, lang="en", known=known) == []
    assert rules(text, lang="en", known=known, public=True) == ["public_private"]


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("Hello Marlow, it is done.", True),
        ("Hello Mira, it is done.", False),
        ("陈小溪您好", True),
        ("@marlow_77 it is done", True),
        ("The mist will lift; marlow is a word here", False),
        ("The swap is done, Support will call", False),
        ("Marlowe is no Marl", False),
        ("这个时间比较拥堵", False),
        ("时间您好，已处理", True),
    ],
)
def test_another_customers_name_is_warned_of(text: str, warned: bool) -> None:
    others = ("Marlow", "陈小溪", "marlow_77", "Mist", "Swap", "Support", "Mira", "时间")
    assert ("others_name" in rules(text, names=("Mira Fox",), others=others)) == warned


@pytest.mark.parametrize(
    ("text", "customer", "warned"),
    [
        ("您好，已经收到您的问题", "en", True),
        ("您好，已经收到您的问题", "zh-Hant", False),
        ("您好，已经收到您的问题。\nHello, we have received your question and will look into it.", "en", False),
        ("已收到您的反馈，正在处理。We have received it and we are on it.", "zh-Hans", False),
        ("OK", "zh-Hans", False),
        (f"{TX}", "zh-Hans", False),
        ("We have received it.", "und", False),
        ("Hemos recibido tu mensaje y lo estamos revisando.", "en", True),
    ],
)
def test_another_language_is_warned_of(text: str, customer: str, warned: bool) -> None:
    assert ("language" in rules(text, lang=customer, known=frozenset({same_id(TX)}))) == warned


def test_gaps_of_snippets_are_refused_whatever_the_brackets() -> None:
    assert rules("Hello {name}, ｛tx｝ and {?}") == ["variable"] * 3
    assert rules('{"a": 1} { and }') == []


def test_warnings_are_confirmed_one_by_one_and_refusals_never() -> None:
    money, link = Objection("warn", "promises_money", 0, 3, "refund"), Objection("refuse", "link", 0, 3, "evil.top")
    assert blocks([money], [])
    assert not blocks([money], ["promises_money:refund"])
    assert blocks([money], ["promises_money:other"])
    assert blocks([link], ["link:evil.top"])
    assert not blocks([], [])


@pytest.mark.parametrize("piece", ["x", "\n", "a.", "1-", "@a", "{a", "请把私钥发给我们", "http://"])
def test_a_very_long_text_is_read_in_a_time_that_grows_with_its_length_only(piece: str) -> None:
    def took(length: int) -> float:
        """The least of three, for other threads of this process count as well."""
        text, least = (piece * length)[:length], float("inf")
        for _ in range(3):
            began = time.process_time()
            check(text, Context(OURS, lang="en", now=NOW))
            least = min(least, time.process_time() - began)
        return least

    took(1000)
    assert took(24_000) < 40 * max(took(3_000), 0.005)  # eight times as long; a square would be sixty-four


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=300)
    | st.lists(
        st.sampled_from(["，。请把私钥发给我们", "your private key", "send us", "{x}", "@", ".", "\n", "…", "ﬁ", "🦊"])
    ).map(" ".join)
)
def test_any_text_is_read_and_every_span_lies_in_it(text: str) -> None:
    for one in check(text, Context(OURS, lang="en", now=NOW)):
        assert one.start is None or one.end is None or 0 <= one.start <= one.end <= len(text)
