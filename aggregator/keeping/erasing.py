"""Erase a person: posts of all versions, records, inquiries, our answers, drafts, links; and that person's words and
names wherever others have quoted them. Verified evidence makes one person; claimed evidence never does.

Each step is a transaction of its own, which holds the writer for about a second at most; what takes long is read beside
it. The first step writes down what is to be done (aggregator/keeping/plan.py), takes accounts and inquiries away, and
sees to it that nothing of that person is taken again; so after a kill at any moment the same steps finish it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from aggregator.folding.refold import refold
from aggregator.identity import written
from aggregator.ingest.pieces import note_compaction
from aggregator.keeping import plan as plans
from aggregator.keeping import sweep
from aggregator.keeping.deleting import delete_accounts, delete_inquiries, delete_posts
from aggregator.people.links import forget_accounts
from aggregator.store import rows

if TYPE_CHECKING:
    from aggregator.config import ChannelClock
    from aggregator.identity import Id
    from aggregator.keeping.plan import Plan
    from aggregator.keeping.sweep import Change, Column
    from aggregator.store.rows import Connection

POSTS_AT_ONCE = 5_000
VALUES_AT_ONCE = 200


def begin(con: Connection, plan: Plan) -> set[Id] | None:
    """Take away whom it is about, and write the plan down. Returns inquiries of others whose priority that may change;
    None: there is more of that person by now than the plan knows of, and nothing was done."""
    inquiries, posts = plans.belongings(con, plan.person.ids)
    if not (inquiries <= plan.inquiries and posts <= plan.posts):
        return None
    plans.store(con, plan)
    sweep.remember(con, "post", plan.posts, plan.began_at)
    sweep.remember(con, "account", plan.person.ids, plan.began_at)
    # Theirs go after this; and other people's stay, whom a colleague has put into such an inquiry.
    rows.put(con, "UPDATE post SET inquiry_id = NULL WHERE inquiry_id IN (SELECT id FROM incoming)",
             rows.ids(plan.inquiries))  # fmt: skip
    delete_inquiries(con, plan.inquiries)
    delete_accounts(con, plan.person.ids)
    linked = forget_accounts(con, plan.person.ids, plan.began_at)
    con.execute(
        "DELETE FROM flag WHERE kind = 'account' AND list_contains(?, target)",
        [[written(one) for one in plan.person.ids]],
    )
    note_compaction(con, plan.began_at)
    return linked.inquiries


def delete_some_posts(con: Connection) -> int:
    """Some of those that still go. Returns how many; none: all have gone."""
    found = con.execute(
        f"SELECT post_id FROM post SEMI JOIN erasing_post ON erased_id = post_id LIMIT {POSTS_AT_ONCE}"
    ).fetchall()
    delete_posts(con, [one.bytes for (one,) in found])
    return len(found)


def delete_unreadable(con: Connection, gone: Collection[Id], plan: Plan) -> None:
    """Records that could not be read, and were written by this person or tell of it."""
    rows.delete(con, "rejected_record", "rejected_id", list(gone))
    sweep.remember(con, "record", gone, plan.began_at)


def black_out(
    con: Connection,
    column: Column,
    changes: Sequence[Change],
    plan: Plan,
    *,
    clock_of: Callable[[str], ChannelClock],
    points: Mapping[str, float],
) -> set[Id]:
    """Some values of a column. Returns the inquiries that this touches, which are folded again. Such posts of others
    are not taken again, for their platform has the words."""
    done, posts = sweep.write(con, column, changes)
    plan.blacked[column.table] += done
    plans.note_blacked(con, plan.blacked)
    sweep.remember(con, "post", posts - plan.posts, plan.began_at)
    found = rows.select(con, "SELECT DISTINCT inquiry_id FROM post WHERE inquiry_id IS NOT NULL AND post_id IN "
                             "(SELECT id FROM wanted)", rows.ids(posts))  # fmt: skip
    touched = {inquiry for (inquiry,) in found}
    refold(con, set(touched), clock_of=clock_of, points=points)
    return touched


def quoting(con: Connection, plan: Plan) -> set[Id]:
    """Posts of others that were blacked out by this erasure, to be read again."""
    found = con.execute(
        "SELECT post_id FROM post SEMI JOIN (FROM erased WHERE kind = 'post' AND erased_at = ?) AS e ON e.id = post_id "
        "ANTI JOIN erasing_post ON erased_id = post_id",
        [plan.began_at],
    ).fetchall()
    return {one.bytes for (one,) in found}
