"""The notebooks run from top to bottom on an export of the demo's day, and draw plots in which Chinese can be read."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from aggregator.analysts.export import Export
from aggregator.analysts.plotting import HAN_FONTS, NOTHING_YET
from aggregator.store.database import Database
from tests.console import Console
from tests.demo_day import DemoDay
from tests.demo_day import demo_database as demo_database
from tests.demo_day import demo_day as demo_day
from tests.test_import import ROWS, jsonl

pytestmark = pytest.mark.xdist_group("analysts")

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))

# All in one process: importing matplotlib takes longer than running them. Warnings are errors: a sign that the font
# lacks is one.
_RUN = """
import json, sys, warnings
import matplotlib
matplotlib.use("Agg")
from matplotlib import pyplot as plt
warnings.simplefilter("error")
from aggregator.analysts.plotting import use_style
if use_style() is None:  # a machine without any: then signs are missing, and it is said
    warnings.filterwarnings("ignore", "Glyph")
told = {}
for path in sys.argv[2:]:
    with open(path, encoding="utf-8") as file:
        cells = json.load(file)["cells"]
    scope = {}
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"{path}, cell {number}", "exec"), scope)
    name = path.rpartition("/")[2].partition(".")[0]
    for figure in plt.get_fignums():
        plt.figure(figure).savefig(f"{sys.argv[1]}/{name}-{figure}.png")
    told[name] = {
        "plots": len(plt.get_fignums()),
        "titles": [plt.figure(figure).get_suptitle() for figure in plt.get_fignums()],
        "signs": sum("\\u4e00" <= sign <= "\\u9fff" for figure in plt.get_fignums()
            for text in plt.figure(figure).findobj(matplotlib.text.Text) for sign in text.get_text()),
    }
    plt.close("all")
    scope["con"].close()
print(json.dumps(told), file=sys.stderr)
"""


def document(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def ran(demo_day: DemoDay, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    done = run_on(demo_day.settings.data / "inquiries.duckdb", tmp_path_factory.mktemp("notebooks"), demo_day.now)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    return told


def run_on(database: Path, folder: Path, now: datetime) -> subprocess.CompletedProcess[str]:
    """Run all of them on an export of this database."""
    db = Database(database)
    Export(db, folder / "export", now).run(lambda *_: None)
    db.close()
    return subprocess.run(
        [sys.executable, "-c", _RUN, str(folder), *map(str, NOTEBOOKS)],
        env={**os.environ, "INQUIRIES_EXPORT": str(folder / "export"), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_every_notebook_runs_and_draws(ran: dict[str, Any]) -> None:
    assert list(ran) == [path.stem for path in NOTEBOOKS]
    assert [name for name, told in ran.items() if told["plots"] < 2 or told["signs"] < 10] == []


def test_titles_say_what_the_day_shows(ran: dict[str, Any]) -> None:
    titles = [title for told in ran.values() for title in told["titles"]]
    assert re.fullmatch(r"Telegram brings 4\d% of all inquiries", titles[0])
    assert re.match(r"INC-\d \(swap\): half of its \d\d reports ", titles[4])  # which began first hangs on the threads
    assert titles[6].startswith("4 times a colleague overruled the ranking")


def test_a_tag_a_word_that_was_taken_back_and_the_computed_band_overrule_nothing() -> None:
    cells = ["".join(cell["source"]) for cell in document(NOTEBOOKS[3])["cells"] if cell["cell_type"] == "code"]
    query = re.search(r'^OVERRULED = """(.*?)"""$', "\n".join(cells), re.DOTALL | re.MULTILINE)
    assert query is not None
    assert sum(cell.count('f"""{OVERRULED}') for cell in cells) == 2
    columns = "event_id UUID, inquiry_id INTEGER, what VARCHAR, kind VARCHAR, band VARCHAR, undone_event_id VARCHAR"
    taken_back = "00000000-0000-0000-0000-000000000004"
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE events ({columns})")
        con.executemany(
            "INSERT INTO events VALUES (coalesce(CAST($1 AS UUID), uuid()), $2, $3, $4, $5, $6)",
            [
                [None, 1, "label", "complaint", None, None],
                [None, 2, "label", None, None, None],
                [None, 3, "band", None, "P0", None],
                [taken_back, 4, "band", None, "P1", None],
                [None, 4, "undo", None, None, taken_back],
                [None, 5, "band", None, "computed", None],
            ],
        )
        found = con.execute(f"{query[1]} SELECT inquiry_id, what, said FROM overruled ORDER BY 1").fetchall()
    assert found == [(1, "label", "complaint"), (3, "band", "P0")]


@pytest.mark.parametrize(("rows", "nothing"), [([], 10), (ROWS, 6)], ids=["empty", "imports only"])
def test_where_there_is_nothing_yet_every_notebook_says_so(
    console: Console, tmp_path: Path, rows: list[dict[str, str]], nothing: int
) -> None:
    console.ok("import", jsonl(tmp_path / "old.jsonl", *rows), "--source", "old")
    done = run_on(console.data / "inquiries.duckdb", tmp_path, datetime.now(UTC))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines().count(NOTHING_YET) == nothing


def test_notebooks_are_committed_without_outputs_and_name_no_secret() -> None:
    assert [path.stem[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05"]
    cells = [cell for path in NOTEBOOKS for cell in document(path)["cells"] if cell["cell_type"] == "code"]
    assert [cell for cell in cells if cell["outputs"] or cell["execution_count"] is not None] == []
    assert "desk_" not in json.dumps(cells)


def test_without_a_chinese_font_a_clear_word_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from aggregator.analysts import plotting

    before = dict(plotting.mpl.rcParams)
    try:
        monkeypatch.setattr(plotting, "HAN_FONTS", ("No Such Font",))
        assert plotting.use_style() is None
        assert "fonts-noto-cjk" in capsys.readouterr().out
        monkeypatch.setattr(plotting, "HAN_FONTS", ("No Such Font", *HAN_FONTS))
        assert plotting.use_style() in HAN_FONTS
        assert capsys.readouterr().out == ""
    finally:
        plotting.mpl.rcParams.update(before)
