"""A post of ours that promises another answer starts a clock; nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.triage.phrases import FOLDER, read
from aggregator.triage.promises import GROUPS, promised_until
from aggregator.working_time import WorkingTime
from connectors.errors import ConfigError
from tests.sets import Answer, promises

SHANGHAI = ZoneInfo("Asia/Shanghai")
TUESDAY = datetime(2026, 3, 3, 10, 0, tzinfo=SHANGHAI)
OURS = WorkingTime()


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("We will answer by tomorrow.", "2026-03-04 18:00"),
        ("明天给您回复", "2026-03-04 18:00"),
        ("We'll get back to you within 24 hours.", "2026-03-04 10:00"),
        ("您好，您的问题已转交技术，1-3 个工作日内会有专员联系您。", "2026-03-06 18:00"),
        ("周五前给您答复", "2026-03-06 18:00"),
        ("Within 24 hours.", "2026-03-04 10:00"),
        ("24小时内", "2026-03-04 10:00"),
        ("我们会尽快核实，最晚明天下午给您结果", "2026-03-04 18:00"),
        ("Please allow 1-2 business days for our reply.", "2026-03-05 18:00"),
        ("Please bear with us, you will hear from us by Friday.", "2026-03-06 18:00"),
        ("Our engineers are on it and will update you by 5 pm today.", "2026-03-03 17:00"),
        ("Expect an answer by tomorrow noon.", "2026-03-04 12:00"),
        ("已安排同事在24小时内回复您", "2026-03-04 10:00"),
        ("技术正在排查，预计今晚八点前修复", "2026-03-03 20:00"),
        ("Your ticket will be answered within 2 working days.", "2026-03-05 18:00"),
        ("I'm checking with the team and will be back to you tomorrow.", "2026-03-04 18:00"),
        ("抱歉久等了，我们明天一早就处理", "2026-03-04 18:00"),
        ("We can't say yet why it failed, but we will get back to you by Monday.", "2026-03-09 18:00"),
        ("请您耐心等待，我们会在三个工作日内处理完毕", "2026-03-06 18:00"),
        ("Let me look into it and come back to you this afternoon.", "2026-03-03 18:00"),
        ("好的，后天之前一定给您一个说法", "2026-03-05 18:00"),
        ("We will refund you within 3 working days", "2026-03-06 18:00"),
        ("We'll have an update for you in half an hour.", "2026-03-03 10:30"),
        ("两小时内答复您", "2026-03-03 12:00"),
        ("We will reply tomorrow. If you have more questions, write here.", "2026-03-04 18:00"),
        ("问题还没解决，我们明天给您回复", "2026-03-04 18:00"),
        ("我们会在24小时内处理，如超时请联系我们", "2026-03-04 10:00"),
        ("我们下周一给您回复，如有其他问题请随时联系", "2026-03-09 18:00"),
        ("Hey, no worries. We'll have our devs take a look tonight and ping you.", "2026-03-04 00:00"),
        ("We'll let you know the outcome no later than Thursday.", "2026-03-05 18:00"),
        ("I will personally check this and reply before the end of today.", "2026-03-03 18:00"),
        ("Someone from our team will call you tomorrow between 2 and 4 pm.", "2026-03-04 16:00"),
        ("Our support desk answers within one business day.", "2026-03-04 18:00"),
        ("You'll have a decision by next Wednesday.", "2026-03-11 18:00"),
        ("Sorry for the wait! A specialist will pick this up in the next 2 hours.", "2026-03-03 12:00"),
        ("We have escalated it; expect news within 48 hours.", "2026-03-05 10:00"),
        ("We aim to respond within 24 hours.", "2026-03-04 10:00"),
        ("Give us until Monday and we will send you the findings.", "2026-03-09 18:00"),
        ("The team will post an update here at 18:00.", "2026-03-03 18:00"),
        ("亲，您的情况我已记录，今天之内同事会回电", "2026-03-03 18:00"),
        ("我们正在加急处理，2小时内给到您答案", "2026-03-03 12:00"),
        ("会在3-5个工作日之内完成退款，请您留意", "2026-03-10 18:00"),
        ("技术那边说明天能修好，修好了我马上告诉您", "2026-03-04 18:00"),
        ("这边帮您催一下，半小时后回复您", "2026-03-03 10:30"),
        ("周一上班后第一时间给您答复", "2026-03-09 18:00"),
        ("您的工单已升级，预计48小时内有结果", "2026-03-05 10:00"),
        ("下午5点之前给您处理好", "2026-03-03 17:00"),
        ("最迟后天上午给您答复", "2026-03-05 12:00"),
        ("工程师已介入，今晚给您回话", "2026-03-04 00:00"),
        ("三天内一定给您解决", "2026-03-06 18:00"),
        ("好的，我们会在本周五下班前给到您书面答复", "2026-03-06 18:00"),
        ("我明天上午联系您核对信息", "2026-03-04 12:00"),
    ],
)
def test_a_promise_runs_out_when_its_words_say(text: str, until: str) -> None:
    due = promised_until(text, TUESDAY, OURS)
    assert due is not None
    assert due.astimezone(SHANGHAI) == datetime.fromisoformat(until).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    "text",
    [
        "Transactions usually confirm within 30 minutes.",
        "Your deposit will arrive within 1 hour.",
        "提现预计30分钟内到账",
        "链上确认需要10-20分钟",
        "如果24小时内没到账，请联系我们",
        "如果明天还没到账请再联系我们",
        "明天还没好您再联系我们，我们给您处理",
        "明天要还是没到账，我们给您退款",
        "明天還沒恢復的話再跟我們說，我們幫您處理",
        "If it has not arrived by tomorrow, please contact us again",
        "If the transaction fails, we will refund within 24 hours",
        "We cannot promise an answer by tomorrow.",
        "我们无法在今天给您答复",
        "We replied within 24 hours yesterday.",
        "已在24小时内回复您了",
        "请您在24小时内回复邮件",
        "Please reply within 24 hours or the ticket is closed.",
        "Did you hear from us by Friday?",
        "您明天方便吗？",
        "收到您的截图后24小时内回复",
        "Once we receive the log we will answer within 24 hours.",
        "银行需要1-3个工作日处理",
        "系统将于明天凌晨2点维护",
        "The network will be upgraded on Friday",
        "You can withdraw again in 24 hours.",
        "The bridge takes 15 minutes.",
        "您可以在24小时后重试",
        "Thank you for waiting 3 days.",
        "Have a nice weekend!",
        "祝您周末愉快",
        "今天的问题已经解决了",
        "As soon as possible",
        "我们会尽快回复",
        "We have been looking into this for 3 days.",
        "活动截止到周五",
        "The promotion ends on Friday.",
        "Good morning! How can I help today?",
        "今天有什么可以帮您",
        "The sync finishes within an hour, nothing to do on your side.",
        "Staking rewards are paid every 24 hours.",
        "You should see the funds within 2 hours.",
        "Wait 24 hours and try again.",
        "Our office is closed until Monday.",
        "We opened your ticket 3 days ago.",
        "Confirmations can take up to 60 minutes today because the network is busy.",
        "If you don't hear from us by tomorrow, write again.",
        "Please send the screenshot by Friday.",
        "Apple reviews the app within two days.",
        "I was told the same yesterday.",
        "Thanks for your patience today!",
        "The new version comes out next week.",
        "We don't give dates, so I cannot say whether it is this week.",
        "今天网络拥堵，大概两小时后恢复",
        "维护将于今晚22点结束",
        "退款到账时间为1-3个工作日，以银行为准",
        "您在3天内没有回复，工单已关闭",
        "活动奖励将在7个工作日内发放",
        "请您明天再试一下",
        "我们的客服时间是周一到周五9点到18点",
        "这笔交易昨天已经成功了",
        "交易所一般24小时内处理提现",
        "如您周五前还没收到，请再联系我们",
        "您需要在30分钟内完成付款",
        "我们无法承诺具体时间，可能要一两天",
        "不一定今天能给您回复",
        "上次说24小时内回复您，实在抱歉",
    ],
)
def test_what_others_do_what_depends_and_what_is_denied_is_no_promise(text: str) -> None:
    assert promised_until(text, TUESDAY, OURS) is None


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("客服会在明天上午10点到12点之间联系您", "2026-03-04 12:00"),
        ("We will call you tomorrow between 10am and 12pm", "2026-03-04 12:00"),
        ("I'll call you tomorrow at 3 or 4 pm", "2026-03-04 16:00"),
        ("I'll call you tomorrow at 3-4pm", "2026-03-04 16:00"),
        ("同事明天9点到18点之间回复您", "2026-03-04 18:00"),
        ("我周五14:00-16:00给您答复", "2026-03-06 16:00"),
        ("我们周五 14:00 - 16:00 给您答复", "2026-03-06 16:00"),
        ("明天上午10点到下午2点之间给您回电", "2026-03-04 14:00"),
        ("明天下午3点和5点之间给您回电", "2026-03-04 17:00"),
        ("明天下午3-5点给您回电", "2026-03-04 17:00"),
        ("今晚10点到2点之间给您回复", "2026-03-04 02:00"),
        ("We will call you between 10pm and 2am", "2026-03-04 02:00"),
        ("We will update you from 11:00 to 12:30 today", "2026-03-03 12:30"),
        ("We will update you at 11:00 and 17:00 today", "2026-03-03 11:00"),
        ("我们会在今晚9点到明天上午10点之间回复您", "2026-03-04 10:00"),
        ("We will reply within the day", "2026-03-03 18:00"),
    ],
)
def test_a_span_of_hours_runs_out_with_its_second_hour_on_the_day_of_the_first(text: str, until: str) -> None:
    due = promised_until(text, TUESDAY, OURS)
    assert due is not None
    assert due.astimezone(SHANGHAI) == datetime.fromisoformat(until).replace(tzinfo=SHANGHAI)


def test_a_span_that_has_begun_runs_out_today() -> None:
    due = promised_until("10点到12点之间给您回电", TUESDAY + timedelta(hours=1), OURS)
    assert due == TUESDAY + timedelta(hours=2)


@pytest.mark.parametrize(
    ("text", "ours", "until"),
    [
        ("We will reply by 5pm EST", "Asia/Shanghai", "2026-03-03T17:00-05:00"),
        ("We will reply at 5 pm (ET) tomorrow", "Asia/Shanghai", "2026-03-04T17:00-05:00"),
        ("We will call you 5 pm PT tomorrow", "Asia/Shanghai", "2026-03-04T17:00-08:00"),
        ("We will answer by 10:00 MSK tomorrow", "Asia/Shanghai", "2026-03-04T10:00+03:00"),
        ("We will answer by 17:30 UTC+5:30", "Asia/Shanghai", "2026-03-03T17:30+05:30"),
        ("We will answer tomorrow at 5 pm UTC", "Asia/Shanghai", "2026-03-04T17:00+00:00"),
        ("We will answer tomorrow at 5 pm eastern time", "Asia/Shanghai", "2026-03-04T17:00-05:00"),
        ("我们会在北京时间明天15:00给您答复", "Europe/Berlin", "2026-03-04T15:00+08:00"),
        ("我们明天15:00（北京时间）给您答复", "Europe/Berlin", "2026-03-04T15:00+08:00"),
        ("我们明天北京时间下午3点到5点给您答复", "Europe/Berlin", "2026-03-04T17:00+08:00"),
        ("We will call you tomorrow 2pm to 4pm Beijing time", "Europe/Berlin", "2026-03-04T16:00+08:00"),
        ("We will call you tomorrow 9:00 UTC - 11:00 UTC", "Asia/Shanghai", "2026-03-04T11:00+00:00"),
        ("We will call you tomorrow at 9:00 UTC - 5", "Asia/Shanghai", "2026-03-04T09:00-05:00"),
        ("We will answer by 5 pm CST tomorrow", "Asia/Shanghai", "2026-03-04T17:00+08:00"),
        ("We will answer by 5 pm our time tomorrow", "Europe/Berlin", "2026-03-04T17:00+01:00"),
        ("Thank you for your time, we will reply tomorrow", "Asia/Shanghai", "2026-03-04T18:00+08:00"),
    ],
)
def test_a_promise_runs_out_in_the_zone_that_it_names(text: str, ours: str, until: str) -> None:
    calendar = WorkingTime(zone=ours, countries=())
    assert promised_until(text, TUESDAY, calendar) == datetime.fromisoformat(until)


@pytest.mark.parametrize(
    "text",
    [
        "We will answer by 5 pm CST tomorrow",
        "We will answer by 5 pm your time",
        "我们当地时间明天15点给您答复",
        "We will reply at 10:00 IST",
    ],
)
def test_an_hour_in_a_zone_that_nobody_can_tell_starts_no_clock(text: str) -> None:
    assert promised_until(text, TUESDAY, WorkingTime(zone="Europe/Berlin", countries=())) is None


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("We will reply by the 20th", "2026-03-20"),
        ("We will reply by 2026-03-15", "2026-03-15"),
        ("3/15前给您答复", "2026-03-15"),
        ("我们2/3之前给您答复", "2027-02-03"),
        ("We will reply by 15.03.2026", "2026-03-15"),
        ("We will reply by 04.03.2026", "2026-03-04"),
        ("We will reply by 3/15", "2026-03-15"),
        ("We will reply by 15/3", "2026-03-15"),
        ("We will reply by 03/15/2026 at 5pm", "2026-03-15 17:00"),
        ("We will reply before 4/4", "2026-04-04"),
    ],
)
def test_a_date_in_figures_is_a_day(text: str, until: str) -> None:
    due = promised_until(text, TUESDAY, OURS)
    expected = datetime.fromisoformat(until).replace(tzinfo=SHANGHAI)
    assert due == (expected if expected.hour else expected.replace(hour=18))


@pytest.mark.parametrize(
    "text",
    [
        "We will reply by 4/5",
        "We will reply by 04/05/2026",
        "We are on it 24/7 and will reply",
        "We will reply on 31.02.2026",
        "我们会处理第1/2步",
    ],
)
def test_figures_that_may_be_two_days_or_none_start_no_clock(text: str) -> None:
    assert promised_until(text, TUESDAY, OURS) is None


def test_a_quoted_promise_is_not_given_again() -> None:
    assert promised_until("> We will answer by tomorrow.\nThis is done now.", TUESDAY, OURS) is None
    assert promised_until("上一位同事写的是“明天给您回复”", TUESDAY, OURS) is None


def test_of_two_promises_the_first_to_run_out_counts() -> None:
    said = "We will update you within 2 hours, and resolve it by Friday."
    assert promised_until(said, TUESDAY, OURS) == TUESDAY + timedelta(hours=2)


def test_working_days_are_those_of_the_calendar() -> None:
    before = datetime(2026, 9, 30, 10, 0, tzinfo=SHANGHAI)
    assert promised_until("1-3 个工作日内给您答复", before, OURS) == datetime(2026, 10, 10, 18, 0, tzinfo=SHANGHAI)


def _is_right(answer: Answer) -> bool:
    calendar = WorkingTime(zone=answer.timezone, countries=())
    return promised_until(answer.text, answer.posted_at, calendar) == answer.due


def test_the_set_of_another_hand_is_read_as_it_is_meant() -> None:
    wrong = [answer.id for answer in promises() if not _is_right(answer)]
    assert len(wrong) <= 0.03 * len(promises()), wrong


PIECES = [
    *(
        "we will reply",
        "明天",
        "前",
        "within",
        "3",
        "days",
        "给您回复",
        "工作日",
        "内",
        "by",
        "friday",
        "at",
        "12",
        ":30",
        "pm",
    ),
    *(
        "99",
        "月",
        "31",
        "号",
        "点",
        "半",
        "小时",
        "一两",
        "十",
        "tonight",
        "end of the week",
        "next",
        "monday",
        "utc-99",
        "est",
        "北京时间",
        "-",
        "到",
    ),
    *(
        "the 31st",
        "feb 30",
        "24:00",
        "utc+14",
        "下周",
        "日",
        "half an hour",
        "a couple of",
        "business",
        "下班",
        ",",
        "2026-",
        "3/15",
        "31.02.2026",
    ),
]
moments = st.integers(0, 10 * 365 * 24 * 60).map(lambda at: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=at))


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12), st.sampled_from(["", " "]), moments)
def test_a_promise_never_runs_out_before_it_is_given(pieces: list[str], joint: str, posted_at: datetime) -> None:
    due = promised_until(joint.join(pieces), posted_at, OURS)
    assert due is None or due > posted_at


def test_mistakes_in_a_list_are_told_together(tmp_path: Path) -> None:
    file = tmp_path / "promises.yaml"
    file.write_text("deed: {zh: 回复}\nwe: [we]\nours: {en: [we]}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read(file, ("deed", "we", "past"))
    assert str(caught.value).splitlines() == [
        "promises.yaml: past: missing",
        "promises.yaml: ours: unknown; known are deed, we, past",
        "promises.yaml: deed: zh: should be a list of phrases",
        "promises.yaml: we: should be `language: [phrases]`",
    ]


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_has_words_in_both_languages(group: str) -> None:
    words = "".join(read(FOLDER / "promises.yaml", GROUPS)[group])
    assert any(letter.isascii() for letter in words)
    assert any("一" <= letter <= "龥" for letter in words) or group == "ahead"
