"""Whether a query of an analyst may run here (`sql: pushdown`): its syntax tree holds nothing but what is listed.

Everything that is not known is refused, so that what a later DuckDB adds is refused, too. DuckDB parses, in a database
of its own with nothing in it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterator
from importlib import resources
from typing import Any

import duckdb
import orjson

from aggregator.analysts import VIEWS

LONGEST = 20_000  # characters

_EXPRESSIONS = frozenset(
    {"BETWEEN", "CASE", "CAST", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "LAMBDA", "OPERATOR"}
    | {"POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "WINDOW"}
)
_NODES = frozenset(
    {"SELECT_NODE", "SET_OPERATION_NODE", "CTE_NODE", "RECURSIVE_CTE_NODE", "BASE_TABLE", "EMPTY", "EXPRESSION_LIST"}
    | {"JOIN", "SUBQUERY", "TABLE_FUNCTION", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "ORDER_MODIFIER"}
    | {"DISTINCT_MODIFIER", "ORDER_DEFAULT", "ASCENDING", "DESCENDING"}
    | {"DECIMAL_TYPE_INFO", "LIST_TYPE_INFO", "STRUCT_TYPE_INFO", "STRING_TYPE_INFO"}
)
_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})


def _functions() -> frozenset[str]:
    lines = (resources.files("aggregator.analysts") / "functions.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("# ") for word in line.split())


_FUNCTIONS = _functions()


class Checker:
    """Says why a query may not run; None: it may."""

    def __init__(self, relations: Collection[str]) -> None:
        """relations: the names of all tables and views of the served database, whoever may read them."""
        self._parser = duckdb.connect(config={"enable_external_access": False, "threads": 1})
        self._lock = threading.Lock()
        self._relations = {name.lower() for name in relations}
        self._views = frozenset(VIEWS)

    def refused(self, query: str) -> str | None:
        if len(query) > LONGEST:
            return "it is too long"
        try:
            with self._lock:
                asked = "SELECT json_serialize_sql(?, skip_empty := true, skip_null := true)"
                found = self._parser.execute(asked, [query]).fetchone()
            assert found is not None
            tree = orjson.loads(found[0])
        except (duckdb.Error, orjson.JSONDecodeError) as error:
            return f"it cannot be read: {error}"
        if tree.get("error"):
            return str(tree.get("error_message", "it cannot be read"))
        if len(tree["statements"]) != 1:
            return "one statement at a time"
        return self._walk(tree["statements"][0])

    def _walk(self, statement: Any) -> str | None:
        nodes = list(_nodes(statement))
        named = {entry["key"] for node in nodes for entry in _entries(node.get("cte_map"))}
        named |= {node["ctename"] for node in nodes if isinstance(node.get("ctename"), str)}
        named |= {node["cte_name"] for node in nodes if isinstance(node.get("cte_name"), str)}
        # Out of its scope such a name is looked for elsewhere: among the relations, or, with a dot in it, among files.
        if odd := [name for name in named if not re.fullmatch(r"[^\W\d]\w*", name)]:
            return f"{odd[0]} cannot name a common table expression here"
        if taken := [name for name in named if name.lower() in self._relations]:
            return f"{taken[0]} is the name of a relation; call the common table expression otherwise"
        known = self._views | {name.lower() for name in named}
        return next((why for node in nodes if (why := _wrong(node, known))), None)


def _wrong(node: dict[str, Any], known: Collection[str]) -> str | None:
    kind = node.get("type")
    if "class" in node:
        if node["class"] not in _EXPRESSIONS:
            return f"{node['class']} is not allowed"
        if node["class"] in ("FUNCTION", "WINDOW") and (why := _function(node)):
            return why
        return None
    if not isinstance(kind, str):
        return None
    if kind not in _NODES:
        return f"{kind} is not allowed"
    if "at_clause" in node:
        return "AT is not allowed"
    if kind == "TABLE_FUNCTION":
        name = str(node["function"].get("function_name", "")).lower()
        return None if name in _TABLE_FUNCTIONS else f"the table function {name} is not allowed"
    if kind == "BASE_TABLE":
        if node.get("catalog_name") or node.get("schema_name", "main") != "main":
            return "only relations of the schema main can be read"
        if str(node.get("table_name", "")).lower() not in known:
            return f"there is no view {node.get('table_name')}"
    return None


def _function(node: dict[str, Any]) -> str | None:
    name = str(node.get("function_name", "")).lower()
    if node.get("catalog") or node.get("schema", "main") not in ("main", ""):
        return f"the function {name} of another schema is not allowed"
    if name not in _FUNCTIONS and name not in _TABLE_FUNCTIONS:
        return f"the function {name} is not allowed"
    return None


def _entries(cte_map: Any) -> list[dict[str, Any]]:
    found = cte_map.get("map", []) if isinstance(cte_map, dict) else []
    return [entry for entry in found if isinstance(entry, dict) and isinstance(entry.get("key"), str)]


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """All objects in it, without recursion: a hostile query can be deep."""
    left = [tree]
    while left:
        here = left.pop()
        if isinstance(here, dict):
            yield here
            left.extend(here.values())
        elif isinstance(here, list):
            left.extend(here)
