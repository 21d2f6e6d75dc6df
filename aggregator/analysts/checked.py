"""Whether a query of an analyst may run here (`sql: pushdown`): its syntax tree holds nothing but what is listed.

Everything that is not known is refused, so that what a later DuckDB adds is refused, too. DuckDB parses, in a database
of its own with nothing in it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterator
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
_FUNCTIONS = frozenset(
    # operators
    "+ - * / // % ** ^ || ~~ !~~ ~~* !~~* ~~~ ~ !~ @> <@ && & | << >> -> ->> [] "
    # numbers
    "abs ceil ceiling floor round trunc sign sqrt cbrt exp ln log log2 log10 pow power mod greatest least random pi "
    "add subtract multiply divide xor isnan isfinite "
    # texts
    "length len strlen lower upper lcase ucase trim ltrim rtrim left right substr substring replace concat concat_ws "
    "contains starts_with ends_with prefix suffix position strpos instr reverse split string_split str_split split_part "
    "regexp_matches regexp_extract regexp_extract_all regexp_full_match regexp_replace like_escape not_like_escape "
    "ilike_escape not_ilike_escape chr ascii unicode md5 hash levenshtein jaccard translate strip_accents "
    # times
    "date_trunc datetrunc date_part datepart date_diff datediff date_sub datesub date_add epoch epoch_ms to_timestamp "
    "year month day hour minute second quarter week isodow dayofweek weekday dayofyear isoyear yearweek last_day dayname "
    "monthname strftime strptime time_bucket timezone now current_timestamp current_date today get_current_timestamp "
    "make_date make_timestamp age to_days to_hours to_minutes to_seconds to_weeks to_months to_years day_of team_zone "
    # lists, structs, JSON
    "list_value list_pack struct_pack row struct_extract list_extract array_extract list_contains list_has array_contains "
    "list_transform list_apply apply list_filter filter list_reduce list_sort list_distinct list_unique list_sum list_avg "
    "list_min list_max list_count list_concat array_slice list_slice array_length array_to_string unnest "
    "json_extract json_extract_string json_extract_path_text json_array_length json_keys "
    # of any type
    "coalesce ifnull nullif if typeof error try_cast "
    # of many rows
    "count count_star count_if countif sum avg mean min max median mode any_value first last arbitrary arg_max arg_min "
    "argmax argmin max_by min_by list array_agg string_agg group_concat listagg bool_and bool_or quantile quantile_cont "
    "quantile_disc stddev stddev_samp stddev_pop variance var_samp var_pop corr covar_samp covar_pop regr_slope "
    "regr_intercept regr_r2 skewness kurtosis entropy mad product histogram approx_count_distinct approx_quantile sum_no_overflow "
    "fsum kahan_sum favg "
    # over a window
    "row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value fill".split()
)  # fmt: skip


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
