"""Every screen in both languages, both themes and two widths: kept as pictures, and free of violations."""

from __future__ import annotations

from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from tests.browser.conftest import ARTIFACTS, Desk
from tests.busy_morning import busy_morning

pytestmark = pytest.mark.browser

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SCREENS = {
    "feed": "/",
    "connectors": "/connectors",
    "dashboard": "/dashboard",
    "settings": "/settings",
    "incidents": "/incidents",
    "incident": "/incidents/INC-1",
    "answer-all": "/incidents/INC-1/answer",
    "handover": "/handover",
    "told": "/told",
    "empty": "/?q=nothingofthekind",
}
ADMINS = {"team": "/settings/team", "tokens": "/settings/tokens"}


@pytest.mark.parametrize(
    ("lang", "scheme", "width"),
    [("zh-CN", "light", 1280), ("en", "dark", 390), ("en", "light", 1280), ("zh-CN", "dark", 390)],
)
async def test_screens_have_no_violation_and_do_not_scroll_sideways(
    desk: Desk, lang: str, scheme: Literal["light", "dark"], width: int
) -> None:
    await busy_morning(desk.site)
    found = {}
    async with desk.page(lang=lang, scheme=scheme, width=width) as page:
        first = await page.locator("a.open").first.get_attribute("href")
        assert first
        out = "/out?u=https%3A%2F%2Fairdrop-harbor.example.top%2Fclaim"
        for name, path in {**SCREENS, "inquiry": first, "out": out}.items():
            await desk.go(page, path)
            found[name] = await _looked_at(page, f"{name}-{lang}-{scheme}-{width}")
    desk.site.work.desk.add_user("ada", "admin")
    async with desk.page("ada", lang=lang, scheme=scheme, width=width) as page:
        for name, path in ADMINS.items():
            await desk.go(page, path)
            found[name] = await _looked_at(page, f"{name}-{lang}-{scheme}-{width}")
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


async def _looked_at(page: Page, name: str) -> list[str]:
    """What is wrong with the page; a picture of it is kept."""
    ARTIFACTS.mkdir(exist_ok=True)
    await page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=False)
    wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    result = await Axe().run(page, options={"runOnly": TAGS})
    wrong = [f"{one['id']}: {one['nodes'][0]['html'][:150]}" for one in result.response["violations"]]
    return [*wrong, *([f"{wider} px too wide"] if wider > 0 else [])]
