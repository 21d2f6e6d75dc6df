"""Which accounts are one person: links by evidence, made while pages are written, undone by colleagues.

What is linked hangs on the evidence and on what was undone alone, never on the order in which posts arrived. Verified
evidence makes one person (`person_id`); together with claimed evidence it makes one contact (`contact_id`), which
counts for repeat contact and age, and for nothing else. Runs on the writer's connection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from aggregator.identity import Id, as_uuid, stable_id
from aggregator.ingest.drafts import Draft
from aggregator.store import rows
from aggregator.store.contacts import apart
from aggregator.triage.evidence import PROVED, SAID, VERIFIED

if TYPE_CHECKING:
    from aggregator.store.rows import Connection

MOST_LINKED = 5  # accounts: what more of them show is an exchange's, a contract's or the thief's, and links nobody
MOST_HELD = 12  # rows that are kept of one value: some may yet be erased
_MOST_SEEN = 20_000
_OF = "account_id IN (SELECT id FROM wanted)"


class Link(NamedTuple):
    """One account and one value that it shares with others: a row of `person_link`, but for the two ids."""

    account_id: Id
    value: Id
    kind: str
    level: str
    linked_at: datetime


class People:
    """Who showed what, as far as it was lately looked up. Lives on the writer's thread."""

    def __init__(self) -> None:
        self._seen: set[tuple[Id, Id]] = set()  # value, account: nothing is left to be stored of them

    def forget(self) -> None:
        """What was noted was rolled back, or evidence was taken away."""
        self._seen.clear()

    def note(self, con: Connection, drafts: Iterable[Draft], now: datetime) -> set[Id]:
        """Store what customers showed in these posts, and link. Returns the accounts that are linked otherwise now."""
        told: dict[tuple[Id, Id], tuple[str, Id]] = {}
        for draft in drafts:
            if draft.evidence and draft.asks and draft.account:
                for kind, value in draft.evidence:
                    key = value, draft.account.account_id
                    if key not in self._seen:
                        told.setdefault(key, (kind, draft.post_id))
        if not told:
            return set()
        holders = _holders(con, {value for value, _ in told})
        fresh = []
        for (value, account), (kind, post) in told.items():
            held = holders.setdefault(value, {})
            if account not in held and len(held) < MOST_HELD:
                held[account] = kind
                fresh.append((value, kind, account, post, now))
        rows.insert(con, "evidence", rows.EVIDENCE, fresh)
        if len(self._seen) > _MOST_SEEN:
            self._seen.clear()
        self._seen.update(told)
        shared = {value for value, *_ in fresh if len(holders[value]) > 1}
        return relink(con, {value: holders[value] for value in shared}, now) if shared else set()


Holders = Mapping[Id, Mapping[Id, str]]  # value -> account -> kind


def _holders(con: Connection, values: Collection[Id]) -> dict[Id, dict[Id, str]]:
    holders: dict[Id, dict[Id, str]] = {}
    sql = "SELECT value, account_id, kind FROM evidence WHERE value IN (SELECT id FROM wanted)"
    for value, account, kind in rows.select(con, sql, rows.ids(values)):
        holders.setdefault(value, {})[account] = kind
    return holders


def relink(con: Connection, holders: Holders, now: datetime) -> set[Id]:
    """Link anew all that these values touch, where `holders` are all the accounts that show them.

    Returns the accounts whose person or contact is another now.
    """
    accounts = {account for held in holders.values() for account in held}
    links, undone, before = _stored(con, accounts)
    for value, held in holders.items():
        for account, kind in held.items():
            key = account, value
            if len(held) > MOST_LINKED or key in undone:
                links.pop(key, None)
            else:
                level = "verified" if kind in VERIFIED else "claimed"
                links.setdefault(key, Link(account, value, kind, level, now))
    return _write(con, list(links.values()), accounts, before)


def _stored(
    con: Connection, accounts: Collection[Id]
) -> tuple[dict[tuple[Id, Id], Link], set[tuple[Id, Id]], dict[Id, tuple[Id, Id]]]:
    """Links that hold of these accounts and of all who are in contact with them; those undone; person and contact."""
    found = rows.select(
        con,
        "WITH these AS MATERIALIZED (SELECT id FROM wanted) "
        "SELECT account_id, value, kind, level, linked_at, undone_at IS NOT NULL, person_id, contact_id "
        "FROM person_link WHERE account_id IN (FROM these) OR contact_id IN ("
        "SELECT contact_id FROM person_link WHERE undone_at IS NULL AND account_id IN (FROM these))",
        rows.ids(accounts),
    )
    links = {(row[0], row[1]): Link(*row[:5]) for row in found if not row[5]}
    return links, {(row[0], row[1]) for row in found if row[5]}, {row[0]: row[6:] for row in found if not row[5]}


def _write(
    con: Connection, links: Sequence[Link], accounts: Collection[Id], before: Mapping[Id, tuple[Id, Id]]
) -> set[Id]:
    """Put these links in the place of all that the accounts had."""
    persons = joined(link for link in links if link.level == "verified")
    contacts = joined(links)
    everybody = before.keys() | contacts.keys() | set(accounts)
    after = {account: (persons.get(account, account), contacts.get(account, account)) for account in everybody}
    _delete_links(con, everybody)
    rows.insert(
        con,
        "person_link",
        rows.PERSON_LINK,
        [
            (each.account_id, *after[each.account_id], each.level, each.kind, each.value, each.linked_at, None, None)
            for each in links
        ],
    )
    changed = {account for account in everybody if before.get(account, (account, account)) != after[account]}
    moved = [(account, after[account][0]) for account in changed]
    if moved:
        _move_accounts(con, moved)
    return set(everybody) if changed else set()  # who gave the others their id is in contact with others, too


def _delete_links(con: Connection, accounts: Collection[Id]) -> None:
    rows.put(
        con,
        "DELETE FROM person_link WHERE undone_at IS NULL AND account_id IN (SELECT id FROM incoming)",
        rows.ids(accounts),
    )


def _move_accounts(con: Connection, persons: Sequence[tuple[Id, Id]]) -> None:
    schema = rows.Schema(account_id=rows.UUIDS, person_id=rows.UUIDS)
    rows.put(
        con,
        "MERGE INTO account USING incoming ON account.account_id = incoming.account_id "
        "WHEN MATCHED THEN UPDATE SET person_id = incoming.person_id",
        rows.table(schema, persons),
    )


def joined(links: Iterable[Link]) -> dict[Id, Id]:
    """Account -> the smallest of all accounts that it hangs together with by values that they share."""
    parents: dict[Id, Id] = {}

    def root(one: Id) -> Id:
        while parents[one] != one:
            parents[one] = parents[parents[one]]
            one = parents[one]
        return one

    first: dict[Id, Id] = {}  # of those who show a value
    for link in links:
        parents.setdefault(link.account_id, link.account_id)
        one, other = root(link.account_id), root(first.setdefault(link.value, link.account_id))
        parents[max(one, other)] = min(one, other)
    return {account: root(account) for account in parents}


def between(links: Collection[Link], mine: Id, theirs: Id) -> list[Link]:
    """The links of account `theirs` that would have to go for it to be nobody of account `mine`'s."""
    without = joined(link for link in links if link.account_id != theirs)
    my_side = {account for account, root in without.items() if root == without.get(mine)} | {mine}
    shown = {link.value for link in links if link.account_id in my_side}
    return [link for link in links if link.account_id == theirs and link.value in shown]


def unlink(con: Connection, mine: Id, theirs: Id, who: str, now: datetime) -> set[Id]:
    """Account `theirs` is not the person of account `mine`. Returns the accounts that are linked otherwise now."""
    links, _, before = _stored(con, [mine, theirs])
    gone = between(list(links.values()), mine, theirs)
    if not gone:
        _part(con, mine, theirs, who, now)
        return set()
    for link in gone:
        con.execute(
            "UPDATE person_link SET undone_at = ?, undone_by = ?, person_id = account_id, contact_id = account_id "
            "WHERE account_id = ? AND value = ? AND undone_at IS NULL",
            [now, who, as_uuid(theirs), as_uuid(link.value)],
        )
    return _write(con, [link for link in links.values() if link not in gone], [theirs], before)


def confirm(con: Connection, mine: Id, theirs: Id, now: datetime, *, proved: bool) -> set[Id]:
    """A colleague says that both accounts are one person's. Returns the accounts that are linked otherwise now.

    It is evidence like any other: it links, can be undone and made again. `proved`: the person has shown it, by a code
    that we sent or the like; else it is as good as a transaction that both name.
    """
    _forget_parted(con, apart(mine, theirs))
    kind = PROVED if proved else SAID
    value = stable_id(kind, *sorted((mine.hex(), theirs.hex())))
    held = _holders(con, [value]).get(value, {})
    nothing_shown = bytes(16)  # no post says so
    fresh = [(value, kind, one, nothing_shown, now) for one in (mine, theirs) if one not in held]
    rows.insert(con, "evidence", rows.EVIDENCE, fresh)
    con.execute("DELETE FROM person_link WHERE value = ? AND undone_at IS NOT NULL", [as_uuid(value)])
    return relink(con, _holders(con, [value]), now)


def _part(con: Connection, mine: Id, theirs: Id, who: str, now: datetime) -> None:
    """Two accounts of one name, which nothing links, are two persons."""
    value = apart(mine, theirs)
    _forget_parted(con, value)
    parted = [(one, one, one, "suggested", "name", value, now, now, who) for one in (mine, theirs)]
    rows.insert(con, "person_link", rows.PERSON_LINK, parted)


def _forget_parted(con: Connection, value: Id) -> None:
    con.execute("DELETE FROM person_link WHERE value = ?", [as_uuid(value)])


def link_again(con: Connection, mine: Id, theirs: Id, now: datetime) -> set[Id]:
    """Take back what `unlink` did. Returns the accounts that are linked otherwise now."""
    _forget_parted(con, apart(mine, theirs))
    contact = {mine} | {link.account_id for link in _stored(con, [mine])[0].values()}
    again = {
        value.bytes
        for (value,) in con.execute(
            "SELECT value FROM person_link WHERE account_id = ? AND undone_at IS NOT NULL AND value IN "
            "(SELECT value FROM evidence WHERE account_id IN (SELECT unnest(?)))",
            [as_uuid(theirs), [as_uuid(one) for one in contact]],
        ).fetchall()
    }
    for value in again:
        con.execute(
            "DELETE FROM person_link WHERE account_id = ? AND value = ? AND undone_at IS NOT NULL",
            [as_uuid(theirs), as_uuid(value)],
        )
    return relink(con, _holders(con, again), now) if again else set()


def waiting_inquiries(con: Connection, accounts: Collection[Id]) -> set[Id]:
    """Open inquiries whose priority another link of these accounts may change."""
    if not accounts:
        return set()
    sql = "SELECT inquiry_id FROM inquiry_open WHERE person_id IN (SELECT id FROM wanted)"
    found: list[tuple[Any, ...]] = rows.select(con, sql, rows.ids(accounts))
    return {inquiry for (inquiry,) in found}


class Forgotten(NamedTuple):
    """Rows that went, by table; and the inquiries whose priority that may change."""

    deleted: Counter[str]
    inquiries: set[Id]


def forget_accounts(con: Connection, gone: Collection[Id], now: datetime) -> Forgotten:
    """Take away what these accounts have shown, and their links; the others are linked anew."""
    values = {value for (value,) in rows.select(con, f"SELECT value FROM evidence WHERE {_OF}", rows.ids(gone))}
    contact = {link.account_id for link in _stored(con, gone)[0].values()}
    deleted: Counter[str] = Counter()
    for table in ("evidence", "person_link"):
        (count,) = rows.select(con, f"SELECT count(*) FROM {table} WHERE {_OF}", rows.ids(gone))[0]
        deleted[table] = count
        rows.delete(con, table, "account_id", list(gone))
    holders = _holders(con, values)
    accounts = (contact | {one for held in holders.values() for one in held}) - set(gone)
    links, _, before = _stored(con, accounts)
    kept = [link for link in links.values() if link.value not in values or len(holders.get(link.value, ())) > 1]
    changed = _write(con, kept, accounts, before)
    changed |= relink(con, {value: held for value, held in holders.items() if len(held) > 1}, now)
    return Forgotten(+deleted, waiting_inquiries(con, changed - set(gone)))
