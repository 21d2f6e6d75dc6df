"""What erasing a person takes. Found out by reading alone, beside the writer; written down before anything goes, so
that an erasure that was killed can be finished, with the same words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from aggregator.identity import Id
from aggregator.keeping import sweep
from aggregator.keeping.black import Black, Words
from aggregator.keeping.deleting import KEPT, tables_with
from aggregator.keeping.own_words import Left, words_of
from aggregator.keeping.persons import Account, Person, find_person
from aggregator.store import rows
from aggregator.store.desk_erasing import erase_from_desk

if TYPE_CHECKING:
    from aggregator.ingest.origin import Origin
    from aggregator.store.desk import Desk
    from aggregator.store.rows import Connection


@dataclass(frozen=True, slots=True)
class Plan:
    """since: when the first of it was stored: older copies cannot hold it. deleted: rows that go, by table. blacked:
    values that were blacked out so far (of a dry run: that would be), by table."""

    began_at: datetime
    person: Person
    words: Words
    left: list[Left]
    inquiries: frozenset[Id]
    posts: frozenset[Id]
    since: datetime | None
    deleted: Counter[str]
    blacked: Counter[str] = field(default_factory=Counter)

    def black(self) -> Black:
        return Black(self.words)


def make_plan(
    con: Connection, desk: Desk, said: str, now: datetime, origins: Mapping[str, Origin], *, dry_run: bool
) -> Plan:
    """Read only, but for temporary tables of this connection. `dry_run`: count what would be blacked out, too.

    Raises:
        MisusedError: `said` is empty.
        RefusedError: it is not clear whom `said` means.
    """
    person = find_person(con, said)
    inquiries, posts = belongings(con, person.ids)
    own = _ids(con, "SELECT post_id FROM post WHERE NOT staff AND post_id IN (SELECT id FROM wanted)", posts)
    since = rows.select(con, "SELECT min(seen_at) FROM post WHERE post_id IN (SELECT id FROM wanted)", rows.ids(posts))
    words, left = words_of(con, person, own, origins)
    black = Black(words)
    unreadable = sweep.unreadable(con, black)
    goes = _going(con, person.ids, inquiries, posts, unreadable)
    deleted = erase_from_desk(desk, inquiries, black, dry_run=True)
    for table, condition in goes.items():
        (count,) = con.execute(f"SELECT count(*) FROM {table} WHERE {condition}").fetchone() or (0,)
        deleted[table] += count
    blacked: Counter[str] = Counter()
    for column in sweep.to_black_out(con) if dry_run else ():
        stays = f"NOT coalesce({goes[column.table]}, false)" if column.table in goes else "true"
        blacked[column.table] += sum(1 for _ in sweep.changes(con, black, column, stays))
    return Plan(now, person, words, left, frozenset(inquiries), frozenset(posts), since[0][0], +deleted, +blacked)


def belongings(con: Connection, ids: Collection[Id]) -> tuple[set[Id], set[Id]]:
    """Inquiries and posts of these accounts. Our answers belong to the conversation, and call the person by name."""
    inquiries = _ids(con, "SELECT inquiry_id FROM inquiry WHERE person_id IN (SELECT id FROM wanted)", ids)
    posts = _ids(
        con,
        "SELECT post_id FROM post WHERE account_id IN (SELECT id FROM wanted) OR post_id IN (SELECT id FROM wanted)",
        ids,
    )
    return inquiries, posts | _ids(
        con, "SELECT post_id FROM post WHERE staff AND inquiry_id IN (SELECT id FROM wanted)", inquiries
    )


def _ids(con: Connection, sql: str, wanted: Collection[Id]) -> set[Id]:
    return {one for (one,) in rows.select(con, sql, rows.ids(wanted))}


def _going(
    con: Connection,
    accounts: Collection[Id],
    inquiries: Collection[Id],
    posts: Collection[Id],
    unreadable: Collection[Id],
) -> dict[str, str]:
    """Which rows of each table go: conditions on temporary tables of this connection."""
    for name, ids in (("account", accounts), ("inquiry", inquiries), ("post", posts), ("unreadable", unreadable)):
        rows.put(con, f"CREATE OR REPLACE TEMP TABLE going_{name} AS FROM incoming", rows.ids(ids))
    goes: dict[str, list[str]] = {}
    for what in ("inquiry", "post", "account"):
        for table in tables_with(con, f"{what}_id"):
            if table == "post" and what != "post":
                continue
            if table in KEPT and what == "post":
                continue
            goes.setdefault(table, []).append(f"{what}_id IN (SELECT id FROM temp.going_{what})")
    of_inquiry = "IN (SELECT CAST(id AS VARCHAR) FROM temp.going_inquiry)"
    goes["delivery"] = [f"subject {of_inquiry}"]
    goes["noticed"] = [f"split_part(key, ':', 2) {of_inquiry}"]
    goes["flag"] = [
        "(state <> 'blocked' AND inquiry_id IN (SELECT id FROM temp.going_inquiry))",
        "(kind = 'account' AND target IN (SELECT CAST(id AS VARCHAR) FROM temp.going_account))",
    ]
    goes["rejected_record"] = ["rejected_id IN (SELECT id FROM temp.going_unreadable)"]
    return {table: "(" + " OR ".join(f"coalesce({each}, false)" for each in some) + ")" for table, some in goes.items()}


# -- written down -------------------------------------------------------------------------------------------


def store(con: Connection, plan: Plan) -> None:
    con.execute("INSERT INTO erasing VALUES (?, ?, '{}')", [plan.began_at, orjson.dumps(_as_json(plan)).decode()])
    rows.put(con, "INSERT INTO erasing_post SELECT id FROM incoming", rows.ids(plan.posts))


def note_blacked(con: Connection, blacked: Mapping[str, int]) -> None:
    con.execute("UPDATE erasing SET blacked = ?", [orjson.dumps(dict(blacked)).decode()])


def unfinished(con: Connection) -> Plan | None:
    """The erasure under way; None: there is none."""
    row = con.execute("SELECT began_at, plan, blacked FROM erasing ORDER BY began_at LIMIT 1").fetchone()
    if row is None:
        return None
    began_at, said, blacked = row[0], orjson.loads(row[1]), orjson.loads(row[2])
    accounts, perhaps = (tuple(map(_account, said[name])) for name in ("accounts", "perhaps"))
    words = Words(*(frozenset(said[name]) for name in ("passages", "names", "called", "native_ids")))
    posts = frozenset(one.bytes for (one,) in con.execute("SELECT erased_id FROM erasing_post").fetchall())
    return Plan(
        began_at, Person(_unhexed(said["ids"]), accounts, perhaps), words, [(why, n) for why, n in said["left"]],
        _unhexed(said["inquiries"]), posts, datetime.fromisoformat(said["since"]) if said["since"] else None,
        Counter(said["deleted"]), Counter(blacked),
    )  # fmt: skip


def forget(con: Connection, plan: Plan) -> None:
    """It is done; unless another process has finished it by now, and begun another one."""
    if con.execute("SELECT 1 FROM erasing WHERE began_at = ?", [plan.began_at]).fetchone():
        con.execute("DELETE FROM erasing")
        con.execute("DELETE FROM erasing_post")


def _as_json(plan: Plan) -> dict[str, Any]:
    def accounts(some: Collection[Account]) -> list[list[str | None]]:
        return [[a.account_id.hex(), a.space, a.native_id, a.name, a.handle, a.role, a.person_id.hex()] for a in some]

    return {
        "ids": [one.hex() for one in plan.person.ids],
        "accounts": accounts(plan.person.accounts),
        "perhaps": accounts(plan.person.perhaps),
        "passages": [*plan.words.passages],
        "names": [*plan.words.names],
        "called": [*plan.words.called],
        "native_ids": [*plan.words.ids],
        "left": plan.left,
        "inquiries": [one.hex() for one in plan.inquiries],
        "since": plan.since and plan.since.isoformat(),
        "deleted": dict(plan.deleted),
    }


def _account(row: Sequence[Any]) -> Account:
    account, space, native_id, name, handle, role, person = row
    return Account(bytes.fromhex(account), space, native_id, name, handle, role, bytes.fromhex(person))


def _unhexed(some: Collection[str]) -> frozenset[Id]:
    return frozenset(map(bytes.fromhex, some))
