"""Bounds of YAML texts, checked before they are composed, and of JSONPath targets while they search."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from flowise_mock.contract.document import DocumentError, Loader

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 200
MAX_VALUES = 500_000
"""Values in one text; those of an alias count each time."""
MAX_NODES = 200_000
"""Places in a document that one target may look at."""
MAX_DESCENDANTS = 3
"""How often one target may say `..`."""
SECONDS = 2.0
"""How long one target may search."""
_SLOW = (
    f"searches for longer than {SECONDS:g} s; name more of the path, and write regular expressions without a "
    "repeat in a repeat"
)


def check_yaml(text: bytes) -> None:
    """Refuse what would take long to compose. Raises DocumentError, with line and column."""
    depth, values = 0, 0
    sizes: dict[str, int] = {}
    open_anchors: list[tuple[str | None, int]] = []
    for event in yaml.parse(text, Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            open_anchors.append((event.anchor, values))
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
            anchor, before = open_anchors.pop()
            if anchor:
                sizes[anchor] = values - before
        elif isinstance(event, yaml.ScalarEvent) and event.anchor:
            sizes[event.anchor] = 1
        values += sizes.get(str(event.anchor), 1) if isinstance(event, yaml.AliasEvent) else 1
        mark: Any = event.start_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}"
        if depth > MAX_DEPTH:
            raise DocumentError(f"{place}: is nested deeper than {MAX_DEPTH} levels")
        if values > MAX_VALUES:
            raise DocumentError(f"{place}: has more than {MAX_VALUES} values once its aliases are followed")


def find(target: str, document: Any) -> Iterator[list[Any]]:
    """The places that a JSONPath selects, each as keys and indexes. Raises DocumentError."""
    import jsonpath_rfc9535

    if target.count("..") > MAX_DESCENDANTS:
        raise DocumentError(f"has more than {MAX_DESCENDANTS} `..`; name more of the path")
    until = time.monotonic() + SECONDS
    try:
        query = _environment(until).compile(target)
        root = jsonpath_rfc9535.JSONPathNode(value=document, location=(), parent=None, root=document)
        nodes: Iterable[Any] = [root]
        for segment in query.segments:
            nodes = _bounded(segment.resolve(nodes), until)
        for node in nodes:
            yield list(node.location)
    except jsonpath_rfc9535.JSONPathError as error:
        raise DocumentError(f"is not a JSONPath (RFC 9535): {error}") from None


def _bounded(nodes: Iterable[Any], until: float) -> Iterator[Any]:
    for number, node in enumerate(nodes):
        if number >= MAX_NODES:
            raise DocumentError(f"looks at more than {MAX_NODES} places; name more of the path")
        if time.monotonic() > until:
            raise DocumentError(_SLOW)
        yield node


def _environment(until: float) -> Any:
    """JSONPath whose regular expressions end in time."""
    from jsonpath_rfc9535 import JSONPathEnvironment
    from jsonpath_rfc9535.function_extensions import ExpressionType, FilterFunction

    class Regex(FilterFunction):
        """`match` or `search`, as I-Regexp (RFC 9485) has them."""

        arg_types = [ExpressionType.VALUE, ExpressionType.VALUE]  # noqa: RUF012 - as its base has it
        return_type = ExpressionType.LOGICAL

        def __init__(self, whole: bool) -> None:
            self._whole = whole

        def __call__(self, text: Any, pattern: Any) -> bool:
            texts = isinstance(text, str) and isinstance(pattern, str)
            return texts and _found(text, pattern, self._whole, until)

    environment = JSONPathEnvironment()
    environment.function_extensions["match"] = Regex(True)
    environment.function_extensions["search"] = Regex(False)
    return environment


_DOT = re.compile(r"(\\.|\[(?:\\.|[^\]\\])*\])|\.", re.DOTALL)


def _found(text: str, pattern: str, whole: bool, until: float) -> bool:
    import regex
    from iregexp_check import check

    if not check(pattern):
        return False
    compiled = regex.compile(_DOT.sub(lambda each: each[1] or r"[^\r\n]", pattern), regex.VERSION1)
    try:
        search = compiled.fullmatch if whole else compiled.search
        return search(text, timeout=max(until - time.monotonic(), 0.001)) is not None
    except TimeoutError:
        raise DocumentError(_SLOW) from None
