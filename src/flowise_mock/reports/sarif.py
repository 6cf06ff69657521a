"""SARIF 2.1.0, which code scanning reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any, NamedTuple
from urllib.parse import quote

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning", "info": "note"}


class Rule(NamedTuple):
    """What a tool looks for."""

    id: str
    short: str
    full: str = ""
    help: str = ""
    uri: str = ""
    level: str = ""


class Result(NamedTuple):
    """What a rule found. The identity distinguishes results of one rule, also after lines moved.

    `file` is empty if the result has no place.
    """

    rule: str
    level: str
    message: str
    file: str
    line: int
    identity: str
    column: int | None = None
    logical: str = ""
    known: str = ""  # why it is suppressed
    properties: dict[str, str] | None = None


def text(
    name: str,
    version: str,
    rules: list[Rule],
    results: Iterable[Result],
    status: int = 0,
    uri: str = "",
    fingerprint: str = "identity/v1",
) -> str:
    """One run as SARIF. Code scanning compares the fingerprints of that name between runs."""
    indexes = {rule.id: index for index, rule in enumerate(rules)}
    driver: dict[str, Any] = {"name": name, "version": version, "rules": [_rule(each) for each in rules]}
    if uri:
        driver["informationUri"] = uri
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": status in (0, 1), "exitCode": status}],
        "columnKind": "unicodeCodePoints",
        "results": _results(results, indexes, fingerprint),
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    made: dict[str, Any] = {"id": rule.id, "shortDescription": {"text": rule.short}}
    if rule.full:
        made["fullDescription"] = {"text": rule.full}
    if rule.help:
        made["help"] = {"text": rule.help}
    if rule.uri:
        made["helpUri"] = rule.uri
    if rule.level:
        made["defaultConfiguration"] = {"level": LEVELS.get(rule.level, "none")}
    return made


def _results(results: Iterable[Result], indexes: dict[str, int], name: str) -> list[dict[str, Any]]:
    made = []
    seen: dict[str, int] = {}
    for each in results:
        base = _digest(each.rule, each.file, each.identity)
        seen[base] = seen.get(base, 0) + 1
        made.append(_result(each, indexes, {name: f"{base}:{seen[base]}"}))
    return made


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _result(each: Result, indexes: dict[str, int], fingerprints: dict[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ruleId": each.rule,
        "ruleIndex": indexes[each.rule],
        "level": each.level,
        "message": {"text": each.message},
        "partialFingerprints": fingerprints,
    }
    if each.file:
        made["locations"] = [_location(each)]
    if each.properties:
        made["properties"] = each.properties
    if each.known:
        made["suppressions"] = [{"kind": "external", "justification": each.known}]
    return made


def _location(each: Result) -> dict[str, Any]:
    region = {"startLine": each.line} | ({"startColumn": each.column} if each.column else {})
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": {"uri": uri(each.file)}, "region": region}
    }
    if each.logical:
        location["logicalLocations"] = [{"fullyQualifiedName": each.logical}]
    return location


def uri(file: str) -> str:
    """A file as a URI; a URL stays as it is."""
    return file if "://" in file else quote(PurePath(file).as_posix())
