"""Which records are of this run: it changes and deletes no others, and judges its own in lists."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flowise_mock.conform import records
from flowise_mock.conform.client import Request


class Ownership:
    """The records that a run made, beside those that were there before it."""

    def __init__(self, mark: str, before: Mapping[str, str] | None = None) -> None:
        self.mark = mark
        self.before = dict(before or {})
        """The kind of each record that was there before, by its ID."""
        self.own: dict[str, str] = {}

    def adopt(self, kind: str, id: str) -> bool:
        """Take a record as one of the run; not one that was there before, whatever the server says."""
        if id in self.before:
            return False
        self.own.setdefault(id, kind)
        return True

    def is_own(self, row: Mapping[str, Any]) -> bool:
        """Whether a record is of the run: by its ID, by what it belongs to, or by the mark in it."""
        if row.get("id") in self.before:
            return False
        if row.get("id") in self.own or any(row.get(field) in self.own for field in records.parents()):
            return True
        return self.mark in json.dumps(row, ensure_ascii=False, default=str)

    def own_rows(self, path: str, value: Any) -> Any:
        """A list of records, or a page of one, without those of others; any other value as it is."""
        if not records.is_record_list(path):
            return value
        if isinstance(value, dict) and isinstance(value.get("data"), list):
            return {**value, "data": self.own_rows(path, value["data"])}
        if isinstance(value, list):
            return [row for row in value if not isinstance(row, dict) or self.is_own(row)]
        return value

    def forbids(self, request: Request) -> str:
        """Why a request must not be sent: it would change a record that the run did not make."""
        if request.writes:
            for id in records.identifiers(request):
                if id in self.before:
                    return f"it names the {self.before[id]} {id}, which was there before the run"
            field = records.names_nothing(request)
            if field:
                return f"its body names no record in {field}, and a server may take any"
        return ""
