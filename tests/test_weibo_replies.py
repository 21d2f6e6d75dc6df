"""Answers on Weibo, by comments."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from aggregator.demo.weibo import WeiboSimulator
from connectors.contract import Post, Record
from connectors.errors import NotSentError, ReplyRefusedError, TransientError
from connectors.replying import CANNOT_TELL, Asked, CannotTell, Outgoing, Sent, measured
from connectors.weibo import Weibo
from tests.contract_suite import drain, posts
from tests.reply_contract import KEY, TEXT, ReplyContract, a_desk, an_answer, asked_in
from tests.test_weibo import TOKEN_ENV, US, Clock, clock, connector_for, url, weibo

__all__ = ["clock", "url", "weibo"]  # fixtures

ADDRESS = "1.2.3.4"


class CommentStage:
    """Somebody comments on a post of ours, and is answered below it."""

    credential = TOKEN_ENV
    comes_back = True

    def __init__(self, weibo: WeiboSimulator, url: str, clock: Clock) -> None:
        self.weibo = weibo
        self.url = url
        self.clock = clock
        self.secret = weibo.token
        self.news = weibo.we_post("今晚维护")

    @property
    def now(self) -> Any:
        return self.clock.now

    def connector(self, **settings: Any) -> Weibo:
        return connector_for(self.url, self.clock, **({"timeout": 2, "reply_ip": ADDRESS} | settings))

    def unreachable(self) -> Weibo:
        return connector_for("http://127.0.0.1:9", self.clock, timeout=2, reply_ip=ADDRESS)

    def says(self) -> str:
        return self.weibo.comments("阿岚", "转账没到", on=self.news)

    async def asked(self) -> Asked:
        self.clock.passes(minutes=1)
        self.says()
        return asked_in(self.connector(), await self.fetched())

    async def fetched(self) -> list[Record]:
        self.clock.passes(hours=1)
        return (await drain(self.connector())).records

    def said(self) -> list[str]:
        return [each.said for each in self.weibo.blog.comments.values() if each.by is self.weibo.us]

    def loses_receipt(self) -> None:
        self.weibo.our.losing = 1

    def fails_next(self) -> None:
        self.weibo.our.breaking = 1

    def refuses(self) -> None:
        self.weibo.our.refusals.append("20021")

    def asks_to_wait(self, seconds: int) -> None:
        self.weibo.our.waits = seconds

    def refuses_login(self) -> None:
        self.weibo.token_is_good = False


class MentionStage(CommentStage):
    """Somebody names us in a post of his own."""

    def says(self) -> str:
        return self.weibo.says("阿岚", f"{US} 转账没到")


@pytest.fixture
def comment(weibo: WeiboSimulator, url: str, clock: Clock) -> CommentStage:
    return CommentStage(weibo, url, clock)


@pytest.fixture
def mention(weibo: WeiboSimulator, url: str, clock: Clock) -> MentionStage:
    return MentionStage(weibo, url, clock)


class TestCommentReplies(ReplyContract):
    @pytest.fixture
    def reply_stage(self, comment: CommentStage) -> CommentStage:
        return comment


class TestMentionReplies(ReplyContract):
    @pytest.fixture
    def reply_stage(self, mention: MentionStage) -> MentionStage:
        return mention


async def refused(stage: CommentStage, text: str = TEXT) -> ReplyRefusedError:
    async with an_answer(stage) as (connector, outgoing):
        with pytest.raises(ReplyRefusedError) as told:
            await connector.reply(replace(outgoing, text=text))
    return told.value


def answer_to(asked: Asked, text: str = TEXT) -> Outgoing:
    return Outgoing(KEY, text, asked, "amy", asked.posted_at)


async def test_a_comment_is_answered_by_one_that_names_whom_it_answers(comment: CommentStage) -> None:
    async with an_answer(comment) as (connector, outgoing):
        sent = await connector.reply(outgoing)
    [form] = comment.weibo.our.forms
    assert form == {
        "id": comment.news[2:],
        "cid": outgoing.to.native_id[2:],
        "comment": TEXT,
        "comment_ori": "0",
        "without_mention": "0",
        "rip": ADDRESS,
    }
    back = posts(comment.connector(), await comment.fetched())[sent.native_id or ""]
    assert (back.text, back.reply_to) == (TEXT, outgoing.to.native_id)


async def test_a_post_is_answered_by_a_comment_below_it(mention: MentionStage) -> None:
    async with an_answer(mention) as (connector, outgoing):
        await connector.reply(outgoing)
    [form] = mention.weibo.our.forms
    assert form == {"id": outgoing.to.native_id[2:], "comment": TEXT, "comment_ori": "0", "rip": ADDRESS}


async def test_who_passes_a_post_on_is_answered_below_that_and_nothing_is_passed_on_by_us(
    comment: CommentStage,
) -> None:
    original = comment.weibo.says("旅人", "钱包升级了吗")
    passed_on = comment.weibo.passes_on("阿岚", original, f"{US} 转账没到")
    asked = next(
        asked_in(comment.connector(), [record])
        for record in await comment.fetched()
        if record.get("status", {}).get("idstr") == passed_on[2:]
    )
    async with comment.connector() as connector:
        await connector.reply(answer_to(asked))
    assert [form["id"] for form in comment.weibo.our.forms] == [passed_on[2:]]
    assert [each.by.name for each in comment.weibo.blog.statuses.values() if each.original] == ["阿岚"]


async def test_a_comment_under_somebody_elses_post_is_told_from_that_post(comment: CommentStage) -> None:
    post = comment.weibo.says("旅人", "钱包升级了吗")
    said = comment.weibo.comments("阿岚", f"{US} 转账没到", on=post)
    records = await comment.fetched()
    connector = comment.connector()
    record = next(each for each in records if each.get("comment", {}).get("idstr") == said[2:])
    by_id = {item.native_id: item for item in connector.post(record) if isinstance(item, Post)}
    assert by_id.keys() == {post, said}
    asked = asked_in(connector, [record])
    async with connector:
        for native_id in (post, said):
            await connector.reply(answer_to(replace(asked, native_id=native_id), native_id))
    assert [(form["id"], form.get("cid")) for form in comment.weibo.our.forms] == [
        (post[2:], None),
        (post[2:], said[2:]),
    ]


async def test_without_our_public_address_the_page_says_what_is_missing(comment: CommentStage) -> None:
    asked = await comment.asked()
    silent = comment.connector(reply_ip=None)
    window = silent.reply_window(asked, comment.now)
    assert (window.why, window.detail) == ("setting", "reply_ip")
    async with silent:
        with pytest.raises(ReplyRefusedError, match="reply_ip"):
            await silent.reply(answer_to(asked))


@pytest.mark.parametrize("address", ["192.168.1.7", "127.0.0.1", "fd00::1"])
def test_a_private_address_is_no_public_one(address: str) -> None:
    settings = {"connector": "weibo", "token": {"env": TOKEN_ENV}, "reply_ip": address}
    with pytest.raises(ValidationError, match="public address"):
        Weibo.Config.model_validate(settings)


async def test_an_answer_has_140_characters_and_no_deadline(comment: CommentStage) -> None:
    window = comment.connector().reply_window(await comment.asked(), comment.now)
    assert (window.why, window.until, window.longest, window.unit) == (None, None, 140, "weibo")
    most = "长" * 100 + "ab" * 40
    assert measured(most, "weibo") == 140
    assert (await refused(comment, most + "c")).why == "too_long"
    async with an_answer(comment) as (connector, outgoing):
        await connector.reply(replace(outgoing, text=most))
    assert comment.said() == [most]


async def test_the_same_words_at_once_are_too_many(comment: CommentStage) -> None:
    async with an_answer(comment) as (connector, outgoing):
        await connector.reply(outgoing)
        with pytest.raises(ReplyRefusedError) as told:
            await connector.reply(outgoing)
    assert (told.value.why, told.value.detail) == ("repeated", "repeat content (20019)")


async def test_who_lets_only_some_comment_cannot_be_answered(mention: MentionStage) -> None:
    mention.weibo.our.only_followed.add("阿岚")
    error = await refused(mention)
    assert (error.why, error.detail) == ("blocked", "only author's attention user can comment (20206)")


async def test_what_was_deleted_is_gone(comment: CommentStage) -> None:
    async with an_answer(comment) as (connector, outgoing):
        comment.weibo.deletes(outgoing.to.native_id)
        with pytest.raises(ReplyRefusedError) as told:
            await connector.reply(outgoing)
    assert (told.value.why, "20201" in told.value.detail) == ("gone", True)


@pytest.mark.parametrize("status", [None, 200])
@pytest.mark.parametrize(
    ("code", "why"),
    [
        (20101, "gone"),
        (20112, "gone"),
        (10014, "no_right"),
        (20031, "no_right"),
        (10023, "spent"),
        (10024, "spent"),
        (20016, "spent"),
        (20017, "repeated"),
        (20018, "words"),
        (20012, "too_long"),
        (20008, "too_short"),
        (29999, "other"),
    ],
)
async def test_each_code_says_what_a_colleague_can_do(
    comment: CommentStage, code: int, why: str, status: int | None
) -> None:
    comment.weibo.api.status_of_errors = status
    comment.weibo.our.refusals.append(str(code))
    error = await refused(comment)
    assert (error.why, f"({code})" in error.detail) == (why, True)


async def test_a_weibo_in_trouble_may_have_taken_it(comment: CommentStage) -> None:
    comment.weibo.our.refusals.append("10001")
    async with an_answer(comment) as (connector, outgoing):
        with pytest.raises(TransientError) as told:
            await connector.reply(outgoing)
        assert not isinstance(told.value, NotSentError)
        assert await connector.find_sent(outgoing) is None


async def test_published_but_shown_later_is_sent(comment: CommentStage) -> None:
    comment.weibo.our.refusals.append("20032")
    async with an_answer(comment) as (connector, outgoing):
        assert await connector.reply(outgoing) == Sent(None)


async def test_answers_count_among_the_days_calls_but_do_not_wait_for_them(comment: CommentStage) -> None:
    asked = await comment.asked()
    async with comment.connector(calls_per_day=1) as connector:
        for number in range(3):
            await connector.reply(answer_to(asked, f"第 {number} 句"))
        assert await connector.find_sent(answer_to(asked)) == CANNOT_TELL
    assert len(comment.said()) == 3


async def test_an_answer_is_found_among_those_of_others_and_older_ones_of_ours(comment: CommentStage) -> None:
    comment.weibo.we_comment(TEXT, on=comment.news)
    comment.clock.passes(minutes=11)
    async with an_answer(comment) as (connector, outgoing):
        assert await connector.find_sent(outgoing) is None
        comment.loses_receipt()
        with pytest.raises(TransientError):
            await connector.reply(outgoing)
        for number in range(30):
            comment.weibo.comments("小周", f"还有 {number}", on=comment.news)
        found = await connector.find_sent(outgoing)
    assert isinstance(found, Sent)
    assert comment.weibo.truth()[found.native_id or ""].text == TEXT


async def test_an_answer_is_found_behind_a_page_of_which_weibo_hides_a_comment(comment: CommentStage) -> None:
    async with an_answer(comment) as (connector, outgoing):
        comment.loses_receipt()
        with pytest.raises(TransientError):
            await connector.reply(outgoing)
        for number in range(250):
            hidden = comment.weibo.comments("小周", f"还有 {number}", on=comment.news)
        comment.weibo.hides(hidden)
        assert isinstance(await connector.find_sent(outgoing), Sent)


async def test_a_look_below_a_quiet_post_is_one_call_and_one_more_where_the_question_is_gone(
    comment: CommentStage,
) -> None:
    async with an_answer(comment) as (connector, outgoing):
        comment.weibo.api.asked.clear()
        assert await connector.find_sent(outgoing) is None
        assert comment.weibo.api.asked == ["comments/show"]
        comment.weibo.deletes(outgoing.to.native_id)
        assert await connector.find_sent(outgoing) is None
        comment.weibo.comments("小周", "我也是", on=comment.news)
        assert await connector.find_sent(outgoing) is None
        assert comment.weibo.api.asked == ["comments/show"] * 4


async def test_the_same_words_to_somebody_else_are_not_taken_for_this_answer(comment: CommentStage) -> None:
    other = comment.weibo.comments("小周", "我也没到", on=comment.news)
    async with an_answer(comment) as (connector, outgoing):
        comment.weibo.we_comment(TEXT, on=comment.news)
        comment.weibo.we_comment(TEXT, on=comment.news, reply_to=other)
        assert await connector.find_sent(outgoing) is None
        comment.weibo.deletes(other)  # Weibo no longer tells what it answers
        assert await connector.find_sent(outgoing) == CANNOT_TELL


LINKED = "请看https://help.lantern.io/a?b=1&c=2，或 http://lantern.io 🙏"


async def test_an_answer_is_found_though_weibo_shortens_its_links(comment: CommentStage) -> None:
    async with an_answer(comment) as (connector, outgoing):
        linked = replace(outgoing, text=LINKED)
        comment.loses_receipt()
        with pytest.raises(TransientError):
            await connector.reply(linked)
        assert LINKED not in comment.said()
        assert isinstance(await connector.find_sent(linked), Sent)
        assert await connector.find_sent(replace(linked, text=f"{LINKED} 谢谢")) is None


async def test_an_answer_that_comes_back_is_known_though_weibo_shortens_its_links(
    comment: CommentStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cannot_tell(_: Outgoing) -> CannotTell:
        return CANNOT_TELL

    async with a_desk(comment, tmp_path) as desk:
        monkeypatch.setattr(desk.work.connectors[desk.source], "find_sent", cannot_tell)
        comment.loses_receipt()
        await desk.answers(LINKED)
        assert (desk.row().state, desk.row().looked) == ("unknown", "cannot tell")
        await desk.reads()
        assert desk.row().state == "sent"


async def test_below_a_post_with_very_many_comments_nobody_can_tell(mention: MentionStage) -> None:
    async with an_answer(mention) as (connector, outgoing):
        for number in range(201):
            mention.weibo.comments("小周", f"{number}", on=outgoing.to.native_id)
        assert await connector.find_sent(outgoing) == CANNOT_TELL


async def test_a_comment_whose_record_does_not_tell_its_post_cannot_be_answered(comment: CommentStage) -> None:
    asked = replace(await comment.asked(), record={"comment": {"id": 1}, "us": "7"})
    assert comment.connector().reply_window(asked, comment.now).why == "gone"
