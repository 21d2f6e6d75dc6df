"""What a colleague sees, in a real Chromium: the first visit, what arrives, and the list under the keys."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx
from playwright.async_api import Browser, Page, async_playwright

from benchmarks.desk_service import Intake, Served, served
from benchmarks.desk_store import copied, desk
from benchmarks.figures import Figure, percentile, print_figures
from tests.browser_setup import chromium

VISITS: Final = 5
ARRIVALS: Final = 30
BURST: Final = 100
KEYS: Final = 60
ROWS: Final = 2000
REACH: Final = {"wire": 80.0, "fcp": 500.0, "one": 1000.0, "burst": 1000.0, "key": 50.0}  # kB, ms
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")
# The frame after the one in which it happened has been painted.
_PAINTED: Final = "new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(Date.now()))))"
_ROW: Final = """async (said) => {
  const there = () => [...document.querySelectorAll("li.row")].some((row) => row.textContent.includes(said));
  await new Promise((done) => {
    const look = () => { if (there()) { watcher.disconnect(); done(); } };
    const watcher = new MutationObserver(look);
    watcher.observe(document.querySelector("main"), { childList: true, subtree: true });
    look();
  });
  return PAINTED;
}"""
_KEY: Final = """() => {
  window.pressed = new Promise((done) => addEventListener("keydown", (event) => requestAnimationFrame(
    () => setTimeout(() => done(performance.now() - event.timeStamp))), { capture: true, once: true }));
}"""


def measure(
    folder: Path | None = None,
    rows: int = ROWS,
    arrivals: int = ARRIVALS,
    keys: int = KEYS,
    burst: int = BURST,
    visits: int = VISITS,
) -> Iterator[Figure]:
    folder = folder or desk()
    with copied(folder) as copy:
        yield from asyncio.run(_painted(copy, folder.name, rows, arrivals, keys, burst, visits))


async def _painted(
    folder: Path, size: str, rows: int, arrivals: int, keys: int, burst: int, visits: int
) -> list[Figure]:
    names = [f"visitor{number}" for number in range(visits)]
    async with served(folder, "bench", "reader", *names) as service, started_browser() as browser:
        firsts = [await _first_visit(browser, service, name) for name in names]
        async with page_of(browser, service, "bench", "/?sort=newest") as page:
            intake = Intake(service)
            one = [await _arrival(page, intake, [f"where is order {number}?"]) for number in range(arrivals)]
            many = await _arrival(page, intake, [f"where is parcel {number}?" for number in range(burst)])
            await intake.close()
        async with page_of(browser, service, "reader", "/") as page:
            shown = await _paged(page, rows)
            pressed = [await press(page, "j" if number % 3 else "k") for number in range(keys)]
    beside = {"desk": size}
    kilobytes, fcp = [wire / 1000 for wire, _ in firsts], [ms for _, ms in firsts]
    return [
        Figure("painting", "first visit on the wire", round(max(kilobytes), 1), "kB", REACH["wire"], beside),
        Figure("painting", "first visit, first paint of content: median", round(median(fcp)), "ms", REACH["fcp"],
               beside | {"visits": visits, "most": round(max(fcp))}),
        Figure("painting", "insert to painted: p95", round(percentile(one, 95)), "ms", REACH["one"],
               beside | {"p50": round(median(one)), "arrivals": arrivals}),
        Figure("painting", f"{burst} at once, the last one painted", round(many), "ms", REACH["burst"], beside),
        Figure("painting", f"key to paint with {shown} rows: p95", round(percentile(pressed, 95), 1), "ms",
               REACH["key"], beside | {"p50": round(median(pressed), 1), "keys": keys}),
    ]  # fmt: skip


@asynccontextmanager
async def started_browser() -> AsyncIterator[Browser]:
    async with (
        async_playwright() as playwright,
        await playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS)) as browser,
    ):
        yield browser


async def _first_visit(browser: Browser, service: Served, name: str) -> tuple[float, float]:
    """Bytes on the wire and ms until the first content is painted, with nothing in the browser's cache."""
    context = await browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 844})
    async with service.visitor(name) as client:
        await context.add_cookies(_cookies(service, client))  # signed in, and nothing was shown
    page = await context.new_page()
    session = await context.new_cdp_session(page)
    received: list[float] = []
    await session.send("Network.enable")
    session.on("Network.loadingFinished", lambda told: received.append(told["encodedDataLength"]))
    await page.goto(f"{service.url}/")
    await _ready(page)
    (painted,) = await page.evaluate(
        "performance.getEntriesByName('first-contentful-paint').map((one) => one.startTime)"
    )
    await context.close()
    return sum(received), float(painted)


def _cookies(service: Served, client: httpx.AsyncClient) -> list[Any]:
    return [{"name": cookie, "value": value, "url": service.url} for cookie, value in client.cookies.items()]


@asynccontextmanager
async def page_of(browser: Browser, service: Served, name: str, path: str) -> AsyncIterator[Page]:
    context = await browser.new_context(locale="en", viewport={"width": 1280, "height": 844})
    async with service.visitor(name) as client:
        await context.add_cookies(_cookies(service, client))
        page = await context.new_page()
        await page.goto(service.url + path)
        await _ready(page)
        yield page
    await context.close()


async def _ready(page: Page) -> None:
    await page.wait_for_selector("html[data-ready='1'][data-live='1']", state="attached", timeout=60_000)


async def _arrival(page: Page, intake: Intake, texts: list[str]) -> float:
    """Milliseconds from the app's call until the last of these is painted."""
    watching = asyncio.create_task(page.evaluate(_ROW.replace("PAINTED", _PAINTED), texts[-1]))
    await asyncio.sleep(0.1)
    began = time.time() * 1000
    await intake.says(*texts)
    return float(await watching) - began


async def _paged(page: Page, rows: int) -> int:
    """Scroll until so many rows are there, or no more come."""
    count = "document.querySelectorAll('li.row').length"
    more = f"!!document.querySelector('li.older') && {count} < {rows}"
    async with asyncio.timeout(120):
        while await page.evaluate(more):
            await page.evaluate("scrollTo(0, document.body.scrollHeight)")
    return int(await page.evaluate(count))


async def press(page: Page, key: str) -> float:
    await page.evaluate(_KEY)
    await page.keyboard.press(key)
    return float(await page.evaluate("window.pressed"))


if __name__ == "__main__":
    print_figures(measure())
