"""A run: files in, findings out, with what the settings and the document let pass left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from flowise_mock.lint.findings import Finding, Problem
from flowise_mock.lint.overlays import Found, Overlay, is_overlay, unplaced
from flowise_mock.contract.positions import Positions, ReadingError
from flowise_mock.lint.rules import RULES, named
from flowise_mock.lint.settings import Settings
from flowise_mock.lint.source import Files, Source, Spot, load, shown
from flowise_mock.lint.spec import Spec

_UP_TO_STRUCT = [rule.name for rule in RULES].index("struct") + 1
CAUSES = [rule.name for rule in RULES[:_UP_TO_STRUCT]]
"""Rules whose finding explains what others find at the same place; they come first in the table."""


def lint(paths: Iterable[Path], settings: Settings | None = None) -> list[Finding]:
    """Every finding of these files, file by file, from top to bottom."""
    settings = settings or Settings()
    used: set[int] = set()
    files = list(paths)
    found = [finding for path in files for finding in _file(path, settings, used)]
    return [*found, *_stale(settings, used, files)]


def _file(path: Path, settings: Settings, used: set[int]) -> list[Finding]:
    try:
        source = load(path)
        problems = list(_document(source, settings))
    except ReadingError as error:
        severity = settings.severity(error.rule)
        return [] if severity == "off" else [_unread(path, error, severity)]
    kept = [each for each in _passed(source, problems) if not _ignored(each, settings, used)]
    made = {_finding(rule, problem, settings) for rule, problem in kept if settings.severity(rule) != "off"}
    return sorted(
        made, key=lambda each: (each.file != source.name, each.file, each.line, each.column, each.rule)
    )


def _document(source: Source, settings: Settings) -> Iterator[Found]:
    held = source.value
    if is_overlay(source):
        yield from _overlay(source, settings)
    elif not isinstance(held, dict) or not ({"openapi", "swagger"} & held.keys()):
        raise ReadingError(
            "is not an OpenAPI document or overlay: it names no version", rule="unrecognized-format"
        )
    elif not str(held.get("openapi") or held.get("swagger")).startswith(("2.0", "3.0.", "3.1.", "3.2.")):
        version = held.get("openapi") or held.get("swagger")
        place = source.place("/openapi" if "openapi" in held else "/swagger")
        raise ReadingError(
            f"{version} is no version of OpenAPI that is known", *place, rule="unrecognized-format"
        )
    else:
        yield from _causes_first(
            _rules(Spec(source, Files(settings.remote.load if settings.remote else None)), settings)
        )


def _rules(spec: Spec, settings: Settings) -> Iterator[Found]:
    broken = False
    for rule in RULES:
        if rule.find is None or settings.severity(rule.name) == "off":
            continue
        try:
            for problem in rule.find(spec):
                broken = broken or rule.name == "struct"
                yield rule.name, problem
        except Exception as error:  # a document may be wrong in ways that a rule did not foresee
            if not broken:
                yield (
                    "internal",
                    Problem(spec.root, f"{rule.name}: {type(error).__name__}: {str(error)[:100]}"),
                )


def _causes_first(found: Iterator[Found]) -> Iterator[Found]:
    explained: dict[tuple[str, str], str] = {}
    holders: set[tuple[str, str]] = set()
    for rule, problem in found:
        first = explained.get(problem.spot.id)
        if (first is None or first == rule) and not (rule == "struct" and problem.spot.id in holders):
            yield rule, problem
        if rule in CAUSES:
            explained.setdefault(problem.spot.id, rule)
            if rule != "struct":
                holders.add((problem.spot.id[0], problem.spot.pointer.rpartition("/")[0]))


def _overlay(source: Source, settings: Settings) -> Iterator[Found]:
    for duplicate in source.read.duplicates:
        told = f"stands a second time here; the first is on line {duplicate.first.line}"
        yield "no-duplicate-keys", Problem(Spot(source, duplicate.pointer, None), told, key=True)
    for trap in source.read.traps:
        yield "yaml-implicit-type", Problem(Spot(source, trap.pointer, None), trap.message)
    overlay = Overlay(source, Files())
    yield from overlay.problems()
    if overlay.base is not None and overlay.result is not None:
        before = {_told(each) for each in _grave(source.path, overlay.base, settings)}
        for found in _grave(source.path, overlay.result, settings):
            if _told(found) not in before:
                rule, problem = found
                told = f"what it makes breaks {rule} at {problem.spot.pointer}: {problem.message}"
                yield "overlay-result", Problem(overlay.blamed(problem.spot.pointer), told)


def _grave(path: Path, value: dict[str, Any], settings: Settings) -> list[Found]:
    """The errors of a document that was made."""
    try:
        found = list(_document(unplaced(path, value), settings))
    except ReadingError as error:
        return [("struct", Problem(Spot(unplaced(path, value), "", value), str(error)))]
    return [each for each in found if settings.severity(each[0]) == "error"]


def _told(found: Found) -> tuple[str, str, str]:
    return found[0], found[1].spot.pointer, found[1].message


def _finding(rule: str, problem: Problem, settings: Settings) -> Finding:
    spot = problem.spot
    place = spot.source.place(spot.pointer, problem.key)
    known = named(rule)
    return Finding(
        rule, settings.severity(rule), spot.source.name, place.line, place.column, spot.pointer,
        problem.message,
        known.remedy if known else "", spot.source.line(place.line),
        _Fix(problem.fix) if problem.fix else None,
    )  # fmt: skip


class _Fix(dict[str, Any]):
    """An action that can be in a set."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(str(self))


def _unread(path: Path, error: ReadingError, severity: str) -> Finding:
    known = named(error.rule)
    return Finding(
        error.rule,
        severity,
        shown(path),
        error.place.line,
        error.place.column,
        "",
        str(error),
        known.remedy if known else "",
    )


# --- ignores ---------------------------------------------------------------------------------------


def _ignored(found: Found, settings: Settings, used: set[int]) -> bool:
    rule, problem = found
    matching = [
        number
        for number, ignore in enumerate(settings.ignores)
        if ignore.matches(rule, problem.spot.pointer, problem.spot.source.name)
    ]
    used.update(matching)
    return bool(matching)


def _stale(settings: Settings, used: set[int], files: list[Path]) -> list[Finding]:
    severity = settings.severity("stale-ignore")
    if severity == "off" or settings.path is None:
        return []
    lines = settings.path.read_text("utf-8").splitlines()
    source = Source(settings.path, "\n".join(lines), Positions())
    return [
        _stale_entry(source, lines, ignore.pointer, ignore.rule, severity)
        for number, ignore in enumerate(settings.ignores)
        if number not in used and (ignore.file == "*" or any(path.match(ignore.file) for path in files))
    ]


def _stale_entry(source: Source, lines: list[str], pointer: str, rule: str, severity: str) -> Finding:
    line = next((number for number, text in enumerate(lines, 1) if pointer in text), 1)
    told = f"the ignore of {'any rule' if rule == '*' else rule} at {pointer} lets nothing pass"
    known = named("stale-ignore")
    assert known
    return Finding(
        "stale-ignore", severity, source.name, line, 1, pointer, told, known.remedy, source.line(line)
    )


def _passed(source: Source, found: list[Found]) -> Iterator[Found]:
    """The findings without those that an `x-lint-ignore` above them names, and the stale ones of these."""
    marks = list(_marks(source))
    used: set[tuple[str, str]] = set()
    for rule, problem in found:
        covering = [
            (place, name)
            for place, name, _ in marks
            if name == rule
            and problem.spot.source is source
            and f"{problem.spot.pointer}/".startswith(f"{place}/")
        ]
        used.update(covering)
        if not covering:
            yield rule, problem
    for place, name, spot in marks:
        if (place, name) not in used:
            yield "stale-ignore", Problem(spot, f"x-lint-ignore: {name} lets nothing pass here", key=True)


def _marks(source: Source) -> Iterator[tuple[str, str, Spot]]:
    """(where it speaks for, rule, where it stands) of each `x-lint-ignore`."""
    for pointer in source.read.keys:
        if pointer.endswith("/x-lint-ignore"):
            spot = source.spot(pointer)
            held = spot.value if spot else None
            for name in held if isinstance(held, dict | list) else [held]:
                if spot and isinstance(name, str):
                    yield pointer.removesuffix("/x-lint-ignore"), name, spot
