"""Somebody who asks what was answered before is shown that answer, without anything of whom it was given to."""

from __future__ import annotations

from pathlib import Path

from aggregator.answering.similar import Similar, Suggestion, _Index, suggestions
from aggregator.identity import Id, stable_id
from aggregator.incidents.extract import fields_of
from aggregator.store.answered import Question, question_of
from aggregator.store.database import Connection
from aggregator.store.reading import inquiry_page
from aggregator.triage import judge, search_text, understand
from aggregator.workplace import Workplace
from tests.conftest import START, Community, poll
from tests.sets import HERE, rows

TX = "0x" + "3f9a" * 16
EXPORT = "How do I export my transaction history as a CSV file?"
ANSWER = f"Hi owl, open Settings, History, then Export. Your transaction {TX} will be in it."


def asked(key: str, text: str) -> Question:
    """As the store would tell it of a post."""
    searched = search_text(text)
    (grade,) = judge([searched])
    seen = understand(text, grade, lang=None, public=True, followers=None, secrets=(), staff=False, points={})
    fields = fields_of(searched, text, {"kind": seen.kind, "entities": seen.entities})
    feature = {"feature": [fields.feature]} if fields and fields.feature and fields.fault else {}
    return Question(stable_id("q", key), seen.lang, seen.kind, searched, {**seen.entities, **feature}, START)


def test_a_question_in_other_words_is_found_among_eight_hundred() -> None:
    header, *lines = (line.split("\t") for line in Path(HERE / "alike.tsv").read_text(encoding="utf-8").splitlines())
    pairs = [dict(zip(header, line, strict=True)) for line in lines]
    index = _Index()
    for name in ("slots.tsv", "ordinary_posts.tsv", "group_talk.tsv"):
        for number, row in enumerate(rows(name)):
            index.add(asked(f"{name}{number}", row["text"]))
    for pair in pairs:
        index.add(asked(f"before {pair['id']}", pair["before"]))
    found = [
        stable_id("q", f"before {pair['id']}") in {one.key for one in index.like(asked("now", pair["now"]), 3)}
        for pair in pairs
    ]
    assert len(index.questions) > 600
    assert sum(found) >= 29
    assert len(found) == 36


async def answered(community: Community, work: Workplace, *, thanks: bool = False) -> None:
    """owl asks on the forum, a moderator answers."""
    community.forum.user("mod_mei").moderator = True
    first = community.forum.says("owl", EXPORT, title="Export")
    community.clock.pass_(minutes=5)
    reply = community.forum.says("mod_mei", ANSWER, reply_to=first)
    if thanks:
        community.clock.pass_(minutes=1)
        community.forum.says("owl", "thanks, that works", reply_to=reply)
    await poll(work, "forum")


def inquiry_by(work: Workplace, name: str) -> Id:
    ((inquiry,),) = work.db.query(
        "SELECT i.inquiry_id FROM inquiry AS i JOIN account AS a ON a.account_id = i.person_id WHERE a.handle = ?",
        [name],
    )
    return bytes(inquiry.bytes)


def offered(work: Workplace, inquiry: Id, similar: Similar | None = None) -> list[Suggestion]:
    def read(cursor: Connection) -> list[Suggestion]:
        page = inquiry_page(cursor, inquiry, moment=work.clock())
        assert page
        this = page.row.inquiry
        question = question_of(cursor, inquiry, this.lead_post_id, this.lang, this.kind, this.opened_at)
        return suggestions(cursor, similar or Similar(), question, this.person_id)

    with work.db.reading() as cursor:
        return read(cursor)


async def test_another_customer_who_asks_the_like_is_shown_the_answer_without_the_first_ones_data(
    community: Community,
) -> None:
    async with community.desk() as work:
        await answered(community, work)
        community.forum.says("fox", "is there a way to export all my transactions into a csv file", title="CSV?")
        await poll(work, "forum")
        (one,) = offered(work, inquiry_by(work, "fox"))
    assert one.answer == "Hi {name}, open Settings, History, then Export. Your transaction {tx} will be in it."
    assert one.source.question == "Export"
    assert one.source.channel == "forum"
    assert one.source.permalink


async def test_whoever_asks_again_is_not_shown_his_own_answer_and_others_no_other_matter(community: Community) -> None:
    async with community.desk() as work:
        await answered(community, work)
        community.forum.says("owl", EXPORT, title="Again")
        community.forum.says("elk", "The app crashes when I open the camera on Android", title="Crash")
        await poll(work, "forum")
        ((again,),) = work.db.query("SELECT inquiry_id FROM inquiry WHERE title = 'Again'")
        assert offered(work, again.bytes) == []
        assert offered(work, inquiry_by(work, "elk")) == []


async def test_what_is_answered_later_is_found_later_and_what_was_deleted_is_not(community: Community) -> None:
    similar = Similar()
    async with community.desk() as work:
        community.forum.says("fox", "is there a way to export all my transactions into a csv file", title="CSV?")
        await poll(work, "forum")
        assert offered(work, inquiry_by(work, "fox"), similar) == []
        await answered(community, work)
        similar._read_at = 0.0
        assert len(offered(work, inquiry_by(work, "fox"), similar)) == 1
        await work.db.write(lambda con: con.execute("UPDATE post SET deleted_at = posted_at WHERE staff").fetchall())
        assert offered(work, inquiry_by(work, "fox"), similar) == []


async def test_an_answer_that_only_asks_back_is_not_offered(community: Community) -> None:
    async with community.desk() as work:
        community.forum.user("mod_mei").moderator = True
        first = community.forum.says("owl", EXPORT, title="Export")
        community.clock.pass_(minutes=5)
        community.forum.says("mod_mei", "Please tell us which phone model and app version you use.", reply_to=first)
        community.forum.says("fox", "how can I export my transaction history into a csv", title="CSV?")
        await poll(work, "forum")
        assert offered(work, inquiry_by(work, "fox")) == []


async def test_a_topic_of_ours_is_offered_with_its_address(community: Community) -> None:
    async with community.desk() as work:
        community.forum.user("mod_mei").moderator = True
        community.forum.says(
            "mod_mei",
            "Open Settings, History, then Export, and choose CSV.",
            title="How to export your transaction history",
        )
        community.clock.pass_(minutes=5)
        community.forum.says("fox", "how can I export my transaction history into a csv", title="CSV?")
        await poll(work, "forum")
        (one,) = offered(work, inquiry_by(work, "fox"))
    assert one.source.topic
    assert one.source.question == "How to export your transaction history"
    assert one.answer == "Open Settings, History, then Export, and choose CSV."
    assert one.source.permalink


async def test_an_inquiry_in_which_a_key_was_exposed_is_never_a_source(community: Community) -> None:
    async with community.desk() as work:
        await answered(community, work)
        await work.db.write(lambda con: con.execute("UPDATE inquiry_open SET secret = true").fetchall())
        community.forum.says("fox", "is there a way to export all my transactions into a csv file", title="CSV?")
        await poll(work, "forum")
        assert offered(work, inquiry_by(work, "fox")) == []
