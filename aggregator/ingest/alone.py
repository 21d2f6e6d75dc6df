"""The inquiries that posts begin where nothing else is known: nearly all that an import makes.

What `fold` makes of a customer's old post hangs, but for ids, times and words, on a few things: its kind, which rules
it meets, whether it thanks. So `fold` is asked once for each such kind of post, about one with marks in the place of
ids, times and words; then columns are filled in for all posts of that kind, where the marks came out. New posts, whose
clocks run, and those of which anything else comes out, are folded one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from arro3.core import Array, RecordBatch

from aggregator.folding.fold import FoldPost, Subject, excerpt, fold
from aggregator.identity import Id, code, inquiry_id, written
from aggregator.ingest.origin import Folded, Origin
from aggregator.inquiry import Inquiry, InquiryReason, Reason
from aggregator.store import rows

if TYPE_CHECKING:
    from aggregator.ingest.reading import Reading

_INQUIRY, _THREAD, _PERSON, _POST = (bytes([number]) * 16 for number in range(4))
_POSTED, _SEEN = datetime(1, 1, 2, tzinfo=UTC), datetime(1, 1, 3, tzinfo=UTC)
_SOURCE, _CHANNEL, _LANG, _TITLE, _WORDS, _LINK = (f"\0{number}" for number in range(6))
_MARKS = frozenset((_INQUIRY, _THREAD, _PERSON, _POST, _POSTED, _SEEN, _SOURCE, _CHANNEL, _LANG, _TITLE, _WORDS, _LINK))
_OF_EACH = ("code", "excerpt", "reasons", "points")  # made for each post


def begun(
    said: Sequence[Reading], origin: Origin, seen_at: datetime
) -> tuple[RecordBatch, list[tuple[int | None, Id | None]]]:
    """The inquiries that these posts begin, should they begin one; and of each post the row and the id of its own."""
    alike: list[tuple[Reading, Id, Folded]] = []
    others: list[Inquiry] = []
    places: list[tuple[int | None, Id | None]] = []
    for each in said:
        if not each.begins:
            places.append((None, None))
            continue
        one = inquiry_id(each.post_id)
        if each.backfill and (folded := _folded(each, origin)) is not None:
            places.append((len(alike), one))
            alike.append((each, one, folded))
        else:
            others.append(_fold(each, one, origin, seen_at))
            places.append((-len(others), one))
    batches = [_filled_in(alike, origin, seen_at)] if alike or not others else []
    if others:
        batches.append(rows.table(rows.INQUIRY, [rows.of_inquiry(each) for each in others]))
        places = [(len(alike) - 1 - row if row is not None and row < 0 else row, one) for row, one in places]
    return rows.joined(batches), places


def _fold(said: Reading, inquiry: Id, origin: Origin, seen_at: datetime) -> Inquiry:
    subject = Subject(inquiry, origin.source, said.channel, said.thread_id, said.person_id)
    return fold(subject, (said.as_folded(seen_at),), (), origin.clock_of(said.channel), origin.points)


def _folded(said: Reading, origin: Origin) -> Folded | None:
    """What comes out for posts such as this one; None: it has to be folded itself."""
    told = said.understanding
    rules = tuple([reason.rule for reason in told.reasons])
    shape = (told.kind, told.thanks, told.solved, said.secret, said.post.public, rules)
    try:
        return origin.folded[shape]
    except KeyError:
        pass
    post = FoldPost(
        _POST, _POSTED, 0, _SEEN, False, False, True, said.post.public, told.thanks, said.secret, told.kind, _LANG,
        _TITLE, _WORDS, _LINK, told.reasons, told.solved,
    )  # fmt: skip
    subject = Subject(_INQUIRY, _SOURCE, _CHANNEL, _THREAD, _PERSON)
    folded = _read_off(fold(subject, (post,), (), origin.clock_of(said.channel), origin.points), told.reasons)
    origin.folded[shape] = folded
    return folded


def _read_off(inquiry: Inquiry, reasons: Sequence[Reason]) -> Folded | None:
    words, further = inquiry.reasons[: len(reasons)], inquiry.reasons[len(reasons) :]
    if [(each.post_id, *_said(each)) for each in words] != [(_POST, *_said(each)) for each in reasons]:
        return None  # not all of them count
    if any(reason.since is not None for reason in inquiry.reasons) or inquiry.points != _sum(words, further):
        return None
    columns = {name: value for name, value in inquiry._asdict().items() if name not in _OF_EACH}
    if any(isinstance(value, bytes | datetime) and value not in _MARKS for value in columns.values()):
        return None  # reckoned from a time or an id
    return Folded(columns, further)


def _said(reason: Reason | InquiryReason) -> tuple[object, ...]:
    return reason.rule, reason.points, reason.version, reason.start, reason.end


def _sum(words: Sequence[Reason | InquiryReason], further: Sequence[InquiryReason]) -> float:
    return sum([reason.points for reason in (*words, *further)])


def _filled_in(alike: Sequence[tuple[Reading, Id, Folded]], origin: Origin, seen_at: datetime) -> RecordBatch:
    said = [each for each, _, _ in alike]
    ids = [one for _, one, _ in alike]
    folds = [folded for _, _, folded in alike]
    told: dict[object, Sequence[Any]] = {
        _INQUIRY: ids,
        _THREAD: [each.thread_id for each in said],
        _PERSON: [each.person_id for each in said],
        _POST: [each.post_id for each in said],
        _POSTED: [each.posted_at for each in said],
        _CHANNEL: [each.channel for each in said],
        _LANG: [each.lang for each in said],
        _TITLE: [each.post.title or None for each in said],
        _WORDS: [excerpt(each.text) for each in said],
        _LINK: [each.post.permalink for each in said],
    }
    of_each: dict[str, Sequence[Any]] = {
        "code": [code(one) for one in ids],
        "excerpt": told[_WORDS],
        "reasons": [_reasons(each, folded) for each, _, folded in alike],
        "points": [_sum(each.understanding.reasons, folded.further) for each, _, folded in alike],
    }
    told |= {_SEEN: [seen_at] * len(said), _SOURCE: [origin.source] * len(said)}
    distinct = {folded: number for number, folded in enumerate(dict.fromkeys(folds))}
    numbers = [distinct[folded] for folded in folds]
    arrays: dict[object, Array] = {}
    columns: list[Array] = []
    for name, kind in rows.INQUIRY.items():
        if name in of_each:
            columns.append(rows.array(kind, of_each[name]))
            continue
        values = [folded.columns[name] for folded in distinct]
        if len(set(values)) != 1 or values[0] not in _MARKS:
            columns.append(rows.array(kind, _by_row(values, numbers, told)))
            continue
        if values[0] not in arrays:  # one for all columns that say the same
            arrays[values[0]] = rows.array(kind, told[values[0]])
        columns.append(arrays[values[0]])
    return rows.of_columns(rows.INQUIRY, columns)


def _by_row(
    values: Sequence[object], numbers: Sequence[int], told: Mapping[object, Sequence[object]]
) -> Sequence[object]:
    """A column of which `numbers` tells for each row which of the values stands there: the value, or, for a mark, what
    is told of that row."""
    marked = [told[value] if value in _MARKS else None for value in values]
    return [values[number] if (each := marked[number]) is None else each[row] for row, number in enumerate(numbers)]


def _reasons(said: Reading, folded: Folded) -> str:
    post = written(said.post_id)
    words = [reason.as_json(post) for reason in said.understanding.reasons]
    return orjson.dumps([*words, *(reason.as_json() for reason in folded.further)]).decode()
