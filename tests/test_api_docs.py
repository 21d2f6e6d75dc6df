"""What docs/api.md shows can be run as it stands."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import feedparser

from tests.api_program import token_of
from tests.conftest import Community, poll
from tests.test_docs import ROOT, blocks
from tests.web_site import open_site

GUIDE = ROOT / "docs/api.md"


async def shell(script: str, **names: str) -> str:
    """What these commands print."""
    environment = {"PATH": os.environ["PATH"], **names}
    running = await asyncio.create_subprocess_exec(
        "sh", "-eu", "-c", script, env=environment, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await running.communicate()
    assert running.returncode == 0
    return printed.decode()


def values(printed: str) -> list[dict[str, Any]]:
    """The JSON values that stand one behind the other."""
    found, at = [], 0
    while at < len(printed):
        value, at = json.JSONDecoder().raw_decode(printed, at)
        found.append(value)
    return found


async def test_every_example_of_the_guide_does_what_it_says(community: Community) -> None:
    community.forum.user("system").id = 77
    async with open_site(community) as site:
        community.forum.says("lin", "My wallet was drained, all my funds are stolen!", title="Stolen")
        await poll(site.work, "forum")
        ((code,),) = site.work.db.query("SELECT code FROM inquiry_open")
        names = {
            "DESK": site.url,
            "TOKEN": token_of(site, "amy", "read", "act"),
            "READER": token_of(site, "amy", "read"),
            "SEQ": str(await site.stream.settled()),
            "CODE": code,
        }
        feed, changes, deeds, reply, subscribed = [await shell(block, **names) for block in blocks(GUIDE, "sh")]
    assert [one["code"] for one in values(feed)[0]["inquiries"]] == [code]
    assert values(changes)[0]["inquiries"] == []
    claimed, labelled, undone = values(deeds)
    assert (claimed["inquiry"]["owner"], labelled["inquiry"]["tags"]) == ("amy", ["vip"])
    assert (undone["done"], undone["inquiries"][0]["tags"]) == (1, [])
    assert values(reply)[0]["state"] == "held"
    json_feed, atom = subscribed.split("<?xml", 1)
    assert [item["title"].split(" · ")[0] for item in json.loads(json_feed)["items"]] == ["P0"]
    assert len(feedparser.parse(f"<?xml{atom}").entries) == 1
