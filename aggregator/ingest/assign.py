"""Which inquiry a new post belongs to. Decided once and stored.

A customer's post joins the inquiry of the same person and thread that is nearest in time within 14 days, else
it begins one. An inquiry lasts from its first post to its last one, or until it was closed, if that was later: who
writes within 14 days of that reopens it. What a colleague has in hand (claimed, waiting, snoozed) is joined however
much later, where nothing is nearer. An answer of ours belongs to the post it replies to; else to whom it names;
else to the only one in the thread who waits; else to nobody, and the feed asks. No answer is older than what it
answers, but for guessed times, and never by more than 14 days: `refold` relies on it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from aggregator.identity import Id
from aggregator.ingest.drafts import Draft, called_by
from aggregator.inquiry import NEAR
from aggregator.store import rows
from aggregator.store.known_ids import KnownIds

if TYPE_CHECKING:
    from aggregator.store.rows import Connection

Row = dict[str, Any]
Pair = tuple[Id, Id]  # thread, person


@dataclass(slots=True)
class _Span:
    """When an inquiry's customer wrote first, and last; or when it was closed, if that was later."""

    inquiry_id: Id
    first: datetime
    last: datetime
    in_hand: bool = False

    def takes(self, at: datetime) -> bool:
        return self.distance(at) <= NEAR or (self.in_hand and at >= self.first)

    def distance(self, at: datetime) -> timedelta:
        return max(self.first - at, at - self.last, timedelta(0))


@dataclass(slots=True)
class _Asker:
    """Somebody who waits in a thread, and the names by which an answer may call that person."""

    inquiry_id: Id
    since: datetime
    names: tuple[str | None, ...]


class _Target(NamedTuple):
    """A post that an answer may reply to."""

    inquiry_id: Id | None
    answerable_from: datetime


@dataclass(slots=True)
class _Threads:
    """What is stored about the threads of this page."""

    spans: dict[Pair, list[_Span]] = field(default_factory=dict)
    askers: dict[Id, dict[Id, _Asker]] = field(default_factory=dict)
    targets: dict[Id, _Target] = field(default_factory=dict)  # by post or alias id


def assign(
    con: Connection, fresh: Sequence[Draft], moved: Sequence[Row], known: KnownIds, own: Mapping[Id, Id]
) -> list[Row]:
    """Give every new post its inquiry (`draft.inquiry_id`). `own`: those of the answers that were sent from here.

    moved: stored posts that stand in another thread now, where they may be answered already.

    Returns the rows of stored answers that waited for their question and have found it now, changed.
    """
    rest = []
    for draft in fresh:
        if draft.alone and not draft.staff:
            draft.inquiry_id = draft.opens if draft.asks and not draft.passed_over else None
        else:
            rest.append(draft)
    if not rest and not moved:
        return []
    # Who asked what is asked only where one of us answers: on this page, or earlier than the question was read.
    asked = {draft.thread_id for draft in rest if not draft.staff} | {row["thread_id"] for row in moved}
    early = known.early_answers.among(con, asked)
    answered = bool(early) or any(draft.staff for draft in rest)
    threads = _stored(con, rest, moved, known, early)
    if answered:
        for draft in fresh:
            if draft.alone and not draft.staff:
                threads.targets[draft.post_id] = _target(draft.inquiry_id, draft.posted_at, staff=False)
    for draft in sorted(rest, key=lambda each: (each.posted_at, each.order, each.staff)):
        if draft.post_id in own:
            draft.inquiry_id = own[draft.post_id]
            threads.askers.get(draft.thread_id, {}).pop(draft.inquiry_id, None)
        elif draft.staff:
            draft.inquiry_id = _answered(draft, threads)
        elif draft.asks:
            draft.inquiry_id = _joined(draft, threads)
        if answered:
            _note(draft, threads)
    for draft in rest:
        if draft.staff and draft.inquiry_id is None:
            draft.inquiry_id = _answered(draft, threads)
    if not early:
        return []
    since = min([*(draft.posted_at for draft in rest), *(row["posted_at"] for row in moved)]) - NEAR
    return _answers_seen_early(con, early, since, threads)


def _note(draft: Draft, threads: _Threads) -> None:
    """Let answers find this post, and who wrote it."""
    target = _target(draft.inquiry_id, draft.posted_at, draft.staff)
    threads.targets[draft.post_id] = target
    if draft.alias_id:
        threads.targets[draft.alias_id] = target
    if draft.inquiry_id is not None and not (draft.staff or draft.thanks):
        askers = threads.askers.setdefault(draft.thread_id, {})
        if draft.inquiry_id not in askers:
            account = draft.account
            names = (account.native_id, account.handle, account.name) if account else ()
            askers[draft.inquiry_id] = _Asker(draft.inquiry_id, draft.posted_at, names)


def _joined(draft: Draft, threads: _Threads) -> Id | None:
    spans = threads.spans.setdefault((draft.thread_id, draft.person_id), [])
    near = [each for each in spans if each.takes(draft.posted_at)]
    span = min(near, key=lambda each: each.distance(draft.posted_at), default=None)
    if span is None:
        if draft.passed_over:
            return None
        assert draft.opens is not None
        span = _Span(draft.opens, draft.posted_at, draft.posted_at)
        spans.append(span)
    span.first, span.last = min(span.first, draft.posted_at), max(span.last, draft.posted_at)
    return span.inquiry_id


def _answered(draft: Draft, threads: _Threads) -> Id | None:
    found = _whom(draft.reply_to, draft.mentions, draft.thread_id, draft.posted_at, threads)
    if found:
        threads.askers.get(draft.thread_id, {}).pop(found, None)
    return found


def _whom(reply_to: Id | None, mentions: Collection[str], thread: Id, at: datetime, threads: _Threads) -> Id | None:
    target = threads.targets.get(reply_to) if reply_to is not None else None
    if target and target.inquiry_id and at >= target.answerable_from:
        return target.inquiry_id
    askers = [each for each in threads.askers.get(thread, {}).values() if each.since <= at]
    called = called_by(mentions, askers)
    if len(called) == 1:
        return called[0].inquiry_id
    if reply_to is not None and target is None:
        return None  # it answers a post that we have not seen yet
    return askers[0].inquiry_id if len(askers) == 1 and not mentions else None


def _target(inquiry: Id | None, posted_at: datetime, staff: bool) -> _Target:
    return _Target(inquiry, posted_at if staff else posted_at - NEAR)


# Of what is closed two conditions on one column each: both spare reading what was over long ago, which "one or the
# other" would not.
_SPANS = (
    "SELECT inquiry_id, thread_id, person_id, opened_at, last_post_at, state IN ('claimed', 'waiting', 'snoozed') "
    "AS in_hand FROM inquiry_open "
    "SEMI JOIN wanted USING (thread_id, person_id) WHERE (last_post_at >= $1 OR in_hand) AND opened_at <= $2 "
    "UNION ALL SELECT inquiry_id, thread_id, person_id, opened_at, greatest(last_post_at, closed_at), false "
    "FROM inquiry_closed "
    "SEMI JOIN wanted USING (thread_id, person_id) WHERE last_post_at >= $1 AND opened_at <= $2 "
    "UNION ALL SELECT inquiry_id, thread_id, person_id, opened_at, closed_at, false FROM inquiry_closed "
    "SEMI JOIN wanted USING (thread_id, person_id) WHERE closed_at >= $1 AND last_post_at < $1 AND opened_at <= $2"
)


def _stored(
    con: Connection, drafts: Sequence[Draft], moved: Sequence[Row], known: KnownIds, early: Collection[Id]
) -> _Threads:
    threads = _Threads()
    for row in moved:
        target = _target(row["inquiry_id"], row["posted_at"], row["staff"])
        threads.targets |= {row["post_id"]: target, row["alias_id"]: target}
    pairs = {(draft.thread_id, draft.person_id) for draft in drafts if not draft.staff}
    if pairs:
        schema = rows.Schema(thread_id=rows.UUIDS, person_id=rows.UUIDS)
        times = [draft.posted_at for draft in drafts]
        # Nothing that is over is joined from farther away; the bounds spare reading what was closed long ago.
        for inquiry, thread, person, *span in rows.select(
            con, _SPANS, rows.table(schema, list(pairs)), [min(times) - NEAR, max(times) + NEAR]
        ):
            threads.spans.setdefault((thread, person), []).append(_Span(inquiry, *span))
    answered = {draft.thread_id for draft in drafts if draft.staff}
    answered |= {row["thread_id"] for row in moved if row["thread_id"] in early}
    if answered:
        _load_askers(con, answered, threads)
    _load_targets(con, [draft for draft in drafts if draft.staff], known, threads)
    return threads


def _load_askers(con: Connection, in_threads: set[Id], threads: _Threads) -> None:
    for thread, inquiry, since, *names in rows.select(
        con,
        "SELECT i.thread_id, i.inquiry_id, i.waiting_since, a.native_id, a.handle, a.name "
        "FROM inquiry_open AS i LEFT JOIN account AS a ON a.account_id = i.person_id "
        "WHERE i.waiting_since IS NOT NULL AND i.thread_id IN (SELECT id FROM wanted)",
        rows.ids(in_threads),
    ):
        threads.askers.setdefault(thread, {})[inquiry] = _Asker(inquiry, since, tuple(names))


def _load_targets(con: Connection, answers: Sequence[Draft], known: KnownIds, threads: _Threads) -> None:
    targets = known.among(con, {draft.reply_to for draft in answers if draft.reply_to})
    if not targets:
        return
    near = ("posted_at >= ?", [min(draft.posted_at for draft in answers) - NEAR])
    for where, parameters in (near, ("true", [])):  # the second only if the first has not found them all
        for key in ("post_id", "alias_id"):
            left = targets - threads.targets.keys()
            columns = f"{key}, inquiry_id, posted_at, staff"
            for target, *said in rows.fetch(con, "post", columns, key, left, where, parameters):
                threads.targets[target] = _target(*said)


def _answers_seen_early(con: Connection, asked: Collection[Id], since: datetime, threads: _Threads) -> list[Row]:
    """Answers in these threads that we read before their question find it now."""
    stored = rows.select(
        con,
        f"SELECT {', '.join(rows.POST)} FROM post "
        "WHERE staff AND inquiry_id IS NULL AND deleted_at IS NULL AND thread_id IN (SELECT id FROM wanted) "
        "AND posted_at >= ?",
        rows.ids(asked),
        [since],
    )
    found = []
    for values in stored:
        row = dict(zip(rows.POST, values, strict=True))
        mentions = orjson.loads(row["facts"]).get("mentions", ())
        inquiry = _whom(row["reply_to"], mentions, row["thread_id"], row["posted_at"], threads)
        if inquiry:
            found.append(row | {"inquiry_id": inquiry})
    return found
