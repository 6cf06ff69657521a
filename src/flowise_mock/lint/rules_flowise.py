"""Rules on documents of Flowise: what its clients call, and what its servers answer in recordings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from flowise_mock.contract import contracts, document
from flowise_mock.lint.findings import Problem
from flowise_mock.lint.rules_values import compiled
from flowise_mock.lint.source import Spot
from flowise_mock.lint.spec import Operation, Spec


def _about_flowise(spec: Spec) -> bool:
    info = spec.root.get("info")
    return isinstance(info, dict) and "flowise" in str(info.get("title")).lower()


def client_operations(spec: Spec) -> Iterator[Problem]:
    """An operation that official clients of Flowise call, and the document lacks."""
    if not _about_flowise(spec) or not isinstance(spec.root.get("paths"), dict):
        return
    known = {(_shape(each.path), each.method) for each in spec.operations}
    for called in document.operations(contracts.load("clients")):
        if (_shape(called.path), called.method) not in known:
            message = f"official clients call {called.method.upper()} {called.path}, which is not here"
            yield Problem(spec.root.at("paths"), message, key=True)


def _shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def recorded_answers(spec: Spec) -> Iterator[Problem]:
    """What a recorded Flowise contradicts: a status, the body of an answer, a parameter that is required."""
    if not _about_flowise(spec):
        return
    seen = _recorded()
    for operation in spec.operations:
        recorded = seen.get(str(operation.spot.get("operationId")), [])
        exchanges = [each for each in recorded if _asks(each.request, operation)]
        if isinstance(operation.spot.get("responses"), dict):
            yield from _answers(spec, operation, exchanges)
        yield from _required(spec, operation, exchanges)


def _asks(request: dict[str, Any], operation: Operation) -> bool:
    """Whether a request is one for this operation: some were recorded beside its path or its method."""
    path = re.sub(r"\\\{.*?\\\}", "[^/]+", re.escape(operation.path))
    return request["method"].lower() == operation.method and bool(re.search(f"{path}$", request["path"]))


def _answers(spec: Spec, operation: Operation, exchanges: list[Recorded]) -> Iterator[Problem]:
    responses = operation.spot.at("responses")
    seen: set[str] = set()
    for each in exchanges:
        key = next(
            (key for key in (each.status, f"{each.status[0]}XX", "default") if key in responses.value), ""
        )
        schema = _schema(spec, responses.at(key), each.media) if key else None
        if not key and each.status not in seen:
            seen.add(each.status)
            message = f"{operation.name} was answered {each.status}, which is not documented: {each.evidence}"
            yield Problem(responses, message)
        elif schema and schema.pointer not in seen:
            misfit = next(compiled(spec).problems(schema, Spot(spec.source, "", each.body)), None)
            if misfit:
                seen.add(schema.pointer)
                where = f" at {misfit.spot.pointer}" if misfit.spot.pointer else ""
                message = f"was answered otherwise{where}: {misfit.message}: {each.evidence}"
                yield Problem(schema, f"{operation.name} {key} {message}")


def _schema(spec: Spec, response: Spot, media: str) -> Spot | None:
    """The schema of a JSON answer, or None where none is documented."""
    found = spec.resolve(response)
    content = found.get("content") if found else None
    held = content.get(media) if isinstance(content, dict) and media.endswith("json") else None
    if found is None or not isinstance(held, dict) or not isinstance(held.get("schema"), dict):
        return None
    return found.at("content").at(media).at("schema")


def _required(spec: Spec, operation: Operation, exchanges: list[Recorded]) -> Iterator[Problem]:
    for where, parameter in spec.parameters(operation):
        place = {"query": "query", "header": "headers"}.get(str(parameter.get("in")), "")
        name = str(parameter.get("name"))
        for each in exchanges if place and parameter.get("required") is True else ():
            sent = {str(key).lower() for key in each.request.get(place) or {}}
            if each.status[0] == "2" and name.lower() not in sent:
                message = (
                    f"{operation.name} was answered {each.status} without {name}, which is required here"
                )
                yield Problem(where, f"{message}: {each.evidence}")
                break


class Recorded(NamedTuple):
    """An exchange that was recorded, and how a reader finds it."""

    status: str
    media: str
    body: Any
    request: dict[str, Any]
    evidence: str


@cache
def _recorded() -> dict[str, list[Recorded]]:
    """The exchanges of each operation in the recordings, without those whose bodies were cut."""
    from flowise_mock.replay import exchanges

    found: dict[str, list[Recorded]] = {}
    for path in sorted((contracts.root() / "fixtures" / "recordings").glob("*.jsonl")):
        for each in exchanges.read(path):
            if each.status:
                line = f"{each.request['method']} {each.request['path']} in {path.name} ({each.case})"
                media = "" if exchanges.CUT in json.dumps(each.body) else each.media
                held = Recorded(str(each.status), media, each.body, each.request, line)
                found.setdefault(each.operation, []).append(held)
    return found
