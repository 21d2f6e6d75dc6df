"""Somebody's words are blacked out wherever they stand, nobody else's are, and a search of bytes misses none."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from aggregator.keeping import proof, sweep
from aggregator.keeping.black import Black, Words
from aggregator.keeping.proof import scan
from aggregator.store.database import Connection, Database
from tests.test_upgrade import value

SAID = "look at the turquoise umbrella transfer"


def black(
    *names: str, passages: tuple[str, ...] = (SAID,), called: tuple[str, ...] = (), ids: tuple[str, ...] = ()
) -> Black:
    return Black(Words(frozenset(passages), frozenset(names), frozenset(called), frozenset(ids)))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("thanks Fox!", "thanks ███!"),
        ("FOX and fox", "███ and ███"),
        ("foxes, firefox and fox_2", "foxes, firefox and fox_2"),
        ("谢谢fox的回复", "谢谢███的回复"),
        ("林月说过，问林月吧", "██说过，问██吧"),
        (f"you said: {SAID.upper()}?", f"you said: {'█' * len(SAID)}?"),
        ("moon, @moon and @moonlight", "moon, █████ and @moonlight"),
        ("😀fox😀", "😀███😀"),
        ("", ""),
    ],
)
def test_names_go_as_whole_words_and_passages_everywhere(text: str, left: str) -> None:
    assert black("Fox", "林月", called=("moon",)).text(text) == left


def test_a_mask_is_as_long_as_platforms_count() -> None:
    name = "ada😀"
    masked = black(name).text(f"to {name} from us")
    assert (len(masked.encode("utf-16-le")), masked) == (
        len(f"to {name} from us".encode("utf-16-le")),
        "to █████ from us",
    )


def test_an_id_that_tells_somebody_goes_though_it_is_a_number() -> None:
    told = {"text": "I agree", "reply_to": {"id": 6000000001, "from": {"id": 6000000001, "first_name": "Ada"}}}
    gone = {"id": 0, "from": {"id": 0, "first_name": "███"}}
    assert black("6000000001", ids=("6000000001",)).value(told) == {"text": "I agree", "reply_to": gone}


def test_within_somebody_elses_record_who_is_named_by_id_loses_the_names() -> None:
    record = {
        "id": 600123,
        "text": "Ada, I agree",
        "from": {"id": 7, "first_name": "Bea"},
        "reply_to": {"id": 55, "from": {"id": 600123, "first_name": "Ada", "last_name": "Roe", "language": "de"}},
        "entities": [{"type": "mention", "user": {"id": 600123, "username": "ada_r"}}],
    }
    assert black("ada_r", ids=("600123",)).value(record) == {
        **record,
        "reply_to": {"id": 55, "from": {"id": 600123, "first_name": "███", "last_name": "███", "language": "de"}},
        "entities": [{"type": "mention", "user": {"id": 600123, "username": "█████"}}],
    }


def test_a_short_id_names_nobody() -> None:
    record = {"category": {"id": 17, "name": "Wallets"}}
    assert black(ids=("17",)).value(record) == record


def test_every_column_of_every_table_is_looked_through() -> None:
    db, numbers = Database(None), count(1)
    db.submit(lambda con: _fill(con, numbers)).result()
    swept = db.submit(_black_out).result()
    with db.reading() as cursor:
        left = sweep.found(cursor, black())
        tables = {column.table for column in sweep.columns(cursor)} - set(sweep._APART)
        kept = {tuple(name.split(".")) for name in left if name.partition(".")[0] in tables}
    db.close()
    ours = {*sweep._KEYS, *sweep.OURS}
    assert {
        each for each in kept if ours.isdisjoint((each[1], ".".join(each))) and not each[1].endswith("_by")
    } == set()
    assert swept >= {"post", "record", "inquiry_open", "inquiry_event", "outbox", "account", "flag"}
    assert len(tables) >= 18


def _black_out(con: Connection) -> set[str]:
    """The tables in which something was."""
    swept = set()
    for column in sweep.to_black_out(con):
        if some := list(sweep.changes(con, black(), column)):
            assert sweep.write(con, column, some)[0] == len(some)
            swept.add(column.table)
    return swept


def _fill(con: Connection, numbers: Any) -> None:
    """Into every column that can hold words, words that have to go."""
    told = con.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() JOIN duckdb_tables() "
        "USING (database_name, schema_name, table_name) WHERE NOT duckdb_tables.internal ORDER BY 1, column_index"
    ).fetchall()
    for table in {table for table, _, _ in told} - {"meta"}:
        row = [_words(kind, name, next(numbers)) for of, name, kind in told if of == table]
        con.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)


def _words(kind: str, name: str, number: int) -> Any:
    if kind == "JSON":
        return f'{{"a": ["{SAID} {number}"]}}'
    return f"they {SAID} {number}" if kind == "VARCHAR" else value(kind, name, number)


@pytest.mark.parametrize("before", range(40, 49))
def test_bytes_are_found_over_the_border_of_two_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    monkeypatch.setattr(proof, "BLOCK", 48)
    file = tmp_path / "file"
    file.write_bytes(
        b"\0" * before + b"Look At the TURQUOISE umbrella transfer" + b"\0" * 50 + b"quillon" + b"x quillon"
    )
    patterns = black("quillon").as_bytes()
    assert scan(file, patterns).found == 2  # the passage, and the second name: the first is part of a longer word
    assert scan(file, {}).found == 0


def test_the_patterns_that_databases_look_for_find_signs_as_they_are() -> None:
    words = ("a+b (c)", "50% off?", *(f"a passage of number {number}" for number in range(900)))
    patterns = black(passages=words).as_patterns()
    db = Database(None)
    hits = db.query(
        "SELECT w, list_bool_or([regexp_matches(w, p) FOR p IN $1]) FROM (SELECT unnest($2) AS w)",
        [patterns, [*words, "aab (c)", "50% offf", "a passage of letters"]],
    )
    db.close()
    assert len(patterns) > 1
    assert {word for word, found in hits if not found} == {"aab (c)", "50% offf", "a passage of letters"}


def test_what_stands_somewhere_by_chance_is_not_searched_for_in_bytes() -> None:
    assert set(black("fox", "quillon", passages=()).as_bytes()) == {b"quillon"}
