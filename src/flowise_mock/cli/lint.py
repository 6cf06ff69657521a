"""The command `flowise-mock lint`: reads files and settings, prints a report, returns an exit status."""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowise_mock.contract import contracts
from flowise_mock.contract.document import DocumentError

if TYPE_CHECKING:
    from flowise_mock.lint.findings import Finding
    from flowise_mock.lint.settings import Settings

FORMATS = ("text", "json", "sarif", "github", "junit")
MOST = 100
"""Findings that the terminal shows by default."""
STDIN = "<stdin>"


def add(commands: Any) -> None:
    """Add the command to a command line."""
    one = commands.add_parser(
        "lint",
        help="find errors in OpenAPI documents and overlays",
        description="Print the errors in OpenAPI documents and overlays: what, where, and how to fix them.",
    )
    one.add_argument(
        "files", type=_file, nargs="*", metavar="FILE",
        help="a document or an overlay; - reads one from the standard input (default: those of this product)",
    )  # fmt: skip
    one.add_argument(
        "--format", default="text", choices=FORMATS, help="the format of the findings (default: %(default)s)"
    )
    shown = one.add_mutually_exclusive_group()
    shown.add_argument(
        "--max",
        type=_count,
        default=MOST,
        metavar="N",
        help="findings that the terminal shows (default: %(default)s)",
    )
    shown.add_argument("--all", action="store_true", help="show all findings in the terminal")
    one.add_argument(
        "--rule", action="append", default=[], metavar="NAME", help="run only this rule; may be repeated"
    )
    one.add_argument(
        "--skip", action="append", default=[], metavar="NAME", help="do not run this rule; may be repeated"
    )
    one.add_argument(
        "--fail-on",
        choices=("error", "warning", "info"),
        help="exit with 1 for findings of this severity or a higher one (default: error)",
    )
    one.add_argument(
        "--config", type=Path, metavar="FILE",
        help="settings (default: the nearest .flowise-mock.toml or pyproject.toml, from each file's folder upward)",
    )  # fmt: skip
    one.add_argument(
        "--contract",
        metavar="NAME",
        help="check a merged contract; findings are at the lines of its document and overlays",
    )
    one.add_argument(
        "--overlay", type=Path, action="append", default=[], metavar="FILE",
        help="apply an overlay to FILE and check the result; may be repeated",
    )  # fmt: skip
    one.add_argument(
        "--parts",
        action="store_true",
        help="check the documents that use each FILE, if it is a part of others",
    )
    one.add_argument(
        "--fix",
        type=Path,
        metavar="OVERLAY",
        help="write an overlay with the fixes that are safe; - prints it",
    )
    one.add_argument("--diff", action="store_true", help="print what the fixes change")
    one.add_argument(
        "--generate-ignores", action="store_true", help="print settings that ignore the findings"
    )
    one.add_argument(
        "--allow-remote", action="store_true", help="fetch references to other machines (http, https)"
    )
    one.add_argument(
        "--allow-host",
        metavar="HOST",
        action="append",
        default=[],
        help="a host on this machine or on a private network that --allow-remote may reach; repeatable",
    )
    one.set_defaults(run=run)


def _file(name: str) -> Path:
    return Path(STDIN if name == "-" else name)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of findings: give 0 or more")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Print the report; 1 if a finding is severe enough. Raises DocumentError for wrong usage."""
    from flowise_mock.lint import reports

    _check(options)
    files = options.files if options.files or options.contract else own_documents()
    groups = _groups(options, files)
    found = [(each, settings) for settings, held in groups for each in _linted(options, settings, held)]
    findings = [each for each, _ in found]
    status = int(any(_fails(each, options.fail_on or settings.fail_on) for each, settings in found))
    if options.generate_ignores:
        _print(ignores(findings))
        return 0
    if options.fix or options.diff:
        _fix(options, findings)
    if not (options.diff or (options.fix and str(options.fix) == "-")):
        rules = {rule.name: rule for settings, _ in groups for rule in settings.rules.values()}
        most = len(findings) if options.all else options.max
        count = (
            sum(bool(file.name) for _, held in groups for file in held)
            if options.parts
            else max(len(files), 1)
        )
        report = reports.Report(count, list(rules.values()), status, most)
        _print(reports.FORMATS[options.format](findings, report))
    return status


def _fails(finding: Finding, threshold: str) -> bool:
    from flowise_mock.lint.findings import at_least

    return at_least(finding.severity, threshold)


def _check(options: argparse.Namespace) -> None:
    """Raises DocumentError if the options do not go together, or a file does not exist."""
    files = options.files
    for path in (*files, *options.overlay):
        if str(path) != STDIN and not path.is_file():
            wrong = "is a folder; name the files in it" if path.is_dir() else "does not exist; name a file"
            raise DocumentError(f"{path}: {wrong}")
    if (options.fix or options.diff) and (len(files) != 1 or str(files[0]) == STDIN):
        raise DocumentError("--fix and --diff are for one file: flowise-mock lint FILE --fix OVERLAY")
    if options.overlay and (len(files) != 1 or options.fix or options.diff):
        raise DocumentError("--overlay is for one file: flowise-mock lint FILE --overlay OVERLAY")
    if options.contract and (files or options.overlay):
        raise DocumentError("--contract takes no files: flowise-mock lint --contract NAME")
    if options.contract and options.contract not in contracts.names():
        names = ", ".join(contracts.names())
        raise DocumentError(f"there is no contract {options.contract!r}; choose one of {names}")


def _groups(options: argparse.Namespace, files: list[Path]) -> list[tuple[Settings, list[Path]]]:
    """The files, grouped by their settings."""
    from flowise_mock.lint import parts, settings
    from flowise_mock.lint.remote import Remote

    if options.parts:
        files = parts.documents(files)
    remote = Remote(options.allow_host) if options.allow_remote else None
    found: dict[Path | None, tuple[Settings, list[Path]]] = {}
    for file in files or [Path()]:
        folder = Path() if str(file) == STDIN or not file.name else file.resolve().parent
        path = options.config or settings.find(folder)
        if path not in found:
            held = settings.load(path) if path else settings.Settings()
            held.remote, held.only, held.skip = remote, frozenset(options.rule), frozenset(options.skip)
            _check_rules(held, [*options.rule, *options.skip])
            found[path] = held, []
        found[path][1].append(file)
    return list(found.values())


def _check_rules(settings: Settings, names: list[str]) -> None:
    for name in names:
        if name not in settings.rules:
            close = difflib.get_close_matches(name, settings.rules, 1)
            hint = f"; did you mean {close[0]}?" if close else "; docs/lint.md lists them"
            raise DocumentError(f"there is no rule {name}{hint}")


def _linted(options: argparse.Namespace, settings: Settings, files: list[Path]) -> list[Finding]:
    from flowise_mock.contract import responses
    from flowise_mock.contract.positions import ReadingError
    from flowise_mock.lint.run import lint, lint_layers

    try:
        if options.contract:
            layers = [contracts.layers() / "openapi.yaml", *contracts.overlay_files(options.contract)]
            return lint_layers(
                layers, settings, lambda made: responses.complete(made) if "x-server" in made else None
            )
        if options.overlay:
            return lint_layers([*files, *options.overlay], settings)
    except ReadingError as error:
        raise DocumentError(str(error)) from None
    return lint([each for each in files if each.name], settings)


def own_documents() -> list[Path]:
    """The document of this product and its overlays."""
    folder = contracts.layers()
    return [folder / "openapi.yaml", *sorted((folder / "overlays").glob("*.yaml"))]


def _fix(options: argparse.Namespace, findings: list[Finding]) -> None:
    from flowise_mock.contract.positions import ReadingError
    from flowise_mock.lint import fix
    from flowise_mock.lint.source import load

    file = options.files[0]
    try:
        source = load(file)
    except ReadingError as error:
        raise DocumentError(f"{file}: {error}") from None
    at = options.fix if options.fix and str(options.fix) != "-" else None
    if isinstance(source.value, dict) and "overlay" in source.value:
        _rename(file, at, options.diff)
        return
    if at and at.exists() and at.samefile(file):
        raise DocumentError(f"{at}: is the document itself, which is not overwritten; name another file")
    own = [each for each in findings if Path(each.file).resolve() == file.resolve()]
    made = fix.overlay(own, source, at)
    if at:
        _write(at, fix.written(made))
    elif options.fix:
        _print(fix.written(made).rstrip())
    if options.diff:
        _print("\n".join(fix.difference(source.value, made, str(file))))


def _rename(file: Path, at: Path | None, diff: bool) -> None:
    """Rename the old words of an overlay, or print the difference."""
    from difflib import unified_diff

    from flowise_mock.contract.renames import rename

    before = file.read_text(encoding="utf-8-sig")
    after = rename(before)
    if at:
        _write(at, after)
    elif not diff:
        _print(after.rstrip())
    if diff:
        lines = unified_diff(
            before.splitlines(), after.splitlines(), str(file), f"{file} renamed", lineterm=""
        )
        _print("\n".join(lines))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise DocumentError(f"{path}: cannot be written: {error.strerror}") from None


def ignores(findings: list[Finding]) -> str:
    """Settings that ignore these findings, for a document that has many."""
    entries = [
        "\n".join(
            [
                "[[lint.ignore]]",
                f"rule = {_toml(each.rule)}",
                f"file = {_toml(Path(each.file).name)}",
                f"pointer = {_toml(each.pointer)}",
                f"reason = {_toml('accepted: ' + each.message)}",
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
