"""Rules on the text of a document: what YAML readers lose or read differently."""

from __future__ import annotations

from collections.abc import Iterator

from flowise_mock.lint.findings import Edit, Problem
from flowise_mock.lint.source import Source, Spot
from flowise_mock.lint.spec import Spec


def duplicate_keys(spec: Spec) -> Iterator[Problem]:
    """A key that an object has twice: readers keep the last one, or refuse the file."""
    for source in spec.sources():
        yield from duplicates(source)


def duplicates(source: Source) -> Iterator[Problem]:
    """The duplicate keys of one file."""
    for each in source.read.duplicates:
        spot = Spot(source, each.pointer, None)
        yield Problem(
            spot, f"{spot.name} is a duplicate; the first one is on line {each.first.line}", key=True
        )


def yaml_values(spec: Spec) -> Iterator[Problem]:
    """An unquoted YAML value that readers disagree on (`no`, a date, `0123`), or that JSON cannot hold."""
    for source in spec.sources():
        yield from traps(source)


def traps(source: Source) -> Iterator[Problem]:
    """The ambiguous values of one file."""
    for each in source.read.traps:
        spot = source.spot(each.pointer)
        if spot:
            severity = "warning" if each.valid else ""
            is_key = each.message.startswith("the key ")
            yield Problem(spot, each.message, severity=severity, fix=() if is_key else _quoted(spot))


def _quoted(spot: Spot) -> tuple[Edit, ...]:
    """Text that YAML 1.1 reads as another value: an overlay quotes it."""
    return (Edit(spot.pointer, spot.value),) if isinstance(spot.value, str) else ()
