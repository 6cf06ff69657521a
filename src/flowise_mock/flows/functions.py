"""Custom functions: those that return a literal, a text with variables, or throw. Others are not run.

`return 'Hi ' + $name`, `return {a: 1}` and `throw new Error('no')` are known. No JavaScript runs here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from flowise_mock.contract import jsontext, v8
from flowise_mock.state.outcomes import FailedFunction


class Returned(NamedTuple):
    """What a function returns; `UNDEFINED` if it returns nothing."""

    value: Any


UNDEFINED = object()
MAX_INTEGER = 2**53
"""The first whole number that is not exact in JavaScript."""
MAX_CODE, MAX_SIZE = 10_000, 2_000_000
"""Characters of an expression, and of its variables each time that they are named."""
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?)"""
    r"""|(?P<name>\$?[A-Za-z_][\w$]*(?:\.[A-Za-z_]\w*)*)|(?P<sign>[\[\]{}(),:+;]))"""
)
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "undefined": UNDEFINED}
_UNKNOWN = re.compile(r"return (?P<name>[A-Za-z_$][\w$]*)\s*;?")
"""A function that returns one variable."""
_FAILED = "Error: NodeVM Execution Error"
_GLOBALS = frozenset(
    """
    true false null undefined this NaN Infinity Object Array String Number Boolean Symbol BigInt Math Date
    JSON RegExp Map Set WeakMap WeakSet Promise Proxy Reflect Error TypeError RangeError Function Buffer URL
    URLSearchParams globalThis global process console require module exports fetch axios setTimeout
    setInterval setImmediate clearTimeout parseInt parseFloat isNaN isFinite Intl escape unescape
    """.split()  # noqa: SIM905
)
"""Names that JavaScript, or the sandbox of functions, has without a declaration."""
_THROW = re.compile(r"throw (?:new )?Error\((?P<value>.*)\);?", re.DOTALL)


def run(code: str, variables: Mapping[str, Any]) -> Returned | None:
    """What a function returns; None if it would have to run. Raises FailedFunction if it throws."""
    code = code.strip()
    thrown = _THROW.fullmatch(code)
    if thrown is not None:
        _throw(thrown["value"], variables)
        return None
    if "return" not in code or code.rstrip("; ") == "return":
        return Returned(UNDEFINED)
    if not code.startswith("return "):
        return None
    _check_name(code, variables)
    try:
        return Returned(_Reader(code.removeprefix("return "), variables).whole())
    except (ValueError, IndexError, RecursionError):
        return None


def _check_name(code: str, variables: Mapping[str, Any]) -> None:
    """Raise if a function returns just a variable that does not exist."""
    found = _UNKNOWN.fullmatch(code)
    name = found["name"] if found else ""
    known = name.startswith("$") and name[1:] in variables
    if name and not known and name not in _GLOBALS:
        raise FailedFunction(f"{_FAILED}: ReferenceError: {name} is not defined")


def _throw(expression: str, variables: Mapping[str, Any]) -> None:
    """Raise what a function throws; return if its text would have to be computed."""
    try:
        value = _Reader(expression, variables).whole() if expression.strip() else UNDEFINED
    except (ValueError, IndexError, RecursionError):
        return
    text = "" if value is UNDEFINED else v8.text(value)
    raise FailedFunction(f"{_FAILED}: Error{': ' if text else ''}{text}")


class _Reader:
    """Reads one expression. Raises ValueError at what is not known here."""

    def __init__(self, text: str, variables: Mapping[str, Any]) -> None:
        self._tokens = _tokens(text)
        self._variables = variables
        self._size = 0

    def whole(self) -> Any:
        value = self._sum()
        while self._peek() == ";":
            self._tokens.pop(0)
        if self._tokens:
            raise ValueError
        return value

    def _peek(self) -> str:
        return self._tokens[0][1] if self._tokens and self._tokens[0][0] == "sign" else ""

    def _expect(self, sign: str) -> None:
        if self._peek() != sign:
            raise ValueError
        self._tokens.pop(0)

    def _sum(self) -> Any:
        value = self._term()
        while self._peek() == "+":
            self._tokens.pop(0)
            value = _added(value, self._term())
        return value

    def _term(self) -> Any:
        kind, text = self._tokens.pop(0)
        if kind == "text":
            return _unquoted(text)
        if kind == "number":
            return jsontext.loads(text)
        if text == "[":
            return self._list()
        if text == "{":
            return self._object()
        if text == "JSON.stringify":
            self._expect("(")
            value = self._sum()
            self._expect(")")
            return value if value is UNDEFINED else self._counted(jsontext.dumps(value))
        return self._counted(self._variable(text))

    def _counted(self, value: Any) -> Any:
        """A value whose size may multiply. Raises ValueError if all of them are too large together."""
        self._size += 0 if value is UNDEFINED else len(jsontext.dumps(value))
        if self._size > MAX_SIZE:
            raise ValueError
        return value

    def _list(self) -> list[Any]:
        found: list[Any] = []
        while self._peek() != "]":
            value = self._sum()
            found.append(None if value is UNDEFINED else value)
            if self._peek() == ",":
                self._tokens.pop(0)
        self._expect("]")
        return found

    def _object(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self._peek() != "}":
            kind, text = self._tokens.pop(0)
            self._expect(":")
            value = self._sum()
            if value is not UNDEFINED:
                found[_unquoted(text) if kind == "text" else text] = value
            if self._peek() == ",":
                self._tokens.pop(0)
        self._expect("}")
        return found

    def _variable(self, name: str) -> Any:
        if name in _WORDS:
            return _WORDS[name]
        head, *path = name.split(".")
        if not head.startswith("$") or head[1:] not in self._variables:
            raise ValueError(name)
        value = self._variables[head[1:]]
        for key in path:
            value = value.get(key, UNDEFINED) if isinstance(value, dict) else UNDEFINED
        return value


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    place, text = 0, text.rstrip()
    if len(text) > MAX_CODE:
        raise ValueError
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise ValueError
        found.append((match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return found


def _unquoted(text: str) -> str:
    inner = re.sub(r'\\(.)|(")', lambda each: _escaped(each[1]) if each[1] else '\\"', text[1:-1])
    return str(jsontext.loads(f'"{inner}"'))


def _escaped(letter: str) -> str:
    return f"\\{letter}" if letter in 'nrtbf"\\/' else letter


def _added(one: Any, other: Any) -> Any:
    """`one + other`: a sum of numbers, or a text."""
    if all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in (one, other)):
        total = one + other
        return total if abs(total) < MAX_INTEGER else float(total)
    return _text(one) + _text(other)


def _text(value: Any) -> str:
    return "undefined" if value is UNDEFINED else v8.text(value)
