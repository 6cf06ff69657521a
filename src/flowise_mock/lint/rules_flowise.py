"""Rules on descriptions of Flowise: what its clients call, and what its servers were recorded to answer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowise_mock import document
from flowise_mock.lint.findings import Problem
from flowise_mock.lint.spec import Spec


def _about_flowise(spec: Spec) -> bool:
    info = spec.root.get("info")
    return isinstance(info, dict) and "flowise" in str(info.get("title")).lower()


def client_operations(spec: Spec) -> Iterator[Problem]:
    """An operation that official clients of Flowise call, and the document lacks."""
    if not _about_flowise(spec) or not isinstance(spec.root.get("paths"), dict):
        return
    known = {(_shape(each.path), each.method) for each in spec.operations}
    for called in document.operations(document.load("clients")):
        if (_shape(called.path), called.method) not in known:
            told = f"official clients call {called.method.upper()} {called.path}, which is not here"
            yield Problem(spec.root.at("paths"), told, key=True)


def _shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def recorded_answers(spec: Spec) -> Iterator[Problem]:
    """A status that a recorded Flowise answered an operation with, and the document does not have."""
    if not _about_flowise(spec):
        return
    seen = _recorded()
    for operation in spec.operations:
        responses = operation.spot.get("responses")
        if isinstance(responses, dict) and "default" not in responses:
            for status, evidence in seen.get(str(operation.spot.get("operationId")), {}).items():
                if str(status) not in responses and f"{status // 100}XX" not in responses:
                    told = f"{operation.name} was answered {status}, which is not documented: {evidence}"
                    yield Problem(operation.spot.at("responses"), told)


def _recorded() -> dict[str, dict[int, str]]:
    """Each status of each operation in the recordings, with the first exchange that shows it."""
    from flowise_mock.replay import exchanges

    found: dict[str, dict[int, str]] = {}
    for path in sorted((document.root() / "fixtures" / "recordings").glob("*.jsonl")):
        for each in exchanges.read(path):
            if each.status:
                line = f"{each.request['method']} {each.request['path']} in {path.name} ({each.case})"
                found.setdefault(each.operation, {}).setdefault(each.status, line)
    return found
