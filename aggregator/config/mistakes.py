"""What pydantic found wrong -> where it stands in the file, and a sentence that says how to put it right."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from aggregator.config.yaml_lines import Document, KeyPath, Mistake
from connectors.contract import SourceConfig
from connectors.registry import connector_class

_SENTENCES = {
    "bool": "should be true or false",
    "int": "should be a whole number",
    "float": "should be a number",
    "string": "should be text",
    "url": "should be an address such as https://www.example.org",
    "dict": "should be a list of names and values (name: value)",
    "model": "should be a list of names and values (name: value)",
    "list": "should be a list such as [one, two]",
    "set": "should be a list such as [one, two]",
    "frozen_set": "should be a list such as [one, two]",
    "tuple": "should be a list such as [one, two]",
    "finite_number": "should be a number",
    "time_delta": "should be a time such as 90s, 30m, 4h or 2d",
    "path": "should be a path",
}
"""By the beginning of pydantic's name of the error, where its own words speak to programmers."""


def mistakes_of(error: ValidationError, model: type[BaseModel], document: Document) -> list[Mistake]:
    """One mistake for each thing that pydantic found in the document that `model` describes."""
    return [_mistake(detail, model, document) for detail in error.errors(include_url=False, include_input=False)]


def or_rather(name: str, known: Collection[str]) -> str:
    """`; did you mean token?`, or nothing where nothing is near."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _mistake(detail: ErrorDetails, model: type[BaseModel], document: Document) -> Mistake:
    path: KeyPath = ()
    for part in detail["loc"]:
        # Some parts name no place: "[key]", the arms of a union, sections that the file leaves out.
        if (*path, part) in document.places:
            path = (*path, part)
    place = document.places[path]
    if detail["type"] == "missing":
        name = str(detail["loc"][-1])
        path = path[:-1] if path[-1:] == (name,) else path  # there, but without a value
        field = _model_at(path, model, document.value).model_fields.get(name)
        said = f"; {field.description}" if field and field.description else ""
        return Mistake(place, (*path, name), f"missing{said}")
    if detail["type"] == "extra_forbidden":
        known = _model_at(path[:-1], model, document.value).model_fields
        remedy = or_rather(str(path[-1]), known) or f"; known here: {', '.join(known)}"
        return Mistake(place, path, f"unknown setting{remedy}")
    return Mistake(place, path or detail["loc"][:1], _sentence(detail))


def _sentence(detail: ErrorDetails) -> str:
    if detail["type"] == "too_short":
        return f"should hold at least {detail['ctx']['min_length']}"
    subject, _, problem = detail["type"].rpartition("_")
    if problem in {"parsing", "type", "number"} and (known := _SENTENCES.get(subject)):
        return known
    said = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return " ".join(said.split())


def _model_at(path: KeyPath, model: type[BaseModel], value: Any) -> type[BaseModel]:
    """The model whose settings stand at a path. A source's is known only by its connector."""
    for depth, part in enumerate(path):
        if path[:depth] == ("sources",):
            connector = value["sources"][part].get("connector")
            model = connector_class(connector).Config if isinstance(connector, str) else SourceConfig
        elif part in model.model_fields:
            model = _model_in(model.model_fields[str(part)].annotation) or model
    return model


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The model that a setting holds, alone or in a list, mapping or union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for inner in get_args(annotation) if (model := _model_in(inner))), None)
