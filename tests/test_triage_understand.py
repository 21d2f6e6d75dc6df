"""What a post means: its kind, its terms with their evidence, and what sinks."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from aggregator.config import Bands
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
    assert priority(understood) >= 40


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
    assert priority(understood) < 45  # half of what those have to whom it happened


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
    assert priority(understood) < 25


def test_only_the_strongest_stake_counts() -> None:
    understood = read("提现没到账，账号被封，app闪退，手续费太高")
    assert rules(understood) == ["funds_missing"]


def test_asking_again_or_threatening_is_a_complaint_even_if_nothing_else_is_said() -> None:
    assert read("三天了，没人回").kind == "complaint"
    assert rules(read("三天了，没人回"))[:2] == ["reads_serious", "unanswered_said"]
    assert rules(read("等我的律师函吧"))[:2] == ["reads_serious", "threat_legal"]


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
    assert found == ["funds_missing", "threat_legal", "threat_regulator", "threat_media", "anger"]


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
    assert points_of(read(text), "unanswered_said") == 30


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
    assert rules(read(text)) == ["defect"]


@pytest.mark.parametrize(
    "text",
    [
        "my wallet was drained last night",
        "all my funds are gone, somebody stole my USDT",
        "I gave my seed phrase to a fake support",
        "I typed my 12 words into a site that looked like yours",
        "我的钱包被偷了",
        "我的钱包被盗了，USDT 全没了",
        "我的幣被盜了，怎麼辦",
        "我把助记词告诉假客服了",
        "刚才在假网站填了助记词",
        "我不想活了",
        "I typed my recovery phrase into a website, what should I do?",
        "someone drained my wallet, can I get it back?",
        "我把助记词念给假客服了，还能追回吗？",
        "钱包被盗了怎么办？",
        "I posted my private key in a discord channel by mistake",
        "someone moved my eth to an address i've never seen",
        "畢生積蓄都沒了，我撐不下去",
        "有人持刀逼我转币",
    ],
)
def test_what_is_said_plainly_is_an_emergency(text: str) -> None:
    understood = read(text)
    assert understood.kind == "emergency"
    assert priority(understood) >= 80


PLAINEST = (
    "My wallet was drained, all my funds are stolen!",
    "I've been hacked, please help",
    "I got hacked",
    "my wallet got hacked",
    "my account was hacked and the coins are gone",
    "someone stole my coins",
    "somebody took all my usdt",
    "my seed phrase was leaked",
    "I gave my seed phrase to a scammer",
    "i typed my recovery phrase into a fake site",
    "someone else has my private key",
    "I sent my private key to support by mistake",
    "My funds were stolen 10 minutes ago",
    "money is being moved out of my wallet right now",
    "unauthorized transaction in my wallet, 2 eth gone",
    "my usdt disappeared to an address I don't know",
    "help they are draining my wallet",
    "I've been scammed, they have my seed words",
    "there is a transfer I did not make",
    "a hacker emptied my wallet",
    "everything in my wallet was stolen",
    "I entered my 12 words on a website and now my coins are gone",
    "my phone was stolen and the wallet on it is being emptied",
    "我的钱包被偷了",
    "钱包被盗了怎么办",
    "我的币被转走了",
    "我的USDT全没了，不是我转的",
    "账户里的钱被人转走了",
    "我被盗了，帮帮我",
    "我的钱包被黑了",
    "助记词泄露了",
    "我把助记词给了骗子",
    "我在假网站上输了助记词",
    "私钥被别人知道了",
    "我刚把私钥发给客服了",
    "钱正在被转走，快帮忙",
    "刚刚有一笔不是我操作的转账",
    "点了链接之后钱包空了",
    "我的资产全部被盗",
    "有人盗了我的币",
    "钱包里的币突然被清空",
    "被骗子骗走了助记词，里面还有钱",
    "我手机被偷了，钱包里的钱在往外转",
    "授权了一个网站，币全没了",
    "余额突然变成0了，币被转到陌生地址",
    "骗子拿到我的私钥了",
    "我的账户被盗，快冻结",
    "一觉醒来币都没了，被转走了",
)


@pytest.mark.parametrize("text", PLAINEST)
def test_the_plainest_words_stand_on_top(text: str) -> None:
    assert priority(read(text)) >= Bands().P0


@pytest.mark.parametrize(
    "text",
    [
        "what if my wallet was drained?",
        "我的微信被盗了",
        "我的钱包会不会被盗",
        "昨晚做梦，我的钱包被盗了",
        "看了部电影，男主说“我的钱包被盗了”",
        "my instagram was hacked, my wallet is fine",
        "lol my wallet was drained by pizza again",
        "去年我的钱包被盗过一次，给大家提个醒",
        "never tell anybody that you gave my seed phrase away",
        "活不下去了哈哈哈，又跌了",
        "was my wallet drained?",
        "我的钱包是不是被盗了？",
        "my discord account got hacked, wallet is fine",
    ],
)
def test_a_story_a_joke_or_a_thought_is_none(text: str) -> None:
    assert read(text).kind != "emergency"


@pytest.mark.parametrize(
    "text",
    [
        "Every time I tap the scanner it is black for a second and then the app closes. Pixel 6, Android 14, 4.8.2.",
        "Здравствуйте, после обновления не приходят уведомления о переводах. Android, 4.8.2",
        "更新以后一直收不到通知，小红点也点不掉，4.8.2，安卓 14",
        "Same E-2041 here, Lagos, v7.4.1, and my barber says that he told me so",
        "兑换报 SWAP-2041，试了七次，重启也没用",
    ],
)
def test_a_small_fault_told_at_length_is_no_serious_one(text: str) -> None:
    understood = read(text)
    assert understood.kind in ("complaint", "question")
    assert priority(understood) < 30


def test_a_small_fault_beside_something_grave_does_not_hide_it() -> None:
    assert priority(read("收不到通知，打开一看钱包里的 USDT 全没了，被人转走了")) > 50


@pytest.mark.parametrize(
    "text",
    [
        "别慌，新建一个全新的钱包，把剩下的先转过去",
        "先别管那个假的，马上新建一个钱包，把币转走",
        "Don't panic, make a new wallet and move the rest there at once",
    ],
)
def test_advice_to_others_is_no_trouble_of_ones_own(text: str) -> None:
    understood = read(text)
    assert understood.kind == "other"
    assert priority(understood) < 25


@pytest.mark.parametrize(
    "text",
    [
        "恢复了，钱一分没丢",
        "换出来了，信用卡也还上了，吓出一身汗",
        "back up, cheers",
        "it went!! the plumber is paid, thank you all",
    ],
)
def test_who_tells_a_good_end_in_words_of_his_own_waits_no_longer(text: str) -> None:
    understood = read(text)
    assert (understood.kind, understood.solved) == ("praise", True)


def test_a_friendly_request_is_no_praise() -> None:
    assert read("请尽快处理，谢谢").kind != "praise"


def test_a_long_story_is_not_graver_for_its_length() -> None:
    day = "早上开了钱包看一眼，中午排队吃面，下午又看一眼，晚上和朋友聊今天群里的事，有人着急，有人讲笑话。"
    assert priority(read(day * 30)) <= priority(read(day * 8)) + 1


@pytest.mark.parametrize(
    "text",
    [
        "再拿不回来我就不活了", "被骗光了，准备跳楼", "想死的心都有了", "自杀算了",
        "I'm going to jump if you don't return my money",
        "老婆的救命钱都在里面，再拿不回来我就不活了",
    ],
)  # fmt: skip
def test_who_speaks_of_an_end_is_in_danger(text: str) -> None:
    assert (priority(read(text)) >= 80, "danger_to_life" in rules(read(text))) == (True, True)


@pytest.mark.parametrize(
    "text",
    [
        "I can't go on to the next step, the button is greyed out", "I can't live with these fees",
        "The app freezes and there is no way out of this screen", "I will jump ship to another wallet",
        "没法活动，卡在领取页面", "资金被扣押了", "客服用刀吗", "闪兑功能被关起来了吗",
        "这次更新逼我转用别的钱包", "结束一切操作后仍然卡住",
        "电池撑不下去，app太耗电",
    ],
)  # fmt: skip
def test_words_of_danger_in_another_sense_are_none(text: str) -> None:
    assert (priority(read(text)) < 80, "danger_to_life" in rules(read(text))) == (True, False)


@pytest.mark.parametrize(
    "text",
    [
        "被扣了0.003ETH手续费", "my phone battery is being drained by your app", "谁把我踢出群了",
        "I transferred out 500 USDT to my other wallet yesterday", "我把币全转走了，怎么注销",
        "all my USDT was transferred out to my cold wallet, how do I add it here",
        "I sent 100 USDT to someone else's address by mistake", "Someone sent me tokens I don't recognize",
        "我不小心把U转到陌生地址了",
    ],
)  # fmt: skip
def test_what_one_did_oneself_or_paid_as_a_fee_is_no_theft(text: str) -> None:
    assert (priority(read(text)) < 80, "funds_stolen" in rules(read(text))) == (True, False)


@pytest.mark.parametrize(
    "text", ["有人把我的币全转走了", "my coins were transferred out without my approval", "谁把我的币转走了"]
)
def test_what_somebody_else_did_is_one(text: str) -> None:
    assert (priority(read(text)) >= 80, rules(read(text))[0]) == (True, "funds_stolen")


def test_what_has_not_arrived_until_now_says_nothing_of_an_answer() -> None:
    assert "unanswered_said" not in rules(read("我昨天提了3万U到OKX，到现在没到账"))
    assert "unanswered_said" in rules(read("到现在没人回复我，钱也没到账"))


def test_a_transaction_that_cannot_be_sped_up_is_pending() -> None:
    assert evidence("交易一直pending，已经8个小时了，加速也没用", "pending") == "一直pending"


@pytest.mark.parametrize(
    "text",
    [
        "mi retiro no llega", "no me llegó el depósito", "no puedo entrar a mi cuenta", "no puedo retirar",
        "приложение вылетает", "вывод не приходит", "스왑 실패해요", "số dư bằng 0 rồi, không đăng nhập được",
    ],
)  # fmt: skip
def test_a_problem_is_a_complaint_in_each_of_our_languages(text: str) -> None:
    assert read(text).kind == "complaint"


@pytest.mark.parametrize("text", ["¿por qué no puedo agregar un token?", "как добавить токен?"])
def test_a_question_about_a_problem_stays_a_question(text: str) -> None:
    assert read(text).kind == "question"


@pytest.mark.parametrize("text", ["잔액이 0이에요", "баланс ноль", "钱包余额显示为0"])
def test_a_balance_of_zero_is_missing_and_not_stolen(text: str) -> None:
    assert rules(read(text))[0] == "funds_missing"


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("Same here, my 500 USDT is missing. Admin please DM me", 40),
        ("我的钱包被盗了，麻烦客服加我微信 abc12345 详细说", 80),
    ],
)
def test_who_asks_us_to_write_to_him_is_no_advertiser(text: str, least: float) -> None:
    assert priority(read(text)) >= least


@pytest.mark.parametrize(
    "text",
    ["客服加我，带你赚钱", "admin please dm me for collaboration"],
)
def test_an_advertiser_who_asks_so_stays_one(text: str) -> None:
    assert read(text).kind in ("noise", "other")


@pytest.mark.parametrize("text", ["钱转出去了对方没收到", "幣轉出去了，交易所沒收到"])
def test_what_one_sent_and_did_not_arrive_is_missing_and_not_stolen(text: str) -> None:
    assert rules(read(text))[0] == "funds_missing"
