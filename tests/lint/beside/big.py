"""A big document as a generator writes them: many resources that look alike, every tenth with faults."""

from __future__ import annotations

import json
from typing import Any


def document(resources: int) -> str:
    """As YAML that is JSON in blocks: about 3 KB for each resource."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for number in range(resources):
        name = f"Thing{number}"
        paths[f"/things{number}"] = {"get": _list(name), "post": _create(name)}
        paths[f"/things{number}/{{id}}"] = {"get": _get(name)}
        schemas[name] = _schema(number)
        if number % 10 == 0:
            _spoil(number, name, paths, schemas)
    made = {
        "openapi": "3.0.3",
        "info": {
            "title": "Big", "version": "1", "description": "Many things.", "contact": {"name": "Big"},
            "license": {"name": "MIT", "url": "https://big.test/licence"},
        },
        "servers": [{"url": "https://big.test"}],
        "tags": [{"name": "things", "description": "All of them."}],
        "security": [],
        "paths": paths,
        "components": {"schemas": schemas},
    }  # fmt: skip
    return json.dumps(made, indent=1)


def _spoil(number: int, name: str, paths: dict[str, Any], schemas: dict[str, Any]) -> None:
    """One fault, of a kind that the number says."""
    kind = number // 10 % 6
    if kind == 0:
        schemas[name]["properties"]["tags"].pop("items")
    elif kind == 1:
        paths[f"/things{number}/{{id}}"]["get"]["parameters"] = []
    elif kind == 2:
        paths[f"/things{number}"]["post"]["operationId"] = f"list{name}"
    elif kind == 3:
        paths[f"/things{number}"]["get"]["responses"]["200"].pop("description")
    elif kind == 4:
        schemas[name]["example"] = {"id": "text", "name": name, "tags": []}
    else:
        schemas[f"{name}Unused"] = _schema(number)


def _words(name: str, verb: str) -> dict[str, Any]:
    return {
        "operationId": f"{verb}{name}", "summary": f"{verb} {name}", "tags": ["things"],
        "description": f"{verb} of {name}, as a generator words it, with a sentence that says little.",
    }  # fmt: skip


def _answers(status: str, schema: dict[str, Any]) -> dict[str, Any]:
    held = {"application/json": {"schema": schema}}
    return {status: {"description": "What was asked for", "content": held}, "400": {"description": "Wrong"}}


def _refer(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(name: str) -> dict[str, Any]:
    query = [
        {
            "name": each,
            "in": "query",
            "description": f"The {each}",
            "schema": {"type": "integer", "minimum": 0},
        }
        for each in ("offset", "limit")
    ]
    answers = _answers("200", {"type": "array", "items": _refer(name)})
    return {**_words(name, "list"), "parameters": query, "responses": answers}


def _create(name: str) -> dict[str, Any]:
    body = {"required": True, "content": {"application/json": {"schema": _refer(name)}}}
    return {**_words(name, "create"), "requestBody": body, "responses": _answers("201", _refer(name))}


def _get(name: str) -> dict[str, Any]:
    id = {"name": "id", "in": "path", "required": True, "description": "Which", "schema": {"type": "integer"}}
    return {**_words(name, "get"), "parameters": [id], "responses": _answers("200", _refer(name))}


def _schema(number: int) -> dict[str, Any]:
    return {
        "type": "object",
        "description": f"Thing number {number}.",
        "required": ["id", "name"],
        "properties": {
            "id": {"type": "integer", "example": number},
            "name": {"type": "string", "maxLength": 200, "example": f"thing {number}"},
            "kind": {"type": "string", "enum": ["small", "large"], "default": "small"},
            "made": {"type": "string", "format": "date-time"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
    }
