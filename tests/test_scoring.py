"""The filter `aggregator score`: lines in, lines out, in order, each explained."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from datetime import timedelta
from io import BytesIO
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from aggregator.cli import main
from aggregator.config import ChannelClock, Settings
from aggregator.folding.fold import FoldPost, Subject, fold
from aggregator.identity import stable_id
from aggregator.inquiry import Inquiry, Reason
from aggregator.moving_points import (
    approached_points,
    first_contact_points,
    incident_points,
    overdue_points,
    repeat_points,
    room_of,
    share_of,
    waiting_points,
)
from aggregator.scoring import score_lines
from aggregator.store.database import Database
from aggregator.triage.terms import RULES
from tests.conftest import START, Hands

FIRST = START - timedelta(hours=5)  # the same person's question elsewhere
MOVING = {"waiting", "overdue", "repeat_contact", "first_contact"}
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"


def scored(*rows: object) -> list[dict[str, Any]]:
    """The answers to rows; bytes are a line as it is."""
    return answers(row if isinstance(row, bytes) else orjson.dumps(row) for row in rows)[0]


def answers(lines: Iterable[bytes], settings: Settings | None = None) -> tuple[list[dict[str, Any]], bool]:
    out = BytesIO()
    broken = score_lines(BytesIO(b"\n".join(lines)), out, settings or Settings(sources={}), clock=Hands())
    return [orjson.loads(line) for line in out.getvalue().splitlines()], broken


def rules(answer: dict[str, Any]) -> set[str]:
    return {term["rule"] for term in answer["terms"]}


def moved(answer: dict[str, Any], rule: str) -> float:
    """The points of a rule that moves with time, before they are weighed by the others."""
    points = {term["rule"]: term["points"] for term in answer["terms"]}
    own = sum(worth for name, worth in points.items() if name not in MOVING)
    return float(points[rule] / share_of(own))


def test_every_line_is_answered_in_its_place_with_its_id() -> None:
    rows = [{"id": number, "text": f"question {number}?"} for number in range(500)]
    assert [answer["id"] for answer in scored(*rows)] == list(range(500))


def test_an_answer_has_everything_that_the_feed_shows() -> None:
    (answer,) = scored({"id": "a", "text": "提现三天没到账，没人理我", "channel": "weibo"})
    assert set(answer) == {"id", "priority", "score", "band", "kind", "lang", "terms", "entities", "text"}
    assert (answer["id"], answer["kind"], answer["band"]) == ("a", "complaint", "P1")
    assert answer["lang"].startswith("zh")


def test_the_terms_sum_to_the_priority_and_show_their_words() -> None:
    (answer,) = scored(
        {"id": "a", "text": "where is my money? I will call a lawyer", "author": "fox", "followers": 900}
    )
    by_rule = {term["rule"]: term for term in answer["terms"]}
    assert sum(term["points"] for term in answer["terms"]) == pytest.approx(answer["priority"])
    legal = by_rule["threat_legal"]
    assert "lawyer" in answer["text"][legal["start"] : legal["end"]]
    assert by_rule["reach"]["points"] > 0
    assert legal["id"] == "a"


def test_praise_and_noise_sink_below_a_complaint() -> None:
    praise, complaint = scored({"text": "great wallet, love it"}, {"text": "my funds were stolen from the wallet!"})
    assert praise["priority"] < 0 < complaint["priority"]
    assert praise["score"] == 0


def test_a_phrase_is_masked_wherever_it_stands_and_raises_the_alarm() -> None:
    phrase = "slab fog cruel pottery mixture ensure thought hotel rug coffee velvet olympic"
    (answer,) = scored({"id": phrase, "text": f"recovery phrase: {phrase}", "author": phrase})
    assert not any(word in orjson.dumps(answer).decode() for word in ("pottery", "velvet"))
    assert "key_exposed" in rules(answer)
    assert answer["band"] == "P0"


def test_a_published_test_phrase_is_masked_without_an_alarm() -> None:
    (answer,) = scored({"id": 1, "text": f"seed phrase: {PHRASE}"})
    assert "sausage" not in answer["text"]
    assert "key_exposed" not in rules(answer)


def test_a_line_that_cannot_be_read_is_answered_by_its_number_and_the_next_ones_go_on() -> None:
    given = [b"{broken", b'{"id": 1}', b"[1]", b'{"id": 2, "text": "hello"}', b'{"text": "x", "created_at": "soon"}']
    found, broken = answers(given)
    assert [answer.get("line") for answer in found] == [1, 2, 3, None, 5]
    assert "`text` is missing" in found[1]["error"]
    assert found[4]["error"] == "created_at is no time: 'soon'"
    assert broken


def test_an_error_repeats_no_words_of_its_line() -> None:
    found, _ = answers([b'{"text": "swordfish', b"swordfish", b'"swordfish"', b'{"text": 5, "note": "swordfish"}'])
    assert len(found) == 4
    assert "swordfish" not in str(found)


def test_values_of_a_wrong_kind_are_an_error_of_their_line_alone() -> None:
    odd = [{"channel": ["a"]}, {"author": {"id": 1}}, {"id": [1]}, {"thread": {}}, {"lang": []}]
    found, broken = answers(orjson.dumps({"text": "hello", **more}) for more in [*odd, {"id": "fine"}])
    assert [answer.get("line") for answer in found] == [1, 2, 3, 4, 5, None]
    assert "author_id is neither text nor number" in found[1]["error"]
    assert broken


def test_lines_of_white_space_and_a_byte_order_mark_are_no_mistakes() -> None:
    found, broken = answers([b'\xef\xbb\xbf{"id": 1, "text": "hello"}\r', b"", b"  ", b'{"id": 2, "text": "hi"}', b""])
    assert [answer["id"] for answer in found] == [1, 2]
    assert not broken


def test_one_persons_posts_in_a_thread_are_one_inquiry_that_grows() -> None:
    first, second, third = scored(
        {"id": 1, "thread": "t", "author": "fox", "text": "where is my money?", "created_at": "2026-03-01T08:00Z"},
        {"id": 2, "thread": "t", "author": "fox", "text": "hello?", "created_at": "2026-03-01T08:30Z"},
        {"id": 3, "thread": "t", "author": "fox", "text": "anyone?", "created_at": "2026-03-01T09:00Z"},
    )
    assert first["priority"] < second["priority"] < third["priority"]
    assert "asked_again" in rules(second)
    assert "asked_three_times" in rules(third)
    assert {term["id"] for term in third["terms"] if term["rule"] == "funds_missing"} == {1}
    assert (third["text"], third["kind"]) == ("anyone?", "complaint")


def test_waiting_counts_from_the_first_post_to_the_line() -> None:
    _, later = scored(
        {"id": 1, "thread": "t", "author": "fox", "text": "where is my money?", "created_at": "2026-03-01T08:00Z"},
        {"id": 2, "thread": "t", "author": "fox", "text": "still no money", "created_at": "2026-03-01T10:00Z"},
    )
    assert moved(later, "waiting") == pytest.approx(6)


def test_others_in_the_thread_and_the_same_name_on_another_channel_are_somebody_else() -> None:
    said = {"thread": "t", "author": "fox", "text": "where is my money?", "created_at": "2026-03-01T08:00Z"}
    later = {**said, "created_at": "2026-03-01T09:00Z"}
    own, other, elsewhere = scored(said, {**later, "author": "owl"}, {**later, "channel": "forum"})
    assert own["priority"] == other["priority"] == elsewhere["priority"]


def test_who_waits_in_another_thread_too_is_raised() -> None:
    said = {"author": "fox", "text": "where is my money?", "created_at": "2026-03-01T08:00Z"}
    one, two, three, four = scored(*({**said, "thread": name} for name in "abcd"))
    assert "repeat_contact" not in rules(one)
    assert [moved(answer, "repeat_contact") for answer in (two, three, four)] == pytest.approx([3, 6, 6])


def test_who_waits_in_another_thread_has_waited_since_then() -> None:
    said = {"author": "fox", "text": "where is my money?", "created_at": "2026-03-01T08:00Z"}
    _, later = scored(said | {"thread": "a"}, said | {"thread": "b", "created_at": "2026-03-01T11:00Z"})
    assert moved(later, "first_contact") == pytest.approx(9)
    assert "waiting" not in rules(later)


def test_who_poses_as_one_of_us_is_named() -> None:
    settings = Settings(sources={}, brand={"names": ["Lantern Wallet"]})
    line = orjson.dumps({"text": "please wait", "author_id": "1", "author_name": "Lantern Wa11et Support"})
    ((answer,), _) = answers([line], settings)
    assert answer["poses"]["reason"] == "name"
    told = CliRunner().invoke(main, ["score", "--help"]).output
    assert [name for name in answer if f'"{name}"' not in told] == []


def test_the_same_id_again_is_an_edit_not_a_second_question() -> None:
    said = {"id": 7, "thread": "t", "author": "fox", "text": "where is my money?", "created_at": "2026-03-01T08:00Z"}
    _, edited = scored(said, {**said, "text": "sorry, it was my mistake", "created_at": "2026-03-01T09:00Z"})
    assert "asked_again" not in rules(edited)
    assert "funds_missing" not in rules(edited)


def test_points_and_bands_of_the_configuration_hold() -> None:
    settings = Settings(sources={}, points={"funds_missing": 90.0}, bands={"P0": 95, "P1": 90, "P2": 50})
    ((answer,), _) = answers([b'{"text": "where is my money?"}'], settings)
    ((usual,), _) = answers([b'{"text": "where is my money?"}'], Settings(sources={}))
    more = 90 - RULES["funds_missing"]
    assert answer["priority"] == pytest.approx(usual["priority"] + more, abs=0.11)
    assert answer["band"] == "P2"


def test_a_slow_writer_gets_each_answer_before_the_next_line() -> None:
    (read_in, write_in), (read_out, write_out) = os.pipe(), os.pipe()
    with os.fdopen(read_in, "rb") as stdin, os.fdopen(write_out, "wb") as stdout, os.fdopen(read_out, "rb") as out:
        filter_ = threading.Thread(target=score_lines, args=(stdin, stdout, Settings(sources={})))
        filter_.start()
        with os.fdopen(write_in, "wb", buffering=0) as typing:
            typing.write(b'{"id": 1, "text": "hel')
            typing.write(b'lo"}\n')
            first = orjson.loads(out.readline())
            typing.write(b'{"id": 2, "text": "hi"}\n')
            second = orjson.loads(out.readline())
        filter_.join()
    assert (first["id"], second["id"]) == (1, 2)


def test_the_points_that_move_with_time_are_those_of_the_feed() -> None:
    inquiry = an_inquiry()
    moments = [START + timedelta(minutes=minutes) for minutes in range(-5, 20_000, 37)]
    db = Database(None)
    with db.reading() as cursor:
        macros = cursor.execute(
            "SELECT waiting_points($rate, $cap, $since, moment), overdue_points($due, moment), "
            "first_contact_points($rate, $cap, $since, $first, moment), "
            "first_contact_points($rate, $cap, $since, $since, moment) "
            "FROM unnest($moments::TIMESTAMPTZ[]) AS m(moment)",
            {
                "rate": inquiry.wait_per_hour,
                "cap": inquiry.wait_cap,
                "since": inquiry.waiting_since,
                "due": inquiry.due_at,
                "first": FIRST,
                "moments": moments,
            },
        ).fetchall()
        counted = cursor.execute(
            "SELECT repeat_points(n), approached_points(n), incident_points(n), share_of(30 * n - 10), "
            "room_of(30 * n - 10) "
            "FROM range(12) AS r(n) ORDER BY n"
        ).fetchall()
    db.close()
    ours = [
        (
            waiting_points(inquiry, moment),
            overdue_points(inquiry, moment),
            first_contact_points(inquiry, FIRST, moment),
            first_contact_points(inquiry, inquiry.waiting_since, moment),
        )
        for moment in moments
    ]
    assert sorted(ours) == [pytest.approx(row) for row in sorted(macros)]
    assert [
        pytest.approx(
            (
                repeat_points(number),
                approached_points(number),
                incident_points(number),
                share_of(30 * number - 10),
                room_of(30 * number - 10),
            )
        )
        for number in range(12)
    ] == counted


def an_inquiry() -> Inquiry:
    """A complaint from START on, with half an hour to answer."""
    post = stable_id("post")
    said = FoldPost(
        post_id=post, posted_at=START, order=0, seen_at=START, staff=False, deleted=False, backfill=False, public=True,
        thanks=False, secret=False, kind="complaint", lang="en", title=None, excerpt="", permalink=None,
        reasons=(Reason("funds_missing", 55.0),),
    )  # fmt: skip
    half_an_hour = timedelta(minutes=30)
    clock = ChannelClock(first_answer=half_an_hour, next_answer=half_an_hour)
    return fold(Subject(post, "s", "c", post, post), [said], (), clock, {})


def test_a_time_that_is_missing_is_now() -> None:
    said = {"thread": "t", "author": "fox"}
    _, now = scored(
        {**said, "text": "where is my money?", "created_at": (START - timedelta(hours=3)).isoformat()},
        {**said, "text": "hello?"},
    )
    assert moved(now, "waiting") == pytest.approx(9)
