"""Idempotency-Key: what a program sends again, for it heard nothing, is done once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from aggregator.acting.deeds import Deed, Doer
from aggregator.acting.once import lot_of
from aggregator.identity import as_written
from aggregator.web.api import asks
from tests.api_program import program
from tests.conftest import Community
from tests.test_api import kind, only
from tests.web_site import WebSite, open_site

KEY = {"idempotency-key": "case-4711"}


@pytest.fixture
async def site(community: Community) -> AsyncIterator[WebSite]:
    async with open_site(community) as opened:
        yield opened


def events(site: WebSite, what: str) -> int:
    ((count,),) = site.work.db.query("SELECT count(*) FROM inquiry_event WHERE what = ?", [what])
    return int(count)


async def test_a_note_that_is_sent_again_and_at_once_stands_there_once(site: WebSite) -> None:
    await site.says(("fox", "my swap failed"))
    async with program(site) as client, program(site, "sam") as sam:
        path = f"/inquiries/{(await only(client))['id']}/note"
        both = await asyncio.gather(*(client.post(path, json={"text": "Known."}, headers=KEY) for _ in range(2)))
        told = [each.json() for each in both]
        assert told[0] == told[1]
        assert events(site, "note") == 1
        other = await client.post(path, json={"text": "Unknown."}, headers=KEY)
        assert kind(other) == (422, "key-used")
        assert (await sam.post(path, json={"text": "Known."}, headers=KEY)).json()["event"] != told[0]["event"]
        assert (await client.post(path, json={"text": "Known."})).json()["event"] != told[0]["event"]
        assert events(site, "note") == 3
        taken_back = (await client.post("/undo", json={"event": told[0]["event"]})).json()
        assert taken_back["done"] == 1
        assert kind(await client.post(path, json={"text": "Known."}, headers={"idempotency-key": "a b"}))[0] == 422


async def test_many_that_were_cut_off_go_on_where_they_were(site: WebSite) -> None:
    await site.says(*((f"user{number}", "my swap failed, where is my money?") for number in range(3)))
    async with program(site, "amy") as client:
        listed = (await client.get("/inquiries")).json()["inquiries"]
        body = {"what": "claim", "items": [{"id": one["id"], "ver": 1} for one in listed]}
        asked = asks.Bulk.model_validate_json(asks.Bulk.model_validate(body).model_dump_json())
        lot = lot_of("amy", KEY["idempotency-key"], f"/api/v1/bulk\0{asked.model_dump_json()}")
        doer = Doer(site.work.db, site.work.settings, site.work.ingest.incidents, site.community.clock)
        await doer.many(Deed("claim", "amy", {}, batch=lot), [(as_written(listed[0]["id"]), 1)])
        first, again = [(await client.post("/bulk", json=body, headers=KEY)).json() for _ in range(2)]
        assert first == again
        assert (first["done"], first["same"], first["refused"]) == (3, 0, [])
        assert events(site, "claim") == 3
        assert kind(await client.post("/bulk", json={**body, "what": "close"}, headers=KEY)) == (422, "key-used")
        assert (await client.post("/undo", json={"batch": first["batch"]})).json()["done"] == 3


async def test_of_a_view_that_was_dealt_with_the_same_number_is_told_again(site: WebSite) -> None:
    await site.says(*((f"user{number}", "my swap failed, where is my money?") for number in range(3)))
    async with program(site, "amy") as client:
        as_of = site.community.clock().timestamp()
        body = {"what": "close", "query": "state=new", "as_of": as_of, "sure": 3}
        first, again = [(await client.post("/bulk", json=body, headers=KEY)).json() for _ in range(2)]
        assert (first["done"], first) == (3, again)
    assert events(site, "close") == 3
