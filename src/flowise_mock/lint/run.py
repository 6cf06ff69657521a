"""Runs the rules on files; leaves out the findings that the settings or the document ignore."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from flowise_mock.contract.positions import Positions, ReadingError
from flowise_mock.lint import rules_text
from flowise_mock.lint.findings import Finding, Problem, at_least
from flowise_mock.lint.layers import Layered
from flowise_mock.lint.overlays import Found, Overlay, is_overlay, unplaced
from flowise_mock.lint.rules import RULES
from flowise_mock.lint.settings import Settings
from flowise_mock.lint.source import Files, Source, Spot, load, shown
from flowise_mock.lint.spec import Spec

_UP_TO_STRUCT = [rule.name for rule in RULES].index("struct") + 1
CAUSES = [rule.name for rule in RULES[:_UP_TO_STRUCT] if rule.name != "yaml-implicit-type"]
"""Rules whose finding explains those of others at the same place; they come first in the table."""
LINES = ("2.0", "3.0.", "3.1.", "3.2.")


def lint(paths: Iterable[Path], settings: Settings | None = None) -> list[Finding]:
    """Every finding of these files, file by file, from top to bottom."""
    settings = settings or Settings()
    used: set[int] = set()
    files = list(paths)
    found = [finding for path in files for finding in _file(path, settings, used)]
    return [*found, *_stale(settings, used, files)]


def lint_layers(paths: list[Path], settings: Settings, complete: Any = None) -> list[Finding]:
    """The findings of a document with overlays, each at the file and line where its place was written.

    `complete` changes the merged document before it is looked at.
    """
    source = Layered([load(path) for path in paths], complete)
    return _findings(source, list(_document(source, settings)), settings, set())


def sources(path: Path) -> list[Source]:
    """The files of a document. Raises ReadingError if it is not a document."""
    source = load(path)
    _check_version(source)
    return Spec(source).sources()


def _file(path: Path, settings: Settings, used: set[int]) -> list[Finding]:
    try:
        source = load(path)
        problems = list(_document(source, settings))
    except ReadingError as error:
        severity = settings.severity(error.rule, shown(path))
        return [] if severity == "off" else [_unread(path, error, severity, settings)]
    return _findings(source, problems, settings, used)


def _findings(source: Source, problems: list[Found], settings: Settings, used: set[int]) -> list[Finding]:
    kept = [each for each in _accepted(source, problems) if not _ignored(each, settings, used)]
    made = dict.fromkeys(_finding(rule, problem, settings) for rule, problem in _once(kept))
    order = (each for each in made if each.severity != "off")
    return sorted(
        order, key=lambda each: (each.file != source.name, each.file, each.line, each.column, each.rule)
    )


def _once(found: list[Found]) -> Iterator[Found]:
    """Without what a rule finds at each alias of one YAML anchor, after the first."""
    seen: set[tuple[str, tuple[str, str]]] = set()
    for rule, problem in found:
        key = rule, problem.spot.id
        if problem.spot.id[1] == problem.spot.pointer or key not in seen:
            yield rule, problem
        if problem.spot.source.read.aliases:
            seen.add(key)


def _document(source: Source, settings: Settings) -> Iterator[Found]:
    if is_overlay(source):
        yield from _overlay(source, settings)
        return
    _check_version(source)
    spec = Spec(source, Files(settings.remote.load if settings.remote else None))
    yield from _causes_first(_rules(spec, settings), settings)


def _check_version(source: Source) -> None:
    held = source.value
    if not isinstance(held, dict) or not ({"openapi", "swagger"} & held.keys()):
        message = "is not an OpenAPI document or overlay: it has neither `openapi`, `swagger` nor `overlay`"
        raise ReadingError(message, rule="unrecognized-format")
    version = held.get("openapi") or held.get("swagger")
    if not str(version).startswith(LINES) or not isinstance(version, str | float):
        place = source.place("/openapi" if "openapi" in held else "/swagger")
        message = f"{version} is not a version of OpenAPI that is known"
        raise ReadingError(message, *place, rule="unrecognized-format")


def _rules(spec: Spec, settings: Settings) -> Iterator[Found]:
    broken = False
    for rule in settings.rules.values():
        if rule.find is None or not _is_on(rule.name, settings):
            continue
        try:
            for problem in rule.find(spec):
                broken = broken or rule.name == "struct"
                yield rule.name, problem
        except Exception as error:  # a document may be invalid in ways that a rule did not expect
            if not broken or rule in settings.custom:
                message = f"{rule.name}: {type(error).__name__}: {str(error)[:100]}"
                yield "internal", Problem(spec.root, message)


def _is_on(rule: str, settings: Settings) -> bool:
    """Whether a rule has to run: one that explains others runs also if it is not selected."""
    return rule in CAUSES or settings.severity(rule) != "off" or bool(settings.overrides)


def _causes_first(found: Iterator[Found], settings: Settings) -> Iterator[Found]:
    """Without what another finding at the same place explains, and opinions on what is reported anyway."""
    explained: dict[tuple[str, str], str] = {}
    wrong: set[str] = set()
    for rule, problem in found:
        first = explained.get(problem.spot.id)
        if rule == "spec-validator" and _near(problem.spot.pointer, wrong):
            continue
        if first is None or first == rule:
            yield rule, problem
        if rule in CAUSES or (rule == "yaml-implicit-type" and not isinstance(problem.spot.value, str)):
            explained.setdefault(problem.spot.id, rule)
        if rule != "spec-validator" and at_least(settings.severity(rule, "", problem.severity), "warning"):
            wrong.add(problem.spot.pointer)


def _near(pointer: str, others: set[str]) -> bool:
    """Whether one of the others is at a pointer, below it, or at what holds it."""
    head = pointer
    while head:
        if head in others:
            return True
        head = head.rpartition("/")[0]
    return any(each.startswith(f"{pointer}/") for each in others)


def _overlay(source: Source, settings: Settings) -> Iterator[Found]:
    yield from (("no-duplicate-keys", each) for each in rules_text.duplicates(source))
    yield from (("yaml-implicit-type", each) for each in rules_text.traps(source))
    overlay = Overlay(source, Files())
    yield from overlay.problems()
    if overlay.base is not None and overlay.result is not None:
        before = {_key(each) for each in _errors(source.path, overlay.base, settings)}
        for found in _errors(source.path, overlay.result, settings):
            if _key(found) not in before:
                rule, problem = found
                message = f"the result breaks {rule} at {problem.spot.pointer}: {problem.message}"
                yield "overlay-result", Problem(overlay.blamed(problem.spot.pointer), message)


def _errors(path: Path, value: dict[str, Any], settings: Settings) -> list[Found]:
    """The errors of a document that has no text."""
    try:
        found = list(_document(unplaced(path, value), settings))
    except ReadingError as error:
        return [("struct", Problem(Spot(unplaced(path, value), "", value), str(error)))]
    return [each for each in found if settings.severity(each[0], "", each[1].severity) == "error"]


def _key(found: Found) -> tuple[str, str, str]:
    return found[0], found[1].spot.pointer, found[1].message


def _finding(rule: str, problem: Problem, settings: Settings) -> Finding:
    spot = problem.spot
    source, pointer = spot.source.origin(spot.pointer)
    place = source.place(pointer, problem.key)
    known = settings.rules.get(rule)
    return Finding(
        rule, settings.severity(rule, source.name, problem.severity), source.name, *place, pointer,
        problem.message, known.remedy if known else "", source.line(place.line), _Fix(problem.fix),
    )  # fmt: skip


class _Fix(tuple[Any, ...]):
    """Edits that can be in a set, whatever their values are."""

    __slots__ = ()

    def __hash__(self) -> int:
        return hash(str(self))


def _unread(path: Path, error: ReadingError, severity: str, settings: Settings) -> Finding:
    known = settings.rules.get(error.rule)
    remedy = known.remedy if known else ""
    return Finding(error.rule, severity, shown(path), *error.place, "", str(error), remedy)


# --- ignores ---------------------------------------------------------------------------------------


def _ignored(found: Found, settings: Settings, used: set[int]) -> bool:
    rule, problem = found
    source, _ = problem.spot.source.origin(problem.spot.pointer)
    matching = [
        number
        for number, ignore in enumerate(settings.ignores)
        if ignore.matches(rule, problem.spot.pointer, source.name)
    ]
    used.update(matching)
    return bool(matching)


def _stale(settings: Settings, used: set[int], files: list[Path]) -> list[Finding]:
    severity = settings.severity("stale-ignore")
    if severity == "off" or settings.path is None or settings.only:
        return []
    text = settings.path.read_text("utf-8")
    source = Source(settings.path, text, Positions())
    return [
        _stale_entry(source, ignore.pointer, ignore.rule, severity, settings)
        for number, ignore in enumerate(settings.ignores)
        if number not in used
        and ignore.rule not in settings.skip
        and (ignore.file == "*" or any(path.match(ignore.file) for path in files))
    ]


def _stale_entry(source: Source, pointer: str, rule: str, severity: str, settings: Settings) -> Finding:
    line = next((number for number, text in enumerate(source.lines, 1) if pointer in text), 1)
    message = f"the ignore of {'any rule' if rule == '*' else rule} at {pointer} matches no finding"
    remedy = settings.rules["stale-ignore"].remedy
    return Finding(
        "stale-ignore", severity, source.name, line, 1, pointer, message, remedy, source.line(line)
    )


def _accepted(source: Source, found: list[Found]) -> Iterator[Found]:
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
            yield "stale-ignore", Problem(spot, f"x-lint-ignore: {name} matches no finding here", key=True)


def _marks(source: Source) -> Iterator[tuple[str, str, Spot]]:
    """(the pointer that it covers, the rule, its spot) of each `x-lint-ignore`."""
    for pointer in source.read.keys:
        if pointer.endswith("/x-lint-ignore"):
            spot = source.spot(pointer)
            held = spot.value if spot else None
            for name in held if isinstance(held, dict | list) else [held]:
                if spot and isinstance(name, str):
                    yield pointer.removesuffix("/x-lint-ignore"), name, spot
