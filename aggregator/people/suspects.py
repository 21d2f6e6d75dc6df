"""Impostors among the authors: who is marked, whom they approach, and what a colleague says of them.

A name near ours is seen where a post is read (aggregator/triage/impersonation.py). Here is decided what hangs on
others: a post that leads people away is bait only where it answers somebody who waits for us. Runs on the writer's
connection.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from aggregator.config import Settings, clock_of
from aggregator.folding.fold import Subject
from aggregator.folding.refold import refold
from aggregator.identity import Id, as_uuid, inquiry_id
from aggregator.ingest.drafts import Draft, Prepared, called_by
from aggregator.ingest.origin import Origin
from aggregator.ingest.packing import pack
from aggregator.ingest.prepare import read_again
from aggregator.ingest.reading import ReadPage
from aggregator.inquiry import NEAR
from aggregator.store import rows
from aggregator.store.known_ids import KnownIds
from aggregator.triage.impersonation import LURE_SCORE, OurNames

if TYPE_CHECKING:
    from aggregator.store.rows import Connection

SPEAKS_NEXT = timedelta(minutes=15)  # so soon after somebody asked, whoever names nobody answers that person
_MOST_MARKED = 50_000


def our_names(settings: Settings) -> OurNames:
    """What impostors pose as."""
    brand = settings.brand
    return OurNames((*brand.names, *brand.handles), [each.name for each in settings.team], brand.domains)


class Approach(NamedTuple):
    """A post that answers somebody who waits: whom, by a post of the same page or by a stored inquiry."""

    by: Draft
    to: Draft | Id
    reason: str


@dataclass(slots=True)
class _Asker:
    """Somebody who waits in a thread."""

    person_id: Id
    at: datetime
    names: tuple[str | None, ...]
    to: Draft | Id


@dataclass(slots=True)
class _Talk:
    """What is known of the threads in which suspects write."""

    askers: dict[Id, list[_Asker]] = field(default_factory=dict)
    targets: dict[Id, tuple[Id | None, Draft | Id | None]] = field(default_factory=dict)  # account, inquiry; by post


class Suspects:
    """Who is marked already. Lives on the writer's thread."""

    def __init__(self) -> None:
        self._marked: set[Id] = set()

    def forget(self) -> None:
        """What was noted was rolled back."""
        self._marked.clear()

    def clear(self, con: Connection, page: Prepared, origins: Mapping[str, Origin], now: datetime) -> None:
        """Read posts again, without suspicion, whose authors a colleague has cleared. `origins`: by source."""
        drafts = [draft for draft in page.drafts if draft.account and (draft.poses or draft.lures)]
        if not drafts:
            return
        found = con.execute("SELECT account_id FROM account WHERE NOT suspect").fetchall()
        cleared = {account.bytes for (account,) in found}
        if cleared.isdisjoint(_authors(drafts)):
            return
        for number, draft in enumerate(page.drafts):
            if draft.account and draft.account.account_id in cleared and (draft.poses or draft.lures):
                _believe(page, number, origins[draft.source], now)

    def approaches(self, con: Connection, fresh: Sequence[Draft], known: KnownIds) -> list[Approach]:
        """Whom the suspects among new posts answer. What only lures is no question, if it answers somebody."""
        suspects = [draft for draft in fresh if draft.account and not draft.staff and (draft.poses or draft.lures)]
        if not suspects:
            return []
        talk = _talk(con, suspects, fresh, known)
        found = []
        for draft in suspects:
            to = _approached(draft, talk)
            if to is None or (draft.poses is None and _is_asker(draft, talk)):
                continue
            found.append(Approach(draft, to, draft.poses.reason if draft.poses else "lure"))
            if draft.poses is None:
                draft.asks, draft.begins = False, None
        return found

    def mark(self, con: Connection, drafts: Iterable[Draft], approaches: Sequence[Approach], now: datetime) -> set[Id]:
        """Mark accounts, and keep who was approached. Returns the inquiries of those."""
        found: dict[Id, tuple[float, str]] = {
            draft.account.account_id: (draft.poses.score, draft.poses.reason)
            for draft in drafts
            if draft.account and draft.poses
        }
        for each in approaches:
            assert each.by.account is not None
            found.setdefault(each.by.account.account_id, (LURE_SCORE, each.reason))
        fresh = [(account, *why, now) for account, why in found.items() if account not in self._marked]
        if fresh:
            if len(self._marked) > _MOST_MARKED:
                self._marked.clear()
            self._marked.update(found)
            _mark(con, fresh)
        return _keep(con, approaches)


def _authors(drafts: Iterable[Draft]) -> set[Id]:
    return {draft.account.account_id for draft in drafts if draft.account}


def _believe(page: Prepared, number: int, origin: Origin, now: datetime) -> None:
    draft = page.drafts[number]
    stored = (page.body(draft), page.bodies["secrets"][draft.at].as_py(), now)
    again = read_again([stored], replace(origin, names=None))
    said = next((each for each in again.readings if each.post_id == draft.post_id), None)
    if said is not None:
        said.thread_id = draft.thread_id  # its record does not tell that the thread has moved
        page.put(number, pack(ReadPage([said]), origin, now))


def _mark(con: Connection, fresh: Sequence[tuple[object, ...]]) -> None:
    rows.put(
        con,
        "MERGE INTO account USING incoming ON account.account_id = incoming.account_id "
        "WHEN MATCHED AND account.suspect IS NULL THEN UPDATE SET suspect = true, suspect_score = incoming.score, "
        "suspect_reason = incoming.reason, suspect_at = incoming.at",
        rows.table(rows.ACCOUNT_SUSPECT, fresh),
    )


def _keep(con: Connection, approaches: Sequence[Approach]) -> set[Id]:
    kept = []
    for by, to, reason in approaches:
        inquiry = to.inquiry_id if isinstance(to, Draft) else to
        if inquiry is not None and by.account is not None:
            kept.append((by.post_id, by.account.account_id, inquiry, by.posted_at, reason, None))
    rows.insert(con, "approach", rows.APPROACH, kept)
    return {row[2] for row in kept}


def _talk(con: Connection, suspects: Sequence[Draft], fresh: Sequence[Draft], known: KnownIds) -> _Talk:
    talk = _Talk()
    threads = {draft.thread_id for draft in suspects}
    first = min(draft.posted_at for draft in suspects)
    talking = any(draft.mentions for draft in suspects)
    # Whoever names nobody answers who spoke just before; only a name, or one's own trouble, reaches farther back.
    found = rows.fetch(
        con,
        "inquiry_open",
        "person_id, thread_id, inquiry_id, last_post_at",
        "thread_id",
        threads | {draft.person_id for draft in suspects},
        "last_post_at >= ? AND (? OR last_post_at >= ? OR person_id IN (SELECT id FROM wanted)) "
        "AND waiting_since IS NOT NULL AND kind NOT IN ('praise', 'noise')",
        [first - NEAR, talking, first - SPEAKS_NEXT],
    )
    names = _names(con, {row[0] for row in found}) if talking else {}
    for person, thread, inquiry, at in found:
        talk.askers.setdefault(thread, []).append(_Asker(person, at, names.get(person, ()), inquiry))
    for draft in fresh:
        asks = draft.asks and not (draft.lures or draft.thanks or draft.passed_over)
        target = draft.account.account_id if draft.account else None, draft if asks else None
        talk.targets[draft.post_id] = target
        if draft.alias_id:
            talk.targets[draft.alias_id] = target
        if asks and draft.thread_id in threads and draft.account:
            who = draft.account
            asker = _Asker(draft.person_id, draft.posted_at, (who.native_id, who.handle, who.name), draft)
            talk.askers.setdefault(draft.thread_id, []).append(asker)
    _load_targets(con, suspects, known, talk)
    return talk


def _names(con: Connection, accounts: Collection[Id]) -> dict[Id, tuple[str | None, ...]]:
    told = rows.fetch(con, "account", "account_id, native_id, handle, name", "account_id", accounts)
    return {account: tuple(names) for account, *names in told}


def _load_targets(con: Connection, suspects: Sequence[Draft], known: KnownIds, talk: _Talk) -> None:
    left = known.among(con, {each.reply_to for each in suspects if each.reply_to} - talk.targets.keys())
    for key in ("post_id", "alias_id"):
        for post, account, inquiry, staff in rows.fetch(
            con, "post", f"{key}, account_id, inquiry_id, staff", key, left - talk.targets.keys()
        ):
            talk.targets[post] = account, None if staff else inquiry


def _approached(draft: Draft, talk: _Talk) -> Draft | Id | None:
    """The post or inquiry that it answers: what it replies to, whom it names, else who asked just before."""
    assert draft.account is not None
    if draft.reply_to in talk.targets:
        account, to = talk.targets[draft.reply_to]
        return to if account != draft.account.account_id else None
    others = [
        each
        for each in talk.askers.get(draft.thread_id, ())
        if each.person_id != draft.person_id and draft.posted_at - NEAR <= each.at <= draft.posted_at
    ]
    called = called_by(draft.mentions, others)  # or an accomplice is
    others = called or [each for each in others if draft.posted_at - each.at <= SPEAKS_NEXT]
    return max(others, key=lambda each: each.at).to if others else None


def _is_asker(draft: Draft, talk: _Talk) -> bool:
    """Whether it has something to ask here, too: one of the harmed, who looks for others."""
    return any(
        each.person_id == draft.person_id and each.to is not draft and each.at >= draft.posted_at - NEAR
        for each in talk.askers.get(draft.thread_id, ())
    )


# -- what a colleague says ---------------------------------------------------------------------------


def judge(con: Connection, settings: Settings, account: Id, who: str, now: datetime, *, suspect: bool) -> set[Id]:
    """Say that an account that was marked is no impostor (or is one, after all). Returns the inquiries that changed.

    Raises:
        KeyError: this account was never marked.
    """
    this = as_uuid(account)
    if not con.execute("SELECT 1 FROM account WHERE account_id = ? AND suspect IS NOT NULL", [this]).fetchone():
        raise KeyError(account)
    con.execute(
        "UPDATE account SET suspect = ?, suspect_at = ?, suspect_by = ? WHERE account_id = ?",
        [suspect, now, who, this],
    )
    con.execute("UPDATE approach SET withdrawn_at = ? WHERE account_id = ?", [None if suspect else now, this])
    found = con.execute("SELECT DISTINCT inquiry_id FROM approach WHERE account_id = ?", [this]).fetchall()
    changed = {inquiry.bytes for (inquiry,) in found}
    posing = "(json_exists(p.facts, '$.poses') OR p.post_id IN (SELECT post_id FROM approach))"
    return changed if suspect else changed | begin(con, settings, account, posing, [])


def begin(con: Connection, settings: Settings, account: Id, which: str, values: Sequence[object]) -> set[Id]:
    """What this account wrote and nobody was to answer begins inquiries now; returns these.

    Args:
        which: a condition on posts `p`, with `values` for its parameters.
    """
    posts = con.execute(
        "SELECT p.post_id, p.thread_id, p.posted_at, p.source, s.channel FROM post AS p "
        "JOIN source_state AS s ON s.source = p.source WHERE p.account_id = ? AND p.inquiry_id IS NULL AND NOT p.staff "
        f"AND {which} ORDER BY p.posted_at, p.native_order",
        [as_uuid(account), *values],
    ).fetchall()
    begun: dict[Id, Subject] = {}
    newest: dict[Id, tuple[Id, datetime]] = {}  # by thread
    for post, thread, at, source, channel in posts:
        inquiry, last = newest.get(thread.bytes, (None, at))
        if inquiry is None or at - last > NEAR:
            inquiry = inquiry_id(post.bytes)
            begun[inquiry] = Subject(inquiry, source, channel, thread.bytes, account)
        newest[thread.bytes] = inquiry, at
        con.execute("UPDATE post SET inquiry_id = ? WHERE post_id = ?", [as_uuid(inquiry), post])
    return refold(con, set(begun), begun_now=begun, clock_of=partial(clock_of, settings), points=settings.points)
