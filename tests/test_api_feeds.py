"""The priority feed for other readers: read by feedparser and by our own connector, and kept out of our logs."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import feedparser
import httpx
import pytest

from aggregator.web.api.atom import atom
from aggregator.web.api.entries import Entry, Subscribed
from connectors.feed.document import parse
from connectors.feed.entry import entry_of
from tests.api_program import program, token_of
from tests.conftest import START, Community
from tests.web_site import WebSite, open_site

HOSTILE = "my swap failed <script>alert(1)</script> & gone\u202e \x07]]> where is my money?"
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"


@pytest.fixture
async def site(community: Community) -> AsyncIterator[WebSite]:
    async with open_site(community) as opened:
        yield opened


@pytest.fixture
async def reader(site: WebSite) -> AsyncIterator[httpx.AsyncClient]:
    """A feed reader that can send no headers."""
    async with httpx.AsyncClient(base_url=site.url, params={"token": token_of(site, "amy", "read")}) as client:
        yield client


async def test_both_feeds_tell_the_same_entries_escaped_masked_and_with_nothing_hidden(
    site: WebSite, reader: httpx.AsyncClient
) -> None:
    await site.says(("fox", HOSTILE), ("owl", f"here are my words {PHRASE}"))
    atom, json = await reader.get("/feed.atom"), await reader.get("/feed.json")
    parsed = feedparser.parse(atom.content)
    assert (parsed.bozo, parsed.version) == (False, "atom10")
    ours = [entry_of({"json_feed": item}) for item in parse(json.content, "application/feed+json", site.url).entries]
    theirs = [entry_of({"xml": item}) for item in parse(atom.content, "application/atom+xml", site.url).entries]
    assert [(one.id, one.link, one.title, one.published, one.updated, one.author) for one in ours] == [
        (one.id, one.link, one.title, one.published, one.updated, one.author) for one in theirs
    ]
    fox = next(entry for entry in parsed.entries if entry.author == "Fox")
    assert fox.content[0].type == "text/plain"
    assert "<script>alert(1)</script> & gone[U+202E] [U+0007]]]> where" in fox.content[0].value
    assert "funds missing or stuck" in fox.content[0].value
    both = atom.text + json.text
    assert ("<script>" in atom.text, "content_html" in json.text) == (False, False)
    assert [word for word in PHRASE.split()[:6] if word in both] == []
    assert "█" in both


def test_a_language_that_is_none_does_not_break_the_feed() -> None:
    entry = Entry("urn:uuid:1", "https://desk.example/inquiry/1", None, "", "", "zh\x01", "Fox", START, START, ())
    feed = Subscribed("Inquiries", "https://desk.example/", "https://desk.example/feed.atom", "en", START, (entry,))
    parsed = feedparser.parse(atom(feed))
    assert (parsed.bozo, len(parsed.entries)) == (False, 1)


async def test_a_reader_that_asks_again_is_told_only_what_changed(site: WebSite, reader: httpx.AsyncClient) -> None:
    await site.says(("fox", "my swap failed"))
    async with program(site) as client:
        first = await reader.get("/feed.atom")
        site.community.clock.pass_(minutes=3)
        again = await reader.get("/feed.atom", headers={"if-none-match": f'W/{first.headers["etag"]}, "x"'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
        (before,) = feedparser.parse(first.content).entries
        path = f"/inquiries/{before.id.removeprefix('urn:uuid:')}/claim"
        assert (await client.post(path, json={"ver": 1})).status_code == 200
        changed = await reader.get("/feed.atom", headers={"if-none-match": first.headers["etag"]})
        (after,) = feedparser.parse(changed.content).entries
    assert changed.status_code == 200
    assert (after.id, after.updated > before.updated, after.published) == (before.id, True, before.published)
    assert "claimed · amy" in after.content[0].value


async def test_the_filters_of_the_feeds_address_count_and_its_own_address_holds_no_token(
    site: WebSite, reader: httpx.AsyncClient
) -> None:
    await site.says(("fox", "my swap failed, where is my money?"), ("owl", "how do I change the fee?"))
    feed = (await reader.get("/feed.json", params={**reader.params, "kind": "question", "sort": "newest"})).json()
    assert [item["authors"] for item in feed["items"]] == [[{"name": "Owl"}]]
    assert feed["feed_url"] == f"{site.url}/feed.json?kind=question&sort=newest"
    assert feed["home_page_url"] == f"{site.url}/?kind=question&sort=newest"
    empty = feedparser.parse((await reader.get("/feed.atom", params={**reader.params, "band": "P0"})).content)
    assert (empty.entries, empty.feed.updated) == ([], "1970-01-01T00:00:00Z")
    wrong = await reader.get("/feed.json", params={**reader.params, "bnad": "P0"})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "bnad")


async def test_a_token_in_an_address_may_read_and_nothing_else(site: WebSite) -> None:
    mighty, plain = token_of(site, "amy", "read", "act"), token_of(site, "amy", "read")
    async with httpx.AsyncClient(base_url=site.url) as client, site.visitor("amy") as amy:
        refused = await client.get("/feed.json", params={"token": mighty})
        assert (refused.status_code, refused.json()["type"]) == (403, "/api#too-mighty")
        assert (await client.get("/feed.json", headers={"authorization": f"Bearer {mighty}"})).status_code == 200
        assert (await client.get("/feed.atom", auth=("anybody", plain))).status_code == 200
        assert (await client.get("/feed.atom", auth=("anybody", "wrong"))).status_code == 401
        odd = [(b"authorization", b"Basic " + given) for given in (b"\xe9\xe9", b"x", b"6enp")]
        assert {(await client.get("/feed.json", headers=[each])).status_code for each in odd} == {401}
        assert (await amy.get("/feed.json")).status_code == 401


async def test_no_log_of_ours_holds_the_token_of_an_address(
    site: WebSite, reader: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    token = str(reader.params["token"])
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("httpx").disabled = logging.getLogger("httpcore").disabled = True  # the reader's own
        try:
            await reader.get("/feed.json")
            await reader.get("/feed.json", params={**reader.params, "limit": "x"})
            site.work.desk.close()
            broken = await reader.get("/feed.json")
        finally:
            logging.getLogger("httpx").disabled = logging.getLogger("httpcore").disabled = False
    assert broken.status_code == 500
    assert "page.failed" in caplog.text
    written = "".join(capfd.readouterr())
    assert token not in caplog.text + written + "".join(str(record.__dict__) for record in caplog.records)
