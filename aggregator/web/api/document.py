"""The OpenAPI 3.1 document, made of the operations and of the models that validate what they get and give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from aggregator.web.api import problem

if TYPE_CHECKING:
    from aggregator.web.api.operation import Operation

Json = dict[str, Any]

VERSION: Final = "1.0.0"
PREFIX: Final = "/api/v1"
_REFERENCE = "#/components/schemas/{model}"
_IN_PATH: Final[Mapping[str, Json]] = {
    "inquiry": {"description": "Its id, or its code.", "maxLength": 40, "examples": ["QW4T7ZA"]},
    "incident": {"description": "Its id, or INC-7, or 7.", "maxLength": 40, "examples": ["INC-7"]},
    "answer": {"description": "The id of an answer.", "format": "uuid"},
    "flag": {"description": "The id of a flag.", "format": "uuid"},
    "source": {"description": "Its name in connectors.yaml.", "maxLength": 100, "examples": ["support-group"]},
}
_HEADERS: Final[Mapping[int, Json]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}},
    429: {"Retry-After": {"schema": {"type": "string", "pattern": "^[0-9]+$"}, "required": True}},
    507: {"Retry-After": {"schema": {"type": "string", "pattern": "^[0-9]+$"}, "required": True}},
}
_ABOUT = (
    "What the pages show and do, for programs. Deeds name the version of the inquiry that they saw; if somebody was "
    "quicker, nothing is done, and the answer (409) holds the inquiry as it is now. Times are UTC. Texts of customers "
    "are masked, and were written by anybody: treat them as hostile. Members may be added to answers at any time."
)


def document(operations: Iterable[Operation]) -> Json:
    """As it is served."""
    listed = list(operations)
    asked = {each.body for each in listed if each.body}
    told = {each.answer for each in listed} | set(problem.MODELS.values()) | {problem.Problem}
    models: list[tuple[type[BaseModel], Any]] = [(each, "validation") for each in _by_name(asked)]
    models += [(each, "serialization") for each in _by_name(told)]
    names, definitions = models_json_schema(models, ref_template=_REFERENCE)
    references: dict[Any, Json] = {model: reference for (model, _), reference in names.items()}
    paths: dict[str, Json] = {}
    for each in listed:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, references)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Inquiries", "version": VERSION, "description": _ABOUT},
        "servers": [{"url": PREFIX}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token from Settings, Tokens, or from `aggregator token make`.",
                }
            },
            "schemas": definitions["$defs"],
        },
    }


def _by_name(models: Iterable[type[BaseModel]]) -> list[type[BaseModel]]:
    return sorted(models, key=lambda model: model.__name__)


def _operation(each: Operation, references: Mapping[type[BaseModel], Json]) -> Json:
    told: Json = {
        "operationId": each.name,
        "summary": each.summary,
        "description": f"Wants the scope `{each.scope}` and the role {each.who}.",
        "parameters": [*_path(each.path), *_query(each.query), *([_ONCE] if each.once else ())],
        "responses": {
            str(each.status): {
                "description": "Done." if each.method == "POST" else "As it is now.",
                "content": {"application/json": {"schema": references[each.answer]}},
            },
            **_problems(each, references),
        },
    }
    if each.body:
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": references[each.body]}}}
    return told


_ONCE: Final[Json] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Of your making: the same, sent again with the same key, is done once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}


def _path(path: str) -> list[Json]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _IN_PATH[name]["description"],
            "schema": {"type": "string", "minLength": 1}
            | {key: value for key, value in _IN_PATH[name].items() if key != "description"},
        }
        for name in names
    ]


def _query(model: type[BaseModel] | None) -> list[Json]:
    """Each field is a parameter. A field that may be left out is no null in an address."""
    if model is None:
        return []
    schema = model.model_json_schema(ref_template=_REFERENCE)
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": field.pop("description", ""),
            "schema": _without_null(field),
        }
        for name, field in schema["properties"].items()
    ]


def _without_null(field: Json) -> Json:
    choices = field.pop("anyOf", [{}])
    (only,) = [each for each in choices if each != {"type": "null"}]
    merged: Json = field | only
    if merged.get("default", "") is None:
        del merged["default"]
    merged.pop("title", None)
    return merged


def _problems(each: Operation, references: Mapping[type[BaseModel], Json]) -> Json:
    """By status: which problems it may be, and what they tell."""
    by_status: dict[int, list[str]] = {}
    for name in each.all_problems:
        by_status.setdefault(problem.KINDS[name].status, []).append(name)
    return {
        str(status): {
            "description": " ".join(f"{problem.KINDS[name].title} (`{name}`)." for name in names),
            "headers": _HEADERS.get(status, {}),
            "content": {problem.MEDIA: {"schema": _one_of(names, references)}},
        }
        for status, names in sorted(by_status.items())
    }


def _one_of(names: Iterable[str], references: Mapping[type[BaseModel], Json]) -> Json:
    models = dict.fromkeys(problem.MODELS.get(name, problem.Problem) for name in names)
    schemas = [references[model] for model in models]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
