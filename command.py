"""`flowise-mock lint`: what is asked on the command line, done."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from flowise_mock import document
from flowise_mock.lint import evidence, reports, settings
from flowise_mock.lint.evidence import Evidence, EvidenceError
from flowise_mock.lint.finding import SEVERITIES, Finding
from flowise_mock.lint.run import Run, rules
from flowise_mock.lint.settings import SettingsError


def run(asked: Any, out: Any = None) -> int:
    """Lint as asked; 0 clean, 1 findings at or over `--fail-on`, 2 for a mistake in the call."""
    out = out or sys.stdout
    if asked.rules:
        out.write("".join(f"{each.name:<42} {each.severity}\n" for each in rules().values()))
        return 0
    try:
        return _run(asked, out)
    except (SettingsError, EvidenceError) as error:
        sys.stderr.write(f"flowise-mock: {error}\n")
        return 2


def _run(asked: Any, out: Any) -> int:
    names = rules().keys()
    chosen = settings.load(asked.config, Path.cwd(), names)
    files = asked.files or chosen.files or ours()
    run = Run(chosen, asked.allow_remote, _evidence(asked))
    findings = run.lint(files)
    if asked.generate_ignores:
        out.write(ignores(findings))
        return 0
    if asked.fix or asked.diff:
        from flowise_mock.lint import fix

        return fix.run(asked, run, files, findings, out)
    out.write(reports.Report(findings, run.sources, run.rules, files).render(asked.format))
    return failed(findings, asked.fail_on or chosen.fail_on)


def failed(findings: list[Finding], fail_on: str) -> int:
    least = SEVERITIES.index(fail_on)
    return int(any(SEVERITIES.index(each.severity) >= least for each in findings))


def ours() -> list[str]:
    """This project's document and its overlays, as a path from here where that is shorter."""
    root = document.root()
    paths = [root / "openapi.yaml", *sorted((root / "overlays").glob("*.yaml"))]
    here = Path.cwd()
    return [str(path.relative_to(here) if path.is_relative_to(here) else path) for path in paths]


def _evidence(asked: Any) -> Evidence | None:
    calls = evidence.calls(str(asked.clients or document.root() / "overlays" / "clients.yaml")) if asked.clients is not False else []
    exchanges = [each for file in asked.recordings for each in evidence.exchanges(str(file))]
    return Evidence(calls, exchanges) if calls or exchanges else None


def ignores(findings: list[Finding]) -> str:
    """Findings as settings that let them pass, grouped by rule and file; the reason is to be written."""
    import json

    grouped: dict[tuple[str, str], list[str]] = {}
    for each in findings:
        grouped.setdefault((each.rule, each.file), []).append(each.pointer)
    blocks = []
    for (rule, file), pointers in grouped.items():
        listed = "".join(f"  {json.dumps(each, ensure_ascii=False)},\n" for each in dict.fromkeys(pointers))
        blocks.append(
            f'[[lint.ignore]]\nrule = "{rule}"\nfile = {json.dumps(Path(file).name, ensure_ascii=False)}\n'
            f'reason = "taken over; say why"\npointers = [\n{listed}]\n'
        )
    return "\n".join(blocks)
