"""The JSON API: whose token it is, what it shows, what it does, and what it says when it refuses."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from aggregator.outbox import Sender
from aggregator.store.drafts import draft_of, save_draft
from tests.api_program import program, token_of
from tests.conftest import Community, poll
from tests.test_web_feed import fills
from tests.web_site import WebSite, open_site

Json = dict[str, Any]
JSON = {"content-type": "application/json"}
ANSWER = "Please send us the transaction ID."
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"


@pytest.fixture
async def site(community: Community) -> AsyncIterator[WebSite]:
    community.forum.user("system").id = 77
    async with open_site(community) as opened:
        yield opened


async def only(client: httpx.AsyncClient, view: str = "") -> Json:
    """The one inquiry of a view."""
    (inquiry,) = (await client.get(f"/inquiries?{view}")).json()["inquiries"]
    found: Json = inquiry
    return found


def kind(answer: httpx.Response) -> tuple[int, str]:
    """The status, and which problem it is."""
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == answer.status_code
    return answer.status_code, told["type"].removeprefix("/api#")


async def asks(site: WebSite) -> None:
    """A customer whom we can answer from here."""
    site.community.forum.says("lin", "My transfer has not arrived for three hours, nobody answers", title="Missing")
    await poll(site.work, "forum")


# -- who may ---------------------------------------------------------------------------------------


async def test_without_a_token_that_counts_nothing_is_told(site: WebSite) -> None:
    async with site.visitor("amy") as amy, program(site) as client:
        plain = await httpx.AsyncClient(trust_env=False).get(f"{site.url}/api/v1/inquiries")
        assert (kind(plain), plain.headers["www-authenticate"]) == ((401, "token"), 'Bearer realm="inquiries"')
        by_cookie = await amy.get("/api/v1/inquiries")
        assert kind(by_cookie) == (401, "token")
        assert "another site could act with it" in by_cookie.json()["detail"]
        unknown = await client.get("/inquiries", headers={"authorization": "Bearer desk_wrong"})
        assert unknown.headers["www-authenticate"].endswith('error="invalid_token"')
        in_address = await client.get(
            f"/inquiries?token={token_of(site, 'amy', 'read')}", headers={"authorization": ""}
        )
        assert kind(in_address) == (401, "token")


async def test_with_a_full_disk_programs_read_on(site: WebSite) -> None:
    async with program(site) as client:
        tokens = [token_of(site, "amy", "read") for _ in range(300)]
        fills(site.work.desk)  # pages with so many tokens have no room left for when each was used
        asked = [(await client.get("/inquiries", headers={"authorization": f"Bearer {one}"})) for one in tokens[:40]]
    assert {answer.status_code for answer in asked} == {200}


async def test_a_scope_that_is_missing_is_named(site: WebSite) -> None:
    await site.says(("fox", "my swap failed"))
    async with program(site, "amy", "read") as reader, program(site, "amy", "act", lang="zh-CN") as doer:
        inquiry = await only(reader)
        refused = await reader.post(f"/inquiries/{inquiry['id']}/claim", json={"ver": 1})
        assert kind(refused) == (403, "scope")
        assert refused.headers["www-authenticate"].endswith('error="insufficient_scope", scope="act"')
        unread = await doer.get("/inquiries")
        assert (kind(unread), unread.json()["detail"]) == ((403, "scope"), "缺少权限 read：请生成带此权限的令牌。")


async def test_a_token_may_no_more_than_its_owner(site: WebSite) -> None:
    await site.says(("fox", "my swap failed"))
    async with program(site, "vic") as viewer, program(site, "amy") as agent:
        inquiry = await only(viewer)
        assert kind(await viewer.post(f"/inquiries/{inquiry['id']}/claim", json={"ver": 1})) == (403, "role")
        assert kind(await agent.post("/sources/telegram/pause")) == (403, "role")


# -- looking ---------------------------------------------------------------------------------------


async def test_the_score_is_explained_in_the_language_that_was_asked_for(site: WebSite) -> None:
    await site.says(("fox", "my swap failed, where is my money?"))
    async with program(site) as english, program(site, lang="zh-CN,zh;q=0.9") as chinese:
        inquiry, same = await only(english), await only(chinese)
        assert [one["said"] for one in inquiry["reasons"]][:2] == ["funds missing or stuck", "everybody can read it"]
        assert [one["said"] for one in same["reasons"]][:2] == ["资产未到账或丢失", "公开可见"]
        assert sum(one["points"] for one in inquiry["reasons"]) == pytest.approx(inquiry["priority"])
        page = (await english.get(f"/inquiries/{inquiry['code']}")).json()
        assert page["inquiry"]["reasons"][0]["evidence"] == "where is my money"
        assert [one["slot"] for one in page["known"]["missing"]] == ["account", "tx", "time"]
        assert [one["text"] for one in page["posts"]] == ["my swap failed, where is my money?"]


async def test_the_view_of_an_address_is_the_same_view_here(site: WebSite) -> None:
    await site.says(("fox", "my swap failed, where is my money?"), ("owl", "how do I change the fee?"))
    async with program(site) as client:
        assert (await only(client, "kind=question"))["author"] == "Owl"
        assert (await only(client, "q=swap&band=P0,P1,P2"))["author"] == "Fox"
        wrong = await client.get("/inquiries?bnad=P0&limit=900&state=open")
        assert kind(wrong) == (422, "invalid")
        assert {(one["place"], one["path"]) for one in wrong.json()["errors"]} == {
            ("query", "bnad"),
            ("query", "limit"),
            ("query", "state"),
        }
        assert kind(await client.get("/inquiries?band=P0&band=P1")) == (422, "invalid")


async def test_no_inquiry_comes_twice_while_scores_change_and_what_changed_is_told(site: WebSite) -> None:
    async with program(site) as client:
        await site.says(*((f"user{number}", "my swap failed, where is my money?") for number in range(9)))
        first = (await client.get("/inquiries?limit=3")).json()
        shown = [one["id"] for one in first["inquiries"]]
        # The first of them sinks below the others; one of the last rises above all.
        top = first["inquiries"][0]
        await client.post(f"/inquiries/{top['id']}/band", json={"ver": 1, "band": "P3", "reason": "a test"})
        site.community.clock.pass_(hours=2)
        await site.says(("user8", "hello??? still nothing, my funds are gone!"))
        cursor = first["cursor"]
        while cursor:
            page = (await client.get("/inquiries", params={"limit": 3, "cursor": cursor})).json()
            assert page["as_of"] == first["as_of"]
            shown += [one["id"] for one in page["inquiries"]]
            cursor = page["cursor"]
        changed = (await client.get(f"/changes?after={first['seq']}")).json()
        told = {one["id"]: one for one in changed["inquiries"]}
        assert len(shown) == len(set(shown))
        assert len({*shown, *told}) == 9
        assert told[top["id"]]["band"] == "P3"
        assert (await client.get(f"/changes?after={changed['seq']}")).json()["inquiries"] == []
        assert kind(await client.get("/changes?after=1")) == (410, "begin-again")
        assert kind(await client.get("/inquiries?cursor=abc")) == (422, "invalid")


async def test_the_next_page_stands_in_a_link_with_the_filters(site: WebSite) -> None:
    await site.says(*((f"user{number}", "my swap failed, where is my money?") for number in range(3)))
    async with program(site) as client:
        first = await client.get("/inquiries?limit=2&kind=complaint")
        assert first.links["next"]["url"].startswith("/api/v1/inquiries?limit=2&kind=complaint&cursor=")
        second = await client.get(f"{site.url}{first.links['next']['url']}")
        assert (len(second.json()["inquiries"]), second.links) == (1, {})


async def test_incidents_and_sources_are_shown(site: WebSite) -> None:
    await site.says(*((f"user{number}", "swap fails on Arbitrum since v2.1.3, error 4001") for number in range(6)))
    async with program(site) as client:
        (incident,) = (await client.get("/incidents")).json()["incidents"]
        assert (incident["persons"], incident["name"]) == (6, "INC-1")
        detail = (await client.get("/incidents/INC-1")).json()
        assert len(detail["members"]) == 6
        states = {one["name"]: one["state"] for one in (await client.get("/sources")).json()["sources"]}
        assert states == {"forum": "ok", "telegram": "ok"}
        ended = await client.post("/incidents/1/end", json={})
        assert ended.json()["incident"]["state"] == "ended"
        assert kind(await client.post("/incidents/1/merge", json={})) == (409, "not-possible")


# -- doing -----------------------------------------------------------------------------------------


async def test_of_two_who_claim_at_once_one_is_told_how_it_is_now(site: WebSite) -> None:
    await site.says(("fox", "my swap failed"))
    async with program(site, "amy") as amy, program(site, "sam") as sam:
        inquiry = await only(amy)
        path, seen = f"/inquiries/{inquiry['code']}/claim", {"ver": inquiry["ver"]}
        answers = await asyncio.gather(*(who.post(path, json=seen) for who in (amy, sam, amy, sam)))
        by_status: dict[int, list[httpx.Response]] = {}
        for answer in answers:
            by_status.setdefault(answer.status_code, []).append(answer)
        assert {status: len(found) for status, found in by_status.items()} == {200: 2, 409: 2}
        lost, won = by_status[409][0], by_status[200][0].json()["inquiry"]["owner"]
        assert kind(lost) == (409, "changed")
        assert (lost.json()["inquiry"]["owner"], lost.json()["inquiry"]["ver"], lost.json()["take"]) == (won, 2, True)
        assert lost.json()["detail"] == f"{won} claimed it just now"
        winner = amy if won == "amy" else sam  # a program's other half may have been quicker: it is told, too
        assert kind(await winner.post(f"/inquiries/{inquiry['code']}/wait", json=seen)) == (409, "changed")


@pytest.mark.parametrize(
    ("what", "more", "shows"),
    [
        ("assign", {"to": "sam"}, {"owner": "sam", "state": "claimed"}),
        ("wait", {}, {"state": "waiting"}),
        ("snooze", {"until": "2026-03-16T09:00:00Z"}, {"state": "snoozed", "snoozed_until": "2026-03-16T09:00:00Z"}),
        ("close", {"reason": "duplicate"}, {"state": "closed", "close_reason": "duplicate"}),
        ("label", {"kind": "praise", "tags": ["VIP", "ios"]}, {"kind": "praise", "tags": ["ios", "vip"]}),
        ("band", {"band": "P0", "reason": "a partner"}, {"band": "P0"}),
    ],
)
async def test_what_is_done_can_be_taken_back(site: WebSite, what: str, more: Json, shows: Json) -> None:
    await site.says(("fox", "my swap failed"))
    async with program(site) as client:
        before = await only(client)
        done = (await client.post(f"/inquiries/{before['id']}/{what}", json={"ver": 1, **more})).json()
        assert {name: done["inquiry"][name] for name in shows} == shows
        (action,) = (await client.get("/recent")).json()["actions"]
        assert (action["what"], action["event"]) == (what, done["event"])
        undone = (await client.post("/undo", json={"event": done["event"]})).json()
        assert (undone["done"], undone["inquiries"]) == (1, [{**before, "ver": 3}])


async def test_mistakes_are_told_each_with_its_path(site: WebSite) -> None:
    await site.says(("fox", "my swap failed"))
    async with program(site, lang="zh-CN") as client:
        path = f"/inquiries/{(await only(client))['id']}"
        two = await client.post(f"{path}/assign", json={"ver": "1", "too": "sam"})
        assert {one["path"] for one in two.json()["errors"]} == {"/ver", "/to", "/too"}
        nobody = await client.post(f"{path}/assign", json={"ver": 1, "to": "nobody"})
        assert (kind(nobody), nobody.json()["errors"]) == (
            (422, "invalid"),
            [{"place": "body", "path": "/to", "said": "不能分配给这个人。"}],
        )
        deep = await client.post("/bulk", json={"what": "close", "items": [{"id": "x", "ver": 1}]})
        assert [one["path"] for one in deep.json()["errors"]] == ["/items/0/id"]
        assert kind(await client.post(f"{path}/claim", content="{", headers=JSON)) == (400, "malformed")
        assert kind(await client.post(f"{path}/claim", data={"ver": "1"})) == (415, "media-type")
        assert kind(await client.post(f"{path}/claim", content=b" " * 600_000, headers=JSON)) == (413, "too-large")
        wrong = await client.get(f"{path}/claim")
        assert (kind(wrong), wrong.headers["allow"]) == ((405, "method"), "POST")
        assert kind(await client.post("/inquiries/ABCDEFG/claim", json={"ver": 1})) == (404, "not-found")
        assert kind(await client.get("/nothing")) == (404, "not-found")


async def test_many_are_done_at_once_and_taken_back_as_one(site: WebSite) -> None:
    await site.says(*((f"user{number}", "my swap failed, where is my money?") for number in range(3)))
    async with program(site) as client, program(site, "sam") as sam:
        items = [{"id": one["id"], "ver": 1} for one in (await client.get("/inquiries")).json()["inquiries"]]
        await sam.post(f"/inquiries/{items[0]['id']}/claim", json={"ver": 1})
        done = (await client.post("/bulk", json={"what": "claim", "items": items})).json()
        assert (done["done"], [one["owner"] for one in done["refused"]]) == (2, ["sam"])
        assert (await client.post("/undo", json={"batch": done["batch"]})).json()["done"] == 2
        as_of = site.community.clock().timestamp()
        told = await client.post(
            "/bulk",
            json={"what": "label", "details": {"add": ["vip"]}, "query": "owner=sam", "as_of": as_of},
        )
        assert (told.json()["done"], told.json()["said"]) == (1, "1 labelled: #vip")
        assert kind(await client.post("/bulk", json={"what": "claim"})) == (422, "invalid")


async def test_flags_are_raised_by_agents_and_judged_by_leads(site: WebSite) -> None:
    site.work.desk.add_user("lea", "lead")
    await site.says(("fox", "is https://evil.example/claim yours?"))
    async with program(site, "amy") as amy, program(site, "lea") as lea:
        body = {"target": "link:evil.example/claim", "reason": "a copy of our page"}
        path = f"/inquiries/{(await only(amy))['id']}/flag"
        assert (await amy.post(path, json=body)).status_code == 200
        elsewhere = await amy.post(path, json={**body, "target": "link:other.example"})
        assert [one["path"] for one in elsewhere.json()["errors"]] == ["/target"]
        (flag,) = (await amy.get("/flags")).json()["flags"]
        judged = await lea.post(f"/flags/{flag['id']}", json={"verdict": "blocked"})
        assert judged.json()["flags"][0]["state"] == "blocked"


# -- answering -------------------------------------------------------------------------------------


async def test_an_answer_is_checked_held_taken_back_and_sent_once(site: WebSite) -> None:
    await asks(site)
    async with program(site) as client:
        page = (await client.get(f"/inquiries/{site.only_id()}")).json()
        path, seen = f"/inquiries/{site.only_id()}/reply", {"seen": page["seen"]}
        secret = await client.post(path, json={"text": f"Use this: {PHRASE}", **seen})
        assert (kind(secret), secret.json()["findings"][0]["name"]) == ((422, "objections"), "secret")
        german = {"text": "请把交易哈希发给我们，我们马上查看。", **seen}
        doubt = await client.post(path, json=german)
        (finding,) = doubt.json()["findings"]
        assert (finding["name"], finding["level"]) == ("language", "warn")
        held = await client.post(path, json={**german, "confirmed": [finding["key"]]})
        assert (held.status_code, held.json()["state"]) == (202, "held")
        assert (await client.post(f"/outbox/{held.json()['id']}/undo")).json()["state"] == "undone"
        assert kind(await client.post(f"/outbox/{held.json()['id']}/undo")) == (409, "settled")
        body, key = {"text": ANSWER, **seen}, {"idempotency-key": "answer-1"}
        twice = [(await client.post(path, json=body, headers=key)).json() for _ in range(2)]
        assert twice[0] == twice[1]
        other = await client.post(path, json={**body, "text": "Please wait."}, headers=key)
        assert kind(other) == (422, "key-used")
        site.community.clock.pass_(seconds=60)
        await Sender(site.work.outbox).send_due(until_done=True)
        assert (await client.post(path, json=body, headers=key)).json()["state"] == "sent"
    assert site.community.forum.writing.taken == 1


async def test_an_answer_by_program_leaves_what_its_owner_is_writing(site: WebSite) -> None:
    await asks(site)
    inquiry, writing = bytes.fromhex(site.only_id().replace("-", "")), "I am still looking for your transfer, and"
    async with program(site) as client:
        for text, left in ((ANSWER, writing), (writing, "")):
            save_draft(site.work.desk, "amy", inquiry, writing, 0, site.work.clock())
            sent = await client.post(f"/inquiries/{site.only_id()}/reply", json={"text": text})
            assert sent.status_code == 202, sent.text
            assert draft_of(site.work.desk, "amy", inquiry).text == left


async def test_who_answers_second_is_told_and_sends_nothing(site: WebSite) -> None:
    await asks(site)
    async with program(site, "amy") as amy, program(site, "sam") as sam:
        path = f"/inquiries/{site.only_id()}/reply"
        assert (await amy.post(path, json={"text": ANSWER})).status_code == 202
        second = await sam.post(path, json={"text": "We are on it."})
        assert kind(second) == (409, "answered")
        assert second.json()["detail"] == "amy has answered since you opened this; nothing was sent"


# -- together --------------------------------------------------------------------------------------


async def test_programs_cannot_crowd_out_people(site: WebSite) -> None:
    await site.says(("fox", "my swap failed"))
    over = threading.Event()
    async with program(site, "amy") as amy, program(site, "sam") as sam:
        path = f"/inquiries/{site.only_id()}/note"
        site.work.db.submit(lambda _: over.wait(60))  # nothing is written for now
        notes = [asyncio.ensure_future(amy.post(path, json={"text": f"note {n}"}, timeout=60)) for n in range(9)]
        (refused,), waiting = await asyncio.wait(notes, return_when=asyncio.FIRST_COMPLETED)
        assert (kind(refused.result()), refused.result().headers["retry-after"]) == ((429, "crowded"), "1")
        assert (await sam.get("/inquiries")).status_code == 200
        over.set()
        assert {(await note).status_code for note in waiting} == {200}


async def test_the_page_for_people_names_every_call_in_both_languages(site: WebSite) -> None:
    async with site.visitor(None) as nobody, site.visitor("amy", "zh-CN") as amy:
        document = (await nobody.get("/api/v1/openapi.json")).json()
        page, chinese = (await nobody.get("/api")).text, (await amy.get("/api")).text
    calls = [f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods]
    assert len(calls) > 40
    assert [call for call in calls if f"<code>{call}</code>" not in page] == []
    assert "回复用户" in chinese
