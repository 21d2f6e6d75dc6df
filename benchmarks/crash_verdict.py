"""What a desk holds after all the kills, against what the platforms hold and what it owes itself."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson

from aggregator.backup import DESK
from aggregator.config import Settings, clock_of
from aggregator.demo.stage import Stage
from aggregator.demo.truth import Truth
from aggregator.demo.verdict import is_masked_or_same, judge
from aggregator.folding.refold import refold
from aggregator.replay import replay
from aggregator.store.database import Connection
from aggregator.workplace import Workplace

Row = tuple[str, str, str, str, bool]  # space, native id, text, author's native id, deleted

# What no row may be. Each finds the ids that are wrong.
ORPHANS: Final[Mapping[str, str]] = {
    "a post twice": "SELECT post_id FROM post GROUP BY ALL HAVING count(*) > 1",
    "a native id twice": "SELECT native_id FROM post GROUP BY space, native_id HAVING count(*) > 1",
    "an inquiry twice": "SELECT inquiry_id FROM inquiry GROUP BY ALL HAVING count(*) > 1",
    "an account twice": "SELECT account_id FROM account GROUP BY ALL HAVING count(*) > 1",
    "a version twice": "SELECT post_id FROM record GROUP BY post_id, version HAVING count(*) > 1",
    "a sighting twice": "SELECT post_id FROM sighting GROUP BY post_id, source HAVING count(*) > 1",
    "a count twice": "SELECT post_id FROM post_count GROUP BY post_id, counted_at HAVING count(*) > 1",
    "a post without its record": "SELECT post_id FROM post ANTI JOIN record USING (post_id, version)",
    "a record without its post": "SELECT post_id FROM record ANTI JOIN post USING (post_id)",
    "a version left out": "SELECT post_id FROM record GROUP BY post_id HAVING max(version) <> count(*)",
    "a post without its author": "SELECT post_id FROM post ANTI JOIN account USING (account_id)",
    # An impostor's begins none, on purpose (docs/people.md).
    "a customer's post without an inquiry": "SELECT post_id FROM post WHERE inquiry_id IS NULL AND NOT staff "
    "AND (facts ->> 'poses') IS NULL AND post_id NOT IN (SELECT post_id FROM approach)",
    "a post of an inquiry that is not there": "SELECT post_id FROM post ANTI JOIN inquiry USING (inquiry_id) "
    "WHERE inquiry_id IS NOT NULL",
    "an inquiry without posts": "SELECT inquiry_id FROM inquiry ANTI JOIN post USING (inquiry_id)",
    "an inquiry that counts its posts wrongly": "SELECT i.inquiry_id FROM inquiry AS i JOIN post AS p "
    "ON p.inquiry_id = i.inquiry_id AND NOT p.staff GROUP BY i.inquiry_id, i.posts, i.deleted "
    "HAVING count(*) <> i.posts OR count(p.deleted_at) <> i.deleted",
    "a count without its post": "SELECT post_id FROM post_count ANTI JOIN post USING (post_id)",
    "a sighting without its post": "SELECT post_id FROM sighting ANTI JOIN post USING (post_id)",
    "a source twice": "SELECT source FROM source_state GROUP BY ALL HAVING count(*) > 1",
    "a gap left open": "SELECT source FROM coverage WHERE state = 'gap'",
    "an unreadable record": "SELECT rejected_id FROM rejected_record",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """lost, doubled, differing: posts, imported ones included. wrong: the first of them by source, and when those in no
    gap were said. orphans: wrong rows, by what is wrong with them.

    hashes: of the content in the database, and at the platforms. undeliverable: posts that are not stored, and that a
    platform no longer tells: Telegram what nobody fetched in time, WeChat what nobody took in three calls; uncovered:
    those of them for whose time the ledger shows no gap. gaps: by source. changed_again: what reading and folding
    everything once more changed, if there are no orphans. claims: that were answered to a colleague; unkept: of these,
    those that are not in the history, or are there twice. desk: whether desk.db is whole.
    """

    posts: int
    lost: int
    doubled: int
    differing: int
    wrong: dict[str, tuple[str, ...]]
    orphans: dict[str, int]
    hashes: tuple[str, str]
    undeliverable: int
    uncovered: int
    gaps: Counter[str]
    changed_again: dict[str, int]
    claims: int
    unkept: int
    desk: bool

    @property
    def is_good(self) -> bool:
        wrong = self.lost, self.doubled, self.differing, self.orphans, self.uncovered, self.changed_again, self.unkept
        return not any(wrong) and self.hashes[0] == self.hashes[1] and self.desk


async def judged(
    settings: Settings,
    stage: Stage,
    imported: Mapping[str, Truth],
    space: str,
    claimed: Collection[str] = (),
    *,
    again: bool = True,
) -> Verdict:
    """Look at the data of a service that has ended.

    Args:
        imported: by native id, what was imported into `space`.
        claimed: inquiries whose claim was answered, each as often as it was.
        again: read and fold everything once more, which takes as long as reading it did.
    """
    async with Workplace(settings, listen=False, clock=stage.clock) as work:
        gaps = work.db.query("SELECT source, from_at, to_at FROM coverage WHERE state = 'lost'")
        with work.db.reading() as con:
            by_source = judge(con, stage)
            held = _held(con)
            orphans = {what: len(found) for what, sql in ORPHANS.items() if (found := con.execute(sql).fetchall())}
        stored = {row[1]: row for row in held if row[0] == space}
        there = {row[:2] for row in held}
        dropped = [
            (source, stage.dated[source, native_id])
            for source, scene in stage.scenes.items()
            for native_id in scene.given_up
            if (scene.space, native_id) not in there
        ]
        uncovered = [
            (source, at) for source, at in dropped if not any(name == source and a <= at <= b for name, a, b in gaps)
        ]
        return Verdict(
            posts=len(held),
            lost=by_source["all"].missing + len(imported.keys() - stored.keys()),
            doubled=by_source["all"].doubled + sum(row[0] == space for row in held) - len(stored),
            differing=by_source["all"].differing
            + sum(not _agrees(stored.get(key), post) for key, post in imported.items()),
            orphans=orphans,
            wrong={source: found.wrong for source, found in by_source.items() if found.wrong and source != "all"}
            | ({"in no gap": tuple(f"{source} {at:%H:%M:%S}" for source, at in uncovered)} if uncovered else {}),
            hashes=(_hash(held), _hash(_expected(stage, imported, space, held))),
            undeliverable=len(dropped),
            uncovered=len(uncovered),
            gaps=Counter(name for name, _, _ in gaps),
            claims=len(claimed),
            unkept=_unkept(work, claimed),
            changed_again={} if orphans or not again else await _changed_again(work),
            desk=_is_whole(settings.data / DESK),
        )


def _unkept(work: Workplace, claimed: Collection[str]) -> int:
    found = Counter(
        inquiry for (inquiry,) in work.db.query("SELECT inquiry_id::VARCHAR FROM inquiry_event WHERE what = 'claim'")
    )
    return sum(found[inquiry] != times for inquiry, times in Counter(claimed).items())


def _held(con: Connection) -> list[Row]:
    return con.execute(
        "SELECT p.space, p.native_id, p.text, a.native_id, p.deleted_at IS NOT NULL "
        "FROM post AS p JOIN account AS a USING (account_id)"
    ).fetchall()


def _expected(stage: Stage, imported: Mapping[str, Truth], space: str, held: Iterable[Row]) -> list[Row]:
    """What should be held. A masked text is taken over, if nothing else than a secret is masked in it."""
    texts = {row[:2]: row[2] for row in held}
    spaces = {stage.spaces[source]: posts for source, posts in stage.truth().items()} | {space: imported}
    given_up = {(scene.space, native_id) for scene in stage.scenes.values() for native_id in scene.given_up}
    expected = []
    for name, posts in spaces.items():
        for post in posts.values():
            stored = texts.get((name, post.native_id))
            if stored is None and (post.deleted or (name, post.native_id) in given_up):
                continue  # deleted, or given up by its platform, before anybody had it
            text = stored if stored is not None and is_masked_or_same(stored, post.text) else post.text
            expected.append((name, post.native_id, text, post.author, post.deleted))
    return expected


def _agrees(stored: Row | None, post: Truth) -> bool:
    return stored is None or (is_masked_or_same(stored[2], post.text) and stored[3] == post.author and not stored[4])


def _hash(content: Iterable[Row]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for row in sorted(content):
        digest.update(orjson.dumps(row))
    return digest.hexdigest()


async def _changed_again(work: Workplace) -> dict[str, int]:
    """Read all records once more and fold all inquiries once more: what that changes, and how much."""
    before = _everything(work)
    again = await replay(work.ingest, work.readers())
    everybody = {inquiry.bytes for (inquiry,) in work.db.query("SELECT inquiry_id FROM inquiry")}
    clocks = partial(clock_of, work.settings)
    folded = await work.db.write(lambda con: refold(con, everybody, clock_of=clocks, points=work.settings.points))
    after = _everything(work)
    changed = {f"rows of {table}": 1 for table in before if before[table] != after[table]}
    changed |= {"posts": again.changed_posts, "inquiries": again.changed_inquiries, "folded": len(folded)}
    return {what: count for what, count in changed.items() if count}


def _everything(work: Workplace) -> dict[str, list[tuple[Any, ...]]]:
    tables = ("post", "record", "account", "inquiry_open", "inquiry_closed", "post_count", "sighting", "source_state")
    return {table: work.db.query(f"SELECT count(*), bit_xor(hash(t)) FROM {table} AS t") for table in tables}


def _is_whole(desk: Path) -> bool:
    with closing(sqlite3.connect(desk)) as con:
        return con.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
