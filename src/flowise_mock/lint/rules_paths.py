"""Rules on paths."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowise_mock.lint.findings import Problem
from flowise_mock.lint.source import Spot
from flowise_mock.lint.spec import Spec

_TEMPLATE = re.compile(r"\{([^{}]*)\}")


def _paths(spec: Spec) -> list[Spot]:
    paths = spec.root.get("paths")
    named = [path for path in paths if path.startswith("/")] if isinstance(paths, dict) else []
    return [spec.root.at("paths").at(path) for path in named]


def _shape(path: str) -> str:
    return _TEMPLATE.sub("{}", path)


def identical_paths(spec: Spec) -> Iterator[Problem]:
    """Two paths that differ only in the names of their parameters."""
    first: dict[str, Spot] = {}
    for path in _paths(spec):
        twin = first.setdefault(_shape(path.name), path)
        if twin is not path:
            line = twin.source.place(twin.pointer, key=True).line
            yield Problem(path, f"is the same path as {twin.name} on line {line}", key=True)


def ambiguous_paths(spec: Spec) -> Iterator[Problem]:
    """Two paths that one request can match, and neither has more fixed segments."""
    paths = [(path, _shape(path.name).split("/")) for path in _paths(spec)]
    kin: dict[tuple[int, str], list[tuple[Spot, list[str]]]] = {}
    for path, parts in paths:
        for other, others in _rivals(kin, parts):
            if _ambiguous(parts, others):
                yield Problem(path, f"one request can match this path and {other.name}", key=True)
                break
        kin.setdefault((len(parts), _first(parts)), []).append((path, parts))


def _rivals(
    kin: dict[tuple[int, str], list[tuple[Spot, list[str]]]], parts: list[str]
) -> list[tuple[Spot, list[str]]]:
    """The earlier paths that can match what this one matches, by length and first segment."""
    length, first = len(parts), _first(parts)
    if first != "{}":
        return kin.get((length, first), []) + kin.get((length, "{}"), [])
    return [each for (size, _), paths in kin.items() if size == length for each in paths]


def _first(parts: list[str]) -> str:
    """The segment that separates most paths."""
    first = parts[1] if len(parts) > 1 else ""
    return "{}" if "{}" in first else first


def _ambiguous(one: list[str], two: list[str]) -> bool:
    pairs = list(zip(one, two, strict=True))
    if any("{}" not in a and "{}" not in b and a != b for a, b in pairs):
        return False
    if any("{}" in (a + b) and a != b and "{}" not in (a, b) for a, b in pairs):
        return False
    return any(a == "{}" != b for a, b in pairs) and any(b == "{}" != a for a, b in pairs)


def path_form(spec: Spec) -> Iterator[Problem]:
    """A path with a query or unpaired braces; with a slash at its end, a fragment, an empty segment."""
    paths = spec.root.get("paths")
    named = [path for path in paths if path.startswith("/")] if isinstance(paths, dict) else []
    slashes = sum(path.endswith("/") for path in named) * 2 > len(named)  # then it is the style of the API
    for path in named:
        wrong = _wrong_path(path)
        odd = "" if wrong else _odd_path(path, slashes)
        if wrong or odd:
            spot = spec.root.at("paths").at(path)
            yield Problem(spot, f"{path} {wrong or odd}", key=True, severity="" if wrong else "warning")


def _wrong_path(path: str) -> str:
    if "?" in path:
        return "has a query; declare its parameters with `in: query`"
    rest = _TEMPLATE.sub("", path)
    if "{" in rest or "}" in rest or "{}" in path:
        return "has braces that do not name a parameter"
    names = _TEMPLATE.findall(path)
    return "names a parameter twice" if len(set(names)) < len(names) else ""


def _odd_path(path: str, slashes: bool) -> str:
    if "#" in path:
        return "has a fragment, which no client sends"
    if "//" in path:
        return "has an empty segment"
    if path.endswith("/") and path != "/" and not slashes:
        return "ends in a slash, unlike most paths here; clients easily miss it"
    return ""
