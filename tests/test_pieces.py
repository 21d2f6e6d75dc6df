"""A recovery phrase that is sent word by word."""

from __future__ import annotations

import random

import pytest
from mnemonic import Mnemonic

from tests.conftest import Community, open_inquiries, poll, texts


def twelve_words() -> list[str]:
    entropy = random.Random(20260314).randbytes(16)
    return Mnemonic("english").to_mnemonic(entropy).split()


@pytest.mark.parametrize(("platform", "letters"), [("telegram", None), ("forum", None), ("telegram", 4)])
async def test_a_phrase_sent_word_by_word_is_blacked_out_and_leaves_the_disk(
    community: Community, platform: str, letters: int | None
) -> None:
    words = [word[:letters] for word in twelve_words()]
    says = community.telegram.says if platform == "telegram" else community.forum.says
    async with community.desk(platform) as work:
        said = None
        for number, word in enumerate(words, 1):
            in_topic = {"reply_to": said} if platform == "forum" and said else {}
            said = says("fox", f"{number}. {word}", **in_topic)
            community.clock.pass_(seconds=9)
            await poll(work)
        (row,) = open_inquiries(work)
        before = texts(work)
        for _ in range(6):  # the forum lists its posts again, as they were
            await poll(work)
        assert texts(work) == before
        assert (row["secret"], row["kind"]) == (True, "emergency")
    stored = b"".join(path.read_bytes() for path in sorted(community.data.iterdir()) if path.is_file())
    readable = [word for word in words if any(word in text for text in before)]
    assert readable == []
    assert [word for word in words if len(word) > 5 and f" {word}".encode() in stored] == []


async def test_pieces_are_remembered_over_a_restart(community: Community) -> None:
    words = twelve_words()
    for half in (words[:6], words[6:]):
        async with community.desk("telegram") as work:
            for word in half:
                community.telegram.says("fox", word)
                community.clock.pass_(seconds=5)
            await poll(work)
            stored = texts(work)
    assert len(stored) == 12
    assert not set(stored) & set(words)


async def test_a_phrase_goes_on_where_its_group_becomes_a_supergroup(community: Community) -> None:
    words = twelve_words()
    async with community.desk("telegram") as work:
        for word in words[:6]:
            community.telegram.says("fox", word)
        moved = community.telegram.migrates(community.telegram.group)
        for word in words[6:]:
            community.telegram.says("fox", word, chat=moved)
        await poll(work)
        (row,) = open_inquiries(work)
        assert not set(texts(work)) & set(words)
        assert work.db.query("SELECT DISTINCT thread_id FROM post") == [(row["thread_id"],)]


async def test_ordinary_short_words_stay_readable(community: Community) -> None:
    async with community.desk("telegram") as work:
        for word in (
            "thanks",
            "you",
            "all",
            "good",
            "morning",
            "gm",
            "when",
            "update",
            "soon",
            "nice",
            "ok",
            "sure",
            "lol",
        ):
            community.telegram.says("fox", word)
        await poll(work)
        assert "█" not in "".join(texts(work))
