"""Operations that a server has and the contract does not describe: `x-other-operations`.

Some have a fixed answer. The others are known by name only, so that a request to one is not taken for a
request to a path that does not exist.
"""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import parse_qsl

from flowise_mock.contract.document import Document
from flowise_mock.engine.path_tree import Node
from flowise_mock.state.outcomes import FixedAnswer, NotImitated, UnimplementedOperation

log = logging.getLogger("flowise_mock")
WORD = "x-other-operations"
NOT_IMITATED = "not-imitated"


class OtherOperations:
    """The other operations of a contract. If `strict`, one that is not imitated is an error."""

    def __init__(self, document: Document, *, fold: bool, strict: bool) -> None:
        self._entries: dict[str, Any] = document.get(WORD, {})
        self._strict = strict
        self._fold = fold
        self._root = Node()
        for operation in self._entries:
            method, path = operation.split()
            self._root.add(path, method, operation, fold)

    def answer(self, segments: list[str], method: str, query: bytes) -> None:
        """Raise the answer to a request; return if it is to no operation that is known."""
        found = self._root.find(segments, fold=self._fold)
        route = found[0].methods.get(method) if found else None
        if found is None or route is None:
            return
        operation, names = route
        entry = self._entries[operation]
        if entry == NOT_IMITATED or _asks_for_more(entry, query):
            log.warning("%s is an operation of Flowise that is not imitated", operation)
            kind = UnimplementedOperation if self._strict else NotImitated
            raise kind(*operation.split())
        words = dict(zip(names, found[1], strict=True))
        message = str(entry.get("message", "")).format_map(words)
        raise FixedAnswer(entry["status"], entry.get("body"), message)


def _asks_for_more(entry: Document, query: bytes) -> bool:
    """Whether a request has the parameter without which the answer is fixed."""
    return entry.get("without") in dict(parse_qsl(query.decode("latin-1"), True, errors="replace"))
