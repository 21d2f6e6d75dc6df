"""Who has an inquiry before them: told at once, faded after a minute, gone when the page is left."""

from __future__ import annotations

from aggregator.web.presence import Presence
from tests.conftest import Community
from tests.test_web_stream import listening, until
from tests.web_site import csrf, open_site

ONE, OTHER = b"1" * 16, b"2" * 16


class Watch:
    """A clock of seconds."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_of_several_tabs_of_a_person_the_one_that_says_most_counts() -> None:
    presence = Presence(Watch())
    assert presence.note("amy", "a", ONE, "viewing") == {ONE}
    assert presence.note("amy", "b", ONE, "replying") == {ONE}
    assert presence.note("amy", "a", ONE, "viewing") == set()
    assert presence.of(ONE) == {"amy": "replying"}
    assert presence.note("amy", "b", ONE, "gone") == {ONE}
    assert presence.of(ONE) == {"amy": "viewing"}


def test_a_tab_shows_one_inquiry_at_a_time() -> None:
    presence = Presence(Watch())
    presence.note("amy", "a", ONE, "viewing")
    assert presence.note("amy", "a", OTHER, "viewing") == {ONE, OTHER}
    assert (presence.of(ONE), presence.of(OTHER)) == ({}, {"amy": "viewing"})


def test_whoever_says_nothing_fades_after_a_minute_and_leaves_after_ten() -> None:
    watch = Watch()
    presence = Presence(watch)
    presence.note("amy", "a", ONE, "replying")
    watch.now = 59
    assert presence.sweep() == set()
    watch.now = 61
    assert presence.sweep() == {ONE}
    assert presence.of(ONE) == {"amy": "idle"}
    watch.now = 601
    assert presence.sweep() == {ONE}
    assert presence.everybody() == {}


async def test_colleagues_hear_of_it_over_the_stream_and_newcomers_in_its_greeting(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy, site.visitor("sam") as sam:
        await site.says(("fox", "my swap failed"))
        one = site.only_id()
        token = csrf((await sam.get("/")).text)
        async with listening(amy) as events:
            await until(events, "hello")
            told = {"tab": "t1", "inquiry": one, "doing": "viewing"}
            answer = await sam.post("/presence", data=told, headers={"x-csrf": token})
            heard, _ = await until(events, "presence")
        async with listening(amy) as events:
            hello, _ = await until(events, "hello")
        refused = await sam.post("/presence", data=told | {"doing": "sleeping"}, headers={"x-csrf": token})
    assert answer.status_code == 204
    assert heard == {"id": one, "people": {"sam": "viewing"}}
    assert hello["presence"] == {one: {"sam": "viewing"}}
    assert refused.status_code == 400
