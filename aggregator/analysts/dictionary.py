"""docs/data-dictionary.md, made of what the schema says of its views: `python -m aggregator.analysts.dictionary`."""

from __future__ import annotations

import sys

from aggregator.analysts import VIEWS
from aggregator.store.database import Connection, Database

HEAD = """# Data dictionary

What analysts may read, live ([analysts](analysts.md)) and in exports. Made from the comments in
[`aggregator/sql/0016_views.sql`](../aggregator/sql/0016_views.sql) and
[`0021_daily_counts.sql`](../aggregator/sql/0021_daily_counts.sql) by
`python -m aggregator.analysts.dictionary > docs/data-dictionary.md`; a test tells when it is out of date.

Times are UTC; days (`..._on`) are those of `timezone` in connectors.yaml. No view names a customer: `person_id` is a
pseudonym. Ids are the same in every view, so views can be joined by `inquiry_id`, `person_id`, `post_id` and
`incident_id`. A column is never renamed or given another meaning; new ones may come.
"""


def dictionary(con: Connection) -> str:
    """The whole document.

    Raises:
        KeyError: a view or a column is not explained.
    """
    told = dict(con.execute("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal").fetchall())
    columns = con.execute(
        "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal "
        "ORDER BY table_name, column_index"
    ).fetchall()
    parts = [HEAD]
    for view in VIEWS:
        rows = [(name, kind, comment) for of, name, kind, comment in columns if of == view]
        if not told[view] or not all(comment for *_, comment in rows):
            raise KeyError(f"{view} is not wholly explained")
        lines = [f"| `{name}` | {_type(kind)} | {comment} |" for name, kind, comment in rows]
        parts.append(
            "\n".join([f"## {view}", "", told[view], "", "| Column | Type | Meaning |", "|---|---|---|", *lines])
        )
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _type(kind: str) -> str:
    return {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}.get(kind, kind)


if __name__ == "__main__":
    db = Database(None)
    with db.reading() as cursor:
        sys.stdout.write(dictionary(cursor))
    db.close()
