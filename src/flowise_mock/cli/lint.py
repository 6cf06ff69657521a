"""The command `flowise-mock lint`: files and settings in, a report and an exit status out."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowise_mock.contract import contracts
from flowise_mock.contract.document import DocumentError

if TYPE_CHECKING:
    from flowise_mock.lint.findings import Finding

FORMATS = ("text", "json", "sarif", "github", "junit")


def add(commands: Any) -> None:
    """Hang the command into a command line."""
    one = commands.add_parser(
        "lint",
        help="what is wrong with an OpenAPI document, where, and how to mend it",
        description="Print what is wrong with OpenAPI documents and overlays, where, and how to mend it.",
    )
    one.add_argument(
        "files",
        type=_file,
        nargs="*",
        metavar="FILE",
        help="a document or an overlay; - reads one from the standard input (default: our own)",
    )
    one.add_argument(
        "--format",
        default="text",
        choices=FORMATS,
        help="the form of the findings (default: %(default)s)",
    )
    one.add_argument(
        "--fail-on",
        choices=("error", "warning", "info"),
        help="exit with 1 from this severity on (default: error)",
    )
    one.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="settings (default: .flowise-mock.toml or pyproject.toml here)",
    )
    one.add_argument(
        "--fix",
        type=Path,
        metavar="OVERLAY",
        help="write an overlay that mends what can be mended safely; - prints it",
    )
    one.add_argument("--diff", action="store_true", help="print what such an overlay changes")
    one.add_argument(
        "--generate-ignores", action="store_true", help="print settings that let the findings pass"
    )
    one.add_argument(
        "--allow-remote", action="store_true", help="fetch what a $ref names on other machines (http, https)"
    )
    one.set_defaults(run=run)


def _file(name: str) -> Path:
    from flowise_mock.lint.source import STDIN

    return STDIN if name == "-" else Path(name)


def run(asked: argparse.Namespace) -> int:
    """Print the report; 1 where a finding is as grave as asked. Raises DocumentError for wrong usage."""
    from flowise_mock.lint import reports, settings
    from flowise_mock.lint.findings import at_least
    from flowise_mock.lint.remote import Remote
    from flowise_mock.lint.run import lint

    project = settings.load(asked.config)
    project.remote = Remote() if asked.allow_remote else None
    files = asked.files or ours()
    if (asked.fix or asked.diff) and (len(asked.files) != 1 or str(asked.files[0]) == "<stdin>"):
        raise DocumentError("--fix and --diff mend one file: flowise-mock lint FILE --fix OVERLAY")
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
    folder = contracts.root()
    return [folder / "openapi.yaml", *sorted((folder / "overlays").glob("*.yaml"))]


def _mend(asked: argparse.Namespace, findings: list[Finding]) -> None:
    from flowise_mock.lint import fix
    from flowise_mock.contract.positions import ReadingError
    from flowise_mock.lint.source import load

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
