"""A run of the judge beside one of plain Schemathesis: each pair of an operation and a check that failed.

python tests/conform/beside_schemathesis.py RUN.json EVENTS.ndjson... > docs/conform-schemathesis.md

RUN.json is a report of `flowise-mock conform --contract documented`, the others are `--report ndjson` of
`st run` on the document that `flowise-mock contract documented` prints, against the same server.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

Run = dict[str, Any]
Pair = tuple[str, str]
"""An operation and a check."""

SAME = {
    "not_a_server_error": (
        "unknown_is_refused", "malformed_id_is_refused", "broken_json_is_refused", "invalid_is_refused",
        "valid_request_succeeds", "private_is_refused", "deleted_is_gone", "page_is_served",
        "status_code_conformance", "positive_data_acceptance", "negative_data_rejection",
    ),
    "content_type_conformance": ("html_instead_of_json", "operation_exists"),
    "status_code_conformance": ("html_instead_of_json", "operation_exists", "valid_request_succeeds"),
    "response_schema_conformance": ("error_body", "valid_request_succeeds", "parameter_has_effect"),
    "negative_data_rejection": ("invalid_is_refused", "not_a_server_error", "unknown_is_refused",
                                "malformed_id_is_refused", "broken_json_is_refused", "operation_exists"),
    "positive_data_acceptance": ("valid_request_succeeds", "operation_exists"),
    "missing_required_header": ("ignored_auth",),
    "ignored_auth": ("operation_exists",),
    "use_after_free": ("deleted_is_gone",),
    "ensure_resource_availability": ("valid_request_succeeds", "operation_exists"),
}  # fmt: skip
"""Our checks that report what one of Schemathesis reports."""
ACCEPTED = ("negative_data_rejection", "invalid_is_refused")
LASTING = ("createLead",)


class Plain(NamedTuple):
    """A failed check of plain Schemathesis."""

    pair: Pair
    statuses: tuple[int, ...]
    modes: frozenset[str]
    """How the cases were generated: `positive`, `negative`."""


# --- reading -----------------------------------------------------------------------------------------


def plain(run: Run, files: Iterable[Path]) -> list[Plain]:
    """The failed checks of Schemathesis, each pair once with all statuses that showed it."""
    statuses: dict[Pair, set[int]] = {}
    modes: dict[Pair, set[str]] = {}
    for pair, status, mode in _failures(run, files):
        statuses.setdefault(pair, set()).add(status)
        modes.setdefault(pair, set()).add(mode)
    return [Plain(pair, tuple(sorted(statuses[pair])), frozenset(modes[pair])) for pair in sorted(statuses)]


def _failures(run: Run, files: Iterable[Path]) -> Iterator[tuple[Pair, int, str]]:
    by_request = {(each["method"], each["path"]): id for id, each in run["operations"].items()}
    by_label = {f"{method} {path}": id for (method, path), id in by_request.items()}
    for event in _events(files):
        recorder = event.get("ScenarioFinished", {}).get("recorder", {})
        for id, checks in recorder.get("checks", {}).items():
            case = recorder["cases"].get(id, {}).get("value", {})
            request = case.get("method"), case.get("path")
            label = by_label.get(recorder["label"], f"{request[0]} {request[1]}")
            response = recorder.get("interactions", {}).get(id, {}).get("response") or {}
            mode = ((case.get("meta") or {}).get("generation") or {}).get("mode", "")
            for check in checks:
                if check["status"] == "failure":
                    pair = by_request.get(request, label), check["name"]
                    yield pair, response.get("status_code", 0), mode


def _events(files: Iterable[Path]) -> Iterator[dict[str, Any]]:
    for file in files:
        with file.open() as lines:
            yield from map(json.loads, lines)


def ours(run: Run) -> dict[Pair, list[dict[str, Any]]]:
    """The deviations and notes of a run of the judge, by pair."""
    found: dict[Pair, list[dict[str, Any]]] = {}
    for each in [*run["new"], *run["expired"], *run["known"], *run["notes"]]:
        found.setdefault((each["operation"], each["check"]), []).append(each)
    return found


# --- comparing ---------------------------------------------------------------------------------------


def explained(run: Run, each: Plain, found: dict[Pair, list[dict[str, Any]]]) -> tuple[str, str]:
    """How the judge reports a pair of plain Schemathesis: the state, and the explanation."""
    operation, check = each.pair
    if each.pair in found:
        return "same", ""
    if check == "response_schema_conformance" and each.modes == {"negative"}:
        accepted = next((other for other in ACCEPTED if (operation, other) in found), "")
        if accepted:
            return "other name", f"{accepted}: the response returns the invalid data that was accepted"
    if check == "unsupported_method":
        return _method(run, each, found)
    for other in SAME.get(check, ()):
        if (operation, other) in found:
            what = min(row["what"] for row in found[operation, other])
            return "other name", f"{other}: {what}"
    return "not reported", why(run, each)


def _method(run: Run, each: Plain, found: dict[Pair, list[dict[str, Any]]]) -> tuple[str, str]:
    """The judge reports methods once for each path, under its first operation."""
    path = run["operations"].get(each.pair[0], {}).get("path", "")
    first = next((id for id, other in run["operations"].items() if other["path"] == path), "")
    if (first, "unsupported_method") in found:
        return "other name", f"under {first}, the first operation of the path"
    return "not reported", why(run, each)


def why(run: Run, each: Plain) -> str:
    """Why the judge does not report a pair; empty if there is no known reason."""
    operation, check = each.pair
    path = run["operations"].get(operation, {}).get("path", "")
    if operation in LASTING:
        return "no operation deletes what it makes: a walk calls it once, generated requests never do"
    if check == "not_a_server_error" and path.startswith("/document-store/store"):
        return "a store with texts that are no JSON breaks the lists of all users: the judge makes none"
    if check == "positive_data_acceptance" and "{" in path and each.statuses == (400,):
        return "a text that is no ID may be refused, though the schema allows it"
    if check == "unsupported_method" and all(400 <= status < 500 for status in each.statuses):
        return "another status than 405 refuses too"
    return ""


# --- the page ----------------------------------------------------------------------------------------


def page(run: Run, rows: list[Plain]) -> Iterator[str]:
    found = ours(run)
    states = {each.pair: explained(run, each, found) for each in rows}
    counts = Counter(state for state, _ in states.values())
    more = sorted({pair for pair in found if any(not row["note"] for row in found[pair])} - {*states})
    yield "# The judge beside plain Schemathesis\n"
    yield (
        f"Flowise {run['server']}, contract `{run['contract']}`. Schemathesis: {len(rows)} pairs of an operation "
        f"and a check. The judge reports {counts['same']} of them under the same name, "
        f"{counts['other name']} under another, and {counts['not reported']} not, each for a reason below. "
        f"It reports {len(more)} pairs more.\n"
    )
    yield "| operation | check | statuses | the judge | how, or why not |\n|---|---|---|---|---|"
    for each in rows:
        state, text = states[each.pair]
        statuses = " ".join(map(str, each.statuses))
        yield f"| {each.pair[0]} | {each.pair[1]} | {statuses} | {state} | {text.replace('|', chr(92) + '|')} |"
    yield "\n## What the judge reports beyond that\n"
    yield "| check | operations |\n|---|---|"
    checks: dict[str, list[str]] = {}
    for operation, check in more:
        checks.setdefault(check, []).append(operation)
    for check, operations in sorted(checks.items()):
        yield f"| {check} | {', '.join(operations)} |"


def main() -> None:
    run = json.loads(Path(sys.argv[1]).read_text())
    print("\n".join(page(run, plain(run, map(Path, sys.argv[2:])))))


if __name__ == "__main__":
    main()
