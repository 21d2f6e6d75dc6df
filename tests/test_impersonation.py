"""Names near ours, ordinary names, and how people are led out of sight."""

from __future__ import annotations

import pickle
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.triage.confusables import differ, plain, skeleton
from aggregator.triage.impersonation import OurNames
from aggregator.triage.language import search_text
from aggregator.triage.posing import WORDS, posing_words, read
from connectors.errors import ConfigError
from tests.sets import names, rows

OURS = OurNames(["Lantern Wallet", "灯笼钱包", "lantern_wallet"], ["Mei Lin", "林悦", "Bo"], ["lantern.example"])
THEIRS = OurNames(names.BRAND)


def poses(name: str, handle: str | None = None) -> bool:
    return OURS.judge(name, handle) is not None


@pytest.mark.parametrize("seed", [1, 2])
def test_nearly_all_of_a_set_that_poses_is_found(seed: int) -> None:
    found = [THEIRS.judge(each.name, each.handle) is not None for each in names.look_alikes(seed)]
    assert sum(found) / len(found) >= 0.95


@pytest.mark.parametrize("seed", [1, 2])
def test_ordinary_names_are_left_alone(seed: int) -> None:
    suspected = [each.name for each in names.ordinary(seed) if THEIRS.judge(each.name, each.handle)]
    assert len(suspected) <= 5


@pytest.mark.parametrize(
    "name",
    [
        "Lantern Wallet", "lаntеrn wаllеt", "L4ntern W4llet", "Lanternn Wallett", "Lantrn Wallet",
        "Lantern\u200bWallet",
        "ʟᴀɴᴛᴇʀɴ ᴡᴀʟʟᴇᴛ", "🅻🅰🅽🆃🅴🆁🅽 Wallet", "𝐋𝐚𝐧𝐭𝐞𝐫𝐧 𝐒𝐮𝐩𝐩𝐨𝐫𝐭", "Lantem Wallet", "L a n t e r n Wallet",
        "Lantern Support 24h",
        "Lantern HelpDesk", "lantern mod", "LanternSupp0rt", "officiallantern", "Lantern ✅",
        "support | Lantern - Anna",
        "灯笼钱包", "燈籠錢包", "灯笼钱包官方", "灯笼钱包客服07", "灯笼 官方小助手", "灯龙钱包",
        "在线客服-灯笼", "灯笼客服小王", "Mei Lin", "Mei Lin (support)", "客服林悦",
    ],
)  # fmt: skip
def test_a_name_that_comes_near_ours_poses(name: str) -> None:
    assert poses(name)


@pytest.mark.parametrize(
    "name",
    [
        "lanternfish", "Lantern fan", "Jack Lantern", "red lantern", "Lanterne Rouge",
        "Lantern Wallet user since 2021",
        "scammed by Lantern Wallet", "灯笼钱包老用户", "灯笼骗子还我钱", "大红灯笼", "灯笼鱼", "等灯笼钱包客服",
        "supportive_sam", "adminton",
        "Mei", "Bo", "Bo Support Fund", "wallet", "crypto_king", "管理学硕士", "客服去死", "", "007", "🐸",
        "Alan Turner", "Landern",
    ],
)  # fmt: skip
def test_a_name_of_somebody_else_does_not(name: str) -> None:
    assert not poses(name)


@pytest.mark.parametrize(
    "name", ["Customer Support", "Tech Support", "Support Team", "wallet support team", "官方客服"]
)
def test_a_name_of_roles_alone_is_a_helpdesks(name: str) -> None:
    assert OURS.judge(name) == ("role", 0.6)


@pytest.mark.parametrize(
    "name", ["Support", "Agent 47", "My Service", "In Service", "Agent Smith", "Mod 2", "Support Lin"]
)
def test_one_role_beside_a_name_or_a_number_is_none(name: str) -> None:
    assert not poses(name)


def test_a_handle_counts_as_a_name_does() -> None:
    assert poses("annie", "lantern_wallet_help")
    assert not poses("annie", "support77")


@pytest.mark.parametrize("role", sorted(word for word in posing_words().ends if posing_words().ends[word] >= 2))
def test_every_role_beside_our_name_poses(role: str) -> None:
    assert poses(f"灯笼钱包{role}" if not role.isascii() else f"Lantern Wallet {role}")


@given(seed=st.integers(0, 10**6))
def test_the_plain_form_is_the_same_whatever_hidden_signs_and_marks_are_put_in(seed: int) -> None:
    rng = random.Random(seed)
    letters = "".join(
        letter + rng.choice(("", "", "\u200b", "\u0301", "\u2060", "\ufe0f")) for letter in "Lantern Wallet"
    )
    assert plain(letters) == "lantern wallet"
    assert poses(letters)


@given(text=st.text(max_size=80), handle=st.none() | st.text(max_size=40))
def test_any_name_can_be_judged_and_is_judged_alike_again(text: str, handle: str | None) -> None:
    assert OURS.judge(text, handle) == OURS.judge(text, handle) == pickle.loads(pickle.dumps(OURS)).judge(text, handle)


@given(left=st.text("abcde", max_size=8), right=st.text("abcde", max_size=8))
def test_how_far_two_words_differ_is_the_same_from_both_sides(left: str, right: str) -> None:
    assert [differ(left, right, most) for most in range(4)] == [differ(right, left, most) for most in range(4)]
    assert differ(left, right, 0) == (left != right)


def test_digits_inside_are_letters_and_at_the_end_are_numbers() -> None:
    assert skeleton("l4ntern2024") == skeleton("lantern")


# -- lures ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("lure", [*posing_words().listed["lures"]])
def test_every_lure_is_found_in_a_sentence(lure: str) -> None:
    sentence = f"您好，{lure}。" if not lure.isascii() else f"hello, {lure}."
    assert OURS.lures(search_text(sentence), ())


@pytest.mark.parametrize("messenger", [*posing_words().listed["messengers"]])
def test_every_messenger_lures_with_a_number_behind_it(messenger: str) -> None:
    assert OURS.lures(search_text(f"{messenger}：desk_4471 找人工"), ())
    assert not OURS.lures(search_text(f"{messenger} 也闪退"), ())


@pytest.mark.parametrize(
    "text",
    [
        "never dm me, it is a scam", "有人让我加微信，是骗子吧", "不要加我微信", "did you write to support?",
        "升级到 4.8.3 就好了",
        "restart the app and try again", "nobody contacted me so far", "contact @lantern_wallet in the app",
    ],
)  # fmt: skip
def test_who_warns_tells_or_helps_does_not_lure(text: str) -> None:
    assert not OURS.lures(search_text(text), ())


@pytest.mark.parametrize(
    ("link", "lures"),
    [
        ("https://t.me/desk_4471", True),
        ("wa.me/15550100", True),
        ("https://lantern-wallet.top/x", True),
        ("https://wallet-sync.example", True),
        ("https://help.lantern.example/ticket", False),
        ("https://news.example/lantern", False),
        ("https://lantern-wallet.top?@lantern.example/x", True),
        ("https://lantern-wallet.top\\@lantern.example/x", True),
        ("https://lantern.example@x@lantern-wallet.top/x", True),
    ],
)
def test_a_link_lures_by_its_host(link: str, lures: bool) -> None:
    assert OURS.lures("please look", [link]) is lures


def test_most_bait_in_chinese_and_english_lures_and_ordinary_talk_does_not() -> None:
    fill = {"handle": "@desk_4471", "link": "https://node-sync.example/1", "wx": "lan4471", "qq": "100200300"}
    talk = [
        (row["kind"], search_text(row["text"].format(**fill, phone="+1 555 0112")), "{link}" in row["text"])
        for row in rows("group_talk.tsv")
        if row["lang"] in ("zh", "en")
    ]
    found = [(kind, THEIRS.lures(text, [fill["link"]] if linked else [])) for kind, text, linked in talk]
    bait = [lured for kind, lured in found if kind == "bait"]
    assert sum(bait) / len(bait) >= 0.9
    assert [kind for kind, lured in found if lured and kind != "bait"] == []


def test_a_mistake_in_the_word_list_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "posing.yaml"
    broken.write_text(WORDS.read_text(encoding="utf-8").replace("24x7, global", "2024, global"), encoding="utf-8")
    with pytest.raises(ConfigError, match="fillers: 2024 is no text; put it in quotes"):
        read(broken)
    broken.write_text("roles: {}", encoding="utf-8")
    with pytest.raises(ConfigError, match="should hold exactly roles"):
        read(broken)
