"""Run in the peers' environment: `with_dlt.py VARIANT DATABASE FILE...` loads each file in turn by one dlt pipeline.

VARIANT: `append`, `parquet` and `arrow` as dlt comes; `merge` and `merge-arrow` with the posts' id as primary key.
Prints the seconds of each load, a JSON line each: what is timed begins once everything is imported.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import pyarrow.json

AT_ONCE = 1000  # rows that are handed to dlt together, as its documentation advises


def posts(file: str) -> Iterator[list[dict[str, Any]]]:
    """The file's posts, some at a time."""
    with Path(file).open("rb") as lines:
        batch = []
        for line in lines:
            batch.append(json.loads(line))
            if len(batch) == AT_ONCE:
                yield batch
                batch = []
        if batch:
            yield batch


def load(variant: str, pipeline: dlt.Pipeline, file: str) -> None:
    """One run: extract, normalize, load."""
    options: dict[str, Any] = {"write_disposition": "append"}
    if variant.startswith("merge"):
        options = {"write_disposition": "merge", "primary_key": "native_id"}
    if variant == "parquet":
        options["loader_file_format"] = "parquet"
    said = [pyarrow.json.read_json(file)] if variant.endswith("arrow") else posts(file)
    # A column that is empty in all of 25 posts would otherwise have no type.
    columns: dict[str, Any] = {"likes": {"data_type": "bigint"}, "reply_to": {"data_type": "text"}}
    if variant.endswith("arrow"):
        said = [_typed(table) for table in said]
    pipeline.run(dlt.resource(said, name="post", columns=columns), **options).raise_on_failed_jobs()


def _typed(table: Any) -> Any:
    """Columns that hold nothing in this file, with the type that they have in others."""
    for name, kind in (("likes", pyarrow.int64()), ("reply_to", pyarrow.string()), ("url", pyarrow.string())):
        table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(kind))
    return table


def main() -> None:
    variant, database, *files = sys.argv[1:]
    pipeline = dlt.pipeline("peers", destination=dlt.destinations.duckdb(database), dataset_name="loaded")
    for file in files:
        wall, cpu = time.perf_counter(), time.process_time()
        load(variant, pipeline, file)
        print(json.dumps({"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}), flush=True)


if __name__ == "__main__":
    main()
