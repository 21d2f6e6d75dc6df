"""However much is reported, what is held of it is bounded by number, and nothing is told worse for it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.identity import stable_id
from aggregator.incidents import grouping, recall, reports, spikes, waiting
from aggregator.incidents.extract import fields_of
from aggregator.incidents.fields import Fields
from aggregator.incidents.grouping import Grouper
from aggregator.incidents.held import MOST_POSTS
from aggregator.incidents.reports import Said
from aggregator.triage import search_text
from tests.conftest import Community, poll
from tests.incident_day import judged
from tests.sets.incidents import stream
from tests.test_incidents import SWAP, listed, members, say, three

START = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)
HELD, WAIT, INCIDENTS, KINDS = 8, 20, 3, 40


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that a test can exceed tenfold."""
    for module in (reports, recall):
        monkeypatch.setattr(module, "MOST_HELD", HELD)
    for module in (waiting, recall):
        monkeypatch.setattr(module, "MOST", WAIT)
    monkeypatch.setattr(grouping, "MOST_INCIDENTS", INCIDENTS)
    monkeypatch.setattr(spikes, "MOST_KINDS", KINDS)


def said(number: int, fields: Fields, *, who: str = "", minutes: float = 0.0, inquiry: str = "") -> Said:
    """One of many posts, by anybody, in a thread of its own."""
    one = inquiry or str(number)
    return Said(
        stable_id("inquiry", one), stable_id("post", str(number)), stable_id("alias", str(number)),
        stable_id(who or one), stable_id("thread", one), None, START + timedelta(minutes=minutes), fields, b"",
    )  # fmt: skip


def on(chain: str) -> Fields:
    return Fields("swap", chain=frozenset({chain}), fault=True)


def fresh() -> Grouper:
    grouper = Grouper(persons=3, quiet=timedelta(hours=12))
    grouper.heard(START - timedelta(days=7))
    return grouper


@pytest.mark.usefixtures("narrow")
def test_ten_times_the_reports_of_an_incident_hold_no_more_and_count_as_many() -> None:
    grouper = fresh()
    for number in range(10 * HELD):
        grouper.take([said(number, on("arbitrum"), minutes=number / 10)])
    (incident,) = grouper.incidents.values()
    assert (incident.persons(), incident.core.reports, incident.names()) == (80, 80, {"chain": ["arbitrum"]})
    assert incident.came_within(timedelta(minutes=1), START + timedelta(minutes=4)) == 30
    held, posts, threads = grouper.held.sizes()
    assert held == threads == len(incident.reports) <= HELD
    assert posts == 2 * held


@pytest.mark.usefixtures("narrow")
def test_ten_times_the_reports_that_wait_hold_no_more() -> None:
    grouper = fresh()
    for number in range(10 * WAIT):
        grouper.take([said(number, on("base"), who="one", minutes=number / 10)])  # one person makes no incident
    assert (grouper.incidents, grouper.held.sizes()) == ({}, (WAIT, 2 * WAIT, WAIT))


@pytest.mark.usefixtures("narrow")
def test_ten_times_the_incidents_hold_no_more_and_the_newest_stay() -> None:
    grouper = fresh()
    for number in range(3 * 10 * INCIDENTS):
        domain = f"shop{number // 3}.example"
        fields = Fields("phishing", domain=frozenset({domain}), fault=True)
        grouper.take([said(number, fields, minutes=number)])
    named = [incident.names()["domain"] for incident in grouper.incidents.values()]
    assert named == [["shop27.example"], ["shop28.example"], ["shop29.example"]]
    assert grouper.held.sizes() == (9, 18, 9)


@pytest.mark.usefixtures("narrow")
def test_ten_times_the_kinds_are_not_all_known_and_the_newest_are() -> None:
    rates = spikes.Rates()
    rates.heard(START - timedelta(days=7))
    for number in range(10 * KINDS):
        rates.add([("phishing", "domain", f"{number}.example")], START + timedelta(hours=number / 4))
    assert rates.kinds() <= KINDS
    end, hour = START + timedelta(hours=10 * KINDS / 4 + 3), timedelta(hours=1)
    first, last = (("phishing", "domain", f"{number}.example") for number in (0, 10 * KINDS - 1))
    assert rates.surprise(last, 3, end, hour) > rates.surprise(first, 3, end, hour)


@pytest.mark.usefixtures("narrow")
def test_one_inquiry_of_many_posts_is_known_by_its_first_and_its_newest() -> None:
    grouper = fresh()
    for number in range(10 * MOST_POSTS):
        grouper.take([said(number, on("base"), minutes=number / 10, inquiry="one")])
    assert grouper.held.sizes() == (1, MOST_POSTS, 1)
    assert grouper.held.with_post(stable_id("post", "0")) is not None
    assert grouper.held.with_post(stable_id("alias", "79")) is not None
    assert grouper.held.with_post(stable_id("post", "7")) is None


def test_of_whom_others_speak_is_held_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "MOST_HELD", HELD)
    grouper = fresh()
    for number in range(5 * HELD):
        grouper.take([said(number, on("arbitrum"), minutes=number)])
        echo = said(1000 + number, Fields(echo=True), minutes=number + 0.5)
        grouper.take([echo._replace(reply_to=stable_id("post", "0"))])  # all of them answer the first
    (incident,) = grouper.incidents.values()
    assert incident.persons() == 10 * HELD
    assert grouper.held.of(stable_id("inquiry", "0")) is not None


def test_a_labelled_day_is_told_apart_though_little_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "MOST_HELD", 20)
    monkeypatch.setattr(waiting, "MOST", 50)
    verdict = judged(stream(2))
    assert verdict.f1 >= 0.9
    assert {label: number for label, number in verdict.alerts.items() if number > 5} == {}
    assert verdict.mixed == []


@pytest.mark.usefixtures("narrow")
async def test_whoever_was_let_go_and_says_more_is_there_once_and_a_start_knows_the_same(community: Community) -> None:
    async with community.desk("telegram") as work:
        await say(community, work, *three(SWAP))
        await say(community, work, *((f"p{number}", SWAP[number % 3]) for number in range(2 * HELD)))
        grouper = work.ingest.incidents._grouper
        assert grouper is not None
        ann = members(work)["ann"]
        let_go = grouper.held.of(ann) is None
        await say(community, work, ("ann", "still failing, swap on arbitrum, android"))
        rows = work.db.query("SELECT count(*), count(DISTINCT inquiry_id) FROM incident_report")
        told = work.db.query("SELECT fields ->> '$.os[0]' FROM incident_report WHERE inquiry_id = ?", [ann.hex()])
        assert (let_go, rows, told) == (True, [(19, 19)], [("android",)])
        assert [one["persons"] for one in listed(work)] == [19]
        (lived,) = grouper.incidents.values()
        with work.db.reading() as cursor:
            again = recall.recall(cursor, work.clock(), persons=3, quiet=timedelta(hours=12)).grouper
        (read,) = again.incidents.values()
        known = [
            (each.core.named, each.core.features, each.core.reports, each.persons(), each.minutes, each.first_at)
            for each in (lived, read)
        ]
        assert known[0] == known[1]
        assert len(read.reports) == HELD
        await poll(work, "telegram")


@pytest.mark.parametrize("piece", ["a", "1", "ab12", "a.", "5K", "@a_", "A1-", "1.1", "[.]a", "转账 "])
def test_a_long_run_of_anything_is_read_in_a_time_that_grows_with_its_length(piece: str) -> None:
    """A customer's log, or a mail's worst line, must not keep everybody waiting."""

    def took(length: int) -> float:
        text = "withdraw failed " + (piece * length)[:length]
        searchable, least = search_text(text), float("inf")
        for _ in range(3):  # the least, for other threads of this process count as well
            began = time.process_time()
            fields_of(searchable, text, {"kind": "complaint", "entities": {}})
            least = min(least, time.process_time() - began)
        return least

    took(1000)
    assert took(160_000) < 40 * max(took(20_000), 0.005)  # eight times as long; a square would be sixty-four
