"""What people say on the simulated day: the script that the demo's simulators play.

`day.yaml` holds the written day, `crowd.yaml` the templates of a crowd for load and kill tests. All people and
texts are invented. Times are seconds since 08:00 of the simulated day, which ends at 20:00 (43,200).
"""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

DAY_FILE: Final = Path(__file__).with_name("day.yaml")
CROWD_FILE: Final = Path(__file__).with_name("crowd.yaml")
OPENS: Final = 8 * 3600
DAY_SECONDS: Final = 12 * 3600.0

Channel = Literal["forum", "telegram", "weibo", "wechat", "wechat_kf", "qq", "qq_bot", "email", "chat", "reviews"]
Act = Literal["says", "edits", "deletes", "likes", "album", "shares", "auto"]
Role = Literal["customer", "staff", "scammer"]

BUSY: Final[Mapping[Channel, int]] = {"forum": 4, "telegram": 6}
"""Of a crowd's lines, so many here for each two elsewhere."""
ACTS: Final[Mapping[Channel, frozenset[Act]]] = {
    "forum": frozenset({"says", "edits", "deletes", "likes"}),
    "telegram": frozenset({"says", "edits", "album"}),
    "weibo": frozenset({"says", "shares", "likes"}),
    "wechat": frozenset({"says"}),
    "wechat_kf": frozenset({"says", "deletes"}),
    "qq": frozenset({"says", "deletes"}),
    "qq_bot": frozenset({"says"}),
    "email": frozenset({"says", "auto"}),
    "chat": frozenset({"says", "edits", "deletes"}),
    "reviews": frozenset({"says"}),
}
"""What a channel's people can do, as far as its platform tells."""
POSTS: Final[frozenset[Act]] = frozenset({"says", "album", "shares", "auto"})
"""The acts that make a post; the others act on one."""
TITLED: Final[frozenset[Channel]] = frozenset({"email", "reviews"})
"""Where whoever begins writes a title; on the forum only who begins a topic."""
PRIVATE: Final[frozenset[Channel]] = frozenset({"wechat_kf", "email", "chat"})
"""Where customers do not see each other."""
UNANSWERED: Final[frozenset[Channel]] = frozenset({"wechat", "reviews"})
"""Where customers cannot answer each other, nor themselves."""
OUR_WEIBO: Final = "灯笼钱包"
"""The name of our account there: we are told of posts and comments that name it, and of what is said to us."""


class ScriptError(Exception):
    """The script cannot be played. One line per mistake, each naming the line of talk."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who talks. `handle` is unique, without the @; `followers` None: the platforms do not tell."""

    key: str
    name: str
    handle: str
    lang: str
    role: Role = "customer"
    followers: int | None = None


@dataclass(frozen=True, slots=True)
class Expect:
    """How a careful reader grades one line alone: the kinds and grades (0 noise .. 4 emergency) of triage."""

    kind: str
    grade: int


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that somebody does on a platform.

    `says` begins a forum topic when `title` is set; a mail or a review has one, too, unless it answers. `album` posts
    pictures whose caption, perhaps empty, is `text`; `shares` passes a Weibo post on, with words of one's own; `auto`
    is a mail that a program answers with. `edits`, `deletes` and `likes` act on the line `reply_to`; the latter two
    have no text. `topic` is a forum topic as category/name, or the key of another room; `room`: the name that the
    latter shows.
    """

    at: float
    id: str
    channel: Channel
    who: str
    text: str
    topic: str | None = None
    title: str | None = None
    reply_to: str | None = None
    act: Act = "says"
    expect: Expect | None = None
    room: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """Who lives in the community, what they do in order of time, and by channel the rooms' shown names by key."""

    people: dict[str, Person]
    lines: tuple[Line, ...]
    rooms: dict[Channel, dict[str, str]]


class _PersonEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    handle: str
    lang: str
    role: Role = "customer"
    followers: int | None = None


class _Entry(BaseModel):
    """One line of talk as day.yaml writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: str = Field(pattern=r"^\d\d:\d\d:\d\d$")
    who: str
    room: str = Field(alias="in", pattern=rf"^({'|'.join(ACTS)})/.+$")
    id: str | None = None
    act: Act = "says"
    re: str | None = None
    title: str | None = None
    text: str = ""
    graded: str | None = Field(default=None, alias="is", pattern=r"^[a-z]+ [0-4]$")


class _DayFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    rooms: dict[Channel, dict[str, str]]
    people: dict[str, _PersonEntry]
    lines: list[_Entry]


class _CrowdFile(BaseModel):
    """Per language: values for slots, titles of topics, what people add in an edit, and texts by their grade."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    slots: dict[str, dict[str, list[str]]]
    titles: dict[str, list[str]]
    additions: dict[str, list[str]]
    templates: dict[str, dict[str, list[str]]]


def load(path: Path = DAY_FILE) -> Day:
    """Read and check the day.

    Raises:
        ScriptError: every mistake of the file, each with the line of talk it is about.
    """
    try:
        file = _DayFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise ScriptError("\n".join(_in_words(path, error))) from error
    people = {
        key: Person(key, who.name, who.handle, who.lang, who.role, who.followers) for key, who in file.people.items()
    }
    day = Day(people, tuple(_lines(file)), file.rooms)
    if found := list(mistakes(day, day.lines)):
        raise ScriptError("\n".join(f"{path.name}: {mistake}" for mistake in found))
    return day


def _in_words(path: Path, error: ValidationError) -> Iterator[str]:
    for detail in error.errors():
        where, value = detail["loc"], detail["input"]
        if where[:1] == ("lines",) and len(where) > 1:
            of = f"line of talk {int(where[1]) + 1}: {where[-1]}"
        else:
            of = ".".join(str(part) for part in where)
        yield f"{path.name}: {of}: {detail['msg']}, not {value!r}"


def _lines(file: _DayFile) -> Iterator[Line]:
    spoken: dict[str, int] = {}
    for entry in file.lines:
        spoken[entry.who] = spoken.get(entry.who, 0) + 1
        named, _, topic = entry.room.partition("/")
        channel = next(each for each in ACTS if each == named)
        yield Line(
            at=_seconds(entry.at),
            id=entry.id or f"{entry.who}-{spoken[entry.who]}",
            channel=channel,
            who=entry.who,
            text=entry.text.strip(),
            topic=topic,
            title=entry.title,
            reply_to=entry.re,
            act=entry.act,
            expect=_expect(entry.graded) if entry.graded else None,
            room=file.rooms.get(channel, {}).get(topic, ""),
        )


def _seconds(clock: str) -> float:
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return float(hours * 3600 + minutes * 60 + seconds - OPENS)


def _expect(graded: str) -> Expect:
    kind, _, grade = graded.partition(" ")
    return Expect(kind, int(grade))


def mistakes(day: Day, lines: Iterable[Line]) -> Iterator[str]:
    """Why `lines` cannot be played among the people and rooms of `day`, one sentence each."""
    earlier: dict[str, Line] = {}
    opened: set[str] = set()
    before = -1.0
    for line in lines:
        clock = _clock(line.at)
        if not before < line.at <= DAY_SECONDS:
            yield f"line {line.id} at {clock}: times must rise, from 08:00:00 to 20:00:00"
        if line.id in earlier:
            yield f"line {line.id} at {clock}: this id is already used at {_clock(earlier[line.id].at)}"
        for wrong in (*_wrong_alone(day, line), *_wrong_room(day, line, opened), *_wrong_target(day, line, earlier)):
            yield f"line {line.id} at {clock}: {wrong}"
        before = line.at
        earlier[line.id] = line
        if line.channel == "forum" and line.topic and line.title:
            opened.add(line.topic)


def _clock(at: float) -> str:
    whole = int(at) + OPENS
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


def _wrong_alone(day: Day, line: Line) -> Iterator[str]:
    if line.who not in day.people:
        yield f"nobody is called {line.who!r}; add them under people"
    if line.act in ("says", "edits", "shares", "auto") and not line.text:
        yield f"who {line.act} needs a text"
    if line.act in ("deletes", "likes") and line.text:
        yield f"who {line.act} says nothing"
    if line.act not in ACTS[line.channel]:
        yield f"{line.act!r} does not happen in {line.channel}, or we are not told"


def _wrong_room(day: Day, line: Line, opened: set[str]) -> Iterator[str]:
    topic, rooms = line.topic or "", day.rooms.get(line.channel, {})
    if line.channel != "forum":
        if topic not in rooms:
            yield f"{line.channel} has no room {topic!r}; add it under rooms"
        yield from _wrong_title(line)
        return
    category, _, name = topic.partition("/")
    if category not in rooms or not name:
        yield f"write the forum topic as category/name; the forum has no category {category!r}"
    if bool(line.title) == (topic in opened):
        yield "the first line of a forum topic has the title, and no other"


def _wrong_title(line: Line) -> Iterator[str]:
    if line.channel not in TITLED:
        if line.title:
            yield "only a forum's topic, a mail or a review has a title"
    elif bool(line.title) == bool(line.reply_to):
        yield "who begins writes a title, who answers none"


def _wrong_target(day: Day, line: Line, earlier: Mapping[str, Line]) -> Iterator[str]:
    if line.reply_to is None:
        if line.act not in ("says", "album"):
            yield f"say in `re` which line it {line.act}"
        return
    target = earlier.get(line.reply_to)
    if target is None:
        yield f"no earlier line has the id {line.reply_to!r}"
        return
    if (target.channel, target.topic) != (line.channel, line.topic):
        yield f"{target.id} stands in {target.channel}/{target.topic}; answers stay in their room"
    if target.act not in POSTS:
        yield f"{target.id} is no post: it {target.act} one"
    by_staff = line.who in day.people and day.people[line.who].role == "staff"
    if line.act in ("edits", "deletes") and line.who != target.who and not (by_staff and line.act == "deletes"):
        yield f"{target.id} was written by {target.who}, who alone may edit it"


def crowd(day: Day, count: int, seed: int, channels: Sequence[Channel] = ("forum", "telegram")) -> Iterator[Line]:
    """`count` lines of the day's customers in zh and en, evenly spread over the day, no two texts alike.

    The same seed and channels give the same lines. On all of these channels, with new topics, replies and edits.
    """
    talk = _Crowd(day, _crowd_file(), random.Random(seed), channels)
    for number in range(count):
        yield talk.line(f"crowd-{seed}-{number}", (number + 0.5) * DAY_SECONDS / count)


@cache
def _crowd_file() -> _CrowdFile:
    return _CrowdFile.model_validate(yaml.safe_load(CROWD_FILE.read_text(encoding="utf-8")))


class _Crowd:
    """Draws lines from templates. Remembers the newest posts, for replies and edits, and every text."""

    def __init__(self, day: Day, file: _CrowdFile, rng: random.Random, channels: Sequence[Channel]) -> None:
        self._file = file
        self._rng = rng
        self._channels = channels
        self._weights = [BUSY.get(channel, 2) for channel in channels]
        self._rooms = {
            channel: {key: name for key, name in day.rooms[channel].items() if key != "news"} for channel in channels
        }
        customers = [person for person in day.people.values() if person.role == "customer"]
        self._handles = [person.handle for person in customers]
        self._speakers = {
            lang: [person.key for person in customers if (person.lang == "zh") == (lang == "zh")]
            for lang in file.templates
        }
        self._templates = {
            lang: [(graded, text) for graded, texts in kinds.items() for text in texts]
            for lang, kinds in file.templates.items()
        }
        self._recent: dict[Channel, deque[Line]] = {channel: deque(maxlen=60) for channel in channels}
        self._said: set[str] = set()

    def line(self, id: str, at: float) -> Line:
        """The next line. Its text has not been drawn before."""
        channel = self._rng.choices(self._channels, self._weights)[0]
        recent = self._recent[channel]
        roll = self._rng.random()
        if recent and roll < 0.05 and "edits" in ACTS[channel]:
            return self._edit(self._rng.choice(recent), id, at)
        drawn = self._post(id, at, channel)
        if recent and roll < 0.4 and channel not in UNANSWERED:
            target = self._rng.choice(recent)
            who = target.who if channel in PRIVATE else drawn.who
            drawn = replace(drawn, who=who, topic=target.topic, room=target.room, title=None, reply_to=target.id)
        recent.append(drawn)
        return drawn

    def _post(self, id: str, at: float, channel: Channel) -> Line:
        lang = "zh" if self._rng.random() < 0.65 else "en"
        who = self._rng.choice(self._speakers[lang])
        graded, text = self._new(lang, self._templates[lang])
        recent, rooms = self._recent[channel], self._rooms[channel]
        topic, title = self._rng.choice(tuple(rooms)), self._title(lang) if channel in TITLED else None
        if channel == "forum":
            topic = self._rng.choice(recent).topic or "" if recent else ""
            if not topic or self._rng.random() < 0.25:
                topic, title = f"{self._rng.choice(tuple(rooms))}/{id}", self._title(lang)
        if channel == "weibo":
            text += f" @{OUR_WEIBO}"
        return Line(at, id, channel, who, text, topic, title, expect=_expect(graded), room=rooms.get(topic, ""))

    def _edit(self, target: Line, id: str, at: float) -> Line:
        lang = "zh" if target.who in self._speakers["zh"] else "en"
        _, addition = self._new(lang, [("", text) for text in self._file.additions[lang]])
        text = f"{target.text}\n{addition}"
        return replace(target, id=id, at=at, text=text, title=None, reply_to=target.id, act="edits")

    def _new(self, lang: str, templates: list[tuple[str, str]]) -> tuple[str, str]:
        while True:
            graded, template = self._rng.choice(templates)
            text = self._filled(template, lang)
            if text not in self._said:
                self._said.add(text)
                return graded, text

    def _title(self, lang: str) -> str:
        return self._filled(self._rng.choice(self._file.titles[lang]), lang)

    def _filled(self, template: str, lang: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda slot: self._slot(slot[1], lang), template)

    def _slot(self, name: str, lang: str) -> str:
        rng = self._rng
        match name:
            case "amount":
                return f"{rng.choice((rng.uniform(0.01, 9), rng.uniform(10, 900), rng.uniform(900, 20000))):.2f}"
            case "tx":
                return f"0x{rng.getrandbits(256):064x}"
            case "address":
                return f"0x{rng.getrandbits(160):040x}"
            case "person":
                return f"@{rng.choice(self._handles)}"
            case "clock":
                return f"{rng.randrange(8, 20):02}:{rng.randrange(60):02}"
            case "hours":
                return str(rng.randrange(2, 73))
            case _:
                return rng.choice(self._file.slots[lang][name])
