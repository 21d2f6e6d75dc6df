"""Render the pictures of the READMEs anew: `make screenshots`. They show the simulated day, and a colleague at work."""

from __future__ import annotations

import asyncio
import base64
import re
import struct
import sys
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from playwright.async_api import Page, async_playwright

from tests.browser.conftest import FLAGS, ready
from tests.browser_setup import chromium

IMAGES = Path(__file__).parents[1] / "docs" / "images"
LANGS = {"zh": "zh-CN", "en": "en"}
SIZE = {"width": 1280, "height": 860}
LINK = re.compile(r"(http://\S+)/enter\?token=\S+")
ASKED = {"zh": "没到账", "en": "640 USDC"}  # what the simulated people say of whom the picture shows an inquiry
ANSWERS = {
    "zh": "您好，这笔充值我们已经在查，资金没有丢。请把订单截图发到这里；助记词不要告诉任何人，客服也不会问。",
    "en": "Your USDC are not lost: swaps on Polygon fail in 4.8.2 (E-1207), and we are repairing it. We have your"
    " transaction ID, and write here as soon as it is done. Give your recovery words to nobody.",
}
PIXELS = """async (source) => {
  const image = new Image();
  image.src = `data:image/png;base64,${source}`;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  const bytes = canvas.getImageData(0, 0, image.width, image.height).data;
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
}"""


async def main() -> None:
    async with _demo() as link, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        blank = await browser.new_page()
        context = await browser.new_context(viewport=SIZE, color_scheme="light")
        page = await context.new_page()
        await page.goto(link)
        await page.wait_for_url(lambda url: "/enter" not in url)
        await ready(page)
        await _works(page)
        base = link.partition("/enter")[0]
        worried = {short: await _worried(page, base, short) for short in LANGS}
        for short, lang in LANGS.items():
            await context.request.post(f"{base}/language", form={"lang": lang, "csrf": await _csrf(page)})
            for name, path in _paths(worried[short]).items():
                await page.set_viewport_size(SIZE | ({"height": 1080} if name == "inquiry" else {}))
                await page.goto(base + path)
                await ready(page)
                await _sets_up(page, name, short)
                await _keep(blank, await page.screenshot(), IMAGES / f"{name}-{short}.png")
        await browser.close()


def _paths(inquiry: str) -> dict[str, str]:
    return {"feed": "/", "inquiry": inquiry, "incident": "/incidents/INC-1", "dashboard": "/dashboard?range=today"}


@asynccontextmanager
async def _demo() -> AsyncIterator[str]:
    """The simulated day at its noon: the link that signs in."""
    command = (sys.executable, "-m", "aggregator", "demo", "--port", "0", "--speed", "1")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout
    link = ""
    while not link:
        said = (await process.stdout.readline()).decode()
        assert said, "the demo ended"
        link = found[0] if (found := LINK.search(said)) else ""
    try:
        yield link
    finally:
        process.terminate()
        await process.wait()


async def _csrf(page: Page) -> str:
    return str(await page.evaluate("document.documentElement.dataset.csrf"))


async def _works(page: Page) -> None:
    """A little of a day's work, so that the pictures show it."""
    for keys in (("j", "j", "c"), ("j", "j", "c"), ("j", "w"), ("Escape",)):
        for key in keys:
            await page.keyboard.press(key)
            await page.wait_for_timeout(400)


async def _worried(page: Page, base: str, short: str) -> str:
    """The path of an inquiry in this language whose customer misses money."""
    await page.goto(f"{base}/?q={ASKED[short]}")
    await ready(page)
    return str(await page.locator("li.row a.open").first.get_attribute("href"))


async def _sets_up(page: Page, name: str, short: str) -> None:
    if name == "feed":
        await page.keyboard.press("j")
        await page.wait_for_selector("#preview article")
    elif name == "inquiry":
        await page.keyboard.press("r")
        await page.keyboard.type(ANSWERS[short])
        await page.wait_for_selector("#draft-state:not(:empty)")
        await page.evaluate("scrollTo(0, 0)")
    await page.wait_for_timeout(600)


async def _keep(blank: Page, picture: bytes, file: Path) -> None:
    """Write it with a palette of 256 colours: a screen has few, and this takes a third of the room."""
    data = base64.b64decode(await blank.evaluate(PIXELS, base64.b64encode(picture).decode()))
    width, height = struct.unpack(">II", picture[16:24])
    colours = np.frombuffer(data, np.uint8).reshape(-1, 4)[:, :3].astype(np.int32)
    coarse = (colours >> 2) @ np.array([1 << 12, 1 << 6, 1])
    _, place, many = np.unique(coarse, return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(place, colours[:, one]) / many for one in range(3)], 1)
    palette = means[np.argsort(-many)[:256]]
    nearest = np.array([np.argmin(((palette - one) ** 2).sum(1)) for one in means], np.uint8)
    rows = nearest[place].reshape(height, width)
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", np.rint(palette).astype(np.uint8).tobytes()),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    ]
    body = b"".join(
        struct.pack(">I", len(part)) + name + part + struct.pack(">I", zlib.crc32(name + part)) for name, part in parts
    )
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    assert len(body) < 200_000, file


if __name__ == "__main__":
    asyncio.run(main())
