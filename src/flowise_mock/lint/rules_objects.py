"""The rule `struct`: each object of a document against the official schema of its kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import get_close_matches
from http import HTTPStatus
from typing import Any

from flowise_mock.contract.positions import escaped
from flowise_mock.lint import fixes, official
from flowise_mock.lint.findings import Edit, Problem, edit
from flowise_mock.lint.source import Spot
from flowise_mock.lint.spec import GRAMMAR, Spec

JSON_TYPES = ("null", "boolean", "object", "array", "number", "string", "integer")
_DIALECTS = ("https://json-schema.org/draft/2020-12/schema", "https://spec.openapis.org/oas/3.")
_ONE_OF = {
    "SchemaXORContent": "has both a schema and a content, or fields that only one of them allows; keep one",
    "ParameterLocation": "has a style or a `required` that its `in` does not allow",
}
MOST = 200


def struct(spec: Spec) -> Iterator[Problem]:
    """The document, and the parts of it in other files, against the official schema of its version."""
    kinds = _suspect(spec)
    found = False
    for kind in kinds:
        for spot in spec.of(kind):
            for problem in _object(spec, kind, spot):
                found = True
                if problem is not None:
                    yield problem
    if kinds == list(spec.kinds) and not found:  # a fault in a place that the walk does not know
        yield from invalid(spec.root, official.validator(spec.line))


def _suspect(spec: Spec) -> list[str]:
    """The kinds of objects that can be wrong: few if the document as a whole fits the official schema."""
    alone = all(each.target is None or each.target.source is spec.source for each in spec.references)
    if alone and official.validator(spec.line).is_valid(spec.root.value):
        return ["schema"] if spec.modern else []
    return list(spec.kinds)


def _article(kind: str) -> str:
    return {"schema": "a schema", "body": "a request body", "operation": "an operation"}.get(
        kind, f"a {kind}"
    )


def _object(spec: Spec, kind: str, spot: Spot) -> Iterator[Problem | None]:
    """What is wrong with one object, apart from the objects in it; None for what another rule reports."""
    if kind == "schema" and spec.modern and _has_other_dialect(spec, spot):
        return
    if kind == "schema" and spot.value.get("type") == "file" and spec.line == "2.0":
        kind = "file"
    variant = _variant(spec, kind, spot)
    validator = official.validator(spec.line, kind, variant)
    value = _shallow(kind, spot.value)
    if validator is None or validator.is_valid(value):
        return
    found = list(validator.iter_errors(value))
    errors = [each for each in found if not _has_own_rule(kind, spot, each)]
    if len(errors) < len(found):
        yield None
    unknown = {name for each in errors for name in _unexpected(each)}
    for error in errors:
        missing = getattr(error.kind, "property", None)
        if error.kind.name == "required" and not error.instance_path and _meant(missing, unknown):
            continue  # the misspelt field is reported
        path, message, kind_of = _cause(error)
        where = spot
        for part in path:
            where = Spot(where.source, f"{where.pointer}/{escaped(str(part))}", _child(where.value, part))
        if not (where.name == "$ref" and kind_of.name == "format"):
            known = official.fields(spec.line, kind, variant, list(error.schema_path)[:-1])
            yield from _problems(spec, kind, where, message, kind_of, list(error.schema_path), known)


def _has_own_rule(kind: str, spot: Spot, error: Any) -> bool:
    """Whether another rule reports an error, in better words or at a better place."""
    name, path = error.kind.name, error.instance_path
    if name == "not" and (kind == "example" or {"example", "examples"} <= spot.value.keys()):
        return True  # example-or-examples
    if (name == "uniqueItems" and path == ["tags"]) or path[:1] == ["additionalOperations"]:
        return True  # tags-unique, additional-operations
    optional = kind == "parameter" and spot.get("in") == "path" and spot.get("required") is not True
    missing = "required" in (getattr(error.kind, "property", ""), *path)
    return optional and (name == "oneOf" or missing)  # path-parameter-required


def _child(value: Any, part: Any) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    return value[part] if isinstance(value, list) and isinstance(part, int) and part < len(value) else None


def _meant(missing: Any, unknown: set[str]) -> bool:
    return isinstance(missing, str) and bool(get_close_matches(missing, unknown, 1, 0.75))


def _has_other_dialect(spec: Spec, spot: Spot) -> bool:
    named = spot.get("$schema") or spec.root.get("jsonSchemaDialect")
    return isinstance(named, str) and not named.startswith(_DIALECTS)


def _variant(spec: Spec, kind: str, spot: Spot) -> str:
    """The value that chooses between the variants of a definition."""
    if kind == "scheme":
        named = spot.get("type")
        return str(spot.get("flow")) if named == "oauth2" and spec.line == "2.0" else str(named)
    return str(spot.get("in")) if kind == "parameter" and spec.line == "2.0" else ""


def _shallow(kind: str, value: dict[str, Any]) -> dict[str, Any]:
    """An object in which the objects that are validated by themselves are empty."""
    grammar = GRAMMAR.get(kind, {})
    rest = grammar.get("*", "")
    return {
        key: _emptied(grammar.get(key) or ("" if str(key).startswith("x-") else rest), held)
        for key, held in value.items()
    }


def _emptied(rule: str, held: Any) -> Any:
    if not rule:
        return held
    if rule[0] == "{" and isinstance(held, dict):
        return {key: {} if isinstance(each, dict) else each for key, each in held.items()}
    if rule[0] == "[" and isinstance(held, list):
        return [{"": index} if isinstance(each, dict) else each for index, each in enumerate(held)]
    if rule[0] not in "{[" and isinstance(held, list):  # items of 2.0, a list of schemas
        return [{"": index} if isinstance(each, dict) else each for index, each in enumerate(held)]
    return {} if isinstance(held, dict) and rule[0] not in "{[" else held


def invalid(held: Spot, validator: Any) -> Iterator[Problem]:
    """Each place of a value that a validator refuses, in the validator's words."""
    for error in validator.iter_errors(held.value):
        path, message, _ = _cause(error)
        if path and (path[-1] == "$ref" or path == ["tags"]):
            continue  # the rules on references and tags have it
        below = "".join(f"/{escaped(str(part))}" for part in path)
        spot = held.source.spot(held.pointer + below) or held
        yield Problem(spot, _shortened(spot.value, message))


def _cause(error: Any) -> tuple[list[Any], str, Any]:
    """The error within an error that says most: the branch that the writer most likely meant."""
    context = getattr(error.kind, "context", None)
    branches = [branch for branch in context if branch] if isinstance(context, list) else []
    if not branches:
        return list(error.instance_path), error.message, error.kind
    branch = min(branches, key=_distance)
    return _cause(max(branch, key=lambda each: len(each.instance_path)))


def _distance(branch: list[Any]) -> tuple[bool, int, int]:
    """A branch of another type or with another constant is far; a deep error is near."""
    wrong = any(each.kind.name in ("type", "enum", "const") and not each.instance_path for each in branch)
    return wrong, -max(len(each.instance_path) for each in branch), len(branch)


def _problems(
    spec: Spec, kind: str, spot: Spot, message: str, error: Any, path: list[Any], known: set[str]
) -> Iterator[Problem]:
    unknown = _unexpected_names(error)
    if unknown and isinstance(spot.value, dict):
        for name in unknown:
            if name in spot.value:
                yield _unknown_field(spec, kind, spot.at(name), known)
        return
    yield Problem(spot, _said(spec, spot, message, error, path), fix=_fix(spec, kind, spot, error))


def _unexpected(error: Any) -> list[str]:
    return [] if error.instance_path else _unexpected_names(error.kind)


def _unexpected_names(kind: Any) -> list[str]:
    found = getattr(kind, "unexpected", None)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _unknown_field(spec: Spec, kind: str, spot: Spot, known: set[str]) -> Problem:
    if spot.name == "$ref":
        return Problem(spot, "$ref must be text", key=True)
    if kind == "components" and spot.pointer.count("/") > 2:
        return Problem(
            spot, f"{spot.name}: the name of a component has only letters, digits, '.', '-' and '_'", key=True
        )
    meant = get_close_matches(spot.name, known - {spot.name}, 1, 0.7)
    hint = f"; did you mean {meant[0]}?" if meant else ""
    where = "" if spot.name not in _elsewhere(spec) or meant else f" in {spec.line}"
    fix = fixes.unknown_field(spec, kind, spot)
    return Problem(spot, f"{spot.name} is not a field of {_article(kind)}{where}{hint}", key=True, fix=fix)


def _elsewhere(spec: Spec) -> set[str]:
    """Fields of schemas that another version has."""
    return (
        set()
        if spec.modern
        else {"const", "examples", "nullable", "patternProperties", "$defs", "oneOf", "anyOf"}
    )


def _said(spec: Spec, spot: Spot, message: str, error: Any, path: list[Any]) -> str:
    """An error in words that say what to do."""
    name = error.name
    if name == "format" and error.format in ("uri", "uri-reference", "iri"):
        return f"{_short(spot.value)} is not a URL"
    if name == "format":
        return f"{_short(spot.value)} is not {'an' if error.format[0] in 'aeiou' else 'a'} {error.format}"
    if name == "required":
        return f"{error.property} is missing"
    if name == "falseSchema":
        return f"{spot.name} is not allowed beside {_beside(path)}"
    if "type" in (spot.name, spot.pointer.split("/")[-2:-1]) and "type" in path:
        return _wrong_type(spec, spot.value)
    said = next((words for part, words in _ONE_OF.items() if part in path), "")
    return said or _shortened(spot.value, message)


def _wrong_type(spec: Spec, value: Any) -> str:
    known = JSON_TYPES if spec.modern else JSON_TYPES[1:]
    if isinstance(value, list) and not spec.modern:
        return f"a list of types came with 3.1; {spec.line} has one type and `nullable`"
    if isinstance(value, list) and all(each in known for each in value):
        return "names a type twice" if value else "names no type"
    wrong = next((each for each in value if each not in known), value) if isinstance(value, list) else value
    meant = get_close_matches(str(wrong), known, 1, 0.6)
    hint = f"; did you mean {meant[0]}?" if meant else ""
    return f"{_short(wrong)} is not a type; the types are {', '.join(known)}{hint}"


def _beside(path: list[Any]) -> str:
    return str(path[path.index("dependentSchemas") + 1]) if "dependentSchemas" in path else "the others"


def _short(value: Any, most: int = 60) -> str:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _shortened(value: Any, message: str) -> str:
    shown = json.dumps(value, ensure_ascii=False, default=str)
    if len(shown) > 60 and message.startswith(shown[:20]):
        message = f"{shown[:40]}… {message[len(shown) :].strip()}"
    return message if len(message) < MOST else f"{message[:90]} … {message[-90:]}"


def _fix(spec: Spec, kind: str, spot: Spot, error: Any) -> tuple[Edit, ...]:
    if kind == "response" and error.name == "required" and error.property == "description":
        return edit(spot, description=_phrase(spot.name))
    return fixes.value(spec, kind, spot, error)


def _phrase(status: str) -> str:
    try:
        return HTTPStatus(int(status)).phrase
    except ValueError:
        return "The response"
