"""What `aggregator erase` did, in lines for a person. It goes to a terminal or a file: no texts, no names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def erasure(result: Mapping[str, Any]) -> str:
    return "\n".join(_lines(result))


def _lines(result: Mapping[str, Any]) -> Iterator[str]:
    proof = result["proof"]
    if proof is None:
        yield "Nothing was changed. These accounts would be erased:"
        yield from (f"  {address}" for address in result["accounts"])
    would = "erased" if proof else "to be erased"
    yield f"{result['posts']:,} posts {would}, with our answers; rows {would}:"
    yield from _counted(result["deleted"])
    if result["blacked_out"]:
        yield "What others quoted, or called that person by, is blacked out in:" if proof else "To be blacked out:"
        yield from _counted(result["blacked_out"])
    for address in result["not_erased_perhaps_the_same"]:
        yield f"Not erased: {address}. What it shares proves no person; if it is one, erase it, too."
    for why, count in result["not_looked_for"].items():
        yield f"Not looked for with others: {count:,} {why}"
    yield from _copies(result["copies"])
    if proof:
        yield from _proof(proof)


def _counted(counts: Mapping[str, int]) -> Iterator[str]:
    return (f"  {name}: {count:,}" for name, count in sorted(counts.items()))


def _copies(copies: list[dict[str, Any]]) -> Iterator[str]:
    for each in copies:
        name = f"{each['kind']} of {each['made_at'][:16]}, {each['path']}"
        if each["holds"]:
            yield f"Still holds that person: {name}"
        elif each["is_there"]:
            yield f"May still hold that person, and cannot be opened: {name}"
        else:
            yield f"May still hold that person, and is not there any more: {name}"


def _proof(proof: Mapping[str, Any]) -> Iterator[str]:
    size = sum(file["size"] for file in proof["files"])
    yield (
        f"Looked for {proof['byte_strings']:,} byte strings in {len(proof['files'])} files ({size:,} bytes), and for "
        f"all words in {proof['columns']} columns and in desk.db:"
    )
    for file in proof["files"]:
        yield f"  {Path(file['path']).name}: {file['found']:,} places in {file['size']:,} bytes"
    for column, count in proof["left_in_columns"].items():
        yield f"  {column}: {count:,} values"
    yield "Nothing is left." if proof["holds"] else "Not all is gone: see above."
