"""Who reports that somebody poses as one of us is heard at once: the next customer loses funds."""

from __future__ import annotations

import pytest

from aggregator.config import Bands
from aggregator.inquiry import Understanding
from aggregator.triage import judge, search_text, understand


def read(text: str) -> Understanding:
    (grade,) = judge([search_text(text)])
    return understand(text, grade, lang=None, public=False, followers=None, secrets=[], staff=False, points={})


def priority(text: str) -> float:
    return sum(reason.points for reason in read(text).reasons)


@pytest.mark.parametrize(
    "text",
    [
        "QQ 123456789 这个人自称官方，让我转币",
        "群里有人冒充你们客服加我",
        "有人冒充你們客服私訊我",
        "微信上有个自称是钱包客服的人，要我扫码",
        "Telegram 上 @lantern_help 冒充你们管理员",
        "有人用你们的头像和名字在群里私聊人",
        "There's a guy pretending to be your support in the group and adding people",
        "someone on telegram says he is your admin and wants me to send coins",
        "a guy claiming to be support asked me to send usdt to verify",
    ],
)
def test_who_poses_as_one_of_us_is_at_least_p1(text: str) -> None:
    understood = read(text)
    assert "impersonation_report" in {reason.rule for reason in understood.reasons}
    assert understood.kind in ("complaint", "emergency")
    assert priority(text) >= Bands().P1


@pytest.mark.parametrize(
    "text",
    [
        "网上说的假客服是什么套路",
        "你们客服跟假客服一样敷衍",
        "提醒：近期有人冒充你们客服，大家注意",
        "官方客服不会私聊要助记词",
        "怎么识别假客服",
        "如果有人冒充客服加我怎么办",
        "他自称官方媒体，发了个公告",
        "How do I recognize fake support?",
        "Reminder: nobody from your support will DM you first",
        "if someone is pretending to be your admin, what should I do",
    ],
)
def test_warnings_questions_and_insults_are_not(text: str) -> None:
    assert priority(text) < Bands().P1
