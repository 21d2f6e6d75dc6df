"""What is done so that no more is kept than should be: erasing a person, retention, compaction."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from aggregator.clocks import missed_a_day
from aggregator.config import clock_of
from aggregator.control import RefusedError
from aggregator.keeping import erasing, sweep
from aggregator.keeping import plan as plans
from aggregator.keeping.copies import Copy, copies_with
from aggregator.keeping.plan import Plan, make_plan
from aggregator.keeping.proof import Proof, prove
from aggregator.keeping.retention import AT_ONCE, Kept, delete_nobody, keep_to_retention, nobody
from aggregator.leasing import ERASING, one_of_all
from aggregator.replay import read_these_again
from aggregator.store import daily
from aggregator.store.database import Connection
from aggregator.store.desk_erasing import erase_from_desk, forget_inquiries, rewrite
from aggregator.store.meta import note, noted
from aggregator.workplace import Workplace

if TYPE_CHECKING:
    from aggregator.ingest.origin import Origin
    from aggregator.keeping.black import Black

T = TypeVar("T")

log = structlog.get_logger()

_RETAINED_AT = "retained_at"
"""The key of `meta` that holds when `retention` was last kept to."""


async def compact(work: Workplace) -> bool:
    """Both databases into fresh files. False: another process holds an old page of desk.db's log open."""
    work.ingest.compact_due.set()  # should it fail, the service tries again
    await work.compact_if_due()
    return await asyncio.to_thread(rewrite, work.desk)


async def erase_person(work: Workplace, said: str, *, dry_run: bool, logs: Sequence[Path]) -> dict[str, Any]:
    """Erase whom this means, compact, and prove that nothing is left. An erasure that was killed is finished first.

    Raises:
        RefusedError: it is not clear who is meant, or a log cannot be read.
    """
    if missing := [str(path) for path in logs if not path.is_file()]:
        raise RefusedError(f"{missing[0]}: there is no such log")
    async with work.erasing, one_of_all(work, ERASING) as alone:
        if not alone and not dry_run:
            raise RefusedError("another process is erasing somebody, or was killed doing so; try again in a minute")
        finished = None if dry_run else await _finish_unfinished(work, logs)
        await work.ingest.group()  # else what is heard already would be grouped afterwards
        origins = work.readers()

        def read(con: Connection) -> Plan:
            return make_plan(con, work.desk, said, work.clock(), origins, dry_run=dry_run)

        try:
            plan = await work.db.read(read)
        except RefusedError:
            if finished is not None:
                return finished
            raise
        if dry_run:
            copies = await work.db.read(lambda con: copies_with(con, plan.posts, plan.since))
            return _told(plan, copies, None)
        while (touched := await _written(work, partial(erasing.begin, plan=plan))) is None:
            plan = await work.db.read(read)
        work.ingest.compact_due.set()  # should this end before all is done
        work.ingest.tell(plan.inquiries | touched)
        return await _finished(work, plan, origins, logs)


async def finish_erasing(work: Workplace) -> None:
    """Finish an erasure that was killed, if there is one, and none is under way."""
    if not work.erasing.locked() and await work.db.read(_is_unfinished):
        async with work.erasing, one_of_all(work, ERASING) as alone:
            if alone:
                await _finish_unfinished(work, ())


def _is_unfinished(con: Connection) -> bool:
    return con.execute("SELECT 1 FROM erasing LIMIT 1").fetchone() is not None


async def _finish_unfinished(work: Workplace, logs: Sequence[Path]) -> dict[str, Any] | None:
    told = None
    while (plan := await work.db.read(plans.unfinished)) is not None:
        log.warning("person.erasing_again", began_at=plan.began_at.isoformat())
        told = await _finished(work, plan, work.readers(), logs)
    return told


async def _finished(work: Workplace, plan: Plan, origins: Mapping[str, Origin], logs: Sequence[Path]) -> dict[str, Any]:
    """What follows the first step, however often; then the proof."""
    black = await asyncio.to_thread(plan.black)
    copies = await work.db.read(lambda con: copies_with(con, plan.posts, plan.since))
    await asyncio.to_thread(erase_from_desk, work.desk, plan.inquiries, black, dry_run=False)
    while await _written(work, erasing.delete_some_posts):
        pass
    await _black_out(work, plan, black)
    quoting = await work.db.read(lambda con: erasing.quoting(con, plan))
    await read_these_again(work.ingest, origins, quoting)
    await _written(work, partial(plans.forget, plan=plan))
    log.info("person.erased", posts=len(plan.posts), rows=sum(plan.deleted.values()))
    for _ in range(2):  # somebody may have quoted that person while the others were looked through
        await compact(work)
        proof = await work.db.read(lambda con: prove(con, work.db, work.desk, black, work.settings.data, logs))
        if not proof.left:
            break
        await _black_out(work, plan, black)
    return _told(plan, copies, proof)


async def _black_out(work: Workplace, plan: Plan, black: Black) -> None:
    """What others wrote with that person's words, a part at a time."""
    gone = list(await work.db.read(lambda con: sweep.unreadable(con, black)))
    for some in _parts(gone, erasing.POSTS_AT_ONCE):
        await _written(work, partial(erasing.delete_unreadable, gone=some, plan=plan))
    for column in await work.db.read(sweep.to_black_out):
        changes = await work.db.read(partial(_changes, black, column))
        for part in _parts(changes, erasing.VALUES_AT_ONCE):
            touched = await _written(
                work, partial(erasing.black_out, column=column, changes=part, plan=plan,
                              clock_of=partial(clock_of, work.settings), points=work.settings.points),
            )  # fmt: skip
            work.ingest.tell(touched)


def _changes(black: Black, column: sweep.Column, con: Connection) -> list[sweep.Change]:
    return list(sweep.changes(con, black, column))


def _parts(all_: Sequence[T], size: int) -> list[Sequence[T]]:
    return [all_[first : first + size] for first in range(0, len(all_), size)]


async def _written(work: Workplace, step: Callable[[Connection], T]) -> T:
    """One transaction; live pages go first. What ingest has noted is no longer so."""

    def do(con: Connection) -> T:
        try:
            return step(con)
        finally:
            work.ingest.forget_all()

    return await work.db.write(do, bulk=True)


async def keep_what_may_be_kept(work: Workplace) -> Kept:
    """Delete what is older than `retention` says; compact if there was any."""
    kept, now, settings = Kept(), work.clock(), work.settings
    at_desk: Counter[str] = Counter()

    def some(con: Connection) -> Kept:
        part = keep_to_retention(con, settings.retention, now, settings.timezone, work.ingest.forget_all)
        # Before the commit: killed between the two, it does this part again, and nothing stays at the desk for ever.
        at_desk.update(forget_inquiries(work.desk, part.gone))
        return part

    while (part := await work.db.write(some, bulk=True)).deleted:  # a part at a time: live pages go first
        kept.add(part)
    for accounts in _parts(await work.db.read(partial(nobody, retention=settings.retention)), AT_ONCE):
        kept.deleted += await _written(work, partial(delete_nobody, some=accounts, now=now))
    kept.deleted += at_desk
    if kept.deleted:
        log.info("retention.deleted", inquiries=kept.inquiries, rows=sum(kept.deleted.values()))
        work.ingest.tell(kept.gone)
        work.ingest.compact_due.set()
    if kept.deleted["post"]:
        await work.db.write(lambda _: work.ingest.give_back_ids(), bulk=True)  # once, not with each part
    if at_desk:
        await asyncio.to_thread(rewrite, work.desk)
    await work.db.write(partial(_note_retained, now=now), bulk=True)
    return kept


async def retain_if_missed(work: Workplace) -> None:
    """Keep to `retention` where the hour for it has passed without anybody at work, as at a machine that is off at
    night."""
    if not work.settings.retention:
        return
    last, now = await work.db.read(_retained_at), work.clock()
    if last is None or missed_a_day(last, now):
        await keep_what_may_be_kept(work)


def _retained_at(con: Connection) -> datetime | None:
    found = noted(con, _RETAINED_AT)
    return datetime.fromisoformat(found) if found else None


def _note_retained(con: Connection, now: datetime) -> None:
    note(con, _RETAINED_AT, now.isoformat())


async def count_anew(work: Workplace) -> None:
    """Hold the daily counts against what they count."""
    wrong, worth_it = await work.db.read(daily.checked)
    if wrong:
        log.error("counts.wrong", counts=wrong)
    if worth_it:
        await work.db.write(daily.recount, bulk=True)


def _told(plan: Plan, copies: Sequence[Copy], proof: Proof | None) -> dict[str, Any]:
    """As the command says it: counts, never words."""
    return {
        "accounts": [each.address for each in plan.person.accounts] if proof is None else len(plan.person.accounts),
        "posts": len(plan.posts),
        "deleted": dict(plan.deleted),
        "blacked_out": dict(+plan.blacked),
        "not_looked_for": dict(plan.left),
        "not_erased_perhaps_the_same": [each.address for each in plan.person.perhaps],
        "copies": [{**each._asdict(), "made_at": each.made_at.isoformat()} for each in copies],
        "proof": proof
        and {
            "holds": proof.holds,
            "byte_strings": proof.patterns,
            "columns": proof.columns,
            "left_in_columns": proof.left,
            "files": [file._asdict() for file in proof.files],
        },
    }
