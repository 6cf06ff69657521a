"""The command `flowise-mock lint`: files and settings in, a report and an exit status out."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

from flowise_mock import document
from flowise_mock.document import DocumentError
from flowise_mock.lint import fix, reports, settings
from flowise_mock.lint.findings import Finding, at_least
from flowise_mock.lint.positions import ReadingError
from flowise_mock.lint.run import lint
from flowise_mock.lint.source import load


@dataclass
class Asked:
    """What the command line says."""

    files: list[Path] = field(default_factory=list)
    format: str = "text"
    fail_on: str | None = None
    config: Path | None = None
    fix: Path | None = None
    diff: bool = False
    generate_ignores: bool = False


def run(asked: Asked) -> int:
    """Print the report; 1 where a finding is as grave as asked. Raises DocumentError for wrong usage."""
    project = settings.load(asked.config)
    files = asked.files or ours()
    if (asked.fix or asked.diff) and len(asked.files) != 1:
        raise DocumentError("--fix and --diff take one FILE")
    findings = lint(files, project)
    if asked.generate_ignores:
        _print(ignores(findings))
        return 0
    if asked.fix or asked.diff:
        _mend(asked, findings)
    if not (asked.diff or (asked.fix and str(asked.fix) == "-")):
        _print(reports.FORMATS[asked.format](findings, len(files)))
    return int(any(at_least(each.severity, asked.fail_on or project.fail_on) for each in findings))


def ours() -> list[Path]:
    """Our document and its overlays."""
    folder = document.root()
    return [folder / "openapi.yaml", *sorted((folder / "overlays").glob("*.yaml"))]


def _mend(asked: Asked, findings: list[Finding]) -> None:
    file = asked.files[0]
    try:
        value = load(file).value
    except ReadingError as error:
        raise DocumentError(f"{file}: {error}") from None
    at = asked.fix if asked.fix and str(asked.fix) != "-" else None
    if at and at.exists() and at.samefile(file):
        raise DocumentError(f"{at}: is the document itself, which is never written; name another file")
    made = fix.overlay([each for each in findings if Path(each.file).resolve() == file.resolve()], file, at)
    if at:
        _write(at, fix.written(made))
    elif asked.fix:
        _print(fix.written(made).rstrip())
    if asked.diff:
        _print("\n".join(fix.difference(value, made, str(file))))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise DocumentError(f"{path}: cannot be written: {error.strerror}") from None


def ignores(findings: list[Finding]) -> str:
    """Settings that let these findings pass, for a document that one takes over."""
    entries = [
        "\n".join(
            [
                "[[lint.ignore]]",
                f"rule = {_toml(each.rule)}",
                f"file = {_toml(Path(each.file).name)}",
                f"pointer = {_toml(each.pointer)}",
                f"reason = {_toml('taken over: ' + each.message)}",
            ]
        )
        for each in findings
    ]
    return "\n\n".join(["# .flowise-mock.toml", *entries])


def _toml(text: str) -> str:
    return json.dumps(text).replace("\x7f", "\\u007f")


def _print(text: str) -> None:
    if text:
        sys.stdout.write(text + "\n")
