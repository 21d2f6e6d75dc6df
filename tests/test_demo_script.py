"""The demo's script: a day that can be played, and a crowd that does not repeat itself."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import yaml
from mnemonic import Mnemonic

from aggregator.demo.script import (
    ACTS,
    CROWD_FILE,
    DAY_SECONDS,
    OUR_WEIBO,
    PRIVATE,
    Day,
    Expect,
    Line,
    ScriptError,
    crowd,
    load,
    mistakes,
)

if TYPE_CHECKING:
    from pathlib import Path

PUBLISHED_PHRASES = (
    "legal winner thank year wave sausage worth useful legal winner thank yellow",
    "abandon " * 11 + "about",
)

SMALL_DAY = """
rooms:
  telegram: {help: Help}
  forum: {bugs: Bugs}
  email: {support: Support}
people:
  ann: {name: Ann, handle: ann_1, lang: en}
  ben: {name: Ben, handle: ben_1, lang: en}
  sue: {name: Sue, handle: sue_1, lang: en, role: staff}
lines:
  - {at: "08:00:10", id: first, who: ann, in: telegram/help, is: question 1, text: hello}
  - {at: "09:30:00", id: topic, who: ann, in: forum/bugs/a, title: A, text: broken}
"""


@pytest.fixture(scope="module")
def day() -> Day:
    return load()


def written(tmp_path: Path, line: str) -> Path:
    path = tmp_path / "day.yaml"
    path.write_text(f"{SMALL_DAY}  - {line}\n", encoding="utf-8")
    return path


def test_the_day_has_a_believable_size_and_crowd(day: Day) -> None:
    assert 380 <= len(day.lines) <= 440
    assert {line.who for line in day.lines} == set(day.people)
    assert len(day.people) >= 60


def test_the_day_is_mostly_chinese_and_partly_english(day: Day) -> None:
    languages = Counter(day.people[line.who].lang for line in day.lines)
    assert 0.6 <= languages["zh"] / len(day.lines) <= 0.7
    assert 0.25 <= languages["en"] / len(day.lines) <= 0.35
    assert {"ja", "ko", "es", "ru", "vi"} <= set(languages)


def test_no_two_lines_of_the_day_say_the_same(day: Day) -> None:
    texts = [line.text for line in day.lines if line.text]
    assert [text for text, times in Counter(texts).items() if times > 1] == []


def test_every_handle_is_one_persons(day: Day) -> None:
    handles = Counter(person.handle for person in day.people.values())
    assert [handle for handle, people in handles.items() if people > 1] == []


def test_the_incident_hits_more_than_thirty_people_on_all_channels_in_both_languages(day: Day) -> None:
    reports = [
        line
        for line in day.lines
        if "1207" in line.text and line.expect is not None and line.expect.kind == "complaint"
    ]
    assert len({line.who for line in reports}) >= 30
    assert {line.channel for line in reports} == set(ACTS)
    assert {"zh", "en"} <= {day.people[line.who].lang for line in reports}


def test_several_people_write_on_more_than_one_channel(day: Day) -> None:
    customers = {line.who for line in day.lines if day.people[line.who].role == "customer"}
    places = {who: {line.channel for line in day.lines if line.who == who} for who in customers}
    assert sum(len(channels) >= 3 for channels in places.values()) >= 10


def test_every_post_says_how_a_careful_reader_grades_it(day: Day) -> None:
    ungraded = [line.id for line in day.lines if line.expect is None and line.act not in ("likes", "deletes")]
    assert ungraded == []


def test_the_team_is_never_graded_as_a_complaint_nor_a_scammer_above_noise(day: Day) -> None:
    ours_or_theirs = [line for line in day.lines if line.expect and day.people[line.who].role != "customer"]
    assert {line.expect.grade for line in ours_or_theirs if line.expect} == {0}


def test_recovery_words_of_the_day_are_published_test_vectors(day: Day) -> None:
    words = "|".join(Mnemonic("english").wordlist)
    run = re.compile(rf"\b(?:(?:{words})\s+){{7,}}(?:{words})\b")
    found = {phrase[0] for line in day.lines for phrase in run.finditer(line.text)}
    assert found == set(PUBLISHED_PHRASES)


def test_a_private_key_stands_beside_its_cue(day: Day) -> None:
    keys = [line for line in day.lines if re.search(r"私钥.{0,4}\b[0-9a-f]{64}\b", line.text)]
    assert [line.expect for line in keys] == [Expect("emergency", 4)]


def test_links_of_the_script_lead_nowhere(day: Day) -> None:
    texts = "\n".join(line.text for line in (*day.lines, *crowd(day, 2000, seed=1)))
    domains = re.findall(r"[a-z0-9-]+\.(?:[a-z]+\.)*[a-z]{2,}", texts)
    assert domains
    assert [domain for domain in domains if not domain.endswith(".example")] == []


def test_a_line_is_read_with_its_room_its_time_and_its_grade(tmp_path: Path) -> None:
    path = written(
        tmp_path, '{at: "09:31:00", who: ben, in: forum/bugs/a, re: topic, is: complaint 2, text: " me too "}'
    )
    assert load(path).lines[-1] == Line(
        at=5460.0,
        id="ben-1",
        channel="forum",
        who="ben",
        text="me too",
        topic="bugs/a",
        reply_to="topic",
        expect=Expect("complaint", 2),
    )


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ('{at: "09:00:00", who: ben, in: telegram/help, text: x}', "line ben-1 at 09:00:00: times must rise"),
        ('{at: "20:00:01", who: ben, in: telegram/help, text: x}', "from 08:00:00 to 20:00:00"),
        ('{at: "10:00:00", id: first, who: ben, in: telegram/help, text: x}', "already used at 08:00:10"),
        ('{at: "10:00:00", who: zed, in: telegram/help, text: x}', "line zed-1 at 10:00:00: nobody is called 'zed'"),
        ('{at: "10:00:00", who: ben, in: telegram/attic, text: x}', "telegram has no room 'attic'"),
        ('{at: "10:00:00", who: ben, in: forum/attic/a, title: T, text: x}', "the forum has no category 'attic'"),
        ('{at: "10:00:00", who: ben, in: forum/bugs/new, text: x}', "first line of a forum topic has the title"),
        ('{at: "10:00:00", who: ben, in: forum/bugs/a, title: B, text: x}', "has the title, and no other"),
        (
            '{at: "10:00:00", who: ben, in: telegram/help, title: B, text: x}',
            "only a forum's topic, a mail or a review",
        ),
        ('{at: "10:00:00", who: ben, in: email/support, text: x}', "who begins writes a title, who answers none"),
        ('{at: "10:00:00", who: ben, in: telegram/help, re: later, text: x}', "no earlier line has the id 'later'"),
        ('{at: "10:00:00", who: ben, in: telegram/help, re: topic, text: x}', "answers stay in their room"),
        ('{at: "10:00:00", who: ann, in: telegram/help, act: edits, text: x}', "say in `re` which line it edits"),
        ('{at: "10:00:00", who: ben, in: telegram/help, act: edits, re: first, text: x}', "who alone may edit it"),
        ('{at: "10:00:00", who: sue, in: forum/bugs/a, act: edits, re: topic, text: x}', "who alone may edit it"),
        ('{at: "10:00:00", who: ben, in: telegram/help, act: likes, re: first}', "'likes' does not happen in telegram"),
        ('{at: "10:00:00", who: ben, in: forum/bugs/a, act: album, text: x}', "'album' does not happen in forum"),
        ('{at: "10:00:00", who: ben, in: telegram/help}', "who says needs a text"),
        ('{at: "10:00:00", who: ben, in: cellar, text: x}', "day.yaml: line of talk 3: in: "),
        ('{at: "10:00:00", who: ben, in: telegram/help, txt: x}', "line of talk 3: txt: Extra inputs"),
        ("{at: 10:00:00, who: ben, in: telegram/help, text: x}", "line of talk 3: at: Input should be a valid string"),
    ],
)
def test_a_mistake_in_the_script_names_its_line(tmp_path: Path, line: str, mistake: str) -> None:
    with pytest.raises(ScriptError, match=re.escape(mistake)):
        load(written(tmp_path, line))


def test_a_person_with_an_unknown_role_is_named(tmp_path: Path) -> None:
    path = tmp_path / "day.yaml"
    path.write_text(SMALL_DAY.replace("role: staff", "role: pirate"), encoding="utf-8")
    with pytest.raises(ScriptError, match=r"^day\.yaml: people\.sue\.role: .*not 'pirate'$"):
        load(path)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ScriptError) as told:
        load(written(tmp_path, '{at: "09:00:00", who: zed, in: telegram/attic, text: x}'))
    assert len(str(told.value).splitlines()) == 3


def test_staff_may_delete_what_a_customer_wrote(tmp_path: Path) -> None:
    path = written(tmp_path, '{at: "10:00:00", who: sue, in: forum/bugs/a, act: deletes, re: topic}')
    assert load(path).lines[-1].act == "deletes"


def test_an_act_cannot_be_answered(tmp_path: Path) -> None:
    like = '{at: "10:00:00", id: like, who: ben, in: forum/bugs/a, act: likes, re: topic}'
    answer = '{at: "10:00:01", who: ben, in: forum/bugs/a, re: like, text: x}'
    with pytest.raises(ScriptError, match="like is no post: it likes one"):
        load(written(tmp_path, f"{like}\n  - {answer}"))


def test_a_crowd_can_be_played_like_the_day(day: Day) -> None:
    assert list(mistakes(day, crowd(day, 3000, seed=7))) == []


def test_no_two_lines_of_a_crowd_say_the_same(day: Day) -> None:
    assert len({line.text for line in crowd(day, 20_000, seed=7)}) == 20_000


def test_the_same_seed_gives_the_same_crowd_and_another_seed_another(day: Day) -> None:
    once = list(crowd(day, 300, seed=7))
    assert once == list(crowd(day, 300, seed=7))
    assert [line.text for line in once] != [line.text for line in crowd(day, 300, seed=8)]


def test_a_crowd_comes_evenly_over_the_day(day: Day) -> None:
    times = [line.at for line in crowd(day, 1000, seed=7)]
    assert {round(later - earlier, 6) for earlier, later in pairwise(times)} == {DAY_SECONDS / 1000}
    assert times[0] == pytest.approx(DAY_SECONDS - times[-1])


def test_a_crowd_talks_on_both_channels_in_both_languages_with_replies_and_edits(day: Day) -> None:
    lines = list(crowd(day, 2000, seed=7))
    chinese = sum(day.people[line.who].lang == "zh" for line in lines) / len(lines)
    forum = sum(line.channel == "forum" for line in lines) / len(lines)
    assert 0.6 <= chinese <= 0.7
    assert 0.35 <= forum <= 0.45
    assert {line.channel for line in lines if line.reply_to} == {"forum", "telegram"}
    assert {line.channel for line in lines if line.act == "edits"} == {"forum", "telegram"}
    assert sum(line.title is not None for line in lines) > 50


def test_a_crowd_of_all_channels_can_be_played_and_weibo_is_told_of_all_it_says(day: Day) -> None:
    lines = list(crowd(day, 3000, 7, tuple(ACTS)))
    assert list(mistakes(day, lines)) == []
    assert {line.channel for line in lines} == set(ACTS)
    assert all(f"@{OUR_WEIBO}" in line.text for line in lines if line.channel == "weibo")


def test_in_private_a_crowd_answers_nobody_but_itself(day: Day) -> None:
    lines = {line.id: line for line in crowd(day, 3000, 7, tuple(ACTS))}
    answers = [line for line in lines.values() if line.channel in PRIVATE and line.reply_to]
    assert len(answers) > 50
    assert all(lines[line.reply_to or ""].who == line.who for line in answers)


def test_an_edit_of_the_crowd_adds_to_what_its_author_wrote(day: Day) -> None:
    lines = {line.id: line for line in crowd(day, 500, seed=7)}
    edits = [line for line in lines.values() if line.act == "edits"]
    assert edits
    assert all(edit.text.startswith(lines[edit.reply_to or ""].text + "\n") for edit in edits)


def test_a_crowd_draws_from_at_least_120_templates() -> None:
    templates = yaml.safe_load(CROWD_FILE.read_text(encoding="utf-8"))["templates"]
    texts = {text for kinds in templates.values() for texts in kinds.values() for text in texts}
    assert len(texts) >= 120
