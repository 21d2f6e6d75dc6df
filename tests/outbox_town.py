"""Six platforms that take answers, each behind a gate, and a service of its own process that is killed before them."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any, Literal

import httpx
import yaml
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aggregator.config import load
from aggregator.demo.chat import AppBackend
from aggregator.demo.chat.chatwoot import ChatwootSimulator
from aggregator.demo.chat.intercom import IntercomSimulator
from aggregator.demo.chat.takes import AppAnswers
from aggregator.demo.forum import ForumSimulator
from aggregator.demo.mail import MailSimulator
from aggregator.demo.telegram import TelegramSimulator
from aggregator.demo.visitor import sign_in
from aggregator.listener import serve
from aggregator.outbox.row import Row, of_inquiry
from aggregator.workplace import Workplace
from tests.conftest import poll
from tests.web_site import csrf

ROOT = Path(__file__).parents[1]
SOURCES = ("forum", "telegram", "mail", "app", "chatwoot", "intercom")
PEOPLE = ("lin", "fox", "mei")
HOLD = 0.3  # seconds
ANSWER = re.compile(r"/posts\.json|/sendMessage|/answers|/messages|/reply")
Place = Literal["open", "before", "after"]


class Gate:
    """Stands before a platform, and lets answers through, or not, or no receipt back. `reached`: one waits there."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.shut: Place = "open"
        self.reached = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answers = scope["type"] == "http" and scope["method"] == "POST" and ANSWER.search(scope["path"])
        if self.shut == "open" or not answers:
            await self._app(scope, receive, send)
            return
        if self.shut == "after":
            await self._app(scope, receive, _nowhere)
        self.reached.set()
        while (await receive())["type"] != "http.disconnect":
            pass


async def _nowhere(_: Message) -> None:
    pass


@dataclass
class Town:
    """All platforms, served, and the files of a desk that listens to them."""

    folder: Path
    forum: ForumSimulator = field(default_factory=ForumSimulator)
    telegram: TelegramSimulator = field(default_factory=TelegramSimulator)
    mail: MailSimulator = field(default_factory=MailSimulator)
    app: AppAnswers = field(default_factory=lambda: AppAnswers(AppBackend()))
    chatwoot: ChatwootSimulator = field(default_factory=ChatwootSimulator)
    intercom: IntercomSimulator = field(default_factory=IntercomSimulator)
    gates: dict[str, Gate] = field(default_factory=dict)
    inquiries: dict[tuple[str, str], str] = field(default_factory=dict)  # by source and person

    def __post_init__(self) -> None:
        self.forum.user("helper")

    @property
    def config(self) -> Path:
        return self.folder / "connectors.yaml"

    @property
    def log(self) -> Path:
        return self.folder / "service.log"

    def shut(self, where: Place) -> None:
        """From now on answers wait in vain: before they are taken, or after."""
        for gate in self.gates.values():
            gate.shut = where
            gate.reached.clear()
        way_out = self.mail.submission
        way_out.hangs = where == "before"
        way_out.loses.clear()
        way_out.loses.extend(["timeout"] * (where == "after"))
        way_out.waiting.clear()

    async def all_wait(self) -> None:
        """Until an answer waits before each platform."""
        async with asyncio.timeout(120):
            for gate in self.gates.values():
                await gate.reached.wait()
            await self.mail.submission.waiting.wait()

    def said(self) -> dict[str, list[str]]:
        """What each platform has of ours, in order."""
        intercom = [part for place in self.intercom.conversations.values() for part in place.parts]
        return {
            "forum": [post.text for post in self.forum._posts.values() if post.user.username == "helper"],
            "telegram": [message["text"] for message in self.telegram.sent],
            "mail": [_words(raw) for raw in self.mail.submission.sent],
            "app": [each["text"] for each in self.app.backend.pending if each["direction"] == "out"],
            "chatwoot": [each.text or "" for each in self.chatwoot.messages.values() if each.kind == "outgoing"],
            "intercom": [part.text for part in sorted(intercom, key=lambda part: part.id)],
        }

    # The desk, in this process

    async def asks(self) -> None:
        """Three people ask on each platform, and the desk has read it; amy works there."""
        for person in PEOPLE:
            self.forum.says(person, f"{person}: transfer stuck", title=f"{person} asks")
            self.telegram.says(person, f"{person}: transfer stuck")
            self.mail.says(person, f"{person}: transfer stuck", subject=f"{person} asks")
            self.app.backend.says(person, f"{person}: transfer stuck")
            self.chatwoot.says(person, f"{person}: transfer stuck")
            self.intercom.says(person, f"{person}: transfer stuck")
        async with self.desk() as work:
            work.desk.add_user("amy", "agent")
            await self.reads(work)
            found = work.db.query("SELECT source, excerpt, inquiry_id::VARCHAR FROM inquiry")
        for source, excerpt, inquiry in found:
            person = next(each for each in PEOPLE if each in excerpt)
            self.inquiries[source, person] = inquiry
        assert len(self.inquiries) == len(SOURCES) * len(PEOPLE)

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Workplace]:
        async with Workplace(load(self.config)) as work:
            yield work

    async def reads(self, work: Workplace) -> None:
        """All that the platforms tell now."""
        told = [{"message": each, "sent_at": datetime.now(UTC).isoformat()} for each in self.app.backend.pending]
        await work.ingest.pushed(work.origins["app"], told)
        await poll(work, *(source for source in SOURCES if source != "app"))

    def rows(self, work: Workplace, person: str) -> dict[str, Row]:
        """The answer to this person, by source."""
        with work.db.reading() as con:
            return {
                source: of_inquiry(con, bytes.fromhex(self.inquiries[source, person].replace("-", "")))[-1]
                for source in SOURCES
            }

    # The desk as a process of its own

    @asynccontextmanager
    async def service(self) -> AsyncIterator[Service]:
        async with self.desk() as work:
            link = work.desk.invite("amy", work.clock())
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.outbox_service", self.config, str(HOLD), cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=asyncio.subprocess.PIPE, stderr=log,
            )  # fmt: skip
        try:
            assert process.stdout is not None
            url = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()
            assert url, self.log.read_text(errors="replace")[-3000:]
            headers = {"sec-fetch-site": "same-origin", "accept": "application/json"}
            async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=60) as amy:
                await sign_in(amy, f"{url}/enter?token={link}")
                yield Service(self, process, amy)
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


@dataclass
class Service:
    """It runs, and amy is signed in to it."""

    town: Town
    process: asyncio.subprocess.Process
    amy: httpx.AsyncClient

    async def answers(self, person: str) -> None:
        """Amy answers that person on every platform."""
        page = await self.amy.get("/settings", headers={"accept": "text/html"})
        token = csrf(page.text)
        for source in SOURCES:
            path = f"/inquiry/{self.town.inquiries[source, person]}/reply"
            told = await self.amy.post(path, data={"csrf": token, "text": answer_to(person), "seen": ""})
            assert told.status_code == 202, told.text

    async def states(self, person: str) -> dict[str, str]:
        """What the pages say of these answers; empty: nothing is on its way."""
        found = {}
        for source in SOURCES:
            html = (await self.amy.get(f"/inquiry/{self.town.inquiries[source, person]}/outgoing")).text
            said = re.search(r'data-state="(\w+)"', html)
            found[source] = said[1] if said else ""
        return found

    async def until_settled(self, *people: str) -> None:
        """Until nothing is held or being sent any more."""
        async with asyncio.timeout(120):
            for person in people:
                under_way = True
                while under_way:
                    await asyncio.sleep(0.05)
                    under_way = not {"held", "sending"}.isdisjoint((await self.states(person)).values())

    async def is_killed(self) -> None:
        assert self.process.returncode is None
        self.process.kill()
        await self.process.wait()


def answer_to(person: str) -> str:
    return f"Dear {person}, we look at it at once."


def _words(raw: bytes) -> str:
    body = message_from_bytes(raw, policy=default).get_content()
    return str(body).replace("\r\n", "\n").partition("\n\n")[0].strip()


@asynccontextmanager
async def a_town(folder: Path) -> AsyncIterator[Town]:
    town = Town(folder)
    apps: dict[str, Any] = {
        "forum": town.forum.app,
        "telegram": town.telegram.app,
        "app": town.app.app,
        "chatwoot": town.chatwoot,
        "intercom": town.intercom,
    }
    async with AsyncExitStack() as stack:
        urls = {}
        for name, app in apps.items():
            town.gates[name] = Gate(app)
            urls[name] = await stack.enter_async_context(serve(town.gates[name]))
        town.mail.submission.keeps_copy = True
        imap = await stack.enter_async_context(town.mail.serving())
        way_out = await stack.enter_async_context(town.mail.submission.serving())
        sources = dict(_sources(town, urls, imap, way_out))
        town.config.write_text(yaml.safe_dump({"data": "data", "sources": sources}), encoding="utf-8")
        yield town


def _sources(town: Town, urls: dict[str, str], imap: int, way_out: int) -> Iterator[tuple[str, dict[str, Any]]]:
    def kept(name: str, secret: str) -> dict[str, str]:
        path = town.folder / name
        path.write_text(secret, encoding="utf-8")
        return {"file": str(path)}

    fast = {"poll_every": "1s"}
    yield "forum", {
        "connector": "discourse", "url": urls["forum"], "api_key": kept("forum", town.forum.api_key),
        "api_user": "helper", "calls_per_minute": 100_000, "timeout": 600, **fast,
    }  # fmt: skip
    yield "telegram", {
        "connector": "telegram", "token": kept("telegram", town.telegram.token), "chats": [town.telegram.group],
        "api": urls["telegram"], "long_poll": 0, **fast,
    }  # fmt: skip
    yield "mail", {
        "connector": "imap", "host": "127.0.0.1", "port": imap, "security": "none", "user": town.mail.user,
        "password": kept("mail", town.mail.password), "idle": 0,
        "smtp": {"host": "127.0.0.1", "port": way_out, "security": "none", "keeps_copy": True}, **fast,
    }  # fmt: skip
    yield "app", {
        "connector": "chat", "secret": kept("app", town.app.backend.secret), "reply_url": f"{urls['app']}/answers",
        "timeout": 600,
    }  # fmt: skip
    yield "chatwoot", {
        "connector": "chat", "service": "chatwoot", "url": urls["chatwoot"], "account": "1", "timeout": 600,
        "token": kept("chatwoot", town.chatwoot.token), **fast,
    }  # fmt: skip
    yield "intercom", {
        "connector": "chat", "service": "intercom", "url": urls["intercom"], "timeout": 600,
        "token": kept("intercom", town.intercom.token), **fast,
    }  # fmt: skip
