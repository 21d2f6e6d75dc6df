"""Which words are somebody's own: the passages that only that person wrote, and names that nobody else bears."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, get_args

from ahocorasick_rs import AhoCorasick

from aggregator.ingest.prepare import read_again
from aggregator.inquiry import DueClock, EventKind, Kind, State
from aggregator.keeping.black import MASK, Words, stands_alone
from aggregator.keeping.persons import Person
from aggregator.store import rows
from aggregator.store.desk import ROLES
from aggregator.triage import search_text
from aggregator.triage.terms import RULES

if TYPE_CHECKING:
    from aggregator.identity import Id
    from aggregator.ingest.origin import Origin
    from aggregator.store.rows import Connection

# A passage ends wherever a platform's markup or its escapes may stand.
_ENDS = re.compile(r"[\n\r\t.!?…。！？；;<>&\"'`“”‘’«»*_~\[\]()|{}\\█]+|\s{2,}|https?://\S+")
_SHORTEST = 16  # bytes: what is shorter may be anybody's
_FEWEST = 3  # words of a language that parts them
_COMMON_NAME = 3  # persons elsewhere who say it: then a name is an ordinary word
_COMMON_PASSAGE = 2

Left = tuple[str, int]
"""Why some words are not looked for, and how many."""


def words_of(
    con: Connection, person: Person, posts: Collection[Id], origins: Mapping[str, Origin]
) -> tuple[Words, list[Left]]:
    """What is this person's own, read from all versions of these posts; and what could be anybody's."""
    texts, names = _said(con, posts, origins)
    for account in person.accounts:
        names |= {account.name, account.handle or ""}
    names = {name.strip() for name in names if name.strip() and MASK not in name}
    passages = {passage for text in texts for passage in _passages(text)}
    telling = {each for each in passages if _is_telling(each)}
    long = {name for name in names if len(name) >= (3 if name.isascii() else 2)}
    shared = _also_borne(con, person, long)
    ours = _vocabulary(con)
    elsewhere = _said_elsewhere(con, posts, telling | (long - shared))
    common = {each for each in telling if elsewhere[search_text(each)] >= _COMMON_PASSAGE}
    called = {name for name in long - shared if elsewhere[search_text(name)] >= _COMMON_NAME or name.lower() in ours}
    ids = {account.native_id for account in person.accounts}
    spelled = {one for one in ids if not one.isdigit() and len(one) >= 6} | {
        one for one in ids if one.isdigit() and len(one) >= 9
    }
    left = [
        ("short or ordinary pieces of text", len(passages - telling)),
        ("sentences that others wrote, too, word for word", len(common)),
        ("names of one or two letters", len(names - long)),
        ("names that other accounts bear, too", len(shared)),
        ("names that are ordinary words here (looked for behind an @)", len(called)),
        ("ids that are short numbers", len(ids - spelled)),
    ]
    words = Words(
        frozenset(telling - common), frozenset((long - shared - called) | spelled), frozenset(called), frozenset(ids)
    )
    return words, [each for each in left if each[1]]


def _said(con: Connection, posts: Collection[Id], origins: Mapping[str, Origin]) -> tuple[set[str], set[str]]:
    """Texts of all versions, titles of threads that these posts begin, and names under which they were written."""
    texts: set[str] = set()
    names: set[str] = set()
    titled = set()
    for post, text, title, thread, posted_at in rows.fetch(
        con, "post", "post_id, text, title, thread_id, posted_at", "post_id", posts
    ):
        texts.add(text)
        if title and _begins(con, thread, posted_at):
            texts.add(title)
            titled.add(post)
    for post, source, body, secrets, at in rows.fetch(
        con, "record", "post_id, source, body, secrets, fetched_at", "post_id", posts
    ):
        origin = origins.get(source)
        for said in read_again([(body, secrets, at)], origin).readings if origin else ():
            if said.post_id == post:
                texts.add(said.post.text)
                texts |= {said.post.title} if post in titled and said.post.title else set()
                names |= {said.account.name, said.account.handle or ""} if said.account else set()
    return texts, names


def _begins(con: Connection, thread: Id, posted_at: object) -> bool:
    earlier = rows.fetch(con, "post", "post_id", "thread_id", [thread], "posted_at < ?", [posted_at])
    return not earlier


def _passages(text: str) -> Iterable[str]:
    return (passage.strip(" ,，、:：-–—") for passage in _ENDS.split(text) if passage)


def _is_telling(passage: str) -> bool:
    if len(passage.encode()) < _SHORTEST:
        return False
    return not passage.isascii() or len(passage.split()) >= _FEWEST or len(passage) >= 2 * _SHORTEST


def _also_borne(con: Connection, person: Person, names: Collection[str]) -> set[str]:
    low = {name.lower(): name for name in names}
    found = rows.select(
        con,
        "SELECT DISTINCT unnest([lower(name), lower(handle)]) FROM account "
        "WHERE account_id NOT IN (SELECT id FROM wanted) AND (list_contains($1, lower(name)) "
        "OR list_contains($1, lower(handle)))",
        rows.ids(person.ids),
        [list(low)],
    )
    borne = {name for (name,) in found}
    return {name for key, name in low.items() if key in borne}


def _vocabulary(con: Connection) -> set[str]:
    """Words by which our own rows are told apart: whoever is called so must not black them out."""
    found = con.execute(
        "SELECT DISTINCT unnest([kind, state, channel, lang]) FROM inquiry UNION SELECT role FROM account "
        "UNION SELECT unnest([source, space]) FROM source_state "
        "UNION SELECT details->>'reason' FROM inquiry_event WHERE what = 'close'"
    ).fetchall()
    ours = (*get_args(EventKind), *get_args(Kind), *get_args(State), *get_args(DueClock), *ROLES)
    return {word.lower() for (word,) in found if word} | {*ours, *RULES}


def _said_elsewhere(con: Connection, posts: Collection[Id], words: Collection[str]) -> Counter[str]:
    """How many others say these where, or before, this person was there; whoever says nothing else counts twice, and
    anywhere: that is no quote. By `search_text`."""
    patterns = list({search_text(word) for word in words})
    if not patterns:
        return Counter()
    finder = AhoCorasick(patterns)
    wanted = rows.readable(rows.ids(posts))  # read by the statement
    cursor = con.execute(
        "WITH gone AS MATERIALIZED (SELECT id FROM wanted), own AS ("
        "SELECT thread_id, min(posted_at) AS came_at FROM post WHERE post_id IN (SELECT id FROM gone) GROUP BY 1) "
        "SELECT coalesce(p.account_id, p.post_id), p.search_text, own.came_at IS NULL OR p.posted_at < own.came_at "
        "FROM post AS p LEFT JOIN own USING (thread_id) WHERE p.post_id NOT IN (SELECT id FROM gone)"
    )
    del wanted
    who: dict[str, dict[Any, int]] = {}
    while batch := cursor.fetchmany(10_000):
        for account, text, apart in batch:
            for number, start, end in finder.find_matches_as_indexes(text, overlapping=True):
                alone = len(text) <= end - start + 3
                if (apart or alone) and text[start - 1 : start] != "@" and stands_alone(text, start, end):
                    seen = who.setdefault(patterns[number], {})
                    seen[account] = max(2 if alone else 1, seen.get(account, 0))
    return Counter({word: sum(seen.values()) for word, seen in who.items()})
