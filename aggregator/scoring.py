"""`aggregator score`: JSON lines in, JSON lines out, one for one and in order, without a database.

Lines that name the same thread and author are one person's posts: the answer to each line is the inquiry as it
stands with that line, folded as the feed folds it, at the moment of that line.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from aggregator.clocks import Clock, system_clock
from aggregator.config import clock_of
from aggregator.folding.fold import FoldPost, Subject, fold
from aggregator.identity import Id as PostId
from aggregator.identity import inquiry_id
from aggregator.importer.connector import FileConnector
from aggregator.ingest.origin import Origin
from aggregator.ingest.prepare import read_page
from aggregator.inquiry import Inquiry, InquiryReason, shown
from aggregator.moving_points import Beside, moving_terms
from aggregator.people.suspects import our_names

if TYPE_CHECKING:
    from aggregator.config import Settings
    from aggregator.ingest.reading import Reading

CHUNK = 1 << 16  # bytes read at once; a slow writer's single line comes alone, and is answered before the next
MOST_POSTS = 200  # kept of one person in one thread; what is older no longer counts
MOST_PERSONS = 100_000  # kept in mind; whoever was silent for longest is forgotten first
MOST_REPEATS = 2  # more waiting places than these add no points
SPACE = "score"
ALWAYS = datetime.min.replace(tzinfo=UTC)
# Ours -> theirs.
_NAMES = {"native_id": "id", "thread_id": "thread", "author_id": "author"}

Id = str | int | float | None


class Input(Protocol):
    def read1(self, size: int, /) -> bytes: ...


class Output(Protocol):
    def write(self, data: bytes, /) -> object: ...
    def flush(self) -> object: ...


class UnreadableLineError(Exception):
    """A line cannot be scored; the message says why, without its words."""


@dataclass(slots=True)
class _Course:
    """What one person has said in one thread: posts in the order of their lines, and the lines' ids."""

    subject: Subject
    posts: dict[PostId, FoldPost] = field(default_factory=dict)
    ids: dict[PostId, Id] = field(default_factory=dict)


def score_lines(stdin: Input, stdout: Output, settings: Settings, *, clock: Clock = system_clock) -> bool:
    """Answer every line; True: some could not be read, and were answered by {"error", "line"}.

    All that can be answered is written before more is waited for. Lines of white space are passed over.
    """
    scorer = Scorer(settings, clock)
    number, broken = 0, False
    for lines in _as_they_come(stdin):
        for line in lines:
            number += 1
            if not line or line.isspace():
                continue
            try:
                answer = scorer.score(_row(line.removeprefix(b"\xef\xbb\xbf"), number))
            except UnreadableLineError as error:
                answer, broken = {"error": str(error), "line": number}, True
            stdout.write(orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE))
        stdout.flush()
    return broken


def _as_they_come(stdin: Input) -> Iterator[list[bytes]]:
    """Lines in batches: as many as there are without waiting."""
    begun: list[bytes] = []
    while chunk := stdin.read1(CHUNK):
        first, *rest = chunk.split(b"\n")
        begun.append(first)
        if rest:
            yield [b"".join(begun), *rest[:-1]]
            begun = [rest[-1]]
    yield [b"".join(begun)]


def _row(line: bytes, number: int) -> dict[str, Any]:
    """The line in the words of an imported row."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise UnreadableLineError(f"no JSON: {error.msg} (column {error.colno})") from error
    if not isinstance(row, dict):
        raise UnreadableLineError('no JSON object; write {"id": ..., "text": ...}')
    if not isinstance(row.get("text"), str):
        raise UnreadableLineError("`text` is missing or no text")
    for ours, theirs in _NAMES.items():
        if ours not in row and theirs in row:
            row[ours] = row.pop(theirs)
    row["row"] = f"line {number}"
    return row


class Scorer:
    """Scores rows one after another, remembering who said what where."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        read = FileConnector(SPACE).post
        self._origin = Origin(
            SPACE,
            SPACE,
            SPACE,
            read,
            live_since=ALWAYS,
            points=settings.points,
            clocks=settings.clocks,
            names=our_names(settings),
        )
        self._courses: OrderedDict[tuple[str, PostId, PostId], _Course] = OrderedDict()
        # A person's inquiries, and since when the clock of each runs (None: it does not).
        self._waiting: OrderedDict[tuple[str, PostId], dict[PostId, datetime | None]] = OrderedDict()

    def score(self, row: dict[str, Any]) -> dict[str, Any]:
        """What the row's inquiry is worth with this row.

        Raises:
            UnreadableLineError: a field of it cannot be read.
        """
        number = row.get("native_id")
        page = read_page([row], self._origin, self._clock())
        if page.rejected:
            raise UnreadableLineError(page.rejected[0].reason.removeprefix(f"row {row['row']}: "))
        (said,) = page.readings
        course = self._course(said)
        # Masked, where it is a text: somebody may have put the words themselves into it.
        course.ids[said.post_id] = said.native_id if isinstance(number, str) and number else number
        course.posts[said.post_id] = said.as_folded(said.posted_at, len(course.posts))
        if len(course.posts) > MOST_POSTS:
            oldest = next(iter(course.posts))
            del course.posts[oldest], course.ids[oldest]
        clock = clock_of(self._settings, said.channel)
        inquiry = fold(course.subject, course.posts.values(), (), clock, self._settings.points)
        return self._answer(said, course, inquiry)

    def _course(self, said: Reading) -> _Course:
        key = (said.channel, said.thread_id, said.person_id)
        course = self._courses.get(key)
        if course is None:
            inquiry = inquiry_id(said.post_id)
            course = _Course(Subject(inquiry, SPACE, said.channel, said.thread_id, said.person_id))
            if said.alone or said.account is None:
                return course
            self._courses[key] = course
            if len(self._courses) > MOST_PERSONS:
                self._courses.popitem(last=False)
        self._courses.move_to_end(key)
        return course

    def _elsewhere(self, said: Reading, inquiry: Inquiry) -> dict[PostId, datetime | None]:
        """The other places where the same author waits."""
        if said.account is None:
            return {}
        key = (said.channel, said.person_id)
        places = self._waiting.setdefault(key, {})
        self._waiting.move_to_end(key)
        if len(self._waiting) > MOST_PERSONS:
            self._waiting.popitem(last=False)
        if inquiry.waiting_since is None or inquiry.kind == "other":
            return {}
        if len(places) <= MOST_REPEATS or inquiry.inquiry_id in places:
            places[inquiry.inquiry_id] = inquiry.waiting_since if inquiry.wait_per_hour else None
        return {place: since for place, since in places.items() if place != inquiry.inquiry_id}

    def _answer(self, said: Reading, course: _Course, inquiry: Inquiry) -> dict[str, Any]:
        elsewhere = self._elsewhere(said, inquiry)
        first_since = min((since for since in elsewhere.values() if since), default=None)
        terms = [_term(each, course) for each in inquiry.reasons if each.rule != "waiting"]
        beside = Beside(len(elsewhere), first_since)
        for rule, points in moving_terms(inquiry, beside, inquiry.last_post_at).items():
            if points:
                terms.append({"rule": rule, "points": points, "version": 1})
                if rule == "overdue":
                    terms[-1]["clock"] = inquiry.due_clock
        terms.sort(key=lambda term: (-abs(term["points"]), term["rule"]))
        priority = sum(term["points"] for term in terms)
        score = shown(priority)
        answer = {
            "id": course.ids[said.post_id],
            "priority": priority,
            "score": score,
            "band": self._settings.bands.of(score),
            "kind": inquiry.kind,
            "lang": inquiry.lang,
            "terms": terms,
            "entities": said.understanding.entities,
            "text": said.text,
        }
        return answer | {"poses": said.poses._asdict()} if said.poses else answer


def _term(reason: InquiryReason, course: _Course) -> dict[str, Any]:
    """One reason; `id`, `start`, `end`: which line's masked text says it, and where (characters)."""
    term: dict[str, Any] = {"rule": reason.rule, "points": reason.points, "version": reason.version}
    if reason.post_id is not None:
        term["id"] = course.ids[reason.post_id]
    if reason.start is not None:
        term |= {"start": reason.start, "end": reason.end}
    return term
