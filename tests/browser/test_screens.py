"""Every page, and what opens on it, in both languages, both themes and two widths: kept as pictures, and free of
violations (t12, t17). Two of the eight combinations at each run, all of them by `make axe`."""

from __future__ import annotations

import os
from itertools import product
from typing import Literal

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page
from starlette.routing import Route

from aggregator.web.app import _routes
from tests.browser.conftest import ARTIFACTS, Desk, ready, until
from tests.busy_morning import busy_morning

pytestmark = pytest.mark.browser

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ALL = list(product(("zh-CN", "en"), ("light", "dark"), (1280, 390)))
COMBINATIONS = ALL if os.environ.get("AXE") == "all" else [("zh-CN", "dark", 390), ("en", "light", 1280)]
APART = {"/", "/events", "/enter", "/signin"}
MORE = {
    "incident": "/incidents/INC-1",
    "nothing": "/?q=nothingofthekind",
    "narrowed": "/?channel=telegram,forum&lang=zh,en&state=all",
    "out": "/out?u=https%3A%2F%2Fairdrop-harbor.example.top%2Fclaim",
    "explained": "/why?q=",
    "missing": "/nothing/of/the/kind",
    "answer-all": "/incidents/INC-1/answer",
}
OVER_THE_FEED = {"keys": "?", "palette": "Control+k", "filters": "f", "selection": "Shift+x"}
OVER_AN_INQUIRY = {"closing": "e", "assigning": "a", "banding": "p"}
OPEN = """[...document.querySelectorAll("dialog[open] button, #palette[open] li, .bulk button")]
  .some((one) => one.checkVisibility())"""
# What a finger must find: 44 px high, but for links within a sentence, and parts of plots.
SMALL = """() => {
  const all = document.querySelectorAll(":is(main, dialog[open]) :is(a, button, select, summary, input), nav.foot a");
  return [...all].filter((one) => {
    const target = (one.matches("[type=checkbox], [type=radio]") && one.closest("label")) || one;
    const box = target.getBoundingClientRect();
    const inline = getComputedStyle(one).display === "inline";
    const apart = one.matches("a.open") || one.closest(".plot, .text, .heat, dialog:not([open])");
    return one.checkVisibility({ opacityProperty: true }) && box.width > 1 && !inline && !apart && box.height < 43.5;
  }).map((one) => `${one.tagName} ${one.className} ${one.name ?? ""} ${one.textContent.trim().slice(0, 30)}`);
}"""


@pytest.mark.parametrize(("lang", "scheme", "width"), COMBINATIONS)
async def test_no_page_has_a_violation_or_scrolls_sideways_and_a_finger_finds_what_it_looks_for(
    desk: Desk, lang: str, scheme: Literal["light", "dark"], width: int
) -> None:
    desk.trouble.expected = ("Failed to load resource: the server responded with a status of 404",)
    site = desk.site
    site.work.desk.add_user("ada", "admin")
    found: dict[str, list[str]] = {}
    how = {"lang": lang, "scheme": scheme, "width": width, "has_touch": width < 700}

    async def look(page: Page, name: str, path: str) -> None:
        await page.goto(site.url + path)
        await ready(page)
        found[name] = await _looked_at(page, f"{name}-{lang}-{scheme}-{width}", touch=width < 700)

    async with desk.page("ada", **how) as page:
        await look(page, "first-use", "/")
        await busy_morning(site)
        for path in await _pages(site.url, page):
            await look(page, path.strip("/").replace("/", "-") or "feed", path)
        code = await page.evaluate("fetch('/').then((a) => a.text()).then((t) => /data-code=.(\\w+)/.exec(t)[1])")
        for name, path in MORE.items():
            await look(page, name, path + code if path.endswith("=") else path)
        for before, overlays in (("/", OVER_THE_FEED), (f"/inquiry/{await _worst(page)}", OVER_AN_INQUIRY)):
            await look(page, "feed" if before == "/" else "inquiry", before)
            for name, key in overlays.items():
                await page.keyboard.press(key)
                await until(page, OPEN)
                found[name] = await _looked_at(page, f"{name}-{lang}-{scheme}-{width}", touch=width < 700)
                await page.keyboard.press("Escape")
                await until(page, "!document.querySelector('dialog[open]')")
        await page.context.clear_cookies()
        await page.goto(site.url + "/signin")
        found["signin"] = await _looked_at(page, f"signin-{lang}-{scheme}-{width}", touch=width < 700)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


async def _worst(page: Page) -> str:
    return str(await page.evaluate("fetch('/').then((a) => a.text()).then((t) => /data-id=.([\\w-]+)/.exec(t)[1])"))


async def _pages(url: str, page: Page) -> list[str]:
    """Every address of the application that is a whole page, so that none is forgotten."""
    cookies = {one["name"]: one["value"] for one in await page.context.cookies()}
    paths = [one.path for one in _routes() if isinstance(one, Route) and "GET" in (one.methods or ())]
    found = []
    async with httpx.AsyncClient(base_url=url, cookies=cookies, trust_env=False) as client:
        for path in paths:
            if "{" in path or path in APART:
                continue
            answer = await client.get(path)
            if answer.status_code == 200 and "<!doctype html>" in answer.text[:200]:
                found.append(path)
    assert {"/incidents", "/settings", "/settings/team", "/start"} <= set(found)
    return found


async def _looked_at(page: Page, name: str, *, touch: bool) -> list[str]:
    """What is wrong with the page; a picture of it is kept."""
    ARTIFACTS.mkdir(exist_ok=True)
    await page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=False)
    wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    small = await page.evaluate(SMALL) if touch else []
    result = await Axe().run(page, options={"runOnly": TAGS, "resultTypes": ["violations"]})
    wrong = [f"{one['id']}: {one['nodes'][0]['html'][:150]}" for one in result.response["violations"]]
    return [*wrong, *([f"{wider} px too wide"] if wider > 0 else []), *[f"too small to touch: {one}" for one in small]]
