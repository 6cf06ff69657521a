"""Finds the operation of a request by its path, as an observer of traffic does."""

from __future__ import annotations

import re

from flowise_mock.contract.document import Document, Operation, operations

API = "/api/v1"


class Paths:
    """The paths of a document. The last id of a path may be missing, as real servers allow."""

    def __init__(self, document: Document) -> None:
        found = sorted(operations(document), key=lambda each: each.path.count("{"))
        self._routes = [(each.method, re.compile(_pattern(each.path), re.IGNORECASE), each) for each in found]

    def find(self, method: str, target: str) -> tuple[Operation, dict[str, str]] | None:
        """The operation of a request and the values of its path; fewer parameters come first."""
        path = target.partition("?")[0].removeprefix(API)
        for expected, pattern, operation in self._routes:
            if expected == method.lower() and (match := pattern.fullmatch(path)):
                return operation, {name: text for name, text in match.groupdict().items() if text}
        return None


def _pattern(path: str) -> str:
    whole = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path))
    return re.sub(r"/(\(\?P<\w+>)\[\^/\]\+\)$", r"(?:/\1[^/]*))?", whole) + "/?"
