"""A request as conditions match it: method, path, query, headers and body, for any operation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from flowise_mock.contract import jsontext
from flowise_mock.scripts.patterns import SearchTime


@dataclass(slots=True)
class HttpRequest:
    """One HTTP request. `headers` have lower-case names; `json` is the body, None if it is not JSON.

    `operation` is the operationId, empty if no operation of the contract matches. `search_time` is for all
    regular expressions that look at it.
    """

    method: str = ""
    path: str = ""
    query_string: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    operation: str = ""
    search_time: SearchTime = field(default_factory=SearchTime, compare=False, repr=False)

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the query; the first of several values."""
        return dict(reversed(parse_qsl(self.query_string, True, errors="replace")))

    def at(self, pointer: str) -> Any:
        """The value in the body that a JSON pointer (RFC 6901) names; ABSENT if there is none."""
        node: Any = self.json
        for part in pointer.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(node, dict) and key in node:
                node = node[key]
            elif isinstance(node, list) and jsontext.is_index(key) and int(key) < len(node):
                node = node[int(key)]
            else:
                return ABSENT
        return node


ABSENT = object()
"""Stands for a value that does not exist."""
POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
