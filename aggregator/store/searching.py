"""Search over everything that was said in inquiries: all words must be there, each in any of its posts.

What names one thing (a code, @somebody, a transaction, an address, a link, an id) is first looked up as such, in
small tables; only what is not found that way is sought in the texts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from aggregator.identity import Id, as_uuid, written
from aggregator.inquiry import NEAR
from aggregator.store.database import Connection
from aggregator.store.filters import Bound
from aggregator.store.text_search import inquiries_saying

MOST_TERMS = 8
_MOST_EXACT = 5000  # inquiries that one exact term may name
_CODE = 7
_BASE32 = frozenset("abcdefghijklmnopqrstuvwxyz234567")
_SHORTEST = {True: 3, False: 2}
"""Of what is sought within a name, by whether it is ASCII: what is shorter stands in any name."""
_ALWAYS = datetime(2, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a search. `text` as `search_text` has it; `typed` as it was typed (base58 and links need it);
    `evidence`: what the word may be among the hashed evidence, if it has the form of an id on a chain."""

    text: str
    typed: str
    evidence: tuple[Id, ...] = ()


@dataclass(frozen=True, slots=True)
class Sought:
    """What a search found out before the view is read.

    `exact`: for each term that names one thing, the inquiries that it names. `said`: the table, known to this cursor
    alone, with the inquiries whose posts hold the other terms; None: there are none.
    """

    exact: tuple[tuple[Term, tuple[Id, ...]], ...] = ()
    said: str | None = None

    def where(self, prefix: str = "", of: str = "f") -> tuple[list[str], Bound]:
        """Conditions on `inquiry_id` of this table, at least one, and what they bind."""
        bound: Bound = {}
        conditions = []
        for number, (_, ids) in enumerate(self.exact):
            name = f"{prefix}exact{number}"
            bound[name] = [written(one) for one in ids]
            conditions.append(f"{of}.inquiry_id IN (SELECT unnest(${name}::UUID[]))")
        if self.said:
            conditions.append(f"{of}.inquiry_id IN (SELECT inquiry_id FROM {self.said})")
        return conditions, bound


def seek(cursor: Connection, terms: Sequence[Term], *, closed: bool, number: int = 0) -> Sought | None:
    """Look up what can be looked up, and look through the texts for the rest; None: there is nothing to seek.

    Args:
        closed: history is searched, too.
        number: of this search among those that the same cursor keeps.
    """
    if not terms:
        return None
    exact, texts = [], []
    for term in terms[:MOST_TERMS]:
        if found := _named(cursor, term):
            exact.append((term, found))
        else:
            texts.append((term.text, _partly_called(cursor, term.text.removeprefix("@"))))
    if not texts:
        return Sought(tuple(exact))
    said = f"said{number}"
    # As a table with ids as DuckDB has them: a view looks at it more than once.
    cursor.register("found", inquiries_saying(cursor, texts, _ALWAYS if closed else _oldest_open(cursor)))
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE {said} AS SELECT DISTINCT CAST(id AS UUID) AS inquiry_id FROM found")
    cursor.unregister("found")
    return Sought(tuple(exact), said)


def texts_in(cursor: Connection, inquiries: Collection[Id]) -> dict[Id, list[str]]:
    """What was said in each of these inquiries, the newest first."""
    if not inquiries:
        return {}
    # Row numbers by themselves first, and no second column of texts: single rows of long texts are dear.
    numbers = cursor.execute(
        "SELECT rowid FROM post WHERE inquiry_id IN (SELECT unnest(?)::UUID) AND deleted_at IS NULL",
        [[written(one) for one in inquiries]],
    ).fetchall()
    found = cursor.execute(
        "SELECT inquiry_id, text FROM post WHERE rowid IN (SELECT unnest(?)) "
        "ORDER BY posted_at DESC, native_order DESC",
        [[number for (number,) in numbers]],
    ).fetchall()
    texts: dict[Id, list[str]] = {}
    for inquiry, text in found:
        texts.setdefault(inquiry.bytes, []).append(text)
    return texts


def _named(cursor: Connection, term: Term) -> tuple[Id, ...]:
    """The inquiries of the one thing that a term names; empty: it names none, or nothing that we know."""
    for matches, look in _LOOKS:
        if matches(term) and (found := look(cursor, term)):
            return found
    return ()


def _ids(cursor: Connection, sql: str, *values: object) -> tuple[Id, ...]:
    found = cursor.execute(f"{sql} LIMIT {_MOST_EXACT}", list(values)).fetchall()
    return tuple(one.bytes for (one,) in found if one is not None)


def _by_code(cursor: Connection, term: Term) -> tuple[Id, ...]:
    return _ids(cursor, "SELECT inquiry_id FROM inquiry WHERE code = ?", term.text.removeprefix("#").upper())


def _by_id(cursor: Connection, term: Term) -> tuple[Id, ...]:
    one = as_uuid(UUID(term.text).bytes)
    return _ids(
        cursor,
        "SELECT inquiry_id FROM inquiry WHERE inquiry_id = ? UNION SELECT inquiry_id FROM post WHERE post_id = ?",
        one,
        one,
    )


def _by_link(cursor: Connection, term: Term) -> tuple[Id, ...]:
    return _ids(cursor, "SELECT DISTINCT inquiry_id FROM post WHERE permalink = ?", term.typed)


def _by_author(cursor: Connection, term: Term) -> tuple[Id, ...]:
    accounts = _called(cursor, term.text.removeprefix("@"))
    return _of(cursor, accounts) if accounts else ()


def _by_evidence(cursor: Connection, term: Term) -> tuple[Id, ...]:
    """Who named this transaction or address, and where: base58 tells case, so the post's own text decides."""
    found = cursor.execute(
        "SELECT DISTINCT account_id FROM evidence WHERE value IN (SELECT unnest(?)::UUID)",
        [[written(one) for one in term.evidence]],
    ).fetchall()
    if not found:
        return ()
    return _ids(
        cursor,
        "SELECT DISTINCT inquiry_id FROM post "
        "WHERE account_id IN (SELECT unnest(?)::UUID) AND contains(search_text, ?)",
        [str(one) for (one,) in found],
        term.text.removeprefix("0x"),
    )


def _called(cursor: Connection, name: str) -> tuple[Id, ...]:
    """Accounts of this name, handle or platform's id."""
    return _ids(
        cursor,
        "SELECT account_id FROM account WHERE lower(name) = $1 OR lower(handle) = $1 OR native_id = $1",
        name,
    )


def _partly_called(cursor: Connection, word: str) -> tuple[Id, ...]:
    """Those, and customers who have the word in their name or handle; ours sign with words that many customers use."""
    if len(word) < _SHORTEST[word.isascii()]:
        return _called(cursor, word)
    exactly = "(lower(name) = $1 OR lower(handle) = $1 OR native_id = $1)"
    return _ids(
        cursor,
        "SELECT account_id FROM account WHERE (contains(lower(name), $1) OR contains(lower(handle), $1) "
        f"OR native_id = $1) AND (role = 'customer' OR {exactly}) ORDER BY coalesce({exactly}, false) DESC",
        word,
    )


def _of(cursor: Connection, accounts: Sequence[Id]) -> tuple[Id, ...]:
    return _ids(
        cursor,
        "SELECT inquiry_id FROM inquiry WHERE person_id IN (SELECT unnest(?)::UUID)",
        [written(one) for one in accounts],
    )


def _is_code(term: Term) -> bool:
    code = term.text.removeprefix("#")
    return len(code) == _CODE and _BASE32.issuperset(code)


def _is_id(term: Term) -> bool:
    try:
        UUID(term.text)
    except ValueError:
        return False
    return len(term.text) == 36


_LOOKS: tuple[tuple[Callable[[Term], bool], Callable[[Connection, Term], tuple[Id, ...]]], ...] = (
    (_is_code, _by_code),
    (_is_id, _by_id),
    (lambda term: term.text.startswith("@") and len(term.text) > 1, _by_author),
    (lambda term: term.typed.startswith(("http://", "https://")), _by_link),
    (lambda term: bool(term.evidence), _by_evidence),
)


def _oldest_open(cursor: Connection) -> datetime:
    """No post of an open inquiry is older; what was said before need not be searched for those."""
    (oldest,) = cursor.execute("SELECT min(opened_at) FROM inquiry_open").fetchone() or (None,)
    return (oldest - NEAR) if oldest else _ALWAYS
