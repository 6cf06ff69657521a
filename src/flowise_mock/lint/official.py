"""The official schemas of OpenAPI, one validator for each kind of object.

The files come from openapi-spec-validator, openapi-schema-validator and jsonschema-specifications. They are
read without importing these packages, which takes longer than a whole run. Errors in
the files are corrected here, each with the section of the standard.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema_rs

Schema = dict[str, Any]
_REMOVED: Any = object()
CORRECTIONS: dict[str, list[tuple[str, Any, str]]] = {
    "2.0": [
        # Parameter Object: `type` is required unless `in` is body; the file says so of the parameters together
        *[
            (f"definitions/{each}ParameterSubSchema/required", ["name", "in", "type", *more], "parameter-object")
            for each, more in (("header", ()), ("query", ()), ("formData", ()), ("path", ("required",)))
        ],
    ],
    "3.0": [
        # Schema Object: "the keywords are taken from JSON Schema Wright Draft 00", where the three have items
        *[(f"definitions/Schema/properties/{each}/minItems", 1, "schema-object") for each in ("allOf", "anyOf", "oneOf")],
        # Encoding Object: "MAY be extended with Specification Extensions"
        ("definitions/Encoding/patternProperties/^x-", {}, "encoding-object"),
        # Components Object: "All the fixed fields declared above are objects that MUST use keys that match ..."
        *[(f"definitions/Components/properties/{each}/additionalProperties", False, "components-object") for each in (
            "schemas", "responses", "parameters", "examples", "requestBodies", "headers", "securitySchemes", "links", "callbacks")],
    ],
    "3.1": [
        # Link Object: the field is `server`
        ("$defs/link/properties/body", _REMOVED, "link-object"),
        ("$defs/link/properties/server", {"$ref": "#/$defs/server"}, "link-object"),
        # Path Item Object: `$ref` is a field beside the others, wherever a Path Item is
        ("$defs/path-item/properties/$ref", {"type": "string"}, "path-item-object"),
        ("$defs/path-item-or-reference", {"$ref": "#/$defs/path-item"}, "path-item-object"),
        # Reference Object: "any properties added SHALL be ignored"
        ("$defs/reference/unevaluatedProperties", _REMOVED, "reference-object"),
        # Server Object: a URL has variables in braces, which are not valid in a URI
        ("$defs/server/properties/url/format", _REMOVED, "server-object"),
        # Encoding Object: a list of media types with commas is allowed
        ("$defs/encoding/properties/contentType/format", _REMOVED, "encoding-object"),
        # Parameter Object: a name in a path template has no braces, and may have any other character
        ("$defs/parameter/dependentSchemas/schema/$defs/styles-for-path/then/properties/name", {"pattern": "^[^{}]+$"}, "parameter-object"),
        # Media Type, Parameter and Header Object: "example" excludes "examples"; the rule example-or-examples has it
    ],
    "3.2": [
        ("$defs/encoding/properties/contentType/format", _REMOVED, "encoding-object"),
        # Parameter Object: the same with `content` in the place of `schema`; header names are for the rule header-name
        ("$defs/parameter/allOf/3/else", {"if": {"properties": {"in": {"const": "path"}}}, "then": {"properties": {"name": {"pattern": "^[^{}]+$"}}}}, "parameter-object"),
    ],
}  # fmt: skip
"""Corrections of the files: a place, the right value, and the section of the standard."""

DEFINITIONS: dict[str, dict[str, str]] = {
    "2.0": {
        "path": "pathItem", "operation": "operation", "parameter": "parameter", "response": "response",
        "schema": "schema", "header": "header", "tag": "tag", "info": "info", "file": "fileSchema",
        "items": "primitivesItems",
    },
    "3.0": {
        "path": "PathItem", "operation": "Operation", "parameter": "Parameter", "response": "Response",
        "schema": "Schema", "header": "Header", "tag": "Tag", "info": "Info", "body": "RequestBody",
        "media": "MediaType", "example": "Example", "link": "Link", "callback": "Callback", "server": "Server",
        "scheme": "SecurityScheme", "components": "Components", "encoding": "Encoding",
    },
    "3.1": {
        "path": "path-item", "operation": "operation", "parameter": "parameter", "response": "response",
        "schema": "schema", "header": "header", "tag": "tag", "info": "info", "body": "request-body",
        "media": "media-type", "example": "example", "link": "link", "callback": "callbacks", "server": "server",
        "scheme": "security-scheme", "components": "components", "encoding": "encoding",
    },
}  # fmt: skip
DEFINITIONS["3.2"] = DEFINITIONS["3.1"]
"""The definition of each kind of object that the walk of a document finds."""

_BY_TYPE = {
    "2.0": {
        "basic": "basicAuthenticationSecurity", "apiKey": "apiKeySecurity", "implicit": "oauth2ImplicitSecurity",
        "password": "oauth2PasswordSecurity", "application": "oauth2ApplicationSecurity",
        "accessCode": "oauth2AccessCodeSecurity", "body": "bodyParameter", "header": "headerParameterSubSchema",
        "query": "queryParameterSubSchema", "formData": "formDataParameterSubSchema", "path": "pathParameterSubSchema",
    },
    "3.0": {
        "apiKey": "APIKeySecurityScheme", "http": "HTTPSecurityScheme", "oauth2": "OAuth2SecurityScheme",
        "openIdConnect": "OpenIdConnectSecurityScheme",
    },
}  # fmt: skip
"""The variant of a definition that a field of the object chooses: the message is of this one alone."""
_ALIKE = {"fileSchema", "Reference", "jsonReference"}
_URL = re.compile(r"([^\x00-\x20\"<>\\^`{|}%]|%[0-9a-fA-F]{2})*")


def is_url(value: object) -> bool:
    """Whether a text has only characters of a URL or an IRI, absolute or relative."""
    return not isinstance(value, str) or bool(_URL.fullmatch(value))


def _is_any(value: object) -> bool:
    return True


@lru_cache(maxsize=128)
def validator(version: str, kind: str = "", variant: str = "") -> Any:
    """For a document, or for a kind of object whose parts are only checked for being objects."""
    schema = shallow(version, kind, variant) if kind else official(version)
    return _compiled(schema) if schema else None


@lru_cache(maxsize=128)
def shallow(version: str, kind: str, variant: str = "") -> Schema:
    """The schema of a kind of object, apart from the objects in it; empty if there is none."""
    schema = official(version)
    room = "definitions" if "definitions" in schema else "$defs"
    if kind == "schema" and room == "$defs":
        return _dialect(version)
    name = _BY_TYPE.get(version, {}).get(variant) or DEFINITIONS[version].get(kind, "")
    if kind != "document" and name not in schema[room]:
        return {}
    walked = set(DEFINITIONS[version].values())
    definition = schema if kind == "document" else schema[room][name]
    parts = {key: _cut(value, walked) for key, value in schema[room].items()}
    own = {key: value for key, value in definition.items() if key not in (room, "$id", "id")}
    return {**_cut(own, walked), room: parts, "$schema": schema["$schema"]}


@lru_cache(maxsize=8)
def official(version: str) -> Schema:
    """The official schema of a version, corrected."""
    schema = _read("openapi_spec_validator", "resources", "schemas", f"v{version}", "schema.json")
    for place, value, _ in CORRECTIONS[version]:
        _correct(schema, place, value)
    return schema


def fields(version: str, kind: str, variant: str, path: list[Any]) -> set[str]:
    """The fields of the object whose schema is at a path of the schema of a kind."""
    schema = shallow(version, kind, variant)
    node: Any = schema
    for part in path:
        node = node[part] if isinstance(node, list) or part in node else {}
    return set(_properties(node, schema))


def _properties(node: Any, root: Schema, depth: int = 0) -> Iterator[str]:
    if not isinstance(node, dict) or depth > 6:
        return
    yield from node.get("properties", {})
    for pattern in node.get("patternProperties", {}):
        yield from re.findall(r"\w+", pattern) if "|" in pattern else ()
    reference = node.get("$ref", "")
    if reference.startswith("#/"):
        target: Any = root
        for part in reference[2:].split("/"):
            target = target.get(part, {})
        yield from _properties(target, root, depth + 1)
    for key in ("allOf", "anyOf", "oneOf"):
        for each in node.get(key, ()):
            yield from _properties(each, root, depth + 1)
    for key in ("then", "else"):
        yield from _properties(node.get(key), root, depth + 1)
    for each in node.get("dependentSchemas", {}).values():
        yield from _properties(each, root, depth + 1)
    for each in node.get("$defs", {}).values() if depth else ():
        yield from _properties(each, root, depth + 1)


def _compiled(schema: Schema) -> Any:
    old = "draft-04" in str(schema.get("$schema"))
    maker: Any = jsonschema_rs.Draft4Validator if old else jsonschema_rs.Draft202012Validator
    formats: dict[str, Any] = dict.fromkeys(("uri", "uri-reference", "iri"), is_url)
    formats["regex"] = _is_any  # the rule schema-pattern has it
    return maker(schema, validate_formats=True, formats=formats)


def _correct(schema: Schema, place: str, value: Any) -> None:
    *steps, last = place.split("/")
    node: Any = schema
    for step in steps:
        node = node[int(step)] if isinstance(node, list) else node.setdefault(step, {})
    if value is _REMOVED:
        node.pop(last, None)
    else:
        node[last] = value


def _cut(node: Any, walked: set[str]) -> Any:
    """A schema in which each kind that is validated by itself is any object."""
    if isinstance(node, list):
        return [_cut(each, walked) for each in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$dynamicRef"), str):
        return {"type": ["object", "boolean"]}
    if _named(node).removesuffix("-or-reference") in walked:
        return {"type": "object"}
    for key in ("oneOf", "anyOf"):
        choices = node.get(key)
        if isinstance(choices, list) and any(_named(each) in walked for each in choices):
            kept = [_cut(each, walked) for each in choices if _named(each) not in _ALIKE]
            return {
                **{k: v for k, v in node.items() if k != key},
                **(kept[0] if len(kept) == 1 else {"anyOf": kept}),
            }
    return {key: _cut(value, walked) for key, value in node.items()}


def _named(node: Any) -> str:
    """The definition that a schema refers to, or nothing."""
    reference = node.get("$ref") if isinstance(node, dict) else None
    found = (
        re.fullmatch(r"#/(?:definitions|\$defs)/([^/]+)", reference) if isinstance(reference, str) else None
    )
    return found[1] if found else ""


@lru_cache(maxsize=4)
def _dialect(version: str) -> Schema:
    """The Schema Object of 3.1 and later: the vocabularies of JSON Schema 2020-12 and that of OpenAPI."""
    folder = ("schemas", "draft202012", "vocabularies")
    names = ("core", "applicator", "unevaluated", "validation", "meta-data", "format-annotation", "content")
    made = [_read("jsonschema_specifications", *folder, each) for each in names]
    base = ("oas3.1", "vocabularies", "base") if version == "3.1" else ("oas3.2", "meta", "2025-09-17.json")
    made.append(_read("openapi_schema_validator", "schemas", *base))
    rooms: Schema = {}
    parts = []
    for each in made:
        rooms |= each.get("$defs", {})
        parts.append({"type": ["object", "boolean"], "properties": each["properties"]})
    rooms["discriminator"] |= {"required": ["propertyName"]}  # Discriminator Object; the file of 3.2 lacks it
    whole = {"$schema": made[0]["$schema"], "allOf": parts, "$defs": rooms}
    cut: Schema = _cut(whole, set())
    return cut


def _read(package: str, *parts: str) -> Schema:
    """A JSON file of a package that is not imported."""
    found = find_spec(package)
    assert found and found.origin
    text = Path(found.origin).parent.joinpath(*parts).read_text("utf-8")
    read: Schema = json.loads(text)
    return read
