"""Reports: text within 80 columns, JSON, SARIF, GitHub's commands, JUnit; and the command's exits."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from flowise_mock import cli
from flowise_mock.lint import reports
from flowise_mock.lint.findings import Finding
from flowise_mock.lint.reports import Report
from flowise_mock.lint.rules import RULES
from flowise_mock.lint.run import lint
from flowise_mock.lint.settings import Settings
from lint.faults import FAULTS
from lint.test_faults import FAST, faulty

ROOT = Path(__file__).parents[2]
SARIF = json.loads((ROOT / "tests" / "schemas" / "sarif-2.1.0-rtm.5.json").read_text())


@pytest.fixture
def findings(tmp_path: Path) -> list[Finding]:
    found = []
    for number, fault in enumerate(FAULTS.values()):
        if number % 6 == 0:
            file = tmp_path / f"{number}.yaml"
            file.write_text(faulty(fault)[0])
            found += lint([file], Settings(skip=FAST))
    return found


def test_text_fits_a_terminal_and_the_caret_stands_under_the_fault(findings: list[Finding]) -> None:
    text = reports.text(findings, Report(7))
    long = [line for line in text.splitlines() if len(line) > 80 and not re.match(r"\S+:\d+:\d+ ", line)]
    assert [line for line in long if "/" not in line] == []  # only a pointer or a path cannot be broken
    source, caret = next(
        (line, below)
        for line, below in zip(text.splitlines(), text.splitlines()[1:], strict=False)
        if below.startswith("  |") and below.endswith("^")
    )
    assert source[len(caret) - 1] != " "


def test_a_long_line_is_shown_around_its_column() -> None:
    line = "x" * 300 + "HERE" + "y" * 300
    finding = Finding("struct", "error", "a.yaml", 1, 301, "/a", "m\x1b[31m", "r", line)
    shown = reports.text([finding], Report(1)).splitlines()
    at = next(index for index, each in enumerate(shown) if each.endswith("^"))
    assert shown[at - 1][len(shown[at]) - 1 :].startswith("HERE")
    assert "\x1b" not in "".join(shown)
    assert all(len(each) <= 80 for each in shown)


def test_the_caret_counts_the_cells_of_a_terminal() -> None:
    finding = Finding("struct", "error", "a.yaml", 1, 5, "/a", "m", "r", "日本e\u0301: x")
    shown = reports.text([finding], Report(1)).splitlines()
    assert shown[2:4] == ["  | 日本e\u0301: x", "  |      ^"]


def test_json(findings: list[Finding]) -> None:
    report = json.loads(reports.as_json(findings, Report(7)))
    assert len(report["findings"]) == len(findings)
    assert {"rule", "severity", "file", "line", "column", "pointer", "message"} <= report["findings"][
        0
    ].keys()


def test_sarif(findings: list[Finding]) -> None:
    """By the published schema of SARIF 2.1.0, as @microsoft/jest-sarif carries it."""
    validator = jsonschema.Draft4Validator(SARIF)
    log_of_findings = json.loads(reports.sarif(findings, Report(7)))
    for log in (log_of_findings, json.loads(reports.sarif([], Report(1)))):
        assert [error.message for error in validator.iter_errors(log)] == []
    run = log_of_findings["runs"][0]
    assert len(run["tool"]["driver"]["rules"]) == len(RULES)
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    run["results"][0]["level"] = "fatal"
    assert not validator.is_valid(log_of_findings)


JUNIT = {
    "testsuites": ({"testsuite"}, set(), {"name", "time", "tests", "failures", "disabled", "errors"}),
    "testsuite": ({"testcase"}, {"name", "tests"}, {"failures", "errors", "skipped", "time"}),
    "testcase": ({"failure"}, {"name"}, {"classname", "time"}),
    "failure": (set(), set(), {"type", "message"}),
}
"""What Jenkins' schema of JUnit files allows in each element that the report has: elements, the
attributes that must be there, those that may."""


def unlike_junit(element: ElementTree.Element) -> list[str]:
    """What that schema would refuse."""
    inner, must, may = JUNIT[element.tag]
    names = element.attrib.keys()
    wrong = [f"{element.tag} without {name}" for name in must - names]
    wrong += [f"{element.tag} with {name}" for name in names - must - may]
    wrong += [f"{element.tag} in which is {child.tag}" for child in element if child.tag not in inner]
    return wrong + [each for child in element if child.tag in inner for each in unlike_junit(child)]


def test_junit(findings: list[Finding]) -> None:
    root = ElementTree.fromstring(reports.junit(findings, Report(7)))
    assert root.tag == "testsuites"
    assert unlike_junit(root) == unlike_junit(ElementTree.fromstring(reports.junit([], Report(1)))) == []
    assert unlike_junit(ElementTree.fromstring("<testsuites><testsuite tests='1' x='1'/></testsuites>")) == [
        "testsuite without name",
        "testsuite with x",
    ]
    assert sum(int(suite.attrib["failures"]) for suite in root) == len(findings)
    assert all(len(suite) == int(suite.attrib["tests"]) for suite in root)
    assert ElementTree.fromstring(reports.junit([], Report(1))).attrib["failures"] == "0"


def test_github() -> None:
    finding = Finding("struct", "info", "a,b:c.yaml", 1, 2, "/a", "100 %\nof it", "r")
    (line,) = reports.github([finding], Report(1)).splitlines()
    assert line == "::notice file=a%2Cb%3Ac.yaml,line=1,col=2,title=struct::100 %25%0Aof it r"


def test_each_rule_is_documented() -> None:
    page = (ROOT / "docs" / "lint.md").read_text()
    for rule in RULES:
        assert f"| `{rule.name}` | {rule.severity} |" in page, f"docs/lint.md lacks {rule.name}"


BAD = "openapi: 3.0.3\ninfo: {title: a}\npaths: {}\n"


@pytest.mark.parametrize("form", sorted(reports.FORMATS))
def test_the_exit_of_the_command(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(BAD)
    assert cli.main(["lint", str(file), "--format", form]) == 1
    assert capsys.readouterr().out
    file.write_text(BAD.replace("title: a", "title: a, version: '1'"))
    assert cli.main(["lint", str(file), "--config", str(_errors(tmp_path))]) == 0
    assert cli.main(["lint", str(file), "--fail-on", "info"]) == 1


def _errors(folder: Path) -> Path:
    (folder / "settings.toml").write_text("[lint]\nfail-on = 'error'\n")
    return folder / "settings.toml"


@pytest.mark.parametrize(
    "arguments", [["--fix", "a.yaml"], ["a.yaml", "--config", "none.toml"], ["none.yaml", "--diff"]]
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lint", *arguments]) == 2
    assert capsys.readouterr().err.startswith("flowise-mock: ")


def test_ours_without_arguments(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    assert cli.main(["lint", *[part for rule in sorted(FAST) for part in ("--skip", rule)]]) == 0
    count = 1 + len(list((ROOT / "overlays").iterdir()))
    assert capsys.readouterr().out == f"{count} files: clean\n"
