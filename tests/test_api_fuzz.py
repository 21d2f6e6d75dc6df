"""The API does what its document says, for requests that nobody thought of.

One desk and one community serve all operations; `tests/api_fuzzer.py` makes the requests.
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE

from tests.api_program import token_of
from tests.conftest import Community, poll
from tests.web_site import WebSite, open_site


async def test_every_answer_is_as_the_document_says(community: Community) -> None:
    async with open_site(community) as site:
        asked = {
            "url": site.url,
            "names": await seeded(site),
            "tokens": [(token_of(site, "lea", "read", "act"), True), (token_of(site, "amy", "read"), False)],
        }
        fuzzer = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.api_fuzzer", stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        told, wrong = await fuzzer.communicate(json.dumps(asked).encode())
    assert fuzzer.returncode == 0, wrong.decode()
    seen = {int(status): count for status, count in json.loads(told).items()}
    assert {200, 202, 403, 404, 409, 422} <= seen.keys()
    assert seen[200] > 100


async def seeded(site: WebSite) -> dict[str, list[str]]:
    """A small community with something of everything. Returns names by parameter of a path."""
    site.work.desk.add_user("lea", "lead")
    await site.says(*((f"user{number}", "swap fails on Arbitrum since v2.1.3, error 4001") for number in range(6)))
    await site.says(("fox", "is https://evil.example/claim yours? 我的币不见了"), ("owl", "how do I change the fee?"))
    site.community.forum.user("system").id = 77
    site.community.forum.says("lin", "My transfer has not arrived for three hours", title="Missing")
    await poll(site.work, "forum")
    codes = [code for (code,) in site.work.db.query("SELECT code FROM inquiry_open ORDER BY code")]
    return {"inquiry": codes, "incident": ["INC-1"], "source": ["telegram", "forum"]}
