"""Conditions: what a rule's `match` asks of a request, each compiled to one function."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from flowise_mock.contract import jsontext
from flowise_mock.contract.schemas import shortened
from flowise_mock.scripts.http_request import ABSENT, POINTER
from flowise_mock.scripts.patterns import BadPattern, Pattern, pattern
from flowise_mock.scripts.question import Question, text

Test = Callable[[Any], bool]
Wanted = tuple[Test, str, str | None]
"""A test of a value, what it asks of it in words, and the only value that passes, where there is just one."""


class Condition(NamedTuple):
    """One condition: what it looks at, whether that holds, and what it asks, in words.

    `exact` is the only value that passes, as text; None where others may.
    """

    name: str
    value: Callable[[Question], Any]
    test: Test
    wanted: str
    exact: str | None = None

    def holds(self, asked: Question) -> bool:
        return self.test(self.value(asked))

    def failed(self, asked: Question) -> str:
        """Why it does not hold, for the author of the script."""
        return f"{self.name} is {shortened(_shown(self.value(asked)), 80)}, not {self.wanted}"


class BadCondition(Exception):
    """A condition that cannot be compiled: its steps within `match`, and why."""

    def __init__(self, steps: tuple[str, ...], told: str) -> None:
        super().__init__(told)
        self.steps = steps


def compiled(match: dict[str, Any]) -> Iterator[Condition]:
    """The conditions of a `match`, those that cost least first. Raises BadCondition."""
    for name in _CONDITIONS:
        if name in match:
            yield from _CONDITIONS[name](match[name])


# --- values ----------------------------------------------------------------------------------------


def _text(wanted: Any, steps: tuple[str, ...]) -> Wanted:
    """A whole text, or a part of one, or a regular expression."""
    if isinstance(wanted, str):
        return lambda value: value == wanted, _shown(wanted), wanted
    tests: list[Test] = []
    told: list[str] = []
    for part in parts(wanted):
        tests.append(lambda value, part=part: part in value)  # type: ignore[misc]
        told.append(f"one that contains {_shown(part)}")
    if "regex" in wanted:
        regex = _pattern(wanted["regex"], (*steps, "regex"))
        tests.append(lambda value: regex.search(value) is not None)
        told.append(f"one that matches {wanted['regex']}")
    test = tests[0] if len(tests) == 1 else lambda value: all(each(value) for each in tests)
    return test, " and ".join(told), None


def parts(wanted: Any) -> list[str]:
    """The parts that a text must contain."""
    given = wanted.get("contains", []) if isinstance(wanted, dict) else []
    return [given] if isinstance(given, str) else list(given)


_HEAD = re.compile(r"(\(\?i\))?(?:\^|\\b)?([\w ]*[\w ])(?![?*{])")


def needle(question: Any) -> str:
    """A text that every question that passes contains, in whatever case; as long a one as is plain to see."""
    if isinstance(question, str):
        return question
    regex = question.get("regex", "") if isinstance(question, dict) else ""
    head = None if "|" in regex else _HEAD.match(regex)
    plain = head[2] if head and (head[1] is None or head[2].isascii()) else ""
    return max([*parts(question), plain], key=len)


def _pattern(regex: str, steps: tuple[str, ...]) -> Pattern:
    try:
        return pattern(regex)
    except BadPattern as error:
        raise BadCondition(steps, f"is no regular expression: {error}") from None


def _number(wanted: Any) -> Wanted:
    if isinstance(wanted, (int, float)):  # 1.0 is an integer to JSON Schema
        return lambda value: value == wanted, str(int(wanted)), str(int(wanted))
    low, high = wanted.get("min", 0), wanted.get("max")
    told = f"{low} or more" if high is None else f"{low} to {high}"
    return lambda value: low <= value and (high is None or value <= high), told, None


def _shown(value: Any) -> str:
    return jsontext.dumps(value)


# --- conditions ------------------------------------------------------------------------------------


def _of_text(name: str, value: Callable[[Question], str]) -> Callable[[Any], Iterator[Condition]]:
    def condition(wanted: Any) -> Iterator[Condition]:
        yield Condition(name, value, *_text(wanted, (name,)))

    return condition


def _chatflow(wanted: Any) -> Iterator[Condition]:
    names = [wanted] if isinstance(wanted, str) else wanted
    known = frozenset(names)
    yield Condition(
        "chatflow",
        lambda asked: asked.flow.get("id") if asked.flow.get("id") in known else asked.flow.get("name"),
        lambda flow: flow in known,
        " or ".join(map(_shown, names)),
    )


def _turn(wanted: Any) -> Iterator[Condition]:
    yield Condition("turn", lambda asked: asked.turn, *_number(wanted))


def _streaming(wanted: bool) -> Iterator[Condition]:
    yield Condition("streaming", lambda asked: asked.streaming, lambda value: value is wanted, _shown(wanted))


def _form(wanted: dict[str, Any]) -> Iterator[Condition]:
    for field, each in wanted.items():
        yield Condition(f"form.{field}", _member("form", field), *_field(each, ("form", field)))


def _member(object: str, name: str) -> Callable[[Question], Any]:
    return lambda asked: asked.object(object).get(name)


def _field(wanted: Any, steps: tuple[str, ...]) -> Wanted:
    """A value of any kind, or a text by its parts; a number of a form may be sent as text."""
    if isinstance(wanted, dict):
        test, told, _ = _text(wanted, steps)
        return lambda value: test(text(value)), told, None
    if isinstance(wanted, (str, int, float)) and not isinstance(wanted, bool):
        return lambda value: value is not None and text(value) == text(wanted), _shown(wanted), text(wanted)
    return lambda value: value == wanted, _shown(wanted), None


def _history(wanted: dict[str, Any]) -> Iterator[Condition]:
    if "contains" in wanted or "regex" in wanted:
        test, told, _ = _text({key: wanted[key] for key in wanted if key != "length"}, ("history",))
        yield Condition(
            "history",
            lambda asked: [each["content"] for each in asked.history],
            lambda contents: any(test(each) for each in contents),
            told,
        )
    if "length" in wanted:
        yield Condition("history.length", lambda asked: len(asked.history), *_number(wanted["length"]))


def _uploads(wanted: Any) -> Iterator[Condition]:
    if isinstance(wanted, bool):
        told = "some" if wanted else "none"
        yield Condition("uploads", lambda asked: asked.uploads, lambda value: bool(value) is wanted, told)
        return
    if "count" in wanted:
        yield Condition("uploads.count", lambda asked: len(asked.uploads), *_number(wanted["count"]))
    tests = {key: _text(wanted[key], ("uploads", key)) for key in ("name", "mime") if key in wanted}
    if tests:
        yield Condition(
            "uploads",
            lambda asked: asked.uploads,
            lambda files: any(all(test(file[key]) for key, (test, _, _) in tests.items()) for file in files),
            "one with " + " and ".join(f"the {key} {told}" for key, (_, told, _) in tests.items()),
        )


def _override(wanted: dict[str, Any]) -> Iterator[Condition]:
    yield Condition(
        "overrideConfig",
        lambda asked: asked.object("overrideConfig"),
        lambda value: _within(wanted, value),
        f"one with {_shown(wanted)}",
    )


def _within(wanted: Any, value: Any) -> bool:
    """Whether `value` has all that `wanted` has; objects may have more."""
    if isinstance(wanted, dict) and isinstance(value, dict):
        return all(key in value and _within(each, value[key]) for key, each in wanted.items())
    return type(wanted) is type(value) and bool(wanted == value)


def _human_input(wanted: Any) -> Iterator[Condition]:
    def sent(asked: Question) -> dict[str, Any]:
        return asked.object("humanInput")

    if isinstance(wanted, bool):
        told = "one" if wanted else "none"
        yield Condition("humanInput", sent, lambda value: bool(value) is wanted, told)
        return
    yield Condition("humanInput", sent, bool, "one")
    for key, each in wanted.items():
        wanted_of = _field(each, ("humanInput", key))
        yield Condition(f"humanInput.{key}", _member("humanInput", key), *wanted_of)


def _operation(wanted: Any) -> Iterator[Condition]:
    names = frozenset([wanted] if isinstance(wanted, str) else wanted)
    words = " or ".join(map(_shown, sorted(names)))
    yield Condition("operation", lambda asked: asked.request.operation, lambda name: name in names, words)


def _method(wanted: str) -> Iterator[Condition]:
    method = wanted.upper()
    yield Condition("method", lambda asked: asked.request.method, lambda value: value == method, method)


def _query(wanted: dict[str, Any]) -> Iterator[Condition]:
    for name, each in wanted.items():
        yield Condition(f"query.{name}", _query_of(name), *_field(each, ("query", name)))


def _query_of(name: str) -> Callable[[Question], Any]:
    return lambda asked: asked.request.query.get(name)


def _headers(wanted: dict[str, Any]) -> Iterator[Condition]:
    for name, each in wanted.items():
        yield Condition(f"headers.{name}", _header_of(name.lower()), *_field(each, ("headers", name)))


def _header_of(name: str) -> Callable[[Question], Any]:
    return lambda asked: asked.request.headers.get(name)


def _json(wanted: dict[str, Any]) -> Iterator[Condition]:
    for pointer, each in wanted.items():
        if not POINTER.fullmatch(pointer):
            raise BadCondition(
                ("json", pointer), "is not a JSON pointer (RFC 6901): write /question or /items/0"
            )
        yield Condition(f"json {pointer or 'body'}", _at(pointer), *_json_value(each, ("json", pointer)))


def _at(pointer: str) -> Callable[[Question], Any]:
    def value(asked: Question) -> Any:
        found = asked.request.at(pointer)
        return None if found is ABSENT else found

    return value


def _json_value(wanted: Any, steps: tuple[str, ...]) -> Wanted:
    """A JSON value, equal; or a text by its parts, with `contains` or `regex`."""
    if isinstance(wanted, dict) and wanted and wanted.keys() <= {"contains", "regex"}:
        return _field(wanted, steps)
    return lambda value: type(value) is type(wanted) and value == wanted, _shown(wanted), None


HTTP = ("operation", "method", "path", "query", "headers", "json")
"""Words that any request has, and not only one that asks a flow."""

_CONDITIONS: dict[str, Callable[[Any], Iterator[Condition]]] = {
    "operation": _operation,
    "method": _method,
    "path": _of_text("path", lambda asked: asked.request.path),
    "chatflow": _chatflow,
    "streaming": _streaming,
    "chatId": _of_text("chatId", lambda asked: asked.chat_id),
    "sessionId": _of_text("sessionId", lambda asked: asked.session_id),
    "leadEmail": _of_text("leadEmail", lambda asked: text(asked.body.get("leadEmail"))),
    "question": _of_text("question", lambda asked: asked.question),
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
