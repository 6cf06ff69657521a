"""Views: how a record is shown, compiled from the schema of the answer.

Properties that the schema lacks are dropped, a nullable property that is absent is null, a text that holds
JSON is parsed or written by the schema's type, and keys have the order of `properties`, after the columns of
`x-record`. `x-view: whole` shows a value as the handler made it; its keys depend on more than a schema can
express. `x-omit` lists keys that are not shown. `x-view: json` parses a text that must hold JSON, and fails
if JavaScript would; values that are false in JavaScript stay. Of `oneOf`, the variant with the value's type
is used. A property with `x-requires` is shown only together with the property that it names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowise_mock.contract import jsontext, v8
from flowise_mock.contract.document import Document, resolve
from flowise_mock.state.outcomes import InvalidJson

View = Callable[[Any], Any]


def compile_view(document: Document, schema: Document) -> View:
    """The view that `schema` describes. Schemas that refer to themselves are compiled once."""
    return _compile(document, schema, {})


def _compile(document: Document, schema: Document, made: dict[int, View]) -> View:
    schema = resolve(document, schema)
    if id(schema) in made:
        return made[id(schema)]
    made[id(schema)] = lambda value: made[id(schema)](value)
    kind = schema.get("type")
    view: View = _without(set(schema["x-omit"])) if "x-omit" in schema else _same
    if schema.get("x-view") != "whole":
        if "oneOf" in schema:
            view = _variant(document, schema["oneOf"], made)
        elif kind == "object":
            view = _object(document, schema, made)
        elif kind == "array":
            view = _array(_compile(document, schema.get("items", {}), made))
        elif kind == "string":
            view = _text
    if schema.get("x-view") == "json":
        view = _parsed(view)
    made[id(schema)] = view
    return view


def _variant(document: Document, schemas: list[Document], made: dict[int, View]) -> View:
    kinds = {"array": list, "object": dict, "string": str}
    views = [
        (kinds[kind], _compile(document, each, made))
        for each in schemas
        if (kind := resolve(document, each).get("type")) in kinds
    ]
    return lambda value: next((view(value) for kind, view in views if isinstance(value, kind)), value)


def _parsed(view: View) -> View:
    def show(value: Any) -> Any:
        found = v8.complaint(value) if value else None
        if found is not None:
            raise InvalidJson(*found)
        return view(jsontext.loads(value) if value and isinstance(value, str) else value)

    return show


def _same(value: Any) -> Any:
    return value


def _without(hidden: set[str]) -> View:
    return lambda value: {name: child for name, child in value.items() if name not in hidden}


def _text(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else jsontext.dumps(value)


def _array(item: View) -> View:
    def show(value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, str):
            value = jsontext.sequence(value)
        if isinstance(value, dict):
            value = [value]
        return [item(child) for child in value] if isinstance(value, list) else value

    return show


def _nullable(document: Document, schema: Document) -> bool:
    """Whether a schema, or one of its variants, accepts null."""
    schema = resolve(document, schema)
    return bool(schema.get("nullable")) or any(_nullable(document, each) for each in schema.get("anyOf", []))


def _properties(schema: Document) -> dict[str, Document]:
    """The properties of a schema; those of a table come first, in the order of its columns."""
    properties: dict[str, Document] = schema.get("properties", {})
    columns = schema.get("x-record", {}).get("columns", "").split()
    first = {name: properties[name] for name in columns if name in properties}
    return {**first, **properties}


def _object(document: Document, schema: Document, made: dict[int, View]) -> View:
    named = [
        (name, _compile(document, child, made), _nullable(document, child))
        for name, child in _properties(schema).items()
    ]
    names = {name for name, _, _ in named}
    required_siblings = {
        name: resolve(document, child)["x-requires"]
        for name, child in schema.get("properties", {}).items()
        if "x-requires" in resolve(document, child)
    }
    hidden = set(schema.get("x-omit", ()))
    further = schema.get("additionalProperties", not named)
    rest = _compile(document, further, made) if isinstance(further, dict) else _same
    typed = isinstance(further, dict) and further and not resolve(document, further).get("nullable")

    def show(value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, str):
            value = jsontext.mapping(value)
        if isinstance(value, list) and value:
            value = value[0]  # an object is expected: show the first of several
        if not isinstance(value, dict):
            return value  # the validation of the answer reports it
        shown = {}
        for name, view, nullable in named:
            child = value.get(name)
            if child is not None:
                # nearly all values are texts, which stay as they are: avoid the call
                shown[name] = child if view is _text and type(child) is str else view(child)
            elif nullable:
                shown[name] = None
        if further is not False:
            for name, child in value.items():
                if name not in names and name not in hidden and (child is not None or not typed):
                    shown[name] = rest(child)
        for name, sibling in required_siblings.items():
            if sibling not in value:
                shown.pop(name, None)
        return shown

    return show
