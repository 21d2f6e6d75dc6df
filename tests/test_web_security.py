"""Who may do what, from where; and what every answer carries."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from aggregator.config import Web
from aggregator.demo.visitor import sign_in
from tests.conftest import Community
from tests.web_site import csrf, open_site


async def test_every_answer_carries_the_headers(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        answers = [await amy.get(path) for path in ("/", "/connectors", "/nowhere", "/health/live", "/signin")]
    for answer in answers:
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert "require-trusted-types-for 'script'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "strict-transport-security" not in answer.headers


async def test_behind_https_there_is_hsts_and_a_host_cookie(community: Community) -> None:
    community.more["web"] = Web.model_validate({"public_url": "https://desk.example.com"})
    async with open_site(community) as site, site.visitor() as visitor:
        link, behind = site.link("amy"), {"host": "desk.example.com"}
        page = await visitor.get(link, headers=behind)
        answer = await visitor.post("/enter", data={"token": link.partition("token=")[2]}, headers=behind)
    assert "enter.js" not in page.text
    assert answer.headers["strict-transport-security"]
    assert answer.headers["set-cookie"].startswith("__Host-session=")
    assert "Secure" in answer.headers["set-cookie"]


async def test_a_foreign_host_name_is_refused(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        assert (await amy.get("/", headers={"host": "rebound.example.net"})).status_code == 421
        assert (await amy.get("/", headers={"host": "localhost:8080"})).status_code == 200


async def test_without_a_session_pages_lead_to_the_door_and_scripts_get_401(community: Community) -> None:
    async with open_site(community) as site, site.visitor() as nobody:
        page = await nobody.get("/?channel=forum")
        assert page.headers["location"] == "/signin?next=%2F%3Fchannel%3Dforum"
        assert (await nobody.get("/events")).status_code == 401
        assert (await nobody.post("/inquiry/x/claim")).status_code == 401


async def test_who_presses_a_button_after_the_sessions_end_is_told_so_and_led_back_by_the_door(
    community: Community,
) -> None:
    async with open_site(community) as site, site.visitor() as nobody:
        told = await nobody.post("/settings/password", data={"password": "long enough now"})
        script = await nobody.post("/settings/password", headers={"accept": "application/json"})
    assert told.status_code == 401
    assert "<h1>Sign in first</h1>" in told.text
    assert 'href="/signin?next=%2Fsettings"' in told.text
    assert (script.status_code, script.json()) == (401, {"error": "sign in"})


@pytest.mark.parametrize(
    ("headers", "token", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, True, 303),
        ({"sec-fetch-site": "same-origin"}, False, 403),
        ({"sec-fetch-site": "cross-site"}, True, 403),
        ({"sec-fetch-site": "same-site"}, True, 403),
        ({"sec-fetch-site": "", "origin": "http://elsewhere.example"}, True, 403),
        ({"sec-fetch-site": "", "origin": "null"}, True, 303),  # plain http on a LAN address
        ({"sec-fetch-site": "", "origin": "null"}, False, 403),
    ],
)
async def test_writes_come_from_our_own_pages_with_the_sessions_token(
    community: Community, headers: dict[str, str], token: bool, status: int
) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        await site.says(("fox", "my swap failed"))
        path = f"/inquiry/{site.only_id()}"
        known = csrf((await amy.get(path)).text)
        answer = await amy.post(f"{path}/claim", data={"csrf": known if token else "x", "ver": "1"}, headers=headers)
        assert answer.status_code == status
        assert site.work.db.query("SELECT count(*) FROM inquiry_event") == [(int(status == 303),)]


async def test_a_viewer_may_read_and_not_act(community: Community) -> None:
    async with open_site(community) as site, site.visitor("vic") as vic:
        await site.says(("fox", "my swap failed"))
        page = await vic.get("/")
        path = f"/inquiry/{site.only_id()}"
        answer = await vic.post(f"{path}/claim", data={"csrf": csrf(page.text), "ver": "1"})
    assert page.status_code == 200
    assert answer.status_code == 403


async def test_a_password_is_set_and_opens_the_door(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy, site.visitor() as later:
        token = csrf((await amy.get("/settings")).text)
        await amy.post("/settings/password", data={"csrf": token, "password": "four horses in a boat"})
        door = csrf((await later.get("/signin?next=/connectors")).text)
        form = {"csrf": door, "name": "amy", "password": "wrong, wrong", "next": "/connectors"}
        assert (await later.post("/signin", data=form)).status_code == 403
        answer = await later.post("/signin", data=form | {"password": "four horses in a boat"})
        assert answer.headers["location"] == "/connectors"
        assert (await later.get("/connectors")).status_code == 200


async def test_the_door_does_not_lead_elsewhere(community: Community) -> None:
    async with open_site(community) as site, site.visitor() as nobody:
        answer = await sign_in(nobody, f"{site.link('amy')}&next=//elsewhere.example")
    assert answer.headers["location"] == "/"


async def test_a_used_link_is_refused_in_words(community: Community) -> None:
    async with open_site(community) as site, site.visitor(lang="zh-CN") as first, site.visitor(lang="zh-CN") as second:
        link = site.link("amy")
        form = {"token": link.partition("token=")[2]}
        assert (await first.post("/enter", data=form)).status_code == 303
        for answer in (await second.get(link), await second.post("/enter", data=form)):
            assert answer.status_code == 403
            assert "这个链接已用过" in answer.text


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_a_scanner_or_a_preview_of_a_chat_does_not_use_up_a_link(community: Community, method: str) -> None:
    async with open_site(community) as site, site.visitor() as scanner, site.visitor() as amy:
        link = site.link("amy")
        looked = await scanner.request(method, link)
        assert (looked.status_code, looked.cookies.get("session")) == (200, None)
        assert (await sign_in(amy, link)).status_code == 303
        assert (await amy.get("/")).status_code == 200


async def test_only_on_this_machine_itself_the_button_of_a_link_presses_itself(community: Community) -> None:
    async with open_site(community) as site, site.visitor() as amy:
        link = site.link("amy")
        assert "enter.js" in (await amy.get(link)).text
        assert "enter.js" not in (await amy.get(link, headers={"sec-purpose": "prefetch;prerender"})).text
        assert "Sign in as amy" in (await amy.get(link)).text


async def test_another_site_cannot_press_the_button_of_a_link(community: Community) -> None:
    async with open_site(community) as site, site.visitor() as amy:
        form = {"token": site.link("amy").partition("token=")[2]}
        for headers in (
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "", "origin": "https://elsewhere.example"},
        ):
            assert (await amy.post("/enter", data=form, headers=headers)).status_code == 403


async def test_an_idle_session_is_over(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        community.clock.now += timedelta(hours=13)
        assert (await amy.get("/")).status_code == 303


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "//x", "https://", "https://a\u202eb.example/"]
)
async def test_the_way_out_leads_only_to_the_web_and_to_mail(community: Community, link: str) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        assert (await amy.get("/out", params={"u": link})).status_code == 400
        assert (await amy.get("/out", params={"u": "https://example.org/x"})).status_code == 200


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example\\@wallet.test/restore",
        "https://evil.example\\.wallet.test/restore",
        "https://wallet.test@evil.example/restore",
        "https://evil%2Eexample/restore",
        "https://ev%E2%80%8Bil.example/restore",
        "https://evil．example/restore",
        "https://ｅvil｡example/restore",
    ],
)
async def test_the_way_out_names_where_a_browser_goes(community: Community, link: str) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        page = (await amy.get("/out", params={"u": link})).text
    assert "<b><bdi>evil.example</bdi></b>" in page


async def test_errors_have_pages_in_both_languages(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy, site.visitor("sam", lang="zh-CN") as sam:
        english, chinese = await amy.get("/inquiry/AAAAAAA"), await sam.get("/nowhere")
    assert (english.status_code, chinese.status_code) == (404, 404)
    assert "There is nothing here" in english.text
    assert "这里什么都没有" in chinese.text


@pytest.mark.parametrize("path", ["/?after=x", "/?as_of=never", "/rows?ids=x", "/inquiry/1/claim"])
async def test_addresses_that_cannot_be_read_are_refused(community: Community, path: str) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        assert (await amy.get(path)).status_code in (400, 404, 405)


async def test_machines_can_ask_whether_the_service_lives(community: Community) -> None:
    async with open_site(community) as site, site.visitor() as machine:
        assert (await machine.get("/health/live")).json() == {"status": "ok"}
        assert (await machine.get("/health/ready")).json() == {"status": "ok"}


async def test_a_desk_that_does_not_answer_is_named_without_a_path(community: Community) -> None:
    async with open_site(community) as site, site.visitor() as machine:
        site.work.desk.close()
        answer = await machine.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "not ready", "why": "desk.db does not answer"})


async def test_pages_and_files_are_compressed_for_whoever_takes_it_but_not_what_another_site_brought_about(
    community: Community,
) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        page = await amy.get("/")
        path = re.findall(r'/static/[^"]+/app\.css', page.text)[0]
        file, words = await amy.get(path), await amy.get(path.replace("app.css", "strings.en.json"))
        plain = await amy.get(path, headers={"accept-encoding": "br, gzip;q=0"})
        foreign = await amy.get("/", headers={"sec-fetch-site": "cross-site"})
    assert [one.headers["content-encoding"] for one in (page, file, words)] == ["gzip"] * 3
    assert file.headers["vary"] == plain.headers["vary"] == "accept-encoding"
    assert "content-encoding" not in plain.headers
    assert file.text == plain.text
    assert "content-encoding" not in foreign.headers
    assert "permissions-policy" in page.headers
    assert "content-security-policy" in file.headers
