"""What a post means: its kind, its terms with their evidence, and what sinks."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from aggregator.inquiry import Understanding
from aggregator.triage import judge, search_text, understand
from aggregator.triage.terms import REACH_MOST, RULES


@dataclass(frozen=True)
class Secret:
    kind: str
    start: int
    end: int
    published: bool


def read(
    text: str,
    *,
    public: bool = False,
    followers: int | None = None,
    secrets: tuple[Secret, ...] = (),
    staff: bool = False,
    points: dict[str, float] | None = None,
) -> Understanding:
    (grade,) = judge([search_text(text)])
    return understand(
        text,
        grade,
        lang=None,
        public=public,
        followers=followers,
        secrets=secrets,
        staff=staff,
        points=points or {},
    )


def priority(understood: Understanding) -> float:
    return sum(reason.points for reason in understood.reasons)


def points_of(understood: Understanding, rule: str) -> float:
    return sum(reason.points for reason in understood.reasons if reason.rule == rule)


def rules(understood: Understanding) -> list[str]:
    return [reason.rule for reason in understood.reasons]


def evidence(text: str, rule: str) -> str:
    reason = next(reason for reason in read(text).reasons if reason.rule == rule)
    return text[reason.start : reason.end]


@pytest.mark.parametrize(
    "text",
    [
        "昨天提的 300 USDT 到现在没到账，客服一直没人回，什么垃圾平台！",
        "My deposit never arrived, nobody answers my tickets and this is a fucking joke!",
    ],
)
def test_missing_money_said_angrily_in_public_without_an_answer_is_p1_at_once(text: str) -> None:
    assert priority(read(text, public=True)) >= 60


@pytest.mark.parametrize(
    "text", ["怎么添加自定义代币？", "How do I add a custom network?", "請問如何更換頭像？", "支持硬件钱包吗"]
)
def test_a_how_to_is_a_question_in_p3(text: str) -> None:
    understood = read(text, public=True, followers=50)
    assert understood.kind == "question"
    assert 0 < priority(understood) < 30


@pytest.mark.parametrize(
    "text",
    [
        "已经到账了，谢谢",
        "终于到账了！多谢客服",
        "solved, thanks!",
        "It works now, thank you",
        "好的谢谢",
        "ok thx",
        "已解決，謝謝",
    ],
)
def test_solved_and_thanks_wakes_nobody(text: str) -> None:
    understood = read(text, public=True)
    assert understood.thanks
    assert understood.kind == "praise"
    assert rules(understood) == ["thanks"]


@pytest.mark.parametrize(
    "text",
    [
        "谢谢，但是还没到账",
        "Thanks, but my withdrawal still hasn't arrived",
        "到账了一半，另一半没到账",
        "Thanks for nothing, my funds are gone",
    ],
)
def test_thanks_beside_an_open_trouble_is_no_thanks(text: str) -> None:
    understood = read(text)
    assert not understood.thanks
    assert understood.kind == "complaint"
    assert priority(understood) >= 25


@pytest.mark.parametrize(
    "text",
    [
        "What happens if someone steals my seed phrase?",
        "What if my wallet gets hacked?",
        "如果手机丢了，币会不会被盗？",
        "怎么防止被盗",
    ],
)
def test_a_danger_only_thought_of_is_a_question(text: str) -> None:
    understood = read(text, public=True)
    assert understood.kind == "question"
    assert priority(understood) < 50  # below those to whom it happened


@pytest.mark.parametrize(
    "text",
    [
        "BTC to the moon!!",
        "今天大盘暴跌，抄底了",
        "Free airdrop, claim your tokens now: join our channel",
        "快讯：某交易所被盗，损失 3000 万美元",
    ],
)
def test_price_talk_advertising_and_news_sink(text: str) -> None:
    understood = read(text, public=True, followers=100_000)
    assert understood.kind == "noise"
    assert priority(understood) < 0


def test_bait_is_flagged_and_sinks() -> None:
    understood = read(
        "Lost your coins? A recovery expert helped me recover everything, contact him on Telegram", public=True
    )
    assert rules(understood) == ["bait"]
    assert understood.kind == "noise"


def test_an_exposed_key_stands_above_everything() -> None:
    text = "请帮我看看 ████████████ 这个钱包打不开"
    understood = read(text, secrets=(Secret("mnemonic", 6, 18, published=False),))
    assert understood.kind == "emergency"
    assert priority(understood) >= 100
    assert (understood.reasons[0].rule, understood.reasons[0].start, understood.reasons[0].end) == (
        "key_exposed",
        6,
        18,
    )


def test_a_key_given_away_as_bait_is_flagged_and_stands_behind_other_leaks() -> None:
    text = "I have USDT in my wallet but no TRX for gas ████████████ keep half"
    understood = read(text, secrets=(Secret("mnemonic", 44, 56, published=False),))
    assert rules(understood) == ["key_exposed", "bait"]
    assert 60 <= priority(understood) < 80


def test_a_published_test_vector_raises_no_alarm() -> None:
    understood = read("例子 ████████████ ", secrets=(Secret("mnemonic", 3, 15, published=True),))
    assert "key_exposed" not in rules(understood)
    assert priority(understood) < 30


def test_only_the_strongest_stake_counts() -> None:
    understood = read("提现没到账，账号被封，app闪退，手续费太高")
    assert [rule for rule in rules(understood) if rule not in ("anger", "urgency")] == ["funds_missing"]


def test_asking_again_or_threatening_is_a_complaint_even_if_nothing_else_is_said() -> None:
    assert read("三天了，没人回").kind == "complaint"
    assert "unanswered_said" in rules(read("三天了，没人回"))
    assert "threat_legal" in rules(read("等我的律师函吧"))


def test_praise_beside_a_grievance_is_not_praise() -> None:
    assert read("没人回复我，真棒，点赞").kind == "complaint"


def test_a_loss_in_the_market_is_price_talk() -> None:
    assert read("大盘暴跌，我的币没了一半").kind == "noise"


def test_a_warning_to_others_is_noise() -> None:
    assert read("提醒：官方不会索要助记词，切勿告诉任何人", public=True).kind == "noise"


def test_two_clues_near_each_other_mean_what_no_phrase_says() -> None:
    assert evidence("我昨晚存的那些币今天早上起来全都不在了", "funds_missing") == "币今天早上起来全都不在了"


def test_the_evidence_is_where_the_words_stand_in_the_text() -> None:
    assert evidence("等了好久……ＡＰＰ 打不开，币没到账！", "funds_missing") == "币没到"


def test_a_letter_that_grows_in_search_does_not_move_the_evidence() -> None:
    assert evidence("İİ… e\u0301 swap failed", "defect") == "swap failed"


def test_staff_is_read_but_never_scored() -> None:
    understood = read("您的提现没到账，请提供 0x" + "ab" * 32, staff=True)
    assert (understood.kind, understood.reasons, understood.thanks) == ("other", (), False)
    assert understood.entities == {"tx": ["0x" + "ab" * 32]}


def test_configured_points_add_to_a_stake_or_take_from_it() -> None:
    text = "提现没到账，三天了"
    more = RULES["funds_missing"] + 15
    assert priority(read(text, points={"funds_missing": more})) == pytest.approx(priority(read(text)) + 15, abs=0.11)


def test_configured_points_replace_those_of_any_other_rule() -> None:
    assert points_of(read("提现没到账，没人回", points={"unanswered_said": 3.0}), "unanswered_said") == 3.0


def test_reach_grows_with_followers_and_is_capped() -> None:
    reach = [read("提现没到账", public=True, followers=n).reasons[-1].points for n in (10, 1000, 10**9)]
    assert reach == [3.0, 9.0, REACH_MOST]


def test_reach_does_not_count_in_private() -> None:
    assert rules(read("提现没到账", followers=10**6)) == ["funds_missing"]


def test_a_threat_weighs_beside_the_stake() -> None:
    found = rules(read("提现没到账，再不处理我就找律师，还要打12315，找记者"))
    assert found[:4] == ["funds_missing", "threat_legal", "threat_regulator", "threat_media"]


def test_a_post_without_any_sign_is_worth_next_to_nothing() -> None:
    understood = read("🤔", public=True)
    assert (understood.lang, understood.kind) == ("und", "other")
    assert priority(understood) < 15


def test_every_reason_is_a_known_rule() -> None:
    texts = ("急！！！没人回，大家都打不开，我要报警", "I was scammed, going public, call my lawyer", "ok", "gm")
    assert {rule for text in texts for rule in rules(read(text, public=True, followers=9))} <= RULES.keys()


@pytest.mark.parametrize(
    "unit",
    [
        "我的币没了",
        "my money is gone ",
        "a",
        "error   ",
        "a.",
        "1",
        "0x",
        "词给",
        "\u0301",
        "not not_",
        "https://",
        "，。",
    ],
)
def test_a_huge_post_is_read_in_no_time(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    read(text[:1000])
    began = time.process_time()
    read(text)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "text",
    ["第三次问了，我的提现还没到账", "已经是第4次反馈了，币还没到账", "For the third time, my deposit is missing"],
)
def test_a_third_question_counts_as_one_though_we_see_no_other(text: str) -> None:
    assert points_of(read(text), "unanswered_said") == 25


@pytest.mark.parametrize(
    "text", ["没人回", "再发一次，还是没人处理", "第二次联系你们了", "still no reply", "I've written twice already"]
)
def test_who_asks_again_in_words_complains(text: str) -> None:
    understood = read(text)
    assert understood.kind == "complaint"
    assert points_of(understood, "unanswered_said") == RULES["unanswered_said"]
    assert not understood.thanks


@pytest.mark.parametrize("text", ["第三次转账失败了", "This is the third time the app crashes"])
def test_a_third_fault_is_no_third_question(text: str) -> None:
    assert "unanswered_said" not in rules(read(text))
