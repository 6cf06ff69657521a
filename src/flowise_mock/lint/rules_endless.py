"""The rule `no-endless-schema`: some finite value fits each schema."""

from __future__ import annotations

from collections.abc import Iterator

from flowise_mock.lint.findings import Problem
from flowise_mock.lint.rules_schemas import listed, types
from flowise_mock.lint.source import Spot
from flowise_mock.lint.spec import Spec


def endless(spec: Spec) -> Iterator[Problem]:
    """A schema that requires itself: every value would be endless."""
    possible = _Possible(spec)
    seen: set[tuple[str, str]] = set()
    for reference in spec.references:
        target = spec.resolve(reference.spot) if reference.kind == "schema" else None
        if target and target.id not in seen and not possible.of(target):
            ring = possible.ring(target)
            if target.id in ring:
                yield Problem(target, "no value fits: the schema requires itself without an end")
                seen |= ring
            seen.add(target.id)


class _Possible:
    """The schemas that some finite value fits: the least fixed point over all of them."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._known: set[tuple[str, str]] = set()
        waiting = list(spec.of("schema"))
        before = -1
        while len(self._known) != before:
            before = len(self._known)
            waiting = [each for each in waiting if not self._add(each)]

    def of(self, spot: Spot) -> bool:
        found = self._spec.resolve(spot)
        return found is None or not isinstance(found.value, dict) or found.id in self._known

    def ring(self, start: Spot) -> set[tuple[str, str]]:
        """The impossible schemas that a schema needs, and those that they need."""
        seen: set[tuple[str, str]] = set()
        waiting = [start]
        while waiting:
            for need in self._needs(waiting.pop()):
                found = self._spec.resolve(need)
                if found and found.id not in seen and not self.of(found):
                    seen.add(found.id)
                    waiting.append(found)
        return seen

    def _add(self, schema: Spot) -> bool:
        fits = self._fits(schema)
        if fits:
            self._known.add(schema.id)
        return fits

    def _fits(self, schema: Spot) -> bool:
        if schema.get("nullable") is True or "null" in types(schema):
            return True
        if not all(self.of(need) for need in self._needs(schema, choices=False)):
            return False
        for key in ("anyOf", "oneOf"):
            choices = listed(schema, key)
            if choices and not any(self.of(each) for each in choices):
                return False
        return True

    def _needs(self, schema: Spot, choices: bool = True) -> Iterator[Spot]:
        yield from listed(schema, "allOf")
        if choices:
            yield from (*listed(schema, "anyOf"), *listed(schema, "oneOf"))
        properties, required = schema.get("properties"), schema.get("required")
        if isinstance(properties, dict) and isinstance(required, list):
            yield from (schema.at("properties").at(name) for name in properties if name in required)
        least = schema.get("minItems")
        if isinstance(least, int) and least > 0 and isinstance(schema.get("items"), dict):
            yield schema.at("items")
