"""First use: what an empty desk says to do, and that following it works."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from aggregator.config import Settings, load
from aggregator.demo.visitor import sign_in
from aggregator.web.guides import GUIDES, Guide, in_order
from connectors.registry import known_connectors
from tests.conftest import Community
from tests.web_site import csrf, open_site

ROOT = Path(__file__).parent.parent
ENV = re.compile(r"\{env: (\w+)\}")


def test_there_is_a_guide_for_every_connector() -> None:
    assert {guide.connector for guide in GUIDES} == set(known_connectors())


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_the_lines_of_a_guide_are_a_valid_source_with_the_secrets_that_it_names(guide: Guide, tmp_path: Path) -> None:
    config = tmp_path / "connectors.yaml"
    config.write_text("sources:\n" + re.sub("(?m)^", "  ", guide.yaml), encoding="utf-8")
    (source,) = load(config).sources.values()
    assert source.connector == guide.connector
    assert ENV.findall(guide.yaml) == [name for name, _ in guide.secrets]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_the_section_that_a_guide_sends_to_is_there(guide: Guide) -> None:
    for file, section in zip(("README.md", "README.zh-CN.md"), guide.section, strict=True):
        headings = re.findall(r"(?m)^### (.+?)[:：]", (ROOT / file).read_text(encoding="utf-8"))
        assert section in headings


def test_what_is_not_in_use_is_offered_first() -> None:
    offered = [guide.connector for guide in in_order(["telegram", "imap"])]
    assert offered[-2:] == ["telegram", "imap"]


async def test_an_admin_connects_checks_and_invites_from_the_empty_feed(community: Community) -> None:
    async with open_site(community) as site:
        site.work.desk.add_user("ada", "admin")
        async with site.visitor("ada") as visitor:
            page = (await visitor.get("/")).text
            assert "Nothing has been posted yet" in page
            assert "Set it under Me" in page
            checked = (await visitor.post("/start", data={"csrf": csrf(page)})).text
            assert len(re.findall(r'class="findings"', checked)) == 2
            assert "<b>ok</b>" in checked
            invited = await visitor.post("/settings/team", data={"csrf": csrf(page), "name": "bo", "role": "agent"})
            link = re.search(r"http[^\"<]+/enter\?token=[^\"<]+", invited.text)
            assert link
        async with httpx.AsyncClient(trust_env=False, follow_redirects=True) as bo:
            await sign_in(bo, link[0])
            bos = (await bo.get(site.url)).text
        assert "Check every login" not in bos
        assert "connectors.yaml" not in bos


async def test_the_check_says_in_words_which_login_fails(community: Community, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_site(community, "telegram") as site:
        site.work.desk.add_user("ada", "admin")
        monkeypatch.setenv("TELEGRAM_TOKEN", "1:not-the-token")
        async with site.visitor("ada") as visitor:
            token = csrf((await visitor.get("/")).text)
            checked = await visitor.post("/start?part=steps", data={"csrf": token})
            assert "Telegram refused the token" in checked.text
            assert "not-the-token" not in checked.text
        async with site.visitor("amy") as visitor:
            token = csrf((await visitor.get("/")).text)
            assert (await visitor.post("/start", data={"csrf": token})).status_code == 403


async def test_with_no_source_every_way_to_connect_is_there_in_the_visitors_language(community: Community) -> None:
    community.settings = lambda *_: Settings(sources={}, data=community.data)
    async with open_site(community) as site:
        site.work.desk.add_user("ada", "admin")
        async with site.visitor("ada", lang="zh-CN") as visitor:
            page = (await visitor.get("/")).text
            assert page.count("<details>") >= len(GUIDES)
            assert "给 @BotFather 发 /newbot" in page
            assert "aggregator demo" in page
            assert "逐个检查登录" not in page


async def test_once_something_came_in_an_empty_list_is_only_empty(community: Community) -> None:
    async with open_site(community) as site:
        await site.says(("fox", "my swap failed"))
        async with site.visitor("amy") as visitor:
            assert "start-title" not in (await visitor.get("/")).text
            page = (await visitor.get(f"/inquiry/{site.only_id()}")).text
            await visitor.post(
                f"/inquiry/{site.only_id()}/close", data={"csrf": csrf(page), "ver": "1", "reason": "resolved"}
            )
            emptied = (await visitor.get("/")).text
            assert "All done" in emptied
            assert "start-title" not in emptied
