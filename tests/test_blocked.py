"""A lead's block of an account: what it writes begins no inquiry, until the block is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from aggregator.acting.flags import Verdict, decide, flag, flags
from aggregator.identity import Id, as_uuid, written
from tests.people_stage import Stage, account, stage

LOST = "my withdrawal has not arrived, three days now"
PHRASE = "slab fog cruel pottery mixture ensure thought hotel rug coffee velvet olympic"


@pytest.fixture
def desk() -> Iterator[Stage]:
    with stage() as it:
        yield it


def talk(desk: Stage, who: str, text: str, thread: str) -> None:
    desk.clock.pass_(minutes=1)
    desk.says("telegram", who, text, thread=thread)


def flagged(desk: Stage, who: str) -> None:
    """A colleague flags the author of the only inquiry."""
    ((inquiry,),) = desk.db.query("SELECT inquiry_id FROM inquiry")
    settings, target = desk.ingest.settings, written(account("telegram", who))
    desk.db.submit(
        lambda con: flag(con, settings, inquiry.bytes, "account", target, "amy", desk.clock(), "advertises")
    ).result()


def decided(desk: Stage, verdict: Verdict) -> set[Id]:
    desk.clock.pass_(minutes=1)
    settings, now = desk.ingest.settings, desk.clock()
    return desk.db.submit(
        lambda con: decide(con, settings, flags(con)[0].flag_id, "lea", now, verdict)
    ).result()  # fmt: skip


def threads(desk: Stage) -> int:
    ((count,),) = desk.db.query("SELECT count(*) FROM inquiry")
    return int(count)


def test_who_is_blocked_begins_nothing_and_goes_on_with_what_there_is(desk: Stage) -> None:
    talk(desk, "fox", LOST, "one")
    flagged(desk, "fox")
    decided(desk, "blocked")
    talk(desk, "fox", "join my group, 40 % a week", "two")
    assert threads(desk) == 1
    talk(desk, "fox", "and where is it now?", "one")
    talk(desk, "owl", LOST, "two")
    assert desk.db.query("SELECT posts FROM inquiry ORDER BY opened_at") == [(2,), (1,)]
    assert desk.db.query("SELECT count(*) FROM post") == [(4,)]


def test_a_key_that_a_blocked_one_gives_away_is_seen(desk: Stage) -> None:
    talk(desk, "fox", LOST, "one")
    flagged(desk, "fox")
    decided(desk, "blocked")
    talk(desk, "fox", f"recovery phrase: {PHRASE}", "two")
    assert desk.db.query("SELECT count(*) FROM inquiry WHERE secret") == [(1,)]


def test_once_it_is_taken_back_what_was_written_meanwhile_begins_inquiries(desk: Stage) -> None:
    talk(desk, "fox", LOST, "one")
    flagged(desk, "fox")
    decided(desk, "blocked")
    talk(desk, "fox", "my swap failed, too", "two")
    changed = decided(desk, "harmless")
    begun = desk.db.query("SELECT inquiry_id, excerpt, state FROM inquiry ORDER BY opened_at DESC LIMIT 1")
    assert [tuple(row[1:]) for row in begun] == [("my swap failed, too", "new")]
    assert begun[0][0] in {as_uuid(one) for one in changed}
    talk(desk, "fox", LOST, "three")
    assert threads(desk) == 3
    orphans = "SELECT count(*) FROM post WHERE inquiry_id IS NULL AND NOT staff"
    assert desk.db.query(orphans) == [(0,)]


@pytest.mark.parametrize(
    ("address", "is_there"),
    [
        ("evil.example/claim", True),
        ("evil.example/claim.", True),  # as a page takes it from the end of a sentence
        ("evil.example", True),  # all of the site
        ("metamask.io/download", True),
        ("bonus.example/a", True),
        ("mail.example", True),
        ("evil.example/cl", False),
        ("evil.example/never-seen", False),
        ("k.io/download", False),
        ("vil.example", False),
        ("evil.ex", False),
        ("metamask.io/Download", False),
    ],
)
def test_a_link_is_flagged_only_where_somebody_has_seen_it(desk: Stage, address: str, is_there: bool) -> None:
    talk(desk, "fox", "is https://evil.example:443/claim?id=7 or https://MetaMask.io/download/ the right one?", "one")
    talk(desk, "fox", "they say bonus.example/a\uff08free\uff09, or mailto:us@mail.example", "one")
    ((inquiry,),) = desk.db.query("SELECT inquiry_id FROM inquiry")
    settings, now = desk.ingest.settings, desk.clock()
    with nullcontext() if is_there else pytest.raises(KeyError):
        desk.db.submit(
            lambda con: flag(con, settings, inquiry.bytes, "link", address, "amy", now, "a scam")
        ).result()  # fmt: skip
    assert len(desk.db.query("FROM flag")) == is_there
