"""Failures on demand: what there is to ask for, and how it is asked for in a script or a header."""

from __future__ import annotations

import difflib
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Value = str | float


class Option(NamedTuple):
    """A number between two bounds, or a text where there are none; `default` where it is not given."""

    default: Value | None
    least: float = 0
    most: float = 0

    def read(self, name: str, given: Any) -> Value:
        """The value that was given. Raises ValueError."""
        if not self.most:
            return str(given)
        try:
            number = float(given)
        except (TypeError, ValueError):
            number = -1.0
        if isinstance(given, bool) or not self.least <= number <= self.most:
            raise ValueError(f"{name}: {given!r} is not a number from {self.least:g} to {self.most:g}")
        return number


class Kind(NamedTuple):
    """A kind of fault: what it does, and its options. One that `replaces` leaves the operation undone."""

    does: str
    replaces: bool
    options: Mapping[str, Option] = {}


_SECONDS = {"seconds": Option(None, 0, 600)}
_AFTER = {"after": Option(1, 0, 10_000)}
_MESSAGE = Option("A fault was asked for")
KINDS: Mapping[str, Kind] = {
    "unauthorized": Kind("401, as without a key", True),
    "forbidden-origin": Kind("403, as to a page that may not ask; text where a stream is asked for", True),
    "not-found": Kind("404, as of an id that is not there", True),
    "too-large": Kind("413, as to a body over the limit", True),
    "rate-limited": Kind("429 with its headers and text", True, {"seconds": Option(60, 1, 86_400)}),
    "server-error": Kind("500 with the server's own body", True, {"message": _MESSAGE}),
    "status": Kind("any status", True, {"code": Option(500, 200, 599), "message": _MESSAGE}),
    "hang": Kind("nothing comes; closed after `seconds`, else after --hang", True, _SECONDS),
    "reset": Kind("the connection is reset before the first byte", True),
    "empty-stream": Kind("200 and an event stream that yields nothing", True),
    "latency": Kind("the answer begins `ms` later, give or take `spread`, drawn from `seed`", False,
                    {"ms": Option(1000, 0, 600_000), "spread": Option(0, 0, 600_000)}),
    "truncated": Kind("the connection breaks after `bytes` of the body", False,
                      {"bytes": Option(20, 0, 1e9)}),
    "lost-content": Kind("a stream that tells only metadata and end", False),
    "slow-first-token": Kind("a stream whose first frame comes `ms` later", False,
                             {"ms": Option(3000, 0, 600_000)}),
    "error-midstream": Kind("an error event after so many tokens, then end", False,
                            {**_AFTER, "message": _MESSAGE}),
    "cut-frame": Kind("a stream that is closed within the frame after so many tokens", False, _AFTER),
    "no-end": Kind("a stream that is closed without the event end", False),
    "never-closed": Kind("a stream that stays open after end; for `seconds`, else --hang", False, _SECONDS),
}  # fmt: skip
_ALL = {"probability": Option(1, 0, 1), "seed": Option(0, 0, 2**53), "nth": Option(0, 0, 1e9)}
"""Options of every fault: how likely it is, drawn from a seed; or on which call it happens, from 1."""


@dataclass(frozen=True, eq=False)
class Fault:
    """A fault as it was asked for. `options` has all options of its kind."""

    name: str
    options: Mapping[str, Any]

    @property
    def kind(self) -> Kind:
        return KINDS[self.name]

    def happens(self, call: int) -> bool:
        """Whether it happens at this call of its asker, counted from 1: the same every time."""
        if self.options["nth"]:
            return bool(call == self.options["nth"])
        return bool(self.drawn(call, "happens") < self.options["probability"])

    def drawn(self, call: int, what: str) -> float:
        """A number from 0 to 1 that seed and call alone decide."""
        return random.Random(f"{self.options['seed']:g} {call} {what}").random()  # noqa: S311 - a fault, no secret


def read(given: Any) -> Fault:
    """A fault from its name, or from an object with `name` and options. Raises ValueError."""
    if isinstance(given, str):
        given = {"name": given}
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise ValueError("a fault is a name, or an object with `name` and options")
    name = given["name"]
    if name not in KINDS:
        near = difflib.get_close_matches(name, KINDS, 1)
        told = f"did you mean {near[0]}? " if near else ""
        raise ValueError(f"there is no fault {name!r}: {told}there are {', '.join(KINDS)}")
    known = {**KINDS[name].options, **_ALL}
    for option in given.keys() - known.keys() - {"name"}:
        raise ValueError(f"{name} has no option {option!r}; it has {', '.join(known)}")
    options = {
        option: each.read(option, given[option]) if option in given else each.default
        for option, each in known.items()
    }
    return Fault(name, options)


def from_header(text: str) -> Fault:
    """A fault from a header such as `status; code=503; message=later`. Raises ValueError."""
    name, *rest = (each.strip() for each in text.split(";"))
    given: dict[str, Any] = {}
    for each in filter(None, rest):
        option, equals, value = each.partition("=")
        if not equals:
            raise ValueError(f"{each!r} is no option: write option=value, and `;` between options")
        given[option.strip()] = value.strip().strip('"')
    return read({**given, "name": name})
