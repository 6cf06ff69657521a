"""The reports say what the run found, in the forms that others read."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as xml
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from conform.judged import judge
from conform.right import Served, World, build
from conform.test_broken import answer, rewrite, status, with_
from flowise_mock.cli import main
from flowise_mock.conform import (
    matrix,
    report_github,
    report_html,
    report_junit,
    report_markdown,
    report_sarif,
    report_terminal,
)
from flowise_mock.conform.run import Run

ODD = "</script>\"'<b>]]>&\x00\u2028|`"


@pytest.fixture(scope="module")
def deviating(tmp_path_factory: pytest.TempPathFactory) -> Run:
    app = build(World())
    answer("createTool", status(201))(World(), app)
    rewrite("getToolById", with_(extra=ODD, name=None))(World(), app)
    with Served(app) as served:
        run = judge(served.url, tmp_path_factory.mktemp("run"))
    run["contract"] = "documented"
    run["new"][0]["got"] += ODD
    return run


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Run:
    with Served(build(World())) as served:
        return judge(served.url, tmp_path_factory.mktemp("run"))


def test_terminal(deviating: Run, right: Run) -> None:
    told = report_terminal.text(deviating)
    for each in deviating["new"]:
        assert f"✗ {each['operation']}  {each['check']}: {each['what']}" in told
        assert each["curl"][:1000] in told
    assert "verdict: deviates" in told
    assert "verdict: conforms" in report_terminal.text(right)
    assert "no operation deviates" in report_terminal.text(right)


def test_terminal_is_bounded(deviating: Run) -> None:
    many = {**deviating, "new": deviating["new"] * 100}
    assert "… and" in report_terminal.text(many)


class Page(HTMLParser):
    """What a page loads, and the data in it."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.data: dict[str, str] = {}
        self._in = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.loads += [f"{tag} {given[name]}" for name in ("src", "href") if given.get(name)]
        self._in = given.get("id") or tag

    def handle_data(self, data: str) -> None:
        self.data[self._in] = self.data.get(self._in, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._in = ""


def test_html_needs_no_network_and_holds_the_run(deviating: Run) -> None:
    text = report_html.page(deviating)
    page = Page()
    page.feed(text)
    assert page.loads == []
    assert not re.search(r"@import|url\(|fetch\(|https?://(?!127)", text.split('id="run"')[0])
    held = json.loads(page.data["run"])
    assert held["new"] == deviating["new"]
    assert ODD not in text


def test_junit(deviating: Run, right: Run) -> None:
    root = xml.fromstring(report_junit.text(deviating))
    failed = [case for case in root.iter("testcase") if case.find("failure") is not None]
    assert len(failed) == len(deviating["new"])
    assert {case.get("classname") for case in failed} == {each["operation"] for each in deviating["new"]}
    assert {suite.get("name") for suite in root.iter("testsuite")} >= set(deviating["operations"])
    assert list(xml.fromstring(report_junit.text(right)).iter("failure")) == []


def test_sarif_points_at_the_lines_of_the_document(deviating: Run) -> None:
    log = json.loads(report_sarif.text(deviating))
    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    assert len([each for each in run["results"] if each["level"] == "error"]) == len(deviating["new"])
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]
        line = (
            Path(place["artifactLocation"]["uri"]).read_text().splitlines()[place["region"]["startLine"] - 1]
        )
        assert line.strip() in ("get:", "post:", "put:", "delete:", "patch:")
    assert len({each["partialFingerprints"]["deviation/v1"] for each in run["results"]}) == len(
        run["results"]
    )


def test_sarif_fits_its_schema(deviating: Run) -> None:
    """The published schema of SARIF 2.1.0, as @microsoft/jest-sarif carries it."""
    import jsonschema  # type: ignore[import-untyped]

    schema = json.loads((Path(__file__).parents[1] / "schemas" / "sarif-2.1.0-rtm.5.json").read_text())
    validator = jsonschema.Draft4Validator(schema)
    log = json.loads(report_sarif.text(deviating))
    assert [error.message for error in validator.iter_errors(log)] == []
    log["runs"][0]["results"][0]["level"] = "fatal"
    assert not validator.is_valid(log)


def test_markdown_fits_a_comment(deviating: Run) -> None:
    text = report_markdown.text(deviating)
    for each in deviating["new"]:
        assert f"| `{each['operation']}` | {each['check']} |" in text
    assert len(report_markdown.text({**deviating, "new": deviating["new"] * 2000})) < 65_536


def test_github_annotations(deviating: Run) -> None:
    lines = report_github.text(deviating).splitlines()
    assert len(lines) == len(deviating["new"])
    assert all(re.match(r"::error file=[^,]+,line=\d+,title=[^:,]+::[^\n]+$", line) for line in lines)


def test_matrix(deviating: Run, right: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = []
    for name, run in (("a", {**deviating, "server": "3.0.5"}), ("b", {**right, "server": "3.1.4"})):
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(json.dumps(run))
    assert main(["matrix", *map(str, files), "--html", str(tmp_path / "m.html")]) == 0
    page = (tmp_path / "m.html").read_text()
    assert main(["matrix", *map(str, files)]) == 0
    told = capsys.readouterr().out
    assert "| operation | Flowise 3.0.5 | Flowise 3.1.4 |" in told
    number = len([each for each in deviating["new"] if each["operation"] == "createTool"])
    assert f"| createTool | {number} | ok |" in told
    assert "<th>Flowise 3.0.5</th>" in page
    assert "status_code_conformance" in page


def test_matrix_of_other_contracts(right: Run) -> None:
    smaller: Any = {**right, "server": "x", "operations": {"pingServer": right["operations"]["pingServer"]}}
    assert matrix.cell(smaller, "createTool") == "-"
    assert matrix.titles([smaller, {**smaller, "contract": "clients"}]) == [
        f"Flowise x ({right['contract']})",
        "Flowise x (clients)",
    ]
