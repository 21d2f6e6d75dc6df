"""What connectors say is known to the pages, sentence by sentence, and read in Chinese."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from aggregator.alerting import wording
from aggregator.alerting.looking import SourceLook
from aggregator.config import Bands
from aggregator.config.alert_settings import Destination
from aggregator.store import sources
from aggregator.web.connector_messages import CONTEXT, known, said
from aggregator.web.i18n import CHINESE, ENGLISH, entries
from connectors.errors import ConnectorError
from tests import sentences
from tests.web_site import open_site

if TYPE_CHECKING:
    from aggregator.store.database import Connection
    from aggregator.store.sources import HealthState
    from tests.conftest import Community

AT = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
PASSED_ON = {
    # What another error, marked where it is made, or the platform itself said.
    ("aggregator/checking.py", "str(error)"),
    ("aggregator/checking.py", "line"),  # of the lake, which only `aggregator check` looks at
    ("connectors/imap/__init__.py", "sentence"),
    ("connectors/imap/__init__.py", "await self._who_vouches(places[0])"),
    ("connectors/qq/walk.py", "reason"),
    ("connectors/qq_bot/__init__.py", "str(lost)"),
    ("connectors/qq_bot/__init__.py", "hint"),
    ("connectors/qq_bot/__init__.py", "left"),
    ("connectors/qq_bot/replies.py", "said"),
    ("connectors/replying.py", "str(error)"),
    ("connectors/telegram/__init__.py", "str(conflict)"),
    ("connectors/telegram/__init__.py", "trouble"),
    ("connectors/wechat/checking.py", "left"),
    ("connectors/wechat_api/callback.py", "str(error)"),
    ("connectors/wechat_api/refusals.py", "str(error)"),
    ("connectors/weibo/checking.py", "expiry"),
    ("connectors/weibo/replies.py", "said"),
    ("connectors/weibo/troubles.py", "trouble.message"),
}
"""Expressions from which no sentence can be read: each was looked at by a person, and what it passes on is marked."""
VALUES = {"host": "mail.example.com", "status": "404", "status_code": "502", "seconds": "30"}
CREDENTIAL = "{env: ANY_KEY}"
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_ENGLISH = re.compile(r"(?:\b[A-Za-z][a-z']+[ ,;]+){2,}[a-z]+")  # three words in a row


def filled(template: str) -> dict[str, str]:
    """A value for each place, each another one."""
    names = dict.fromkeys(re.findall(r"%\((\w+)\)s", template))
    return {name: VALUES.get(name, CREDENTIAL if number == 0 else f"v{number}") for number, name in enumerate(names)}


def test_each_sentence_of_connectors_can_be_read_from_the_source_or_is_passed_on() -> None:
    unread = {(one.where.partition(":")[0], one.source) for one in sentences.sentences() if one.msgid is None}
    assert unread - PASSED_ON == set(), "write the sentence into the call, or mark it by worded() where it is made"
    assert PASSED_ON - unread == set()


def test_warnings_are_marked_where_they_are_made() -> None:
    assert sentences.unmarked() == []


def test_the_catalogue_has_chinese_for_each_sentence_of_connectors() -> None:
    chinese = entries(CHINESE, CONTEXT)
    assert set(sentences.msgids()) == set(chinese), "run: python -m tests.catalogues"
    assert [original for original, said in chinese.items() if not _CHINESE.search(said) and original not in SAME] == []
    assert len(chinese) > 300


SAME = {"%(not_permitted)s (errcode %(code)s%(rid)s)", "callback_token: %(why)s", "webhook_secret: %(why)s"}
"""Nothing to translate but values."""


@pytest.mark.parametrize("before", ["", "support: "])
def test_each_sentence_is_known_again_with_its_values(before: str) -> None:
    chinese = entries(CHINESE, CONTEXT)
    wrong = [
        (original, told)
        for original, translation in chinese.items()
        if (told := known(before + original % (values := filled(original)), CHINESE)) is None
        or not told.endswith((translation % values).removeprefix(CREDENTIAL))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("message", "chinese"),
    [
        (
            "support: WeChat refused {env: WECHAT_SECRET}: the secret is wrong: renew it (errcode 40125, rid: 1-2)",
            "support：微信拒绝了 {env: WECHAT_SECRET}：secret 不对：请更新它（errcode 40125, rid: 1-2）",
        ),
        (
            "weibo: Weibo lets us read nothing; mentions cannot be read: the app lacks the permission (10014). Ask for "
            "the permission in the app's console at open.weibo.com, or leave it out",
            "weibo：微博什么也不让我们读；mentions 无法读取：应用缺少权限（10014）。"
            "请在 open.weibo.com 的应用后台申请权限，或者不读它",
        ),
        (
            "weibo: search: swap: it finds nothing, not even the 7 posts that it has found before",
            "weibo: search: swap：什么也搜不到，连以前搜到过的 7 条帖子也没有",
        ),
        (
            "qq: QQ's gateway cannot be reached (gaierror): is its address right?",
            "qq：QQ 的网关 无法连接（gaierror）：地址对吗？",
        ),
        ("forum.example.com answered 500", "forum.example.com 返回了 500"),
        (
            "forum.example.com answered 404: is the configured url right?",
            "forum.example.com 返回了 404：配置的 url 对吗？",
        ),
    ],
)
def test_a_sentence_within_another_is_translated_too(message: str, chinese: str) -> None:
    assert said(message, CHINESE) == chinese
    assert said(message, ENGLISH) == message


@pytest.mark.parametrize("message", ["the server answered in riddles", "KeyError", "", "x: " * 900, "a (b) " * 300])
def test_what_nobody_knows_stays_as_it_is(message: str) -> None:
    assert known(message, CHINESE) is None
    assert said(message, CHINESE) == message


SICK: dict[str, tuple[HealthState, str, str, str]] = {
    # Source: state, kind, message, warning
    "telegram": (
        "stopped", "refused", "telegram: Telegram refused the token {env: BOT}. Renew it with BotFather and set it.",
        "the bot was removed from chat -100: add it again",
    ),
    "forum": (
        "failing", "throttled", "forum.example.com asks us to wait 60 s",
        "no private message is listed any more: may our user still read them?",
    ),
}  # fmt: skip
GAPS = (
    "QQ tells nothing of what was said while no session of ours was there to hear it",
    "Weibo lists only the newest 200 posts or comments",
    "we were not running",
    "forum: forum.example.com did not answer within 30 s",
)


def fall_ill(con: Connection, kinds: dict[str, str | None], now: datetime) -> None:
    for name, (state, kind, message, warning) in SICK.items():
        next_at = now + timedelta(minutes=5) if state == "failing" else None
        sources.report(con, name, state, message, 3, now, next_at, [warning], kinds.get(name, kind))
        for number, reason in enumerate(GAPS):
            at = now - timedelta(hours=number + 1)
            con.execute(
                "INSERT INTO coverage VALUES (?, ?, ?, 'lost', ?)", [name, at, at + timedelta(minutes=9), reason]
            )


def visible(page: str) -> str:
    """The words of a page's main part, without what is quoted."""
    main = re.sub(r"(?s)^.*<main|<q>.*?</q>|<script.*?</script>", "", page)
    return html.unescape(re.sub(r"<[^>]*>", "\n", main))


async def test_a_chinese_colleague_reads_what_is_wrong_and_what_to_do(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy", "zh-CN") as amy, site.visitor("sam", "en") as sam:
        now = community.clock()
        await site.work.db.write(lambda con: fall_ill(con, {}, now))
        page, feed = (await amy.get("/connectors")).text, (await amy.get("/")).text
        english = html.unescape((await sam.get("/connectors")).text)
        await site.work.db.write(lambda con: fall_ill(con, {"telegram": None, "forum": None}, now))
        earlier = (await amy.get("/connectors")).text
        alien = "the mothership speaks in riddles"
        await site.work.db.write(lambda con: con.execute("UPDATE source_health SET message = ?", [alien]).fetchall())
        quoted = (await amy.get("/connectors")).text
    assert "平台不让我们登录，已停止读取" in page
    assert "请在 BotFather 那里更新，再填到这里" in page
    assert "平台要求我们等待：将在 2026-" in page
    assert "微博只列出最新的 200 条帖子或评论" in page
    assert "已停止读取，直到有人按下面所说的处理好" in earlier  # a row of before kinds were kept
    assert f"<q>{alien}</q>" in quoted
    assert [_ENGLISH.findall(visible(each)) for each in (page, feed, earlier, quoted)] == [[], [], [], []]
    told = [each for _, _, message, warning in SICK.values() for each in (message, warning)]
    assert [each for each in (*told, *GAPS) if each not in english] == []
    assert "The platform does not let us in" in english


def test_an_alert_of_a_blind_source_says_in_chinese_what_to_do() -> None:
    state, kind, message, warning = SICK["telegram"]
    look = SourceLook("telegram", state, message, [warning], AT, kind, None)
    to = Destination.model_validate({"url": {"env": "ALERTS"}, "language": "zh"})
    alert = wording.alert("source.blind", wording.Subject(source=look), to, "Asia/Shanghai", Bands())
    assert alert.text.splitlines() == [
        "平台不让我们登录，已停止读取。请在存放处更新下面所说的凭据：写在文件里的，改了会自动重试；否则请重新启动服务，"
        "或点“继续”。",
        "telegram：Telegram 拒绝了令牌 {env: BOT}。请在 BotFather 那里更新，再填到这里。",
    ]


def test_every_class_of_errors_has_a_kind_for_which_something_is_said() -> None:
    from aggregator.poller import AnotherFormatError
    from aggregator.web import trouble_words

    kinds = {each.kind for each in (ConnectorError, AnotherFormatError, *ConnectorError.__subclasses__())}
    assert kinds - {*trouble_words.STOPPED, *trouble_words.FAILING, "transient"} == set()
