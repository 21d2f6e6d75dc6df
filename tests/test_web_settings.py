"""Own keys, the hours in force with their place in the file, and what other points would change."""

from __future__ import annotations

import html
import re
from pathlib import Path

import httpx
import pytest
import yaml

from aggregator.config import load, place_of
from aggregator.replay import replay
from aggregator.web.remapping import keys, refused, spelled
from aggregator.weighing import POINTS
from tests.conftest import Community, open_inquiries
from tests.test_web_acting import Hand
from tests.web_site import WebSite, csrf, open_site

POSTS = (
    ("fox", "my withdrawal has not arrived, 300 USDT"),
    ("owl", "how do I change the network fee?"),
    ("elk", "the app crashes at start since 5.2.0 on Android"),
    ("bee", "somebody asks me for my words"),
)


async def post(client: httpx.AsyncClient, path: str, **form: str) -> httpx.Response:
    return await client.post(path, data={"csrf": csrf((await client.get("/settings")).text), **form})


def test_the_table_of_keys_is_read_whole_and_its_own_keys_are_no_conflict() -> None:
    script = Path("aggregator/web/static/keys.js").read_text(encoding="utf-8")
    assert len(keys()) == script.count("{ name: ")
    assert {key.name for key in keys() if key.fixed} == {"back", "palette"}
    own = [one for key in keys() for one in key.keys]
    assert len(own) == len(set(own))
    assert refused({}) == []


@pytest.mark.parametrize(
    ("chosen", "why"),
    [
        ({"claim": "e"}, "taken"),
        ({"claim": "q", "close": "q"}, "taken"),
        ({"claim": "g"}, "prefix"),
        ({"claim": "Ctrl+c"}, "form"),
        ({"claim": "领"}, "form"),
        ({"back": "q"}, "fixed"),
        ({"no_such": "q"}, "fixed"),
    ],
)
def test_what_cannot_be_a_key_is_refused_with_the_reason(chosen: dict[str, str], why: str) -> None:
    assert why in {each.why for each in refused(chosen)}


@pytest.mark.parametrize("chosen", [{"claim": "e", "close": "c"}, {"claim": "e", "close": ""}, {"claim": "g x"}])
def test_keys_may_be_exchanged_and_given_up(chosen: dict[str, str]) -> None:
    assert refused(chosen) == []


def test_a_key_that_is_spelled_by_hand_is_read_as_scripts_name_it() -> None:
    assert [spelled(each) for each in ("C", "shift+C", " g  F ", "q", "")] == ["Shift+c", "Shift+c", "g f", "q", ""]


async def test_keys_are_kept_told_to_the_page_and_reset(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as client:
        taken = await post(client, "/settings/keys", **{"key-claim": "e"})
        kept = await post(client, "/settings/keys", **{"key-claim": "Q", "off-merge": "1", "key-close": "e"})
        chosen = site.work.desk.user("amy").keys
        feed = (await client.get("/")).text
        page = (await client.get("/settings/keys")).text
        others = site.work.desk.user("sam").keys
        await post(client, "/settings/keys", reset="1", **{"key-claim": "Q"})
        reset = site.work.desk.user("amy").keys
    assert taken.status_code == 409
    assert "e is taken by: close" in taken.text
    assert kept.status_code == 303
    assert (chosen, others) == ({"claim": "Shift+q", "merge": ""}, {})
    (told,) = re.findall(r'data-keys="([^"]*)"', feed)
    assert html.unescape(told) == '{"claim": "Shift+q", "merge": ""}'
    assert 'value="Shift+q"' in page
    assert reset == {}


async def test_a_sound_is_off_unless_wanted_and_the_navigation_leads_everywhere(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as client:
        before = (await client.get("/settings")).text
        await post(client, "/settings", lang="en", theme="dark", density="dense", shortcuts="1", sound="1")
        after = (await client.get("/settings")).text
        for path in ("/settings/keys", "/settings/hours", "/snippets", "/settings/tokens"):
            assert f'href="{path}"' in after
            assert (await client.get(path)).status_code == 200
        assert 'href="/settings/weights"' not in after
    assert 'data-sound=""' in before
    assert 'data-sound="1"' in after
    assert 'data-density="dense"' in after


async def test_hours_stand_there_with_the_file_and_line_they_come_from(
    community: Community, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "connectors.yaml"
    file.write_text(
        "sources: {}\n"
        "timezone: Europe/Berlin\n"
        "clocks:\n"
        "  default:\n"
        "    calendar: {hours: [09:00-12:00, 13:30-18:00], days_off: [2026-05-04]}\n"
        "  email:\n"
        "    first_answer: 3 working days\n",
        encoding="utf-8",
    )
    written = load(file)
    assert place_of(written, ("clocks", "email", "first_answer")) == "connectors.yaml:7"
    assert place_of(written, ("clocks", "email", "next_answer")) is None
    community.more |= {"clocks": yaml.safe_load(file.read_text("utf-8"))["clocks"], "timezone": written.timezone}
    async with open_site(community) as site, site.visitor("vic", lang="zh-CN") as client:
        monkeypatch.setattr(site.work.settings, "_file", written._file)
        monkeypatch.setattr(site.work.settings, "_places", written._places)
        page = (await client.get("/settings/hours")).text
    (mail,) = re.findall(r'<tr>\s*<th scope="row">邮件</th>.*?</tr>', page, re.DOTALL)
    assert "3 个工作日" in mail
    assert "周六、周日" in mail
    assert "<td>中国 " in mail
    assert "休息：2026-05-04" in page
    assert '<code class="place">connectors.yaml:7</code>' in mail
    assert "09:00–12:00, 13:30–18:00" in mail
    assert mail.count("connectors.yaml:5") == 2
    assert "2026-05-04" in mail
    assert "connectors.yaml:2" in page


async def preview(site: WebSite, name: str = "lee", **points: str) -> httpx.Response:
    async with site.visitor(name) as client:
        token = (await Hand.of(client)).headers["x-csrf"]
        form = {f"points-{rule}": worth for rule, worth in points.items()}
        return await client.post("/settings/weights", data={"csrf": token, **form})


def facts(site: WebSite) -> list[object]:
    tables = ("inquiry", "post", "inquiry_event", "account_event")
    return [site.work.db.query(f"FROM {table} ORDER BY ALL") for table in tables]


async def test_other_points_are_shown_with_what_would_change_and_nothing_is_written(community: Community) -> None:
    community.more |= {"points": {"public": 6.0}}
    async with open_site(community) as site:
        site.work.desk.add_user("lee", "lead")
        await site.says(*POSTS)
        before = facts(site)
        fox = next(row for row in open_inquiries(site.work) if "withdrawal" in row["excerpt"])
        answer = await preview(site, funds_missing=str(POINTS["funds_missing"] + 40), public="6", noise="-30")
        page = html.unescape(answer.text)
        assert facts(site) == before
    assert answer.status_code == 200
    assert "1 of 4 open inquiries would have another score." in page
    assert f"#{fox['code']}" in page
    assert "funds missing or stuck" in page
    assert re.search(r"P[12] → P0: 1", page)
    assert '<th class="number">now</th><th class="number">with these</th>' in page
    (block,) = re.findall(r'<textarea id="yaml"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    assert yaml.safe_load(block) == {"points": {"funds_missing": POINTS["funds_missing"] + 40, "public": 6}}


async def test_the_preview_is_what_a_replay_with_these_points_would_come_to(community: Community) -> None:
    async with open_site(community) as site:
        site.work.desk.add_user("lee", "lead")
        await site.says(*POSTS)
        page = html.unescape((await preview(site, public="-20", reach="0")).text)
    promised = dict(
        re.findall(r'>#(\w{7})</a>.*?<td class="number">\d+ P\d</td><td class="number">(\d+) P\d', page, re.DOTALL)
    )
    assert len(promised) == 4
    community.more |= {"points": {"public": -20.0}}
    async with open_site(community) as site:
        await replay(site.work.ingest, site.work.origins)
        now = {row["code"]: str(int(max(0, row["priority"] // 1))) for row in open_inquiries(site.work)}
    assert {code: now[code] for code in promised} == promised


@pytest.mark.parametrize("worth", ["nan", "inf", "201", "many", "1e400"])
async def test_points_that_are_no_sensible_numbers_are_refused(community: Community, worth: str) -> None:
    async with open_site(community) as site:
        site.work.desk.add_user("lee", "lead")
        assert (await preview(site, public=worth)).status_code == 400


async def test_only_leads_look_at_points(community: Community) -> None:
    async with open_site(community) as site:
        for name in ("amy", "vic"):
            assert (await preview(site, name, public="1")).status_code == 403
