"""Inquiries that were read before, kept until they change: their rows are wide, and most of a page of the feed is the
page of a moment ago. What the moment decides (state, priority, terms) is never kept, but read with the page's order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from aggregator.identity import Id, written
from aggregator.inquiry import Inquiry
from aggregator.store.database import Connection
from aggregator.store.rows import INQUIRY, among, to_inquiry

MOST = 5000

Shown = tuple[Id, int, datetime]
"""What tells one version of an inquiry from another: id, ver, and when its newest post was read."""


class _Kept(NamedTuple):
    inquiry: Inquiry
    account_id: Id | None  # who wrote its leading post


class InquiryCache:
    """Safe from any thread; one for a service."""

    def __init__(self) -> None:
        self._kept: dict[Shown, _Kept] = {}
        self._last: dict[Id, Inquiry] = {}
        self._wrote: dict[Id, Id] = {}  # by leading post, who wrote it: that never changes

    def read(self, cursor: Connection, wanted: Iterable[tuple[Shown, str]]) -> dict[Id, tuple[Inquiry, str]]:
        """These inquiries, each with the name of who wrote its leading post, as it is now. `wanted`: with their tables.
        What has changed or moved since they were found is left out."""
        found: dict[Id, _Kept] = {}
        missing: dict[str, dict[Id, Shown]] = {}
        for shown, table in wanted:
            if kept := self._kept.get(shown):
                found[shown[0]] = kept
            else:
                missing.setdefault(table, {})[shown[0]] = shown
        for table, some in missing.items():
            found |= self._fetch(cursor, table, some)
        names = _names(cursor, {kept.account_id for kept in found.values() if kept.account_id})
        return {one: (kept.inquiry, names.get(kept.account_id or b"", "")) for one, kept in found.items()}

    def last(self, one: Id) -> Inquiry | None:
        """An inquiry as it was read last; it may have changed since."""
        return self._last.get(one)

    def _fetch(self, cursor: Connection, table: str, some: Mapping[Id, Shown]) -> dict[Id, _Kept]:
        if len(self._kept) > MOST:
            self._kept, self._last, self._wrote = {}, {}, {}
        # Row numbers first, for the other columns are wide.
        found = cursor.execute(
            f"SELECT {', '.join(INQUIRY)} FROM {table} WHERE rowid IN "
            f"(SELECT rowid FROM {table} WHERE inquiry_id IN (SELECT unnest(?)::UUID))",
            [[written(one) for one in some]],
        ).fetchall()
        inquiries = [to_inquiry(row) for row in found]
        wrote = self._wrote  # another thread may begin a new one meanwhile
        wrote |= _authors(cursor, [each for each in inquiries if each.lead_post_id not in wrote])
        fetched = {each.inquiry_id: _Kept(each, wrote.get(each.lead_post_id)) for each in inquiries}
        for each, kept in fetched.items():
            self._kept[each, kept.inquiry.ver, kept.inquiry.seen_at] = kept
            self._last[each] = kept.inquiry
        return fetched


def _authors(cursor: Connection, inquiries: Iterable[Inquiry]) -> dict[Id, Id]:
    """Who wrote the leading posts. A post is no older than its inquiry: that spares reading the older ones."""
    leads = {each.lead_post_id: each.opened_at for each in inquiries}
    if not leads:
        return {}
    found = cursor.execute(
        "SELECT post_id, account_id FROM post WHERE post_id IN (SELECT unnest(?)::UUID) AND posted_at >= ?",
        [[written(one) for one in leads], min(leads.values())],
    ).fetchall()
    return {post.bytes: account.bytes for post, account in found if account}


def _names(cursor: Connection, accounts: Iterable[Id]) -> dict[Id, str]:
    if not (wanted := list(accounts)):
        return {}
    found = cursor.execute(f"SELECT account_id, name FROM account WHERE {among('account_id', wanted)}").fetchall()
    return {account.bytes: name for account, name in found}
