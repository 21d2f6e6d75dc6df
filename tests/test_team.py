"""Colleagues, roles, sessions and tokens: in desk.db, on the settings pages, and on the command line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from aggregator.cli import main
from aggregator.config import Settings
from aggregator.demo.visitor import sign_in
from aggregator.store import team, tokens
from aggregator.store.desk import Desk, DeskError
from aggregator.users import desk_url
from tests.conftest import Community
from tests.web_site import WebSite, csrf, open_site

NOW = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "desk.db")
    desk.add_user("ada", "admin")
    desk.add_user("amy", "agent")
    yield desk
    desk.close()


def test_the_last_admin_can_neither_leave_nor_become_less(desk: Desk) -> None:
    with pytest.raises(DeskError, match="only admin"):
        team.set_role(desk, "ada", "lead", who="ada", now=NOW)
    with pytest.raises(DeskError, match="only admin"):
        team.remove(desk, "ada", who="ada", now=NOW)
    team.set_role(desk, "amy", "admin", who="ada", now=NOW)
    team.set_role(desk, "ada", "viewer", who="amy", now=NOW)
    assert {one.name: one.role for one in team.members(desk)} == {"ada": "viewer", "amy": "admin"}


def test_who_was_removed_is_signed_out_and_the_change_is_noted(desk: Desk) -> None:
    browser = desk.enter(desk.invite("amy", NOW), NOW)
    program = tokens.make(desk, "report", "amy", ["read"], who="amy", now=NOW, until=None)
    assert browser
    team.remove(desk, "amy", who="ada", now=NOW)
    assert desk.session(browser, NOW) is None
    assert tokens.holder(desk, program, NOW) is None
    noted = [(one.who, one.what, one.whom) for one in team.events(desk)]
    assert noted == [("ada", "remove", "amy"), ("amy", "token", "amy")]


def test_signing_out_everywhere_ends_links_that_nobody_has_used(desk: Desk) -> None:
    browser = desk.enter(desk.invite("amy", NOW), NOW)
    assert browser
    unused, others = desk.invite("amy", NOW), desk.invite("ada", NOW)
    desk.sign_out_everywhere("amy")
    assert desk.session(browser, NOW) is None
    assert desk.enter(unused, NOW) is None
    assert desk.enter(others, NOW)


def test_one_session_ends_and_the_other_goes_on(desk: Desk) -> None:
    here = desk.enter(desk.invite("amy", NOW), NOW, "Firefox")
    there = desk.enter(desk.invite("amy", NOW), NOW + timedelta(hours=1), "a phone")
    assert here
    assert there
    assert [one.browser for one in team.sessions(desk, "amy")] == ["a phone", "Firefox"]
    assert not team.end_session(desk, "ada", team.session_id(there), who="ada", now=NOW)
    assert team.end_session(desk, "amy", team.session_id(there), who="amy", now=NOW)
    assert [(one.what, one.whom, one.details) for one in team.events(desk)] == [("session", "amy", {"name": "a phone"})]
    assert desk.session(there, NOW + timedelta(hours=1)) is None
    assert desk.session(here, NOW + timedelta(hours=1))


def test_a_token_may_what_it_says_until_it_ends(desk: Desk) -> None:
    token = tokens.make(desk, "report", "amy", ["sql", "read"], who="amy", now=NOW, until=NOW + timedelta(days=1))
    held = tokens.holder(desk, token, NOW)
    assert held
    assert (held[0].name, held[1]) == ("amy", {"read", "sql"})
    assert tokens.holder(desk, token, NOW + timedelta(days=1)) is None
    assert tokens.holder(desk, token + "x", NOW) is None
    (listed,) = tokens.tokens(desk, "amy")
    assert listed.used_at == NOW
    with pytest.raises(DeskError, match="already"):
        tokens.make(desk, "report", "amy", ["read"], who="amy", now=NOW, until=None)
    with pytest.raises(DeskError, match="no token"):
        tokens.revoke(desk, "report", who="ada", now=NOW, owner="ada")
    tokens.revoke(desk, "report", who="ada", now=NOW)
    assert tokens.holder(desk, token, NOW) is None


@pytest.mark.parametrize(
    ("name", "scopes"), [("", ["read"]), ("x" * 61, ["read"]), ("report", []), ("report", ["all"])]
)
def test_a_token_needs_a_name_and_a_scope(desk: Desk, name: str, scopes: list[tokens.Scope]) -> None:
    with pytest.raises(DeskError):
        tokens.make(desk, name, "amy", scopes, who="amy", now=NOW, until=None)


def test_no_token_stands_in_the_file(desk: Desk, tmp_path: Path) -> None:
    token = tokens.make(desk, "report", "amy", ["read"], who="amy", now=NOW, until=None)
    desk.copy_to(tmp_path / "copy.db")
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"report" in kept
    assert token.encode() not in kept


# -- pages ---------------------------------------------------------------------------------------


async def _with_admin(site: WebSite) -> None:
    site.work.desk.add_user("ada", "admin")
    site.work.desk.add_user("lea", "lead")


async def _press(who: httpx.AsyncClient, path: str, **form: str) -> httpx.Response:
    token = csrf((await who.get("/settings")).text)
    return await who.post(path, data={"csrf": token, **form})


async def test_why_a_form_is_refused_is_said_in_the_readers_language(community: Community) -> None:
    async with open_site(community) as site:
        await _with_admin(site)
        async with site.visitor("ada", lang="zh-CN") as ada:
            refused = [
                await _press(ada, "/settings/team", name="amy", role="agent"),
                await _press(ada, "/settings/team", name="me", role="agent"),
                await _press(ada, "/settings/team/role", name="ada", role="agent"),
                await _press(ada, "/settings/tokens", name="report"),
                await _press(ada, "/settings/tokens/revoke", name="report"),
            ]
    said = [
        "已有用户 amy",
        "&#39;me&#39; 不能用作用户名",
        "ada 是唯一的管理员",
        "至少需要一项权限：read",
        "没有令牌 report",
    ]
    assert [each.status_code for each in refused] == [409] * 5
    assert [words for words, each in zip(said, refused, strict=True) if words not in each.text] == []


async def test_an_admin_adds_a_colleague_who_comes_by_the_link(community: Community) -> None:
    async with open_site(community) as site:
        await _with_admin(site)
        async with site.visitor("ada") as ada, site.visitor() as new:
            page = await _press(ada, "/settings/team", name="林 晓", role="lead")
            link = re.search(r'value="(http[^"]+/enter\?token=[^"]+)"', page.text)
            assert link, page.text
            await sign_in(new, link[1])
            assert "林 晓" in (await new.get("/")).text
            assert "林 晓" in (await new.get("/settings/team")).text
            taken = await _press(ada, "/settings/team", name="林 晓", role="viewer")
            assert taken.status_code == 409


async def test_only_admins_change_the_team_and_leads_may_look(community: Community) -> None:
    async with open_site(community) as site:
        await _with_admin(site)
        async with site.visitor("amy") as amy, site.visitor("lea") as lea:
            assert (await amy.get("/settings/team")).status_code == 403
            assert (await lea.get("/settings/team")).status_code == 200
            for what in ("role", "link", "sign_out", "remove"):
                answer = await _press(lea, f"/settings/team/{what}", name="amy", role="viewer", sure="amy")
                assert answer.status_code == 403
            assert (await _press(lea, "/settings/team", name="eve", role="admin")).status_code == 403
        assert {user.name for user in site.work.desk.users()} == {"ada", "amy", "lea", "sam", "vic"}


async def test_removing_asks_first_and_then_ends_the_colleagues_session(community: Community) -> None:
    async with open_site(community) as site:
        await _with_admin(site)
        async with site.visitor("ada") as ada, site.visitor("sam") as sam:
            asked = await _press(ada, "/settings/team/remove", name="sam")
            assert asked.status_code == 409
            assert 'name="sure" value="sam"' in asked.text
            assert (await sam.get("/")).status_code == 200
            await _press(ada, "/settings/team/remove", name="sam", sure="sam")
            assert (await sam.get("/")).status_code == 303


async def test_a_role_counts_from_the_next_request(community: Community) -> None:
    async with open_site(community) as site:
        await _with_admin(site)
        async with site.visitor("ada") as ada, site.visitor("lea") as lea:
            await _press(ada, "/settings/team/role", name="lea", role="viewer")
            assert (await lea.get("/settings/team")).status_code == 403
            wrong = await _press(ada, "/settings/team/role", name="lea", role="queen")
            assert wrong.status_code == 409


async def test_a_colleague_ends_another_browser_of_their_own(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as here, site.visitor("amy") as there:
        page = (await here.get("/settings")).text
        (session,) = re.findall(r'name="session" value="([0-9a-f]+)"', page)
        await _press(here, "/settings/sessions", session=session)
        assert (await there.get("/")).status_code == 303
        assert (await here.get("/")).status_code == 200


async def test_a_token_is_shown_once_and_others_do_not_see_it(community: Community) -> None:
    async with open_site(community) as site:
        await _with_admin(site)
        async with site.visitor("amy") as amy, site.visitor("sam") as sam, site.visitor("vic") as vic:
            made = await _press(amy, "/settings/tokens", name="report", scope_read="1", days="30")
            token = re.search(r'value="(desk_[^"]+)"></label> <button [^>]*data-copy>', made.text)
            assert token
            assert tokens.holder(site.work.desk, token[1], community.clock())
            assert token[1] not in (await amy.get("/settings/tokens")).text
            assert "report" not in (await sam.get("/settings/tokens")).text
            assert (await vic.get("/settings/tokens")).status_code == 403
            assert (await _press(sam, "/settings/tokens/revoke", name="report")).status_code == 409
            await _press(amy, "/settings/tokens/revoke", name="report")
            assert tokens.holder(site.work.desk, token[1], community.clock()) is None


async def test_a_token_whose_days_are_over_is_listed_as_expired(community: Community) -> None:
    async with open_site(community) as site:
        async with site.visitor("amy") as amy:
            await _press(amy, "/settings/tokens", name="report", scope_read="1", days="30")
        community.clock.pass_(hours=31 * 24)
        async with site.visitor("amy") as amy:
            listed = (await amy.get("/settings/tokens")).text
    assert re.search(r"never used · expired <time", listed)


# -- command line --------------------------------------------------------------------------------


def test_the_command_line_makes_lists_and_revokes(tmp_path: Path) -> None:
    config = tmp_path / "connectors.yaml"
    config.write_text(f"data: {tmp_path / 'data'}\nsources: {{}}\n", encoding="utf-8")

    def said(*arguments: str) -> str:
        result = CliRunner().invoke(main, [*arguments, "--config", str(config)])
        assert result.exit_code == 0, result.output
        return result.output

    assert "/enter?token=" in said("user", "add", "amy", "--role", "admin")
    assert "bob is agent now" in said("user", "add", "bob")
    assert "bob is lead now" in said("user", "role", "bob", "--role", "lead")
    assert said("user", "list").split("\n")[:2] == ["amy: admin", "bob: lead"]
    token = said("token", "make", "nightly", "--for", "bob", "--scope", "sql", "--days", "7").splitlines()[-1]
    assert "nightly: for bob, sql, until" in said("token", "list")
    said("token", "revoke", "nightly")
    assert "none yet" in said("token", "list")
    said("user", "remove", "bob")
    assert token.startswith("desk_")
    refused = CliRunner().invoke(main, ["user", "remove", "amy", "--config", str(config)])
    assert refused.exit_code == 1
    assert "only admin" in refused.output


@pytest.mark.parametrize("days", ["", "²", "-1", "36500", "1" * 5000])
async def test_a_token_never_lasts_longer_than_was_asked_for(community: Community, days: str) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        refused = await _press(amy, "/settings/tokens", name="report", scope_read="1", days=days)
        assert refused.status_code == 400
        assert tokens.tokens(site.work.desk, "amy") == []


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        (str(IPv4Address(0)), "http://127.0.0.1:8080"),
        ("::", "http://[::1]:8080"),
        ("desk.internal", "http://desk.internal:8080"),
    ],
)
def test_a_link_leads_to_where_the_desk_is_reached(host: str, url: str) -> None:
    assert desk_url(Settings.model_validate({"sources": {}, "web": {"host": host, "port": 8080}})) == url
