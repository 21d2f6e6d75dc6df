"""The status notice of an incident: written in two languages, versioned, shown at its inquiries, put into answers."""

from __future__ import annotations

import random
from typing import Any

import httpx

from tests.conftest import Community
from tests.secret_maker import phrase
from tests.test_web_acting import Hand
from tests.web_site import WebSite, csrf, open_site

SAME = "the app crashes at start since 5.2.0 on Android"
ZH, EN = "{name}您好，5.2.0 闪退的问题正在修复，预计今晚更新。", "Hello {name}, we are mending the crash of 5.2.0."


async def _incident(site: WebSite) -> None:
    """INC-1: two who write English, one who writes Chinese."""
    await site.says(("Bo", SAME), ("Nils", SAME), ("海盐", "安卓更新到5.2.0以后一打开就闪退"))


async def _saves(client: httpx.AsyncClient, **form: str) -> httpx.Response:
    page = (await client.get("/incidents/1")).text
    data = {"csrf": csrf(page), "version_zh": "0", "version_en": "0", **form}
    return await client.post("/incidents/1/notice", data=data)


def _inquiries(site: WebSite) -> dict[str, str]:
    found = site.work.db.query("SELECT lang, inquiry_id::VARCHAR FROM inquiry ORDER BY opened_at")
    return {lang: str(inquiry) for lang, inquiry in found}


async def test_a_notice_is_shown_and_offered_at_every_inquiry_in_its_language(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        await _incident(site)
        assert (await _saves(amy, zh=ZH, en=EN)).status_code == 303
        said = {lang: (await amy.get(f"/inquiry/{one}")).text for lang, one in _inquiries(site).items()}
        assert "海盐您好，5.2.0 闪退的问题正在修复" in said["zh-Hans"]
        assert "Hello Nils, we are mending the crash of 5.2.0." in said["en"]
        english = _inquiries(site)["en"]
        offered = (await amy.get(f"/inquiry/{english}/suggested")).text
        assert 'data-insert="Hello Nils, we are mending the crash of 5.2.0."' in offered
        texts: list[dict[str, Any]] = (await amy.get(f"/inquiry/{english}/texts")).json()["texts"]
        assert texts[0]["text"] == "Hello Nils, we are mending the crash of 5.2.0."
        async with site.visitor("vic") as viewer:
            assert EN in (await viewer.get("/incidents/1")).text.replace("&#39;", "'")
            assert (await _saves(viewer, en="x")).status_code == 403


SAFE = "Your funds are not affected"


async def test_until_it_is_written_nobody_who_was_robbed_or_met_swindlers_is_told_that_funds_are_safe(
    community: Community,
) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        await _incident(site)
        await site.says(
            ("Cy", SAME),
            ("Dee", f"{SAME}, and I typed my recovery phrase into a site that asked for it!"),
            ("Eve", f"{SAME}, and all my USDT was stolen from my wallet"),
        )
        data = {"csrf": csrf((await amy.get("/incidents/1")).text)}
        found = [str(one) for (one,) in site.work.db.query("SELECT inquiry_id FROM inquiry ORDER BY opened_at")][3:]
        for one in found:
            await amy.post("/incidents/1/add", data={**data, "inquiry": one})
        fault, given, stolen = [(await amy.get(f"/inquiry/{one}/suggested")).text for one in found]
        assert SAFE in fault
        assert "Phrase leaked: move the funds</button>" in given
        assert "Funds stolen: limit the damage</button>" in stolen
        assert not [said for said in (given, stolen) if SAFE in said or "Notice of INC-1" in said]
        await _saves(amy, en=EN)
        assert "Notice of INC-1</button>" in (await amy.get(f"/inquiry/{found[2]}/suggested")).text
        await _saves(amy, version_en="1")
        await amy.post("/incidents/1/end", data=data)
        assert SAFE not in (await amy.get(f"/inquiry/{found[0]}/suggested")).text
        phishing = "someone pretends to be your support, account @harbor_helpdesk, is it real?"
        await site.says(("Fay", phishing), ("Gil", phishing), ("Hal", phishing))
        ((last,),) = site.work.db.query("SELECT inquiry_id::VARCHAR FROM incident_of WHERE number = 2 LIMIT 1")
        assert "Notice of INC-2" not in (await amy.get(f"/inquiry/{last}/suggested")).text


async def test_every_version_is_kept_and_whoever_was_quicker_is_shown(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy, site.visitor("sam") as sam:
        site.work.desk.add_user("lee", "lead")
        await _incident(site)
        await _saves(amy, en=EN)
        community.clock.pass_(minutes=1)
        late = await _saves(sam, en="Mine.")
        assert late.status_code == 409
        assert "amy has changed the notice meanwhile" in late.text
        assert ">Mine.</textarea>" in late.text
        assert (await _saves(sam, en="Mine.", version_en="1")).status_code == 303
        community.clock.pass_(minutes=1)
        assert (await _saves(sam, en="", version_en="2")).status_code == 303
        kept = site.work.db.query("SELECT lang, version, text, written_by FROM incident_notice ORDER BY version")
        assert kept == [("en", 1, EN, "amy"), ("en", 2, "Mine.", "sam"), ("en", 3, "", "sam")]
        assert "There is none yet." in (await amy.get("/incidents/1")).text
        async with site.visitor("lee") as lee:
            audit = (await lee.get("/audit?what=notice", headers={"accept": "application/json"})).json()["events"]
        assert [(each["who"], each["before"]["notice"], each["after"]["notice"]) for each in audit] == [
            ("sam", "Mine.", ""), ("sam", EN, "Mine."), ("amy", "", EN),
        ]  # fmt: skip


async def test_what_no_customer_may_get_is_no_notice(community: Community) -> None:
    async with open_site(community) as site, site.visitor("amy") as amy:
        await _incident(site)
        secret = phrase(random.Random(5), layout="commas", disguise="none").text
        refused = [await _saves(amy, en=text) for text in (secret, "see {nobody}", "x" * 5001)]
        assert [each.status_code for each in refused] == [422, 422, 422]
        assert "Nothing will ever fill {nobody}." in refused[1].text
        assert site.work.db.query("SELECT count(*) FROM incident_notice") == [(0,)]
        hand = await Hand.of(amy)
        assert (await hand.client.post("/incidents/9/notice", headers=hand.headers)).status_code == 404
