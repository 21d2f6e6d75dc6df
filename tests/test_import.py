"""Files from elsewhere become posts: every format, every mistake, exactly once."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import orjson
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aggregator.config import Settings
from aggregator.importer import importing
from aggregator.importer import workers as worker_processes
from aggregator.importer.files import PAGE, ImportFileError, Rows, _paged
from aggregator.importer.job import Job
from aggregator.importer.workers import SMALL, Workers, ask
from tests.console import Console


def jsonl(path: Path, *rows: object) -> Path:
    """Rows as JSON lines; bytes are a line as it is."""
    path.write_bytes(b"".join((row if isinstance(row, bytes) else orjson.dumps(row)) + b"\n" for row in rows))
    return path


def said(console: Console) -> list[str]:
    return [text for (text,) in console.query("SELECT text FROM post ORDER BY text")]


ROWS = [
    {"native_id": "1", "text": "my swap failed, where is my money?", "author_id": "u1", "thread_id": "a"},
    {"native_id": "2", "text": "提现三天没到账，没人理我", "author_id": "u2", "thread_id": "a"},
    {"native_id": "3", "text": "love the new version", "author_id": "u3", "thread_id": "b"},
]


def test_json_lines_become_posts_and_inquiries(console: Console, tmp_path: Path) -> None:
    told = console.ok("import", jsonl(tmp_path / "old.jsonl", *ROWS), "--source", "old")
    assert told == "3 rows read: 3 new posts, 3 inquiries, 0 rejected\n"
    assert {row["kind"] for row in console.feed()} == {"complaint", "praise"}


def test_the_same_file_again_adds_nothing(console: Console, tmp_path: Path) -> None:
    file = jsonl(tmp_path / "old.jsonl", *ROWS)
    console.ok("import", file, "--source", "old")
    before = console.query("FROM post ORDER BY ALL"), console.query("FROM inquiry ORDER BY ALL")
    again = console.result("import", file, "--source", "old")
    assert (again["new"], again["inquiries"]) == (0, 0)
    assert (console.query("FROM post ORDER BY ALL"), console.query("FROM inquiry ORDER BY ALL")) == before


@pytest.mark.parametrize(
    ("wrong", "right"),
    [(["--map", "text=subject"], ["--map", "text=body"]), (["--encoding", "latin-1"], ["--encoding", "gb18030"])],
)
def test_a_file_that_was_read_wrongly_is_read_again_as_its_columns_and_charset_are_named_now(
    console: Console, tmp_path: Path, wrong: list[str], right: list[str]
) -> None:
    file = tmp_path / "old.csv"
    text = "提现没到账" if wrong[0] == "--encoding" else "my swap failed"
    file.write_bytes(f"text,subject,body\n{text},Ticket 7,{text}\n".encode("gb18030"))
    console.ok("import", file, "--source", "old", *wrong)
    assert said(console) != [text]
    again = console.result("import", file, "--source", "old", *right)
    assert (again["records"], again["new"], again["edited"]) == (1, 0, 1)
    assert said(console) == [text]
    assert console.result("import", file, "--source", "old", *right)["records"] == 0


def test_the_same_posts_in_another_file_add_nothing(console: Console, tmp_path: Path) -> None:
    console.ok("import", jsonl(tmp_path / "old.jsonl", *ROWS), "--source", "old")
    again = console.result("import", jsonl(tmp_path / "other.jsonl", *reversed(ROWS)), "--source", "old")
    assert (again["records"], again["new"]) == (3, 0)


def test_two_files_in_one_call_are_both_taken(console: Console, tmp_path: Path) -> None:
    one, two = jsonl(tmp_path / "one.jsonl", *ROWS[:2]), jsonl(tmp_path / "two.jsonl", ROWS[2])
    assert console.result("import", one, two, "--source", "old")["new"] == 3


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_separated_values_with_quotes_and_line_breaks(console: Console, tmp_path: Path, delimiter: str) -> None:
    file = tmp_path / ("old.csv" if delimiter == "," else "old.tsv")
    lines = ["native_id,text,author_id", '1,"stuck, says ""pending""\nsince Monday",u1', "2,提现没到账,u2"]
    file.write_text("\r\n".join(line.replace(",", delimiter) for line in lines), encoding="utf-8-sig")
    console.ok("import", file, "--source", "old")
    assert said(console) == [f'stuck{delimiter} says "pending"\nsince Monday', "提现没到账"]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_csv_of_another_spreadsheet_is_read_by_what_parts_its_names(
    console: Console, tmp_path: Path, delimiter: str
) -> None:
    file = tmp_path / "old.csv"
    lines = ["native_id|text|author_id", '1|"lost 1,5 USDT; help, please"|u1', "2|3,5 没到账, 急|u2"]
    file.write_text("\r\n".join(line.replace("|", delimiter) for line in lines), encoding="utf-8-sig")
    console.ok("import", file, "--source", "old")
    assert said(console) == ["3,5 没到账, 急", "lost 1,5 USDT; help, please"]


def test_a_sign_within_the_quoted_name_of_a_column_parts_nothing(console: Console, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_text('text,"tags; or none; or more"\nmy swap failed,a\n')
    console.ok("import", file, "--source", "old")
    assert said(console) == ["my swap failed"]


def test_whether_a_row_is_public_is_told_in_words_of_many_languages(console: Console, tmp_path: Path) -> None:
    rows = [{"text": f"swap failed {word}", "public": word} for word in ("否", "非公開", "нет", "是", "Public", "")]
    console.ok("import", jsonl(tmp_path / "old.jsonl", *rows), "--source", "old")
    private = console.query("SELECT text FROM post WHERE NOT public ORDER BY text")
    assert private == [("swap failed нет",), ("swap failed 否",), ("swap failed 非公開",)]


def test_what_is_neither_public_nor_private_is_kept_apart(console: Console, tmp_path: Path) -> None:
    rows = [{"text": "swap failed", "public": "perhaps"}, {"text": "it works", "public": True}]
    told = console.result("import", jsonl(tmp_path / "old.jsonl", *rows), "--source", "old", code=3)
    assert (told["new"], told["rejected"]) == (1, 1)
    assert "neither yes nor no: 'perhaps'" in console.query("SELECT reason FROM rejected_record")[0][0]


def test_a_column_may_be_called_unreadable(console: Console, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_text("text,unreadable\nmy swap failed,no\n")
    console.ok("import", file, "--source", "old")
    assert said(console) == ["my swap failed"]


QUOTES = ["1,my swap failed,u1", '2,"stuck for days,u2', "3,提现没到账,u3", "4,love it,u4"]


@pytest.mark.parametrize(
    "behind", [[], ['5,"it says ""no"", again",u5'], ['5,"first,\nthen nothing",u5', "6,thanks,u6"]]
)
def test_a_quote_that_is_not_closed_costs_its_own_row_alone(
    console: Console, tmp_path: Path, behind: list[str]
) -> None:
    file = tmp_path / "old.csv"
    file.write_text("\n".join(["native_id,text,author_id", *QUOTES, *behind]) + "\n")
    told = console.result("import", file, "--source", "old", code=3)
    assert (told["new"], told["rejected"]) == (3 + len(behind), 1)
    ((reason, body),) = console.query("SELECT reason, body FROM rejected_record")
    assert reason.endswith("line 3: a quote begins there that is not closed")
    assert "stuck for days" in body
    assert not [text for text in said(console) if "u3" in text or "u5" in text]
    assert console.result("import", file, "--source", "old")["records"] == 0


def test_a_row_of_too_many_cells_is_kept_apart_whole_and_empty_ones_behind_it_do_no_harm(
    console: Console, tmp_path: Path
) -> None:
    file = tmp_path / "old.csv"
    rows = ["u1,my swap failed", "u2,提现没到账,,  ,", "u3,help, my money, 500 USDT, is gone", "u4,love it"]
    file.write_text("\n".join(["author_id,text", *rows]) + "\n")
    told = console.result("import", file, "--source", "old", code=3)
    assert (told["new"], told["rejected"]) == (3, 1)
    assert said(console) == ["love it", "my swap failed", "提现没到账"]
    ((reason, body),) = console.query("SELECT reason, body FROM rejected_record")
    assert "it has 5 cells, but there are 2 columns; put a text with commas in quotes" in reason
    assert rows[2] in body


def test_a_phrase_that_fell_apart_into_cells_is_not_kept(console: Console, tmp_path: Path) -> None:
    phrase = "slab fog cruel pottery mixture ensure thought hotel rug coffee velvet olympic"
    file = tmp_path / "old.csv"
    file.write_text(f"author_id,text\nu1,{phrase.replace(' ', ', ')}\nu2,love it\n")
    assert console.result("import", file, "--source", "old", code=3)["rejected"] == 1
    stored = b"".join(path.read_bytes() for path in console.data.rglob("*") if path.is_file())
    assert not [word for word in phrase.split() if word.encode() in stored and len(word) > 6]


def test_quotes_within_a_text_are_taken_as_they_were(console: Console, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_text('text,author_id\n"it says "no" again",u1\n"stuck" ,u2\na 5" screen,u3\n')
    console.ok("import", file, "--source", "old")
    assert said(console) == ['a 5" screen', 'it says no" again"', "stuck "]


def test_names_of_columns_with_an_open_quote_are_refused(console: Console, tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text('text,"author_id\nmy swap failed,u1\n')
    refused = console.run("import", tmp_path / "old.csv", "--source", "old")
    assert (refused.exit_code, "line 1: a quote begins there" in refused.stderr) == (1, True)


def test_parquet_with_times_and_numbers(console: Console, tmp_path: Path) -> None:
    when = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
    columns = {"text": ["my swap failed", "提现没到账"], "created_at": [when, None], "likes": [5, None]}
    file = tmp_path / "old[1]*.parquet"  # no pattern: others may lie beside it
    pq.write_table(pa.table(columns), file)
    pq.write_table(pa.table({"text": ["another file's"]}), tmp_path / "old1.parquet")
    console.ok("import", file, "--source", "old")
    assert console.query("SELECT posted_at FROM post WHERE text = 'my swap failed'") == [(when,)]
    assert console.query("SELECT likes FROM post_count WHERE likes IS NOT NULL") == [(5,)]


def test_gb18030_is_read_when_it_is_named(console: Console, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_bytes("text,author_id\n提现没到账，没人理我,用户\n".encode("gb18030"))
    refused = console.run("import", file, "--source", "old")
    assert refused.exit_code == 1
    assert "old.csv" in refused.stderr
    assert "--encoding" in refused.stderr
    console.ok("import", file, "--source", "old", "--encoding", "gb18030")
    assert said(console) == ["提现没到账，没人理我"]


def test_an_encoding_that_nobody_knows_is_named(console: Console, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_text("text\nhello\n")
    refused = console.run("import", file, "--source", "old", "--encoding", "utf-7000")
    assert refused.exit_code == 2
    assert "utf-7000" in refused.stderr


def test_other_column_names_are_mapped(console: Console, tmp_path: Path) -> None:
    file = tmp_path / "tickets.csv"
    file.write_text("ticket,body,user\n7,my swap failed,lin\n")
    console.ok("import", file, "--source", "old", "--map", "text=body,author_id=user,native_id=ticket")
    assert console.query("SELECT native_id, text FROM post") == [("7", "my swap failed")]
    assert console.query("SELECT native_id FROM account") == [("lin",)]


def test_a_mapped_column_counts_though_the_file_has_one_of_that_name(console: Console, tmp_path: Path) -> None:
    file = jsonl(tmp_path / "old.jsonl", {"body": "my swap failed", "text": "Ticket 7", "user": "lin"})
    console.ok("import", file, "--source", "old", "--map", "text=body,author_name=text,author_id=user")
    assert console.query("SELECT text FROM post") == [("my swap failed",)]
    assert console.query("SELECT native_id, name FROM account") == [("lin", "Ticket 7")]


def test_one_column_can_be_several_fields(console: Console, tmp_path: Path) -> None:
    file = tmp_path / "tickets.csv"
    file.write_text("ticket,text\n7,my swap failed\n")
    console.ok("import", file, "--source", "old", "--map", "native_id=ticket,thread_id=ticket,author_id=ticket")
    console.ok("import", jsonl(tmp_path / "more.jsonl", {"text": "hello?", "thread_id": "7"}), "--source", "old")
    assert console.query(
        "SELECT count(DISTINCT thread_id), max(native_id) FILTER (text = 'my swap failed') FROM post"
    ) == [(1, "7")]
    assert console.query("SELECT native_id FROM account") == [("7",)]


def test_a_line_of_json_may_leave_out_what_it_does_not_know(console: Console, tmp_path: Path) -> None:
    rows = [{"event": "opened"}, {"body": "my swap failed"}] + [{"body": f"hello {number}"} for number in range(PAGE)]
    file = jsonl(tmp_path / "old.jsonl", *rows, {"body": "still not there", "user": "lin"})
    told = console.result("import", file, "--source", "old", "--map", "text=body,author_id=user", code=3)
    assert (told["new"], told["rejected"]) == (PAGE + 2, 1)
    assert console.query("SELECT native_id FROM account") == [("lin",)]


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ("", "there are: ticket, body, user"),
        ("text=words", "words"),
        ("texts=body", "texts"),
        ("text", "write FIELD=COLUMN"),
        ("text=text,text=created_at", "named twice"),
    ],
)
def test_wrong_columns_are_named(console: Console, tmp_path: Path, mapping: str, told: str) -> None:
    file = tmp_path / "tickets.csv"
    file.write_text("ticket,body,user\n7,my swap failed,lin\n")
    refused = console.run("import", file, "--source", "old", "--map", mapping)
    assert refused.exit_code == 2
    assert told in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("name", ["", " "])
def test_an_import_needs_a_name(console: Console, tmp_path: Path, name: str) -> None:
    refused = console.run("import", jsonl(tmp_path / "old.jsonl", *ROWS), "--source", name)
    assert (refused.exit_code, "give the import a name" in refused.stderr) == (2, True)
    assert said(console) == []


def test_lines_that_cannot_be_read_are_kept_apart_with_their_row_and_counted(console: Console, tmp_path: Path) -> None:
    rows = [ROWS[0], b"{broken", {"text": 5}, ROWS[1], b"\xff\xfe\x00", {"text": "x", "created_at": "soon"}]
    result = console.result("import", jsonl(tmp_path / "old.jsonl", *rows), "--source", "old", code=3)
    assert (result["records"], result["new"], result["rejected"]) == (6, 2, 4)
    reasons = [reason for (reason,) in console.query("SELECT reason FROM rejected_record")]
    assert sorted(reason.split(":")[1] for reason in reasons) == ["2", "3", "5", "6"]
    again = console.result("import", tmp_path / "old.jsonl", "--source", "old")
    assert (again["new"], len(console.query("FROM rejected_record"))) == (0, 4)


def test_rows_that_cannot_be_read_are_named_with_the_reason(console: Console, tmp_path: Path) -> None:
    rows = [ROWS[0], b"{broken", {"text": 5}, {"text": "x", "created_at": "1 March"}, b"[" * 1100 + b"]" * 1100]
    one, two = jsonl(tmp_path / "one.jsonl", *rows), jsonl(tmp_path / "two.jsonl", ROWS[1], *[{"text": 5}] * 9)
    ended = console.run("import", one, two, "--source", "old")
    assert ended.exit_code == 3
    assert "\n".join([
        "one.jsonl, row 2: this line is no JSON object",
        "one.jsonl, row 3: `text` is missing or no text",
        "one.jsonl, row 4: created_at is no time: '1 March'",
        "one.jsonl, row 5: this line is no JSON object",
        "two.jsonl, row 2: `text` is missing or no text",
        "and 8 more",
    ]) in ended.stderr  # fmt: skip
    told = console.result("import", jsonl(tmp_path / "three.jsonl", {"words": 5}, ROWS[2]), "--source", "old", code=3)
    assert told["why"] == ["three.jsonl, row 1: `text` is missing or no text"]


@pytest.mark.parametrize("written", [b'[{"text": "hello"}]', b'\xef\xbb\xbf[\n  {\n    "text": "hello"\n  }\n]\n'])
def test_one_array_is_refused_with_the_remedy(console: Console, tmp_path: Path, written: bytes) -> None:
    file = tmp_path / "old.json"
    file.write_bytes(written)
    refused = console.run("import", file, "--source", "old")
    assert (refused.exit_code, "jq -c '.[]' old.json > old.jsonl" in refused.stderr) == (1, True)
    assert console.query("FROM rejected_record") == []


def test_an_import_of_which_nothing_could_be_read_has_failed(console: Console, tmp_path: Path) -> None:
    file = jsonl(tmp_path / "old.jsonl", b"{broken", {"text": 5})
    assert console.result("import", file, "--source", "old", code=1)["rejected"] == 2
    assert console.result("import", file, "--source", "old")["records"] == 0  # what is kept is not read again


def test_a_line_that_cannot_be_read_keeps_no_secret(console: Console, tmp_path: Path) -> None:
    phrase = "slab fog cruel pottery mixture ensure thought hotel rug coffee velvet olympic"
    file = jsonl(tmp_path / "old.jsonl", b'{"text": "my phrase is ' + phrase.encode() + b'"', ROWS[0])
    assert console.result("import", file, "--source", "old", code=3)["rejected"] == 1
    stored = b"".join(path.read_bytes() for path in console.data.rglob("*") if path.is_file())
    assert not [word for word in phrase.split() if word.encode() in stored and len(word) > 6]


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-01T08:00:00Z",
        "2026-03-01T16:00:00+08:00",
        "2026-03-01 08:00:00",
        1772352000,
        1772352000000,
        "1772352000",
        "1772352000.0",
        "20260301080000",
        "202603010800",
        202603010800,
        202603010800.0,
        "202603010800.0",
        20260301080000.0,
        "20260301080000.00",
        "2.02603010800e+11",
        "20260301T080000Z",
        "2026/03/01 08:00:00",
        "2026/3/1 8:00",
        "2026/3/1 16:00+08:00",
    ],
)
def test_times_are_understood_and_naive_ones_are_utc(console: Console, tmp_path: Path, written: str | int) -> None:
    console.ok("import", jsonl(tmp_path / "old.jsonl", {"text": "hello", "created_at": written}), "--source", "old")
    assert console.query("SELECT posted_at FROM post") == [(datetime(2026, 3, 1, 8, 0, tzinfo=UTC),)]


def test_a_day_alone_is_its_first_moment_and_what_is_no_day_is_refused(console: Console, tmp_path: Path) -> None:
    days = [{"text": f"hello {day}", "created_at": day} for day in ("20260301", 20260301, "2026/3/1", "2026-03-01")]
    wrong = [{"text": "x", "created_at": day} for day in ("20261301", "2026/13/1", "2026/3/1 25:00", "99999999999999")]
    told = console.result("import", jsonl(tmp_path / "old.jsonl", *days, *wrong), "--source", "old", code=3)
    assert (told["new"], told["rejected"]) == (4, 4)
    assert console.query("SELECT DISTINCT posted_at FROM post") == [(datetime(2026, 3, 1, tzinfo=UTC),)]


def test_a_number_that_is_no_time_of_ours_is_refused_not_1970(console: Console, tmp_path: Path) -> None:
    rows = [{"text": "hello", "created_at": number} for number in (0, "0", 2026, 46091.5, -1, "202613010800", 803)]
    told = console.result("import", jsonl(tmp_path / "old.jsonl", *rows), "--source", "old", code=1)
    assert told["rejected"] == len(rows)


@pytest.mark.parametrize("number", [202613010800.0, "20261301080000.0", 20260310140500.5, 5_000_000_000])
def test_a_number_that_became_a_float_is_no_time_of_1976_or_of_a_far_future(
    console: Console, tmp_path: Path, number: float
) -> None:
    file = jsonl(tmp_path / "old.jsonl", {"text": "hello", "created_at": number})
    assert console.result("import", file, "--source", "old", code=1)["rejected"] == 1


def test_what_is_absent_is_guessed_and_marked(console: Console, tmp_path: Path) -> None:
    before = datetime.now(UTC)
    console.ok("import", jsonl(tmp_path / "old.jsonl", {"text": "hello"}, {"text": "hello"}), "--source", "old")
    rows = console.query("SELECT posted_at, native_id, facts->'guessed', thread_id FROM post ORDER BY native_id")
    assert len({thread for *_, thread in rows}) == 2
    assert [native.rpartition(":")[2] for _, native, *_ in rows] == ["1", "2"]
    assert all(before <= at <= datetime.now(UTC) for at, *_ in rows)
    assert {guessed for *_, guessed, _ in rows} == {'["native_id","posted_at"]'}


def test_a_file_without_ids_is_known_again_under_another_name(console: Console, tmp_path: Path) -> None:
    console.ok("import", jsonl(tmp_path / "one.jsonl", {"text": "hello"}), "--source", "old")
    again = console.result("import", jsonl(tmp_path / "two.jsonl", {"text": "hello"}), "--source", "old")
    assert again["new"] == 0


def test_imported_posts_start_no_clock(console: Console, tmp_path: Path) -> None:
    console.ok("import", jsonl(tmp_path / "old.jsonl", {**ROWS[0], "created_at": "2026-03-01T08:00Z"}), "--source", "o")
    (row,) = console.feed()
    assert row["due_at"] is None
    assert "waiting" not in {term["rule"] for term in row["terms"]}


def test_an_empty_file_has_no_rows(console: Console, tmp_path: Path) -> None:
    (tmp_path / "old.jsonl").touch()
    (tmp_path / "old.csv").touch()
    assert console.result("import", tmp_path / "old.jsonl", tmp_path / "old.csv", "--source", "old")["records"] == 0


def test_a_directory_an_absent_file_and_an_unknown_kind_are_refused(console: Console, tmp_path: Path) -> None:
    (tmp_path / "old.xlsx").write_bytes(b"PK")
    for name, told in ((".", "directory"), ("none.jsonl", "does not exist"), ("old.xlsx", "unknown kind of file")):
        refused = console.run("import", tmp_path / name, "--source", "old")
        assert refused.exit_code in (1, 2)
        assert told in refused.stderr


@pytest.mark.parametrize("name", ["-", "/dev/stdin", "/dev/null", "pipe.jsonl"])
def test_a_pipe_is_refused_with_what_to_do(console: Console, tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    path = tmp_path / name if name == "pipe.jsonl" else name
    refused = console.begin("import", path, "--source", "old")
    _, told = refused.communicate(b'{"text": "hello"}\n', timeout=30)
    assert (refused.returncode, b"write what comes from it to a file first" in told) == (2, True)


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("old.jsonl", 1, "0 new posts"),
        ("old.csv", 1, "old.csv"),
        ("old.parquet", 1, "no readable Parquet file"),
    ],
)
def test_binary_garbage_is_refused_or_kept_apart(
    console: Console, tmp_path: Path, name: str, code: int, told: str
) -> None:
    (tmp_path / name).write_bytes(random.Random(5).randbytes(200_000))
    result = console.run("import", tmp_path / name, "--source", "old")
    assert result.exit_code == code, result.output
    assert told in result.output
    assert console.query("FROM post") == []


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_a_row_that_is_too_long_is_kept_apart_without_its_text(console: Console, tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"old.{kind}"
    texts = ["my swap failed", "stuck " * 5_700_000, "提现没到账"]
    if kind == "jsonl":
        jsonl(file, *({"text": text} for text in texts))
    elif kind == "csv":
        file.write_text("\n".join(["text", *texts]) + "\n")
    else:
        pq.write_table(pa.table({"text": texts}), file)
    told = console.result("import", file, "--source", "old", code=3)
    assert (told["new"], told["rejected"]) == (2, 1)
    ((reason, body),) = console.query("SELECT reason, body FROM rejected_record")
    assert reason.endswith("is too long: more than 1,000,000 characters")
    assert len(body) < 300
    assert said(console) == ["my swap failed", "提现没到账"]


def test_long_rows_make_small_pages() -> None:
    rows = ["x" * 900_000] * 11 + ["x"] * (PAGE + 1)
    assert [len(page) for page in _paged(rows, len)] == [5, 5, PAGE, 2]


def test_a_polled_source_s_name_is_refused(console: Console, tmp_path: Path) -> None:
    console.config.write_text(
        f"data: {console.data}\nsources:\n  forum: {{connector: discourse, url: 'https://forum.example.org'}}\n"
    )
    refused = console.run("import", jsonl(tmp_path / "old.jsonl", *ROWS), "--source", "forum")
    assert refused.exit_code == 2
    assert "a name of its own" in refused.stderr


def test_an_import_that_was_killed_goes_on_and_has_every_row_once(console: Console, tmp_path: Path) -> None:
    file = jsonl(
        tmp_path / "old.jsonl",
        *({"text": f"swap {n} failed, and nobody answers", "author_id": f"u{n % 90}"} for n in range(20_000)),
    )
    assert file.stat().st_size > SMALL
    killed = console.begin("import", file, "--source", "old")
    assert killed.stderr is not None
    assert (
        killed.stderr.readline() == f"old.jsonl: {PAGE:,}\n".encode()
    )  # of the first page, on its way into the database
    workers = psutil.Process(killed.pid).children()
    killed.kill()
    killed.communicate()
    assert workers
    assert psutil.wait_procs(workers, timeout=20)[1] == []  # they end with it
    kept = len(console.query("FROM post"))
    assert kept < 20_000
    assert kept % PAGE == 0
    console.ok("import", file, "--source", "old")
    assert console.query("SELECT count(*), count(DISTINCT text), count(DISTINCT post_id) FROM post") == [(20_000,) * 3]


def test_values_of_a_wrong_kind_are_kept_apart_and_the_rest_is_stored(console: Console, tmp_path: Path) -> None:
    odd = [
        {"channel": ["a"]}, {"lang": {"x": 1}}, {"url": []}, {"native_id": [1]}, {"thread_id": {}}, {"author_id": [5]},
        {"created_at": 1e300}, {"created_at": [1]}, {"created_at": "0001-01-01T00:00:00+14:00"},
    ]  # fmt: skip
    fine = [{"channel": 7}, {"lang": 5}, {"likes": 1e30}, {"likes": -5}, {"followers": "many", "author_id": 5.5}]
    rows = [{"text": f"hello {number}", **more} for number, more in enumerate([*odd, *fine])]
    result = console.result("import", jsonl(tmp_path / "old.jsonl", *rows), "--source", "old", code=3)
    assert (result["rejected"], result["new"]) == (len(odd), len(fine))
    assert console.result("replay")["changed_posts"] == 0


def test_ids_that_became_floats_are_the_same_ids(console: Console, tmp_path: Path) -> None:
    nothing = float("nan")
    columns = {
        "text": ["my swap failed", "and again", "hello?", "anybody?"],
        "native_id": [13, 14, 15, 16],
        "reply_to": [None, 13.0, nothing, nothing],
        "author_id": [7.0, 7.0, nothing, nothing],
    }
    file = tmp_path / "old.parquet"
    pq.write_table(pa.table(columns), file)
    console.ok("import", file, "--source", "old")
    assert console.query("SELECT native_id FROM account") == [("7",)]
    ((asked, again),) = console.query(
        "SELECT max(post_id) FILTER (native_id = '13'), max(reply_to) FILTER (native_id = '14') FROM post"
    )
    assert asked == again
    assert console.query("SELECT count(*) FROM post WHERE reply_to IS NULL") == [(3,)]


def test_numbers_too_large_to_be_told_apart_are_no_ids(console: Console, tmp_path: Path) -> None:
    rows = [b'{"text": "hello %d", "native_id": 1234567890123456789012345678%d}' % (each, each) for each in (1, 2)]
    file = jsonl(tmp_path / "old.jsonl", *rows, {"text": "hello 3", "native_id": 2**64 - 1})
    told = console.result("import", file, "--source", "old", code=3)
    assert (told["new"], told["rejected"]) == (1, 2)
    ((reason,), _) = console.query("SELECT reason FROM rejected_record ORDER BY reason")
    assert reason.endswith("native_id is too large for a number; write it as text")


def test_texts_that_parquet_holds_as_bytes_are_texts(console: Console, tmp_path: Path) -> None:
    file = tmp_path / "old.parquet"
    pq.write_table(pa.table({"text": ["提现没到账".encode()], "author_id": [b"lin"]}), file)
    console.ok("import", file, "--source", "old")
    assert said(console) == ["提现没到账"]
    assert console.query("SELECT native_id FROM account") == [("lin",)]


def test_parquet_columns_that_json_does_not_know_are_text(console: Console, tmp_path: Path) -> None:
    phrase = "slab fog cruel pottery mixture ensure thought hotel rug coffee velvet olympic"
    columns = {
        "text": ["my swap failed"],
        "amount": [Decimal("12.50")],
        "raw": [f"my phrase is {phrase}".encode()],
        "day": [date(2026, 3, 1)],
        "tags": [["a", "b"]],
        "counts": pa.array([[(7, b"x"), (8, b"y")]], pa.map_(pa.int32(), pa.binary())),
        "place": [{"city": "Lisbon", "days": [date(2026, 3, 1)]}],
        "Day": ["Sunday"],
    }
    file = tmp_path / "day=2026-03-02" / "text=none" / "old.parquet"  # folders of a lake; the file says all itself
    file.parent.mkdir(parents=True)
    pq.write_table(pa.table(columns), file)
    console.ok("import", file, "--source", "old")
    ((body,),) = console.query("SELECT body FROM record")
    record = orjson.loads(body)
    assert (record["text"], record["counts"], record["Day"]) == ("my swap failed", "{7: b'x', 8: b'y'}", "Sunday")
    assert record["place"] == {"city": "Lisbon", "days": ["2026-03-01"]}
    assert (record["amount"], record["day"], record["tags"]) == ("12.50", "2026-03-01", ["a", "b"])
    assert "pottery" not in body


def test_a_large_file_is_read_by_other_processes_with_the_same_result(
    console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [f"u{number % 400}" for number in range(6000)]
    lines = [
        {
            "native_id": str(number),
            "text": f"提现 {number} 没到账，等了两天 {'很急 ' * 20}",
            "author_id": who,
            "thread_id": who,
            "created_at": 1_772_000_000 + 600 * number,
        }
        for number, who in enumerate(people)
    ]
    file = jsonl(tmp_path / "large.jsonl", *lines, b'{"text": ')
    assert file.stat().st_size > SMALL
    assert console.result("import", file, "--source", "old", code=3)["rejected"] == 1
    tables = ("post", "record", "inquiry", "account", "rejected_record")
    same = "SELECT COLUMNS(c -> c NOT IN ('seen_at', 'fetched_at')) FROM {} ORDER BY ALL"
    by_processes = [console.query(same.format(table)) for table in tables]
    monkeypatch.setattr(importing, "SMALL", 1 << 40)
    console.data.rename(tmp_path / "elsewhere")
    console.result("import", file, "--source", "old", code=3)
    assert [console.query(same.format(table)) for table in tables] == by_processes


def test_an_account_that_takes_its_old_name_again_has_that_name(console: Console, tmp_path: Path) -> None:
    names = ("Lin", "Lin (away)", "Lin")
    rows = [
        {"native_id": str(number), "text": f"swap {number} fails", "author_id": "u1", "author_name": name}
        for number, name in enumerate(names)
        for _ in range(PAGE)
    ]
    console.ok("import", jsonl(tmp_path / "old.jsonl", *rows), "--source", "old")
    assert console.query("SELECT name FROM account") == [("Lin",)]


def a_job() -> Job:
    return Job("old", "abcd", datetime(2026, 3, 1, tzinfo=UTC), clocks=Settings(sources={}).clocks)


def test_a_worker_that_is_killed_ends_the_import_with_what_to_do() -> None:
    workers = Workers(2)
    workers.take_up(a_job())
    (process,) = (one for one in psutil.Process().children() if one.pid == workers.pid)
    assert len(ask(workers.pipes[1], Rows([b'{"text": "hello"}']), 0).drafts) == 1
    (copy,) = process.children()
    copy.kill()
    with pytest.raises(ImportFileError, match="give the same command again"):
        ask(workers.pipes[1], Rows([b'{"text": "hello"}']), 0)
    assert len(ask(workers.pipes[0], Rows([b'{"text": "hello"}']), 0).drafts) == 1
    process.kill()
    with pytest.raises(ImportFileError, match="give the same command again"):
        ask(workers.pipes[0], Rows([b'{"text": "hello"}']), 0)
    workers.close()


def test_a_worker_whose_import_was_killed_ends_in_silence() -> None:
    ours, theirs = multiprocessing.Pipe()
    ours.send(a_job())
    ours.send((Rows([b'{"text": "hello"}']), 0))
    ours.close()
    worker_processes._read_pages(theirs, Job)


def test_workers_that_are_closed_end_at_once() -> None:
    workers = Workers(2)
    workers.take_up(a_job())
    for pipe in workers.pipes:
        ask(pipe, Rows([b'{"text": "hello"}']), 0)
    (first,) = (one for one in psutil.Process().children() if one.pid == workers.pid)
    (copy,) = first.children()
    workers.close()
    assert not first.is_running()
    assert not copy.is_running()


@pytest.mark.parametrize("dated", [True, False])
def test_history_of_which_nobody_told_the_time_is_no_incident_of_today(
    console: Console, tmp_path: Path, dated: bool
) -> None:
    began = time.time() - 1800
    rows = [
        {
            "native_id": str(number),
            "text": f"swap on Tron fails since this morning, error {number}",
            "author_id": f"u{number}",
        }
        | ({"created_at": began + 60 * number} if dated else {})
        for number in range(12)
    ]
    console.ok("import", jsonl(tmp_path / "old.jsonl", *rows), "--source", "old")
    assert console.query("SELECT count(*) FROM incident")[0][0] == (1 if dated else 0)
    # Nor do they become one where a former process is taken for one that left them ungrouped.
    console.ok("import", jsonl(tmp_path / "other.jsonl", {"text": "how do I export?"}), "--source", "other")
    assert console.query("SELECT count(*) FROM incident")[0][0] == (1 if dated else 0)
