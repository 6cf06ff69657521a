"""How a value breaks its schema, in words that are the same in every run: fields by name, indexes as `*`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from flowise_mock.contract.document import Document, resolve
from flowise_mock.contract.schemas import Validator

COMBINED = ("allOf", "oneOf", "anyOf")
Path = list[str | int]


class SchemaError(NamedTuple):
    """One way in which a value breaks its schema."""

    what: str
    expected: str
    subject: str
    """The field of a component, such as `Tool/color`; empty if no component describes it."""


def errors(document: Document, schema: Document, validator: Validator, value: Any) -> Iterator[SchemaError]:
    """Each way in which a value breaks its schema, once."""
    seen = set()
    for found in validator.errors(value):
        for error in leaves(found):
            where, subject = place(document, schema, error.instance_path)
            what, expected = reason(error)
            if (where, what) not in seen:
                seen.add((where, what))
                yield SchemaError(f"{where or '/'} {what}", expected, subject)


def leaves(error: Any) -> Iterator[Any]:
    """The errors below `anyOf` and `oneOf`: those of the alternative that the value is most like."""
    branches = [branch for branch in getattr(error.kind, "context", None) or [] if branch]
    if not branches:
        yield error
        return
    depth = max(len(each.instance_path) for branch in branches for each in branch)
    nearest = next(b for b in branches if any(len(each.instance_path) == depth for each in b))
    if depth == len(error.instance_path) and error.instance is None:
        yield error
        return
    for each in nearest:
        yield from leaves(each)


def place(document: Document, schema: Document, path: Iterable[str | int]) -> tuple[str, str]:
    """Where a part of a value is, and which field of which component describes it."""
    schemas = [schema]
    component = _component(schemas)
    where, within = "", ""
    for part in path:
        parts = list(expanded(document, schemas))
        step, schemas = _step(parts, part)
        where, within = f"{where}/{step}", f"{within}/{step}"
        if _component(schemas):
            component, within = _component(schemas), ""
    return where, f"{component}{within}" if component else ""


def _step(schemas: list[Document], part: str | int) -> tuple[str, list[Document]]:
    """The name of a step into a value, and the schemas of what is there; `{}` is any key of a map."""
    if isinstance(part, int):
        return "*", [each["items"] for each in schemas if "items" in each]
    named = [each["properties"][part] for each in schemas if part in each.get("properties", {})]
    if named:
        return part, named
    more = [each.get("additionalProperties") for each in schemas]
    return "{}", [each for each in more if isinstance(each, dict)]


def _component(schemas: list[Document]) -> str:
    names = [each["$ref"].rpartition("/")[2] for each in schemas if "$ref" in each]
    return names[0] if names else ""


def expanded(document: Document, schemas: Iterable[Document]) -> Iterator[Document]:
    """The schemas and all that they combine, without references."""
    for each in schemas:
        found = resolve(document, each)
        yield found
        for word in COMBINED:
            yield from expanded(document, found.get(word, []))


def reason(error: Any) -> tuple[str, str]:
    """What is wrong, and what was expected."""
    kind = error.kind.name
    if kind == "type":
        return f"is {type_name(error.instance)}", " or ".join(error.kind.types)
    if kind == "required":
        return f"lacks {error.kind.property}", error.kind.property
    if error.instance is None:
        return "is null", "no null"
    if kind == "enum":
        return "is not a documented value", "a documented value"
    if kind == "format":
        return "has another format", str(error.kind.format)
    return f"is not valid ({kind})", str(error.message)[:200]


def type_name(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return "null" if value is None else names.get(type(value), type(value).__name__)


def has_place(document: Document, schema: Document, path: str) -> bool:
    """Whether a schema has a place for a path such as `chunks/0/id`; an open schema has."""
    for part in path.split("/"):
        schema = resolve(document, schema)
        if schema.get("type") == "array" or "items" in schema:
            if not part.isdigit():
                return False
            schema = schema.get("items", {})
        elif "properties" in schema:
            if part not in schema["properties"]:
                return bool(schema.get("additionalProperties"))
            schema = schema["properties"][part]
        else:
            return True
    return True


def undocumented_fields(document: Document, schema: Document, value: Any) -> Iterator[str]:
    """Fields of a value that its schema does not name, if it names any; each once."""
    yield from dict.fromkeys(_undocumented(document, [schema], value, ""))


def _undocumented(document: Document, schemas: list[Document], value: Any, path: str) -> Iterator[str]:
    parts = list(expanded(document, schemas))
    if isinstance(value, list):
        below = [each["items"] for each in parts if "items" in each]
        for item in value:
            yield from _undocumented(document, below, item, f"{path}/*")
    if not isinstance(value, dict):
        return
    known: dict[str, list[Document]] = {}
    for part in parts:
        for name, child in part.get("properties", {}).items():
            known.setdefault(name, []).append(child)
    closed = all(part.get("additionalProperties") is None for part in parts)
    for name, child in value.items():
        if name in known:
            yield from _undocumented(document, known[name], child, f"{path}/{name}")
        elif known and closed:
            yield f"{path}/{name}"
