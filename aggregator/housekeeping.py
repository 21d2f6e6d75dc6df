"""What is done so that no more is kept than should be: erasing a person, retention, compaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from aggregator.config import clock_of
from aggregator.control import RefusedError
from aggregator.keeping.copies import Copy, copies_with
from aggregator.keeping.erasing import Erased, erase, tried
from aggregator.keeping.proof import Proof, prove
from aggregator.keeping.retention import Kept, keep_to_retention
from aggregator.replay import read_these_again
from aggregator.store import daily
from aggregator.store.database import Connection
from aggregator.store.desk_erasing import rewrite
from aggregator.workplace import Workplace

log = structlog.get_logger()


async def compact(work: Workplace) -> bool:
    """Both databases into fresh files. False: another process holds an old page of desk.db's log open."""
    work.ingest.compact_due.clear()
    await asyncio.to_thread(work.db.compact)
    return await asyncio.to_thread(rewrite, work.desk)


async def erase_person(work: Workplace, said: str, *, dry_run: bool, logs: Sequence[Path]) -> dict[str, Any]:
    """Erase whom this means, compact, and prove that nothing is left.

    Raises:
        RefusedError: it is not clear who is meant, or a log cannot be read.
    """
    if missing := [str(path) for path in logs if not path.is_file()]:
        raise RefusedError(f"{missing[0]}: there is no such log")
    await work.ingest.group()  # else what is heard already would be grouped afterwards
    origins, now = work.readers(), work.clock()

    def do(con: Connection) -> Erased:
        try:
            return erase(
                con, work.desk, said, now, origins=origins, clock_of=partial(clock_of, work.settings),
                points=work.settings.points, dry_run=dry_run,
            )  # fmt: skip
        finally:
            work.ingest.forget_all()

    try:
        erased = await work.db.write(do)
    except RefusedError:
        raise
    except Exception as error:
        erased = tried(error)
    copies = await work.db.read(lambda con: copies_with(con, erased.posts, erased.since))
    if dry_run:
        return _told(erased, copies, None)
    work.ingest.compact_due.set()  # should this end before the next line is done
    log.info("person.erased", posts=len(erased.posts), rows=sum(erased.deleted.values()))
    await read_these_again(work.ingest, origins, erased.quoting)
    await compact(work)
    work.ingest.tell(erased.touched)
    proof = await work.db.read(lambda con: prove(con, work.desk, erased.black, work.settings.data, logs))
    return _told(erased, copies, proof)


async def keep_what_may_be_kept(work: Workplace) -> Kept:
    """Delete what is older than `retention` says; compact if there was any."""
    kept, now, settings = Kept(), work.clock(), work.settings

    def some(con: Connection) -> Kept:
        return keep_to_retention(con, settings.retention, now, settings.timezone, work.ingest.forget_all)

    while (part := await work.db.write(some, bulk=True)).deleted:  # a part at a time: live pages go first
        kept.add(part)
    if kept.deleted:
        log.info("retention.deleted", inquiries=kept.inquiries, rows=sum(kept.deleted.values()))
        work.ingest.tell(kept.gone)
        work.ingest.compact_due.set()
    return kept


async def count_anew(work: Workplace) -> None:
    """Hold the daily counts against what they count."""
    wrong, worth_it = await work.db.read(daily.checked)
    if wrong:
        log.error("counts.wrong", counts=wrong)
    if worth_it:
        await work.db.write(daily.recount, bulk=True)


def _told(erased: Erased, copies: Sequence[Copy], proof: Proof | None) -> dict[str, Any]:
    """As the command says it: counts, never words."""
    return {
        "accounts": [each.address for each in erased.person.accounts] if proof is None else len(erased.person.accounts),
        "posts": len(erased.posts),
        "deleted": dict(erased.deleted),
        "blacked_out": dict(erased.blacked),
        "not_looked_for": dict(erased.left),
        "not_erased_perhaps_the_same": [each.address for each in erased.person.perhaps],
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
