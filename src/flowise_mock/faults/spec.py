"""Faults: failures on demand, named after the failures that users of Flowise see. The schema lists them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import jsonschema_rs

from flowise_mock.contract import jsontext, merged
from flowise_mock.contract.schemas import shortened

SCHEMA = Path(__file__).with_name("faults.schema.json")
WHEN = ("probability", "seed", "nth")
"""The options of every fault: at which calls it happens."""


@dataclass(frozen=True)
class Fault:
    """A failure on demand. `options` has the requested options and the defaults of the others.

    `spoils` says what it spoils: the `answer`, which it replaces before the handler runs; the `stream`, if
    the answer is one; or the `wire`, over which any answer is sent. `text` is its name with the requested
    options.
    """

    name: str
    spoils: str
    options: Mapping[str, Any]
    text: str

    def __str__(self) -> str:
        return self.text

    def is_due(self, count: int) -> bool:
        """Whether it happens at the call of this number, counted from 1. The same in every run."""
        if "nth" in self.options and self.options["nth"] != count:
            return False
        chance: float = self.options["probability"]
        return chance >= 1 or self._random(count).random() < chance

    def delay(self, count: int) -> float:
        """Seconds by which a latency delays the call of this number, at most ten minutes."""
        middle, spread = self.options["ms"] / 1000, self.options["spread"] / 1000
        distribution = self.options["distribution"]
        random = self._random(-count)  # independent of `is_due`
        seconds: float = middle
        if distribution == "uniform":
            seconds = random.uniform(middle - spread, middle + spread)
        elif distribution == "normal":
            seconds = random.gauss(middle, spread)
        elif distribution == "lognormal" and middle > 0:
            seconds = random.lognormvariate(math.log(middle), math.log1p(spread / middle))
        return min(max(seconds, 0.0), 600.0)

    def _random(self, count: int) -> Random:
        return Random(f"{self.options['seed']} {count}")  # noqa: S311 - repeatable chance, no secrets


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of a fault, draft 2020-12."""
    whole: dict[str, Any] = merged.of_package(SCHEMA)
    return whole


@cache
def catalogue() -> dict[str, dict[str, Any]]:
    """Each fault by its name: its `description`, what it spoils, and the schemas of its options."""
    return {each["properties"]["name"]["const"]: each for each in schema()["oneOf"] if "properties" in each}


def options(name: str) -> dict[str, Any]:
    """The schema of each option of a fault, including the options of every fault."""
    own = {key: option for key, option in catalogue()[name]["properties"].items() if key != "name"}
    return {**own, **{key: schema()["properties"][key] for key in WHEN}}


def read(given: str | Mapping[str, Any]) -> Fault:
    """Read a fault from its name, or from a mapping of `name` and options.

    Raises ValueError, whose message lists the valid faults or options.
    """
    requested = {"name": given} if isinstance(given, str) else dict(given)
    name = requested.pop("name", None)
    if not isinstance(name, str) or name not in catalogue():
        wrong = "a fault has a name" if name is None else f"there is no fault {shortened(str(name), 40)}"
        raise ValueError(f"{wrong}; there are {', '.join(catalogue())}")
    known = options(name)
    for key, value in requested.items():
        if key not in known:
            names = ", ".join(known)
            raise ValueError(f"the fault {name} has no option {shortened(str(key), 40)}; it has {names}")
        problem = next(_validator(name, key).iter_errors(value), None)
        if problem is not None:
            raise ValueError(f"the option {key} of the fault {name}: {shortened(problem.message, 120)}")
    defaults = {key: option["default"] for key, option in known.items() if "default" in option}
    text = "; ".join([name, *(f"{key}={_to_text(value)}" for key, value in requested.items())])
    return Fault(name, catalogue()[name]["x-spoils"], {**defaults, **requested}, text)


@cache
def _validator(name: str, key: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(options(name)[key])


# --- the header ------------------------------------------------------------------------------------

_PART = re.compile(r'\s*([\w-]+)\s*=\s*("(?:[^"\\]|\\.)*"\s*|[^";\s][^;]*|)(?:;|$)')


def parse(text: str) -> Fault:
    """Parse the fault in a header: `NAME; option=value; ...`. A text with `;` or `"` is quoted.

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


def _value(text: str, option: Mapping[str, Any]) -> Any:
    """A value of a header: text if its option is a text, else JSON."""
    plain = re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
    if option.get("type") == "string":
        return plain
    try:
        return jsontext.loads(plain)
    except ValueError:
        return plain


def _to_text(value: Any) -> str:
    return shortened(value if isinstance(value, str) else jsontext.dumps(value), 60)
