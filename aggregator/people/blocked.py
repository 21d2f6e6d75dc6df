"""What a lead's block of an account means: what it writes begins no inquiry, unless it gives a key away.

Its posts are stored, and go on belonging to an inquiry that it has already. When the block is taken back, what it wrote
meanwhile begins inquiries after all. Runs on the writer's connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aggregator.identity import Id, as_written
from aggregator.people.suspects import begin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aggregator.config import Settings
    from aggregator.ingest.drafts import Draft, Prepared
    from aggregator.store.rows import Connection

_SILENCED = (
    "p.seen_at >= ? AND p.deleted_at IS NULL AND NOT json_exists(p.facts, '$.poses') "
    "AND NOT json_exists(p.facts, '$.passed_over')"
)


def silence(con: Connection, page: Prepared, fresh: Sequence[Draft]) -> set[Id]:
    """New posts of blocked accounts begin nothing, as if the source's words passed them over; returns these."""
    asking = [draft for draft in fresh if draft.account and draft.begins is not None]
    if not asking:
        return set()
    found = con.execute("SELECT target FROM flag WHERE kind = 'account' AND state = 'blocked'").fetchall()
    blocked = {as_written(target) for (target,) in found}
    silenced = set[Id]()
    for draft in asking if blocked else ():
        assert draft.account is not None
        assert draft.begins is not None
        if draft.account.account_id in blocked and not page.begun["secret"][draft.begins].as_py():
            draft.passed_over, draft.begins = True, None
            silenced.add(draft.post_id)
    return silenced


def unblocked(con: Connection, settings: Settings, account: Id, since: datetime) -> set[Id]:
    """What this account wrote from then on, when it was blocked, begins inquiries now; returns these."""
    return begin(con, settings, account, _SILENCED, [since])
