"""Whether spectral, redocly and openapi-spec-validator pass and fail the documents of `corpus/` as they should.

`make lint-beside` writes it into docs/lint-beside.md, with a reason for each difference.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import openapi_spec_validator as package
import yaml

from flowise_mock.lint.run import lint
from flowise_mock.lint.settings import Settings
from lint.beside.verdicts import WHY
from lint.test_corpus import DOCUMENTS, FOLDER, head

TOOLS = ("lint", "spectral", "redocly", "openapi-spec-validator")


def refused(tools: Path) -> dict[str, set[str]]:
    """The documents that each tool finds an error in."""
    return {
        "lint": {name for name in DOCUMENTS if _has_error(name)},
        "spectral": _spectral(tools),
        "redocly": _redocly(tools),
        "openapi-spec-validator": {name for name in DOCUMENTS if not _is_valid(name)},
    }


def _has_error(name: str) -> bool:
    return any(
        each.severity == "error"
        for each in lint([FOLDER / name], Settings(skip=frozenset({"spec-validator"})))
    )


def _is_valid(name: str) -> bool:
    classes = {
        "v20": package.OpenAPIV2SpecValidator, "v30": package.OpenAPIV30SpecValidator,
        "v31": package.OpenAPIV31SpecValidator, "v32": package.OpenAPIV32SpecValidator,
    }  # fmt: skip
    try:
        value = yaml.safe_load((FOLDER / name).read_text())
        return classes[name[:3]](value, base_uri=(FOLDER / name).as_uri()).is_valid()
    except Exception:  # what it cannot read or resolve, it refuses
        return False


def _spectral(tools: Path) -> set[str]:
    program = str(tools / "node_modules" / ".bin" / "spectral")
    options = ["lint", "--quiet", "--format", "json", "--ruleset", str(tools / "ruleset.yaml")]
    with tempfile.TemporaryFile("w+") as out:  # a pipe loses what is beyond 64 KB when Node ends
        subprocess.run([program, *options, *DOCUMENTS], cwd=FOLDER, stdout=out, check=False)
        out.seek(0)
        text = out.read()
    return {
        Path(each["source"]).name for each in json.loads(text[text.index("[") :]) if each["severity"] == 0
    }


def _redocly(tools: Path) -> set[str]:
    found = set()
    for name in DOCUMENTS:
        command = [
            str(tools / "node_modules" / ".bin" / "redocly"),
            "lint",
            "--extends",
            "spec",
            "--format",
            "json",
            name,
        ]
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
        start = done.stdout.find("{")
        problems = json.loads(done.stdout[start:])["problems"] if start >= 0 else [{"severity": "error"}]
        found |= {name for each in problems if each["severity"] == "error"}
    return found


def lines(found: dict[str, set[str]]) -> Iterator[str]:
    """The table of the documents that some tool judges otherwise."""
    right = {name for name in DOCUMENTS if head(name)[0] == "fail"}
    serious = {name for name in right if name not in INFO}
    yield from ("", "## The small documents", "")
    yield f"{len(DOCUMENTS)} documents of `tests/lint/corpus/`, {len(serious)} with an error by the standard. Judged otherwise:"
    yield from ("", "| tool | passes, should fail | fails, should pass |", "|---|---|---|")
    for tool in TOOLS:
        missed, wrong = serious - found[tool], found[tool] - serious
        yield f"| {tool} | {len(missed)} | {len(wrong)} |"
    yield from ("", "| document | tool | judges | why |", "|---|---|---|---|")
    for tool, name, verdict in differences(found):
        yield f"| `{name}` | {tool} | {verdict} | {WHY.get((tool, name), '')} |"


INFO = {"v30-fail-infos.yaml", "v30-fail-flowise.yaml", "v30-fail-text.yaml"}
"""Documents that break no rule of severity error."""


def differences(found: dict[str, set[str]]) -> list[tuple[str, str, str]]:
    right = {name for name in DOCUMENTS if head(name)[0] == "fail"} - INFO
    return [
        (tool, name, "fails" if name in found[tool] else "passes")
        for tool in TOOLS
        for name in DOCUMENTS
        if (name in found[tool]) != (name in right)
    ]


def unexplained(found: dict[str, set[str]]) -> Iterator[str]:
    """The differences without a reason."""
    for tool, name, verdict in differences(found):
        if (tool, name) not in WHY:
            yield f"{tool}: {name} {verdict}"
