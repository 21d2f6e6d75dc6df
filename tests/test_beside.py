"""What is said of a few inquiries by their ids is what the macro of the whole feed says of them."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from aggregator.store.database import Connection
from aggregator.store.reading import FeedRow, rows_by_id
from tests.conftest import Community, open_inquiries, poll

SAID = (
    "my swap failed", "提现三小时未到账", "how do I change the fee?", "gm", "the app crashes", "still nothing?",
    "I was asked for my seed phrase", "thanks, solved",
)  # fmt: skip


def shape(con: Connection, rng: random.Random, now: datetime) -> None:
    """Accounts that are one, impostors who approached, incidents, sleep and bands, drawn at random."""
    accounts = [one for (one,) in con.execute("SELECT account_id FROM account ORDER BY 1").fetchall()]
    rng.shuffle(accounts)
    inquiries = con.execute("SELECT inquiry_id, person_id, state FROM inquiry_open ORDER BY 1").fetchall()
    for start in (0, 3, 6):
        linked = sorted(accounts[start : start + rng.randint(2, 3)])
        level, undone = rng.choice(["claimed", "verified", "suggested"]), rng.choice([None, None, now])
        for account in linked:
            con.execute(
                "INSERT INTO person_link VALUES (?, ?, ?, ?, 'mail', ?, ?, ?, NULL)",
                [account, account, linked[0], level, linked[0], now, undone],
            )
    con.execute("UPDATE account SET person_id = ? WHERE account_id = ?", rng.sample(accounts, 2))
    for inquiry, _, _ in rng.choices(inquiries, k=6):
        withdrawn = now if rng.random() < 0.3 else None
        con.execute(
            "INSERT INTO approach VALUES (uuid(), ?, ?, ?, 'name', ?)",
            [rng.choice(accounts), inquiry, now, withdrawn],
        )
    for number in range(101, 104):  # beside those that began by themselves
        (incident,) = con.execute("SELECT uuid()").fetchone() or ()
        con.execute("INSERT INTO incident VALUES (?, ?, 'open', '{}', ?, NULL, NULL, NULL)", [incident, number, now])
        for inquiry, person, _ in rng.sample(inquiries, 6):
            left = now if rng.random() < 0.2 else None
            con.execute(
                "INSERT INTO incident_member VALUES (?, ?, ?, ?, ?, 'fields', ?, NULL)",
                [incident, inquiry, person, now, now, left],
            )
    for inquiry, _, _ in rng.sample(inquiries, 4):
        until = now + timedelta(minutes=rng.choice([-5, 5]))
        con.execute(
            "UPDATE inquiry_open SET state = 'snoozed', snoozed_until = ? WHERE inquiry_id = ?", [until, inquiry]
        )
        con.execute("UPDATE inquiry_open SET owner = 'amy' WHERE inquiry_id = ? AND random() < 0.5", [inquiry])
    for inquiry, _, _ in rng.sample(inquiries, 8):
        con.execute("UPDATE inquiry_open SET kind = 'other', ver = ver + 1 WHERE inquiry_id = ?", [inquiry])
    for inquiry, _, _ in rng.sample(inquiries, 4):
        con.execute(
            "UPDATE inquiry_open SET at_least = ?, at_most = ?, ver = ver + 1 WHERE inquiry_id = ?",
            [*rng.choice([(82, None), (None, 20), (40, 60)]), inquiry],
        )


def of_feed(row: dict[str, Any]) -> dict[str, Any]:
    incident = (
        (row["incident_id"].bytes, row["incident_number"], row["incident_persons"]) if row["incident_id"] else None
    )
    return {"state": row["state"], "priority": round(row["priority"], 6), "incident": incident}


def of_row(row: FeedRow) -> dict[str, Any]:
    tag = row.incident
    incident = (tag.incident_id, tag.number, tag.persons) if tag else None
    return {"state": row.inquiry.state, "priority": round(row.priority, 6), "incident": incident}


@pytest.mark.parametrize("seed", range(6))
async def test_a_few_inquiries_stand_as_they_do_in_the_whole_feed(community: Community, seed: int) -> None:
    rng = random.Random(seed)
    async with community.desk() as work:
        for number in range(24):
            who, text = f"user{rng.randrange(12)}", f"{rng.choice(SAID)} ({number})"
            if rng.random() < 0.5:
                community.telegram.says(who, text)
            else:
                community.forum.says(who, text, title=f"Topic {number}")
            community.clock.pass_(minutes=rng.randrange(200))
        await poll(work)
        await work.ingest.group()  # now, and not between two looks
        community.clock.pass_(hours=30)
        await work.db.write(lambda con: shape(con, rng, community.clock()))
        feed = {row["inquiry_id"].bytes: of_feed(row) for row in open_inquiries(work)}
        assert len({row["priority"] for row in feed.values()}) > 5
        assert any(row["incident"] for row in feed.values())
        with work.db.reading() as cursor:
            together = rows_by_id(cursor, list(feed), moment=community.clock())
            alone = [row for one in feed for row in rows_by_id(cursor, [one], moment=community.clock())]
    assert {row.inquiry.inquiry_id: of_row(row) for row in together} == feed
    assert {row.inquiry.inquiry_id: of_row(row) for row in alone} == feed
