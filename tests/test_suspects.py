"""Impostors in the groups: who is marked, whom they approach, and what a colleague says of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from aggregator.identity import Id, as_uuid
from aggregator.people.suspects import judge
from aggregator.replay import replay
from aggregator.store.contacts import approachers, impersonators
from aggregator.store.reading import rows_by_id
from tests.people_stage import Stage, account, stage
from tests.sets import names

LOST = "my withdrawal has not arrived, three days now"
BRAND = {"names": ["Lantern Wallet", "灯笼钱包"], "domains": ["lantern.example"], "handles": ["lantern_wallet"]}
FAKE = "Lantern Wallet Support"
TEAM = [{"name": "Mei Lin", "handles": {"telegram": ["77"]}}]


@pytest.fixture
def desk() -> Iterator[Stage]:
    with stage(brand=BRAND, team=TEAM, official={"telegram": ["1"]}) as it:
        yield it


def talk(desk: Stage, who: str, text: str, **more: Any) -> str:
    """A post in the group's one thread, a minute later."""
    desk.clock.pass_(minutes=1)
    return desk.says("telegram", who, text, thread="group", **more)


def priority(desk: Stage, name: str) -> float:
    return float(desk.feed()[name]["priority"])


def worth(desk: Stage, name: str) -> float:
    """What being approached adds to an inquiry of these points (docs/scoring.md)."""
    return 8 * min(1.0, (110 - float(desk.feed()[name]["points"])) / 50)


def says(desk: Stage, who: str, *, suspect: bool) -> set[Id]:
    settings = desk.ingest.settings
    return desk.db.submit(
        lambda con: judge(con, settings, account("telegram", who), "amy", desk.clock(), suspect=suspect)
    ).result()


def suspects(desk: Stage) -> list[tuple[str, str]]:
    with desk.db.reading() as cursor:
        return [(each.name, each.reason) for each in impersonators(cursor)]


def test_an_impostors_post_begins_no_inquiry_and_is_listed(desk: Stage) -> None:
    talk(desk, "9", "hello, how can we help?", name=FAKE)
    assert desk.feed() == {}
    assert suspects(desk) == [(FAKE, "name")]
    assert desk.db.query("SELECT facts ->> '$.poses[0]' FROM post") == [("name",)]


def test_a_key_that_an_impostor_gives_away_is_not_passed_over(desk: Stage) -> None:
    phrase = "slab fog cruel pottery mixture ensure thought hotel rug coffee velvet olympic"
    talk(desk, "9", f"recovery phrase: {phrase}", name=FAKE)
    assert desk.feed()[FAKE]["secret"]


def test_our_own_accounts_and_colleagues_are_never_suspected(desk: Stage) -> None:
    asked = talk(desk, "fox", LOST)
    talk(desk, "1", "Please open a ticket in the app", name="Lantern Wallet Support", reply_to=asked)
    talk(desk, "77", "I have written to you, check your inbox", name="Mei Lin", reply_to=asked)
    assert suspects(desk) == []
    assert desk.db.query("FROM approach") == []


def test_who_writes_to_us_alone_deceives_nobody(desk: Stage) -> None:
    desk.says("email", "form@lantern.example", LOST, name=FAKE, public=False)
    assert list(desk.feed()) == [FAKE]
    assert suspects(desk) == []


# -- who was approached --------------------------------------------------------------------------


def test_who_is_answered_by_an_impostor_is_raised_and_told(desk: Stage) -> None:
    asked = talk(desk, "fox", LOST)
    talk(desk, "owl", "gm everyone")
    desk.clock.pass_(minutes=1)
    before = priority(desk, "fox")
    record = desk.record("9", "please wait, I am looking into it", name=FAKE, thread="group", reply_to=asked)
    changed = desk.page("telegram", record)
    assert priority(desk, "fox") == pytest.approx(before + worth(desk, "fox"))
    inquiry = desk.feed()["fox"]["inquiry_id"].bytes
    assert changed == {inquiry}
    with desk.db.reading() as cursor:
        (row,) = rows_by_id(cursor, [inquiry], moment=desk.clock())
        assert [(each.name, each.reason) for each in approachers(cursor, inquiry)] == [(FAKE, "name")]
    assert {term.rule: term.points for term in row.terms}["approached"] == pytest.approx(worth(desk, "fox"))
    assert sum(term.points for term in row.terms) == pytest.approx(row.priority)


def test_one_who_is_named_or_asked_just_before_is_approached(desk: Stage) -> None:
    talk(desk, "fox", LOST, handle="fox_77")
    talk(desk, "owl", "swap fails with an error, please help")
    talk(desk, "9", "@fox_77 dm me", name=FAKE, mentions=["fox_77"])
    talk(desk, "8", "hello dear", name="灯笼钱包官方")
    found = desk.db.query("SELECT p.name FROM approach AS a JOIN inquiry AS i USING (inquiry_id) "
                          "JOIN account AS p ON p.account_id = i.person_id ORDER BY approached_at")  # fmt: skip
    assert found == [("fox",), ("owl",)]


def test_a_lure_that_answers_somebody_who_waits_is_an_approach(desk: Stage) -> None:
    asked = talk(desk, "fox", LOST)
    talk(desk, "kk81", "I had this, DM me, my friend recovered it", reply_to=asked)
    assert list(desk.feed()) == ["fox"]
    assert suspects(desk) == [("kk81", "lure")]


def test_on_one_page_the_question_and_the_lure_are_seen_together(desk: Stage) -> None:
    asked = desk.record("fox", LOST, thread="group")
    lure = desk.record("kk81", "加我微信 lan4471 处理", thread="group", reply_to=asked["native_id"])
    desk.page("telegram", asked, lure)
    assert list(desk.feed()) == ["fox"]
    assert desk.feed()["fox"]["approaches"] == 1


def test_victims_who_look_for_one_another_are_no_impostors(desk: Stage) -> None:
    asked = talk(desk, "fox", LOST)
    talk(desk, "lin", "我的提现也没到账，客服在吗？")
    talk(desk, "lin", "一样的遭遇，加我微信 lan4471 一起维权", reply_to=asked)
    assert suspects(desk) == []
    assert set(desk.feed()) == {"fox", "lin"}


@pytest.mark.parametrize(
    "text",
    [
        "我也没到账，客服私信我一下",
        "客服联系我！！我的1200U没到",
        "Same here, my 500 USDT is missing. Admin please DM me",
        "please reach out to me, my account is locked",
        "my withdrawal is stuck too, contact me at jane@x.example",
        "我扫码转账失败了，钱扣了",
        "点击链接没反应，提现失败",
        "我进群之后有人说帮我处理，然后我的币没了",
        "拉你进的那个群是骗子群，我被骗了3000U",
        "I clicked this link https://claim-lantern.example and my coins are gone",
        "回我私信啊客服 资产被冻结了",
        "我的钱包被盗了，麻烦客服加我微信 abc12345 详细说",
        "your support link click here to verify does not work, login failed",
    ],
)
def test_who_has_a_trouble_of_ones_own_leads_nobody_away(desk: Stage, text: str) -> None:
    talk(desk, "fox", LOST)
    talk(desk, "owl", text)
    assert (suspects(desk), set(desk.feed())) == ([], {"fox", "owl"})
    assert desk.feed()["owl"]["kind"] in ("complaint", "emergency")


@pytest.mark.parametrize(
    "text",
    [
        "我之前也这样，后来联系了QQ 88112233 的客服解决的",
        "I had the same, my 500 USDT was missing, contact @fix_4471 on telegram, he recovered it",
        "你私信这个老师 @abc_1234 他帮我解决了",
        "亲，您的提现失败了，私信我",
        "提现失败、没到账的请联系我微信 fix88888，专业处理",
        "Sorry that your withdrawal failed, DM me",
    ],
)
def test_who_tells_a_trouble_and_who_put_it_right_leads_away(desk: Stage, text: str) -> None:
    talk(desk, "fox", LOST)
    talk(desk, "kk81", text)
    assert (suspects(desk), set(desk.feed())) == ([("kk81", "lure")], {"fox"})


def test_who_leaves_a_number_in_a_thread_of_ones_own_is_a_customer(desk: Stage) -> None:
    desk.says("telegram", "fox", f"{LOST}. contact me on whatsapp +1 555 0100", thread="t1")
    assert list(desk.feed()) == ["fox"]
    assert suspects(desk) == []


def test_an_exchange_of_the_set_shows_who_was_approached() -> None:
    right = [_approached(exchange) == exchange.approached for exchange in names.exchanges(1, 60)]
    assert sum(right) / len(right) >= 0.95


def _approached(exchange: names.Exchange) -> str | None:
    official = {names.SPACE: [each.id for each in names.OFFICIAL]}
    with stage((names.SPACE,), brand={"names": list(names.BRAND)}, official=official) as desk:
        ids: list[str] = []
        for said in exchange.posts:
            mentions = [word[1:] for word in said.text.split() if word.startswith("@")]
            reply_to = ids[said.reply_to] if said.reply_to is not None else None
            who = said.account
            more = {"name": who.name, "handle": who.handle, "mentions": mentions, "reply_to": reply_to}
            ids.append(talk(desk, who.id, said.text, **more))
        found = desk.db.query(
            "SELECT p.native_id FROM approach AS a JOIN inquiry AS i USING (inquiry_id) "
            "JOIN account AS p ON p.account_id = i.person_id"
        )
    return found[0][0] if len(found) == 1 else None


# -- what a colleague says -----------------------------------------------------------------------


def test_who_is_said_to_be_no_impostor_raises_nobody_and_is_heard(desk: Stage) -> None:
    asked = talk(desk, "fox", LOST)
    talk(desk, "9", "I wait, too: my deposit is missing", name=FAKE, reply_to=asked)
    before = priority(desk, "fox")
    changed = says(desk, "9", suspect=False)
    assert priority(desk, "fox") == pytest.approx(before - worth(desk, "fox"))
    assert changed == {row["inquiry_id"].bytes for row in desk.feed().values()}
    assert suspects(desk) == []
    talk(desk, "9", "hello? my deposit", name=FAKE, reply_to=asked)
    assert desk.feed()[FAKE]["posts"] == 2
    assert suspects(desk) == []


def test_an_impostor_after_all_raises_again(desk: Stage) -> None:
    asked = talk(desk, "fox", LOST)
    talk(desk, "9", "dm me", name=FAKE, reply_to=asked)
    before = priority(desk, "fox")
    says(desk, "9", suspect=False)
    says(desk, "9", suspect=True)
    assert priority(desk, "fox") == before
    assert desk.db.query("SELECT suspect_by FROM account WHERE suspect") == [("amy",)]


def test_an_account_that_nobody_suspected_cannot_be_cleared(desk: Stage) -> None:
    talk(desk, "fox", LOST)
    with pytest.raises(KeyError):
        says(desk, "fox", suspect=False)


def test_what_a_lurer_wrote_begins_an_inquiry_once_cleared(desk: Stage) -> None:
    asked = talk(desk, "fox", LOST)
    talk(desk, "kk81", "mine is lost as well, please dm me, what did you do?", reply_to=asked)
    says(desk, "kk81", suspect=False)
    row = desk.feed()["kk81"]
    assert (row["channel"], row["posts"], row["state"]) == ("telegram", 1, "new")
    ((inquiry,),) = desk.db.query(
        "SELECT inquiry_id FROM post WHERE account_id = ?", [as_uuid(account("telegram", "kk81"))]
    )
    assert inquiry == row["inquiry_id"]


async def test_reading_again_changes_nothing(desk: Stage) -> None:
    asked = talk(desk, "fox", LOST)
    talk(desk, "9", "dm me", name=FAKE, reply_to=asked)
    talk(desk, "kk81", "加我微信 lan4471 处理", reply_to=asked)
    told = "SELECT * FROM post, account, approach, inquiry_open ORDER BY ALL"
    before = desk.db.query(told)
    result = await replay(desk.ingest, {"telegram": desk.origin("telegram")})
    assert (result.changed_posts, result.changed_inquiries) == (0, 0)
    assert desk.db.query(told) == before
