"""The one place where the OpenAPI document is found, loaded, overlaid and walked.

A contract is a list of layers: `openapi.yaml` and the overlays (OpenAPI Overlay 1.0) that lie over
it. An action whose target matches nothing is an error here, though the standard allows it: a layer
that no longer fits must not pass in silence.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import yaml

Document = dict[str, Any]
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
BUNDLED = Path(__file__).parent / "data"
"""Where a wheel keeps the document, the overlays and the seed; a checkout has them at its top."""


class DocumentError(Exception):
    """A document or an overlay that cannot be used; the text names the file, the place and why."""


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as JSON has it: an unquoted timestamp stays the text that was written."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def root() -> Path:
    """The folder that holds `openapi.yaml`, `overlays/` and `fixtures/`."""
    return BUNDLED if BUNDLED.is_dir() else Path(__file__).parents[2]


def layers(contract: str) -> list[Path]:
    """The overlays of a contract, in the order in which they are laid."""
    names = ["behaviour"]
    if contract != "documented":
        names.append("clients")
    if contract not in ("documented", "clients"):
        names += ["flowise", f"flowise-{contract}"]
    return [root() / "overlays" / f"{name}.yaml" for name in names]


def contracts() -> list[str]:
    """The names of the contracts there are: the documentation, the clients' and the versions'."""
    folder = root() / "overlays"
    versions = sorted(path.stem.removeprefix("flowise-") for path in folder.glob("flowise-*.yaml"))
    return ["documented", *(["clients"] if (folder / "clients.yaml").exists() else []), *versions]


def read(path: Path) -> Any:
    """What a YAML or JSON file holds."""
    try:
        text = path.read_bytes()
        return json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DocumentError(f"{path}: is not YAML or JSON: {' '.join(str(error).split())}") from None


def load(contract: str = "documented", overlays: Sequence[Path] = (), base: Path | None = None) -> Document:
    """The merged document of a contract, with further `overlays` on top.

    `base` replaces `openapi.yaml`. Raises DocumentError.
    """
    if contract not in contracts():
        raise DocumentError(f"there is no contract {contract!r}; choose one of {', '.join(contracts())}")
    merged = root() / "contracts" / f"{contract}.json"
    if base is None and merged.exists():
        document = read(merged)
    else:
        document = read(base or root() / "openapi.yaml")
        for path in layers(contract):
            overlay(document, path)
    if "x-server" in document and not merged.exists():
        from flowise_mock import responses

        responses.complete(document)
    for path in overlays:
        overlay(document, path)
    return checked(document, base or root() / "openapi.yaml")


def checked(document: Any, path: Path) -> Document:
    """`document`, if it has what the engine stands on, else DocumentError."""
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        raise DocumentError(f"{path}: is not an OpenAPI document: it has no paths")
    if not str(document.get("openapi", "")).startswith("3.0."):
        raise DocumentError(f"{path}: is not OpenAPI 3.0, which is what Connexion takes")
    return document


# --- overlays --------------------------------------------------------------------------------------

_STEP = re.compile(r"\.([A-Za-z_]\w*)|\['((?:[^'\\]|\\.)*)'\]|\[(\d+)\]")


def overlay(document: Document, path: Path) -> None:
    """Lay the overlay in `path` over `document`, in place."""
    actions = read(path)
    if not isinstance(actions, dict) or not isinstance(actions.get("actions"), list):
        raise DocumentError(f"{path}: is not an OpenAPI Overlay: it has no list of actions")
    for number, action in enumerate(actions["actions"]):
        try:
            apply(document, action)
        except DocumentError as error:
            raise DocumentError(f"{path}: action {number} ({_target(action)}): {error}") from None


def _target(action: Any) -> str:
    return str(action.get("target")) if isinstance(action, dict) else type(action).__name__


def apply(document: Document, action: Any) -> None:
    """Do one action of an overlay: remove what its target selects, or merge its update into it."""
    if not isinstance(action, dict) or not isinstance(action.get("target"), str):
        raise DocumentError("an action is an object with a target")
    places = list(_select(document, action["target"]))
    if not places:
        raise DocumentError("the target matches nothing in the document")
    if action.get("remove") is True:
        for parent, key in reversed(places):
            if parent is None:
                raise DocumentError("the whole document cannot be removed")
            del parent[key]
    elif "update" in action:
        for parent, key in places:
            if parent is None:
                _merge(document, action["update"])
            else:
                parent[key] = _merge(parent[key], action["update"])
    else:
        raise DocumentError("an action has an update, or remove: true")


def _select(document: Document, target: str) -> Iterator[tuple[Any, Any]]:
    """(parent, key) of each place that a JSONPath selects; the root has no parent."""
    for steps in locations(document, target):
        yield from _walk(document, steps)


def locations(document: Document, target: str) -> Iterator[list[Any]]:
    """The keys and indexes that lead to each place that a JSONPath selects.

    A path of names and indexes is walked here; any other is left to the JSONPath library, whose
    import takes longer than laying a hundred actions.
    """
    found = list(_STEP.finditer(target[1:]))
    if target[:1] == "$" and "".join(step.group(0) for step in found) == target[1:]:
        steps = [
            name or _unquoted(quoted) if index is None else int(index)
            for name, quoted, index in map(_parts, found)
        ]
        if any(True for _ in _walk(document, steps)):
            yield steps
        return
    import jsonpath_rfc9535

    try:
        nodes = jsonpath_rfc9535.find(target, document)
    except jsonpath_rfc9535.JSONPathError as error:
        raise DocumentError(f"is not a JSONPath (RFC 9535): {error}") from None
    for node in nodes:
        yield list(node.location)


def _parts(step: re.Match[str]) -> tuple[str | None, str | None, str | None]:
    return step[1], step[2], step[3]


def _unquoted(text: str | None) -> str:
    return re.sub(r"\\(.)", r"\1", text or "")


def _walk(document: Document, steps: list[Any]) -> Iterator[tuple[Any, Any]]:
    parent: Any = None
    node: Any = document
    for step in steps:
        held = isinstance(node, dict) and step in node
        if not held and not (isinstance(node, list) and isinstance(step, int) and step < len(node)):
            return
        parent, node = node, node[step]
    yield parent, steps[-1] if steps else None


def _merge(node: Any, update: Any) -> Any:
    """As the standard has it: objects merge, arrays append, anything else is replaced."""
    if isinstance(node, dict) and isinstance(update, dict):
        for key, value in update.items():
            node[key] = _merge(node[key], value) if key in node else copy.deepcopy(value)
        return node
    if isinstance(node, list):
        return node + copy.deepcopy(update if isinstance(update, list) else [update])
    return copy.deepcopy(update)


# --- walks -----------------------------------------------------------------------------------------


class Operation(NamedTuple):
    """One operation of a document, with the parameters of its path item among its own."""

    path: str
    method: str
    definition: Document

    @property
    def id(self) -> str:
        return str(self.definition.get("operationId", f"{self.method} {self.path}"))

    @property
    def tag(self) -> str:
        return str((self.definition.get("tags") or [""])[0])


def operations(document: Document) -> Iterator[Operation]:
    """Every operation, in the document's order."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                shared = item.get("parameters", [])
                definition = item[method]
                if shared:
                    definition = {**definition, "parameters": [*shared, *definition.get("parameters", [])]}
                yield Operation(path, method, definition)


def resolve(document: Document, node: Any) -> Any:
    """What `node` stands for: itself, or what its `$ref` within the document names."""
    while isinstance(node, dict) and "$ref" in node:
        pointer = node["$ref"]
        if not pointer.startswith("#/"):
            raise DocumentError(f"$ref {pointer!r}: only references within the document are followed")
        node = document
        for part in pointer[2:].split("/"):
            try:
                node = node[part.replace("~1", "/").replace("~0", "~")]
            except (KeyError, TypeError):
                raise DocumentError(f"$ref {pointer!r}: there is nothing of that name") from None
    return node


_MACHINERY = {
    "x-outcomes", "x-bodies", "x-record", "x-tables", "x-view", "x-function", "x-server",
    "x-as", "x-id", "x-values", "x-with", "x-without", "x-form-into", "x-omit", "x-runs",
}  # fmt: skip
"""Extensions that drive this server and tell a reader of the contract nothing."""


def published(document: Document) -> Document:
    """The contract as its readers get it: without our machinery, its server relative to its address."""
    shown: Document = _without(document, _MACHINERY)
    if "x-server" in document:
        _prune(shown)
    path = urlsplit(document["servers"][0]["url"]).path if document.get("servers") else ""
    return {**shown, "servers": [{"url": path or "/"}]}


def _prune(document: Document) -> None:
    """Drop the components that nothing refers to, of a contract that replaced what referred to them."""
    components = document.get("components", {})
    while True:
        named = set(re.findall(r'"#/components/(\w+/[^"]+)"', json.dumps(document)))
        unused = [
            (kind, name)
            for kind in ("schemas", "responses", "parameters")
            for name in components.get(kind, {})
            if f"{kind}/{name}" not in named
        ]
        if not unused:
            return
        for kind, name in unused:
            del components[kind][name]


def _without(node: Any, keys: set[str]) -> Any:
    if isinstance(node, dict):
        return {key: _without(value, keys) for key, value in node.items() if key not in keys}
    if isinstance(node, list):
        return [_without(value, keys) for value in node]
    return node


class Departure(NamedTuple):
    """A place where the document says something else than the documentation, and why."""

    pointer: str
    why: str


def departures(node: Any, pointer: str = "") -> Iterator[Departure]:
    """Every `x-departure` in the document, in its order."""
    if isinstance(node, dict):
        reasons = node.get("x-departure", [])
        for why in [reasons] if isinstance(reasons, str) else reasons:
            yield Departure(pointer or "/", why)
        for key, value in node.items():
            yield from departures(value, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from departures(value, f"{pointer}/{index}")
