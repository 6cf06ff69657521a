"""The kinds of records that a server keeps, and which of them a request identifies; see records.yaml."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import unquote

from flowise_mock.conform.bundled import records as bundled
from flowise_mock.conform.client import Request


class Kind(NamedTuple):
    """A kind of record, and the operations that list, read and delete it."""

    name: str
    list: str
    read: str = ""
    delete: tuple[str, ...] = ()
    parent: tuple[str, ...] = ()
    paged: bool = False

    @property
    def of_chatflow(self) -> bool:
        """Whether it is listed by chatflow. It is then deleted with its chatflow, but for a lead."""
        return "{chatflow}" in self.list


@cache
def kinds() -> dict[str, Kind]:
    return {
        name: Kind(
            name, each["list"], each.get("read", ""), tuple(each["delete"]), tuple(each.get("parent", [])),
            each.get("paged", False),
        )
        for name, each in bundled()["kinds"].items()
    }  # fmt: skip


def stays(kind: str) -> bool:
    """Whether a record lasts until it is deleted itself: a message goes with its chatflow."""
    known = kinds().get(kind)
    return known is not None and (bool(known.delete) or kind == "lead")


def kind_of_record(made: str) -> str:
    """The kind of what `makes` names: a hook is a chatflow."""
    return str(bundled()["makes"].get(made, {}).get("kind", made))


def identified(method: str, path: str, name: str, place: str = "path") -> str | None:
    """What a parameter of a path, or a field of a body, identifies: a name in `makes`, or nothing."""
    exception = f"{method.upper()} {path} {'body ' if place == 'body' else ''}{name}"
    found: str | None = bundled()["names"].get(name)
    if exception in bundled()["exceptions"]:
        found = bundled()["exceptions"][exception]
    elif name == "id":
        found = next((kind for start, kind in bundled()["paths"].items() if path.startswith(start)), None)
    return found


def bound(method: str, path: str) -> str | None:
    """The field of a body that names the record that an operation changes, if its path does not."""
    found: str | None = bundled()["bound"].get(f"{method.upper()} {path}")
    return found


def unnamed(method: str, path: str) -> str | None:
    """The field that gets the mark of the run, as no response has the ID of what an operation makes."""
    found: str | None = bundled()["unnamed"].get(f"{method.upper()} {path}")
    return found


def names_nothing(request: Request) -> str:
    """The field in which a request has to name a record, if it names none there."""
    for template, field in bundled()["bound"].items():
        method, path = template.split(" ")
        if request.method == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request.path):
            body = _body(request)
            return "" if isinstance(body, dict) and is_name(body.get(field)) else str(field)
    return ""


def is_name(value: Any) -> bool:
    """Whether a value names a record, or a list of them each one."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(each, str) and each.strip() for each in value)
    return isinstance(value, str) and bool(value.strip())


def kept(path: str) -> dict[str, Any]:
    """Fields that keep a value in a body for a path, or the record would harm the server."""
    return next((dict(held) for start, held in bundled()["kept"].items() if path.startswith(start)), {})


@cache
def parents() -> frozenset[str]:
    """The fields that hold the ID of the record that a record belongs to."""
    return frozenset(field for kind in kinds().values() for field in kind.parent)


@cache
def is_record_list(path: str) -> bool:
    """Whether an operation lists records that a run makes too, so that some of them may be of others."""
    listed = {re.sub(r"\{\w+\}", "{}", kind.list) for kind in kinds().values() if kind.name != "apikey"}
    return re.sub(r"\{\w+\}", "{}", path) in {*listed, "/chatflows/apikey/{}"}


def rows(value: Any) -> list[dict[str, Any]]:
    """The records of a list, bare or in a page."""
    found = value.get("data") if isinstance(value, dict) else value
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def located(value: Any, wanted: dict[str, Any]) -> tuple[str, Any]:
    """The first record of a list that has some values, and the path to it; None if there is none."""
    where = "data/" if isinstance(value, dict) else ""
    for index, row in enumerate(rows(value)):
        if wanted.items() <= row.items():
            return f"{where}{index}/", row
    return "", None


def identifiers(request: Request) -> Iterator[str]:
    """Every text of a request that identifies a record: parts of its path, its query, fields of its body."""
    path, _, query = request.path.partition("?")
    yield from map(unquote, path.split("/"))
    yield from (unquote(pair.partition("=")[2]) for pair in query.split("&"))
    yield from (value for _, value in request.query)
    yield from _named(_body(request))


def _body(request: Request) -> Any:
    if request.form is not None:
        return request.form
    try:
        return json.loads(request.text)
    except (ValueError, RecursionError):
        return None


def _named(body: Any) -> Iterator[str]:
    names = {*bundled()["names"], "id"}
    if not isinstance(body, dict):
        return
    for name in names & body.keys():
        values = body[name] if isinstance(body[name], list) else [body[name]]
        yield from (value for value in values if isinstance(value, str))
