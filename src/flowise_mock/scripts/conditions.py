"""Conditions: what a rule's `match` requires of a request. Each is compiled to one function."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from flowise_mock.contract import jsontext
from flowise_mock.contract.schemas import shortened
from flowise_mock.scripts.http_request import ABSENT, POINTER
from flowise_mock.scripts.patterns import BadPattern, Pattern, compile_pattern
from flowise_mock.scripts.question import Question, text
from flowise_mock.state.table import Record

Test = Callable[[Any], bool]
Matcher = tuple[Test, str, str | None]
"""A test of a value, its description, and the only value that passes, or None if several pass."""


class Condition(NamedTuple):
    """One condition: the value that it looks at, the test of that value, and what is expected, in words.

    `exact` is the only value that passes, as text, or None if several pass.
    """

    name: str
    value: Callable[[Question], Any]
    test: Test
    expected: str
    exact: str | None = None

    def holds(self, question: Question) -> bool:
        return self.test(self.value(question))

    def explain_failure(self, question: Question) -> str:
        """Why it does not hold, for the author of the script."""
        return f"{self.name} is {shortened(jsontext.dumps(self.value(question)), 80)}, not {self.expected}"


class BadCondition(Exception):
    """A condition that cannot be compiled: the steps to it within `match`, and why."""

    def __init__(self, steps: tuple[str, ...], message: str) -> None:
        super().__init__(message)
        self.steps = steps


def compile_match(match: dict[str, Any]) -> Iterator[Condition]:
    """The conditions of a `match`, the cheapest first. Raises BadCondition."""
    for name in _CONDITIONS:
        if name in match:
            yield from _CONDITIONS[name](match[name])


# --- values ----------------------------------------------------------------------------------------


def _match_text(wanted: Any, steps: tuple[str, ...]) -> Matcher:
    """Match a whole text, parts of one, or a regular expression."""
    if isinstance(wanted, str):
        return lambda value: value == wanted, jsontext.dumps(wanted), wanted
    tests: list[Test] = []
    expected: list[str] = []
    for part in _required_parts(wanted):
        tests.append(lambda value, part=part: part in value)  # type: ignore[misc]
        expected.append(f"one that contains {jsontext.dumps(part)}")
    if "regex" in wanted:
        regex = _compile_regex(wanted["regex"], (*steps, "regex"))
        tests.append(lambda value: regex.search(value) is not None)
        expected.append(f"one that matches {wanted['regex']}")
    test = tests[0] if len(tests) == 1 else lambda value: all(each(value) for each in tests)
    return test, " and ".join(expected), None


def _required_parts(wanted: Any) -> list[str]:
    """The parts that a text must contain."""
    contains = wanted.get("contains", []) if isinstance(wanted, dict) else []
    return [contains] if isinstance(contains, str) else list(contains)


_HEAD = re.compile(r"(\(\?i\))?(?:\^|\\b)?([\w ]*[\w ])(?![?*{])")


def needle(wanted: Any) -> str:
    """The longest text that every matching question is known to contain, in any case.

    `wanted` is the `question` of a `match`.
    """
    if isinstance(wanted, str):
        return wanted
    regex = wanted.get("regex", "") if isinstance(wanted, dict) else ""
    head = None if "|" in regex else _HEAD.match(regex)
    plain = head[2] if head and (head[1] is None or head[2].isascii()) else ""
    return max([*_required_parts(wanted), plain], key=len)


def _compile_regex(regex: str, steps: tuple[str, ...]) -> Pattern:
    try:
        return compile_pattern(regex)
    except BadPattern as error:
        raise BadCondition(steps, f"is not a regular expression: {error}") from None


def _match_number(wanted: Any) -> Matcher:
    if isinstance(wanted, (int, float)):  # 1.0 is an integer to JSON Schema
        return lambda value: value == wanted, str(int(wanted)), str(int(wanted))
    low, high = wanted.get("min", 0), wanted.get("max")
    expected = f"{low} or more" if high is None else f"{low} to {high}"
    return lambda value: low <= value and (high is None or value <= high), expected, None


# --- conditions ------------------------------------------------------------------------------------


def _text_condition(name: str, value: Callable[[Question], str]) -> Callable[[Any], Iterator[Condition]]:
    def compile_text(wanted: Any) -> Iterator[Condition]:
        yield Condition(name, value, *_match_text(wanted, (name,)))

    return compile_text


def _chatflow(wanted: Any) -> Iterator[Condition]:
    names = [wanted] if isinstance(wanted, str) else wanted
    known = frozenset(names)
    yield Condition(
        "chatflow",
        lambda question: _id_or_name(question.flow, known),
        lambda flow: flow in known,
        " or ".join(map(jsontext.dumps, names)),
    )


def _id_or_name(flow: Record, known: frozenset[str]) -> Any:
    return flow.get("id") if flow.get("id") in known else flow.get("name")


def _turn(wanted: Any) -> Iterator[Condition]:
    yield Condition("turn", lambda question: question.turn, *_match_number(wanted))


def _streaming(wanted: bool) -> Iterator[Condition]:
    expected = jsontext.dumps(wanted)
    yield Condition("streaming", lambda question: question.streaming, lambda value: value is wanted, expected)


def _form(wanted: dict[str, Any]) -> Iterator[Condition]:
    for field, each in wanted.items():
        yield Condition(f"form.{field}", _member("form", field), *_match_field(each, ("form", field)))


def _member(object: str, name: str) -> Callable[[Question], Any]:
    return lambda question: question.json_object(object).get(name)


def _match_field(wanted: Any, steps: tuple[str, ...]) -> Matcher:
    """Match a value of any type, or parts of a text. A form may send a number as text."""
    if isinstance(wanted, dict):
        test, expected, _ = _match_text(wanted, steps)
        return lambda value: test(text(value)), expected, None
    expected = jsontext.dumps(wanted)
    if isinstance(wanted, (str, int, float)) and not isinstance(wanted, bool):
        return lambda value: value is not None and text(value) == text(wanted), expected, text(wanted)
    return lambda value: value == wanted, expected, None


def _history(wanted: dict[str, Any]) -> Iterator[Condition]:
    if "contains" in wanted or "regex" in wanted:
        content = {key: wanted[key] for key in wanted if key != "length"}
        test, expected, _ = _match_text(content, ("history",))
        yield Condition(
            "history",
            lambda question: [each["content"] for each in question.history],
            lambda contents: any(test(each) for each in contents),
            expected,
        )
    if "length" in wanted:
        length = _match_number(wanted["length"])
        yield Condition("history.length", lambda question: len(question.history), *length)


def _uploads(wanted: Any) -> Iterator[Condition]:
    if isinstance(wanted, bool):
        yield Condition(
            "uploads",
            lambda question: question.uploads,
            lambda value: bool(value) is wanted,
            "some" if wanted else "none",
        )
        return
    if "count" in wanted:
        count = _match_number(wanted["count"])
        yield Condition("uploads.count", lambda question: len(question.uploads), *count)
    matchers = {key: _match_text(wanted[key], ("uploads", key)) for key in ("name", "mime") if key in wanted}
    if matchers:
        yield Condition(
            "uploads",
            lambda question: question.uploads,
            lambda files: any(
                all(test(file[key]) for key, (test, _, _) in matchers.items()) for file in files
            ),
            "one with " + " and ".join(f"the {key} {expected}" for key, (_, expected, _) in matchers.items()),
        )


def _override(wanted: dict[str, Any]) -> Iterator[Condition]:
    yield Condition(
        "overrideConfig",
        lambda question: question.json_object("overrideConfig"),
        lambda value: _includes(value, wanted),
        f"one with {jsontext.dumps(wanted)}",
    )


def _includes(value: Any, wanted: Any) -> bool:
    """Whether `value` equals `wanted`, apart from further keys in its objects."""
    if isinstance(wanted, dict) and isinstance(value, dict):
        return all(key in value and _includes(value[key], each) for key, each in wanted.items())
    return type(wanted) is type(value) and bool(wanted == value)


def _human_input(wanted: Any) -> Iterator[Condition]:
    def human_input(question: Question) -> Record:
        return question.json_object("humanInput")

    if isinstance(wanted, bool):
        expected = "one" if wanted else "none"
        yield Condition("humanInput", human_input, lambda value: bool(value) is wanted, expected)
        return
    yield Condition("humanInput", human_input, bool, "one")
    for key, each in wanted.items():
        matcher = _match_field(each, ("humanInput", key))
        yield Condition(f"humanInput.{key}", _member("humanInput", key), *matcher)


def _operation(wanted: Any) -> Iterator[Condition]:
    names = frozenset([wanted] if isinstance(wanted, str) else wanted)
    expected = " or ".join(map(jsontext.dumps, sorted(names)))
    yield Condition(
        "operation", lambda question: question.request.operation, lambda name: name in names, expected
    )


def _method(wanted: str) -> Iterator[Condition]:
    method = wanted.upper()
    yield Condition("method", lambda question: question.request.method, lambda value: value == method, method)


def _query(wanted: dict[str, Any]) -> Iterator[Condition]:
    for name, each in wanted.items():
        yield Condition(f"query.{name}", _query_of(name), *_match_field(each, ("query", name)))


def _query_of(name: str) -> Callable[[Question], Any]:
    return lambda question: question.request.query.get(name)


def _headers(wanted: dict[str, Any]) -> Iterator[Condition]:
    for name, each in wanted.items():
        yield Condition(f"headers.{name}", _header_of(name.lower()), *_match_field(each, ("headers", name)))


def _header_of(name: str) -> Callable[[Question], Any]:
    return lambda question: question.request.headers.get(name)


def _json(wanted: dict[str, Any]) -> Iterator[Condition]:
    for pointer, each in wanted.items():
        if not POINTER.fullmatch(pointer):
            raise BadCondition(
                ("json", pointer), "is not a JSON pointer (RFC 6901): write /question or /items/0"
            )
        matcher = _match_json(each, ("json", pointer))
        yield Condition(f"json {pointer or 'body'}", _json_at(pointer), *matcher)


def _json_at(pointer: str) -> Callable[[Question], Any]:
    def value(question: Question) -> Any:
        found = question.request.at(pointer)
        return None if found is ABSENT else found

    return value


def _match_json(wanted: Any, steps: tuple[str, ...]) -> Matcher:
    """Match an equal JSON value, or parts of a text with `contains` or `regex`."""
    if isinstance(wanted, dict) and wanted and wanted.keys() <= {"contains", "regex"}:
        return _match_field(wanted, steps)
    return lambda value: type(value) is type(wanted) and value == wanted, jsontext.dumps(wanted), None


HTTP = ("operation", "method", "path", "query", "headers", "json")
"""The conditions for any request; all others are for questions to flows."""

_CONDITIONS: dict[str, Callable[[Any], Iterator[Condition]]] = {
    "operation": _operation,
    "method": _method,
    "path": _text_condition("path", lambda question: question.request.path),
    "chatflow": _chatflow,
    "streaming": _streaming,
    "chatId": _text_condition("chatId", lambda question: question.chat_id),
    "sessionId": _text_condition("sessionId", lambda question: question.session_id),
    "leadEmail": _text_condition("leadEmail", lambda question: text(question.body.get("leadEmail"))),
    "question": _text_condition("question", lambda question: question.question),
    "turn": _turn,
    "humanInput": _human_input,
    "uploads": _uploads,
    "form": _form,
    "overrideConfig": _override,
    "history": _history,
    "query": _query,
    "headers": _headers,
    "json": _json,
}
