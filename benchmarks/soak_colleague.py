"""One of the colleagues of a soak, who does over HTTP what a person does at the desk."""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any, Final

import httpx

if TYPE_CHECKING:
    from benchmarks.soak_people import Watch

THINKS: Final = 2.0  # seconds, on average, between two things
ROW: Final = re.compile(r'data-id="([0-9a-f-]{36})" data-ver="(\d+)"')
_CSRF: Final = re.compile(r'data-csrf="([^"]+)"')
_FIELD: Final = re.compile(r'<input type="hidden" name="(ver|seen|draft)" value="([^"]*)"')
_TAKES_ANSWERS: Final = 'data-reply="send"'
WORDS: Final = ("transfer", "refund", "error", "到账", "手续费", "闪退")
NOTES: Final = ("Looked into it: asked the node team.", "同一个问题，前面有人报过。", "Waiting for the transaction id.")
ANSWERS: Final = (
    "Thank you, we are looking into it and will write here as soon as we know more ({n}).",
    "已经收到，我们正在查，有消息马上在这里告诉您（{n}）。",
    "It has arrived by now: please pull the list down once to load it again ({n}).",
)
EXPECTED: Final = frozenset({200, 202, 409, 422})
"""Done; taken; somebody was quicker; something speaks against an answer, which a colleague reads and lets be."""


class _FailedError(Exception):
    """It was counted."""


@dataclass
class Colleague:
    client: httpx.AsyncClient
    watch: Watch
    rng: random.Random
    _csrf: str = ""

    async def works(self, ending: asyncio.Event) -> None:
        """One inquiry after the other, until the end is near."""
        while not ending.is_set():
            try:
                await self._looks_after_one(ending)
            except _FailedError:
                await self._thinks(ending)

    async def _looks_after_one(self, ending: asyncio.Event) -> None:
        what = self.rng.choices(("one", "many", "search"), (6, 4, 1))[0]
        if what == "search":
            await self._get("search", f"/?q={self.rng.choice(WORDS)}")
            await self._thinks(ending)
            return
        rows = ROW.findall(await self._get("list", "/?owner=none" + ("&sort=oldest" if what == "many" else "")))
        await self._thinks(ending)
        if not rows:
            return
        if what == "many":
            await self._resolves_many(rows)
        else:
            await self._resolves_one(self.rng.choice(rows), ending)
        await self._thinks(ending)

    async def _resolves_many(self, rows: list[tuple[str, str]]) -> None:
        """What stands together at the end of the list is closed together, as after an incident."""
        items = [{"id": inquiry, "ver": int(ver)} for inquiry, ver in rows[:50]]
        told = await self._post("resolve many", "/bulk", json={"what": "close", "items": items})
        self.watch.happened["resolved"] += told.get("done", 0)

    async def _resolves_one(self, row: tuple[str, str], ending: asyncio.Event) -> None:
        inquiry, ver = row
        await self._get("inquiry", f"/inquiry/{inquiry}")
        await self._thinks(ending)
        told = await self._post("claim", f"/inquiry/{inquiry}/claim", data={"ver": ver})
        if "undo" not in told:
            return  # somebody was quicker, or the customer wrote again
        self.watch.claimed += [inquiry] if told["undo"] else []
        self.watch.happened["claimed"] += 1
        await self._thinks(ending)
        if self.rng.random() < 0.4:
            text = self.rng.choice(NOTES)
            await self._post("comment", f"/inquiry/{inquiry}/note", data={"text": text, "ver": ver})
            self.watch.happened["commented"] += 1
        if self.rng.random() < 0.5:
            await self._replies(inquiry)
        await self._thinks(ending)
        told = await self._post("resolve", f"/inquiry/{inquiry}/close", data={"ver": str(_version(told) or ver)})
        self.watch.happened["resolved"] += "undo" in told

    async def _replies(self, inquiry: str) -> None:
        page = await self._get("inquiry", f"/inquiry/{inquiry}")
        if _TAKES_ANSWERS not in page:
            return
        fields = {name: unescape(value) for name, value in _FIELD.findall(page[page.index('id="composer"') :])}
        number = f"{self.rng.getrandbits(24):06x}"
        text = self.rng.choice(ANSWERS).format(n=number)
        told = await self._post("reply", f"/inquiry/{inquiry}/reply", data=fields | {"text": text})
        if warned := [one["key"] for one in told.get("objections", ()) if one.get("level") == "warn"]:
            # Read, and sent all the same.
            confirmed = fields | {"text": text, "confirmed": "\n".join(warned)}
            told = await self._post("reply", f"/inquiry/{inquiry}/reply", data=confirmed)
        self.watch.happened["replied" if "outbox" in told else "reply held up"] += 1

    async def _thinks(self, ending: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(self.rng.expovariate(1 / THINKS)):
                await ending.wait()
        except TimeoutError:
            return

    async def _get(self, what: str, path: str) -> str:
        answer = await self._asks(what, "GET", path, headers={"accept": "text/html"})
        if found := _CSRF.search(answer.text):
            self._csrf = found[1]
        return answer.text

    async def _post(self, what: str, path: str, **body: Any) -> dict[str, Any]:
        headers = {"accept": "application/json", "x-csrf": self._csrf}
        answer = await self._asks(what, "POST", path, headers=headers, **body)
        told: dict[str, Any] = answer.json()
        return told

    async def _asks(self, what: str, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            with self.watch.timing(what):
                answer = await self.client.request(method, path, **more)
        except httpx.HTTPError as error:
            self.watch.errors[f"{what}: {type(error).__name__}"] += 1
            raise _FailedError from error
        if answer.status_code not in EXPECTED:
            self.watch.errors[f"{what}: {answer.status_code}"] += 1
            raise _FailedError
        if answer.status_code == 409:
            self.watch.happened[f"{what}: somebody was quicker"] += 1
        return answer


def _version(told: dict[str, Any]) -> int:
    """Of an inquiry, after something was done to it."""
    return int(told.get("facts", {}).get("ver", 0))
