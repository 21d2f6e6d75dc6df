"""What is nothing but an acknowledgement starts no clock and proposes closing; what is more is none."""

from __future__ import annotations

import pytest

from aggregator.inquiry import Understanding
from aggregator.triage import judge, search_text, understand


def read(text: str) -> Understanding:
    (grade,) = judge([search_text(text)])
    return understand(text, grade, lang=None, public=False, followers=None, secrets=(), staff=False, points={})


@pytest.mark.parametrize(
    "text",
    [
        "已经到账了，谢谢",
        "弄好了，谢谢小姐姐",
        "好了好了，现在能打开了，感谢",
        "谢谢，问题解决了，给你们点赞",
        "昨天提现卡了一晚上，今天早上终于到账了，虚惊一场，谢谢客服",
        "可以了，谢谢老师耐心解答",
        "It works now, thank you so much!",
        "Solved, thanks. You can close the ticket.",
        "All good now, cheers guys",
        "Update: the swap went through this morning. Thanks for the quick help!",
        "解決しました、ありがとうございます！",
        "無事に着金しました。助かりました。",
        "해결됐습니다 감사합니다!",
        "Спасибо, всё заработало!",
        "Деньги пришли, спасибо большое",
        "Ya está resuelto, muchas gracias",
        "Ya me llegó, gracias por la ayuda",
        "Tiền về rồi, cảm ơn ad nhiều",
        "Được rồi ạ, cảm ơn bạn",
        "没事了，是我看错了，谢谢",
        "never mind, figured it out, thanks",
        "虚惊一场，币在另一个钱包里",
        "False alarm, it was in the other wallet",
        "好了好了，重启一下就有了",
        "……在里面躺着呢。打扰大家了，我去把心跳调回来",
    ],
)
def test_who_says_that_it_is_over_waits_no_longer(text: str) -> None:
    understood = read(text)
    assert (understood.thanks, understood.solved, understood.kind) == (True, True, "praise")


@pytest.mark.parametrize(
    "text",
    [
        "谢谢",
        "好的，谢谢啊",
        "收到，多谢",
        "好的好的，辛苦啦",
        "谢谢客服小姐姐[玫瑰]",
        "明白了，原来如此，谢谢大佬解惑",
        "感谢官方团队这么快的回复！",
        "嗯嗯知道了",
        "好的，那我等通知",
        "👍👍 谢谢",
        "okok 3q",
        "谢谢，客服态度真好",
        "Thanks!",
        "ok, got it, thank you",
        "Thank you for your patience and quick reply, have a nice day",
        "thx man 🙏",
        "Great support, thank you!",
        "alright, will wait. thanks",
        "ありがとうございます",
        "了解です、ありがとうございました",
        "네 알겠습니다 감사합니다",
        "감사합니다~",
        "Понял, спасибо",
        "хорошо, жду",
        "Vale, gracias",
        "Muchas gracias por la respuesta tan rápida",
        "Dạ vâng, cảm ơn ạ",
        "cảm ơn bạn nhiều",
        "謝謝你們，辛苦了",
        "thank you for walking me through the settings yesterday",
        "ok",
    ],
)
def test_thanks_are_heard_and_do_not_say_that_it_is_over(text: str) -> None:
    understood = read(text)
    assert (understood.thanks, understood.solved) == (True, False)


@pytest.mark.parametrize(
    "text",
    [
        "谢谢，但还没到账",
        "谢谢啊",
        "真是谢谢你们了，钱没了",
        "我谢谢你全家",
        "谢谢你们让我亏了三千",
        "好的，那什么时候能到？",
        "好的，那我的提现呢",
        "谢谢，请帮我再看看另一笔",
        "收到，我把截图发您邮箱了",
        "感谢，不过余额还是不对",
        "谢谢，还是打不开",
        "呵呵，谢谢",
        "谢谢你们的自动回复",
        "多谢客服拖了我一个星期",
        "好的 我的地址是0x1234",
        "请尽快处理，谢谢",
        "麻烦查一下，谢谢",
        "如题，谢谢",
        "求助，在线等，谢谢",
        "Thanks, but still nothing",
        "Thanks for nothing",
        "ok but when will it arrive",
        "Thank you, please also check the second deposit",
        "Thanks for losing my coins",
        "great, another week of waiting, thanks",
        "Thanks for your automated reply",
        "please help, thanks",
        "Could you check my order? Thanks in advance",
        "OK I sent the screenshot to your mail",
        "thanks, how long does it take",
        "Got it, my order number is 55231",
        "thanks a bunch, now I cannot log in at all",
        "ありがとうございます、でもまだ届いていません",
        "まだ解決していません",
        "감사합니다 그런데 아직 안 들어왔어요",
        "Спасибо, но деньги так и не пришли",
        "спасибо, жду уже неделю",
        "Gracias, pero sigue sin funcionar",
        "gracias por nada",
        "Cảm ơn nhưng vẫn chưa nhận được",
        "chưa được ạ",
        "还没好",
        "没解决",
        "not solved",
        "it works? no",
        "not working now",
        "好了吗",
        "钱到了吗",
        "可以了吗谢谢",
        "恢复了一半，另一半还是没有",
        "搞定了登录，币还是没到",
        "解决了吗，我等着用钱",
        "I'm in Germany, the card option is missing",
        "I'm trying to back up my wallet, the menu is empty",
        "I received an email about KYC from you",
        "界面换成了英文",
    ],
)
def test_what_says_more_is_no_thanks(text: str) -> None:
    assert not read(text).thanks


@pytest.mark.parametrize(
    "text",
    [
        "好了没",
        "好了没有",
        "弄好了没啊",
        "解决了没",
        "问题解决了没有啊",
        "到账了没",
        "处理好了没，谢谢",
        "可以用了没",
        "到账了不",
        "解决了嘛",
        "解決了沒",
        "谁说到账了",
        "别说已经解决了",
        "等解决了再说吧",
        "等你们弄好了再说",
        "解决了个寂寞",
        "你们说已到账",
        "客服说已经处理好了",
        "系统显示已到账",
        "it says resolved",
        "ticket was marked resolved",
        "they said it is fixed",
        "supposedly fixed",
        "you closed my ticket as resolved",
    ],
)
def test_who_asks_whether_it_is_over_or_tells_who_says_so_is_still_waiting(text: str) -> None:
    understood = read(text)
    assert (understood.thanks, understood.solved) == (False, False)
    assert understood.kind not in ("praise", "noise")
    assert all(reason.points > 0 for reason in understood.reasons)


@pytest.mark.parametrize(
    "text",
    [
        "等了三天终于到账了，谢谢",
        "终于等到账了",
        "好了没事了",
        "弄好了，没别的问题了，谢谢",
        "It says nothing, but it works now, thanks",
    ],
)
def test_who_waited_and_has_it_now_waits_no_longer(text: str) -> None:
    assert read(text).solved


def test_one_of_us_cannot_thank_in_the_customers_name() -> None:
    said = "问题解决了，谢谢"
    (grade,) = judge([said])
    understood = understand(said, grade, lang=None, public=False, followers=None, secrets=(), staff=True, points={})
    assert (understood.thanks, understood.solved) == (False, False)


@pytest.mark.parametrize(
    ("text", "at_least"),
    [
        ("谢谢，能登录了，可是资产不见了", 42),
        ("之前的问题解决了，现在又提不了币了", 42),
        ("解决了，不过又出现新的问题，转账还是失败", 10),
        ("好了，不过又闪退了", 10),
        ("It works now, but balance is wrong", 10),
        ("It works now but I lost 200 USDT because of it", 42),
        ("ありがとうございます。でもまだ届いていません", 30),
        ("直りましたが、残高がゼロです", 10),
        ("감사합니다만 아직 안 들어왔어요", 10),
        ("Спасибо, но деньги не пришли", 30),
        ("Заработало, но баланс нулевой", 10),
        ("Gracias, pero no llegó mi retiro", 10),
        ("Cảm ơn nhưng tiền vẫn chưa về", 10),
    ],
)
def test_a_trouble_behind_thanks_or_good_news_is_what_somebody_waits_for(text: str, at_least: float) -> None:
    understood = read(text)
    assert (understood.kind in ("complaint", "emergency"), understood.thanks) == (True, False)
    assert sum(reason.points for reason in understood.reasons) > at_least


@pytest.mark.parametrize(
    "text", ["Gracias pero sigue igual", "这个钱包不好用了", "又好了又坏了", "能打开了，谢谢！另外想问一下怎么导出地址"]
)
def test_who_goes_on_to_ask_or_to_object_is_neither_pleased_nor_done(text: str) -> None:
    understood = read(text)
    assert (understood.kind in ("praise", "noise"), understood.solved) == (False, False)


@pytest.mark.parametrize(
    "text",
    [
        "Thanks! I had a problem with my withdrawal, but support fixed it",
        "ありがとうございます、問題は解決しました",
        "Спасибо, проблема решена",
        "谢谢客服，之前提现失败，但是现在好了",
    ],
)
def test_a_trouble_that_is_over_stays_over_behind_thanks(text: str) -> None:
    assert read(text).kind in ("praise", "other")


@pytest.mark.parametrize("text", ["你好", "您好", "客服你好", "Hello"])
def test_a_greeting_is_no_thanks(text: str) -> None:
    understood = read(text)
    assert (understood.thanks, understood.kind) == (False, "other")


def test_thanks_behind_a_greeting_are_heard() -> None:
    assert read("你好，谢谢").thanks
    assert read("您好，好的").thanks
