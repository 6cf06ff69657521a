"""Faults: failures on demand, named after what users of Flowise meet. What there is stands in the schema."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import jsonschema_rs

from flowise_mock.contract import jsontext
from flowise_mock.contract.schemas import shortened

SCHEMA = Path(__file__).with_name("faults.schema.json")
WHEN = ("probability", "seed", "nth")
"""The options that every fault has: on which calls it happens."""


@dataclass(frozen=True)
class Fault:
    """A failure on demand. `options` has every option of the fault that was given or has a default.

    `spoils` is what it spoils: the `answer`, which it replaces before anything is done; the `stream`, if the
    answer is one; or the `wire`, over which any answer goes. `told` is how it was asked for.
    """

    name: str
    spoils: str
    options: Mapping[str, Any]
    told: str

    def __str__(self) -> str:
        return self.told

    def is_due(self, count: int) -> bool:
        """Whether it happens at the call of this number, counted from 1: the same every run."""
        if "nth" in self.options and self.options["nth"] != count:
            return False
        chance: float = self.options["probability"]
        return chance >= 1 or self._drawn(count).random() < chance

    def delay(self, count: int) -> float:
        """Seconds by which a latency delays the call of this number, at most ten minutes."""
        told = self.options
        middle, spread = told["ms"] / 1000, told["spread"] / 1000
        chance = self._drawn(-count)  # other draws than those of `is_due`
        seconds: float = middle
        if told["distribution"] == "uniform":
            seconds = chance.uniform(middle - spread, middle + spread)
        elif told["distribution"] == "normal":
            seconds = chance.gauss(middle, spread)
        elif told["distribution"] == "lognormal" and middle > 0:
            seconds = chance.lognormvariate(math.log(middle), math.log1p(spread / middle))
        return min(max(seconds, 0.0), 600.0)

    def _drawn(self, count: int) -> Random:
        return Random(f"{self.options['seed']} {count}")  # noqa: S311 - chance that can be had again


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of a fault, draft 2020-12: the catalogue."""
    whole: dict[str, Any] = json.loads(SCHEMA.read_text())
    return whole


@cache
def catalogue() -> dict[str, dict[str, Any]]:
    """Each fault by its name: what it is (`description`), what it spoils, its options as schemas."""
    return {each["properties"]["name"]["const"]: each for each in schema()["oneOf"] if "properties" in each}


def options(name: str) -> dict[str, Any]:
    """The options of a fault, those that all have among them, each as its schema."""
    own = {key: told for key, told in catalogue()[name]["properties"].items() if key != "name"}
    return {**own, **{key: schema()["properties"][key] for key in WHEN}}


def read(given: str | Mapping[str, Any]) -> Fault:
    """The fault that is asked for by its name, or by a mapping of `name` and options.

    Raises ValueError, whose text names what there is.
    """
    asked = {"name": given} if isinstance(given, str) else dict(given)
    name = asked.pop("name", None)
    if not isinstance(name, str) or name not in catalogue():
        wrong = "a fault has a name" if name is None else f"there is no fault {shortened(str(name), 40)}"
        raise ValueError(f"{wrong}; there are {', '.join(catalogue())}")
    known = options(name)
    for key, value in asked.items():
        if key not in known:
            there = ", ".join(known)
            raise ValueError(f"the fault {name} has no option {shortened(str(key), 40)}; it has {there}")
        problem = next(_validator(name, key).iter_errors(value), None)
        if problem is not None:
            raise ValueError(f"the option {key} of the fault {name}: {shortened(problem.message, 120)}")
    defaults = {key: told["default"] for key, told in known.items() if "default" in told}
    told = "; ".join([name, *(f"{key}={_written(value)}" for key, value in asked.items())])
    return Fault(name, catalogue()[name]["x-spoils"], {**defaults, **asked}, told)


@cache
def _validator(name: str, key: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(options(name)[key])


# --- as a header has it ----------------------------------------------------------------------------

_PART = re.compile(r'\s*([\w-]+)\s*=\s*("(?:[^"\\]|\\.)*"\s*|[^";\s][^;]*|)(?:;|$)')


def parse(text: str) -> Fault:
    """The fault that a header asks for: `NAME; option=value; ...`, texts with `;` or `"` in quotes.

    Raises ValueError.
    """
    name, _, rest = text.partition(";")
    given: dict[str, Any] = {"name": name.strip()}
    known = options(given["name"]) if given["name"] in catalogue() else {}
    place = 0
    while rest[place:].strip():
        part = _PART.match(rest, place)
        if part is None:
            raise ValueError(
                f"what follows {name.strip()} cannot be read at {shortened(rest[place:].strip(), 40)}; "
                "write NAME; option=value; option=value"
            )
        if part[1] in given:
            raise ValueError(f"the option {part[1]} is there twice; write it once")
        given[part[1]] = _value(part[2].strip(), known.get(part[1], {}))
        place = part.end()
    return read(given)


def _value(text: str, told: Mapping[str, Any]) -> Any:
    """A value of a header as its option's type: text, or JSON where that is something else."""
    plain = re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
    if told.get("type") == "string":
        return plain
    try:
        return jsontext.loads(plain)
    except ValueError:
        return plain


def _written(value: Any) -> str:
    return shortened(value if isinstance(value, str) else jsontext.dumps(value), 60)
