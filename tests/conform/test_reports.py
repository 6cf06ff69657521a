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
from conform.right import Served, World, build, contract
from conform.test_broken import answer, rewrite, status, with_
from flowise_mock.cli import main
from flowise_mock.conform import matrix
from flowise_mock.conform.contract import Contract
from flowise_mock.conform.reports import github, html, junit, markdown, sarif, script, terminal
from flowise_mock.conform.reports.locations import Locations
from flowise_mock.conform.run import Run

ODD = "</script>\"'<b>]]>&\x00\u2028|`"


@pytest.fixture(scope="module")
def deviating(tmp_path_factory: pytest.TempPathFactory) -> Run:
    app = build(World())
    answer("createTool", status(201))(World(), app)
    rewrite("getToolById", with_(extra=ODD, name=None))(World(), app)
    with Served(app) as served:
        run = judge(served.url, tmp_path_factory.mktemp("run"))
    run["new"][0]["got"] += ODD
    return run


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Run:
    with Served(build(World())) as served:
        return judge(served.url, tmp_path_factory.mktemp("run"))


# --- terminal ----------------------------------------------------------------------------------------


def test_terminal_begins_with_the_verdict_and_the_causes(deviating: Run, right: Run) -> None:
    lines = terminal.text(deviating).splitlines()
    assert lines[1] == deviating["headline"] == lines[-1]
    for number, cause in enumerate(deviating["causes"], 1):
        assert any(line.startswith(f"{number:3} {cause['title'][:40]}") for line in lines[:20])
        assert f"{number}. {cause['title']}" in lines
    assert terminal.text(right).splitlines()[1] == "conforms (22 of 22 operations)"


def test_terminal_shows_how_to_repeat(deviating: Run) -> None:
    text = terminal.text(deviating)
    assert f"repeat one: {deviating['command']} --only ID" in text
    for cause in deviating["causes"]:
        assert f"--only {cause['deviations'][0]}" in text


def many(run: Run, number: int) -> Run:
    """A run with many causes, each with many rows."""
    rows = [
        {**run["new"][0], "id": f"x-{n}", "what": f"what {n}", "operation": f"operation{n % 40}"}
        for n in range(number * 30)
    ]
    causes = [
        {**run["causes"][0], "title": f"A cause with a rather long title, number {n}", "operations": ["operation1", "o2"],
         "deviations": [f"x-{n * 30 + m}" for m in range(30)]}
        for n in range(number)
    ]  # fmt: skip
    return {**run, "new": rows, "causes": causes}


@pytest.mark.parametrize("number", [1, 17, 60])
def test_terminal_is_bounded(number: int, deviating: Run) -> None:
    run = many(deviating, number)
    lines = terminal.text(run).splitlines()
    assert len(lines) <= terminal.LINES
    assert all(len(line) <= terminal.WIDTH for line in lines[3 : number + 3])
    assert len(terminal.text(run, verbose=True).splitlines()) > number * 30 * 5


def test_verbose_shows_each_deviation(deviating: Run) -> None:
    text = terminal.text(deviating, verbose=True)
    for each in deviating["new"]:
        assert f"✗ {each['operation']} {each['check']}: {each['what']}" in text
        assert each["request"][:200] in text


# --- HTML --------------------------------------------------------------------------------------------


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
    text = html.page(deviating)
    page = Page()
    page.feed(text)
    assert page.loads == []
    assert not re.search(r"@import|url\(|fetch\(|https?://(?!127)", text.split('id="run"')[0])
    held = json.loads(page.data["run"])
    assert (held["new"], held["causes"]) == (deviating["new"], deviating["causes"])
    assert ODD not in text


def test_html_has_the_parts_of_the_scripts(deviating: Run) -> None:
    page = Page()
    page.feed(html.page(deviating))
    held = json.loads(page.data["run"])
    for each in deviating["new"]:
        for index in each["steps"]:
            assert held["steps"][str(index)]
    title = "a title"
    assert held["script_head"].replace("@TITLE@", title) == script.head(title, deviating["url"])


# --- for CI ------------------------------------------------------------------------------------------


def test_junit(deviating: Run, right: Run) -> None:
    root = xml.fromstring(junit.text(deviating))
    failed = [case for case in root.iter("testcase") if case.find("failure") is not None]
    assert len(failed) == len(deviating["new"])
    assert {case.get("classname") for case in failed} == {each["operation"] for each in deviating["new"]}
    assert {suite.get("name") for suite in root.iter("testsuite")} >= set(deviating["operations"])
    texts = [(case.find("failure").text or "") for case in failed]  # type: ignore[union-attr]
    assert all("--only " in text and "#!/usr/bin/env bash" in text for text in texts)
    assert list(xml.fromstring(junit.text(right)).iter("failure")) == []


def located(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, file: Path | None = None, **more: Any
) -> tuple[dict[str, Any], Locations]:
    """The SARIF of a run in a repository, and its locations."""
    monkeypatch.chdir(folder)
    loaded = Contract("documented", contract(), file)
    locations = Locations({**run, **more}, loaded, folder / "report")
    return json.loads(sarif.text({**run, **more}, locations)), locations


def places(log: dict[str, Any]) -> list[tuple[str, int]]:
    found = [each["locations"][0]["physicalLocation"] for each in log["runs"][0]["results"]]
    return [(each["artifactLocation"]["uri"], each["region"]["startLine"]) for each in found]


def test_sarif_points_at_the_contract_that_the_run_wrote(
    deviating: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, _ = located(deviating, tmp_path, monkeypatch)
    for uri, line in places(log):
        text = (tmp_path / uri).read_text().splitlines()[line - 1].strip()
        assert uri == "report/contract.json"
        assert text in ('"get": {', '"post": {', '"put": {', '"delete": {', '"patch": {')


def test_sarif_points_at_the_users_document(
    deviating: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "api.json"
    file.write_text(json.dumps(contract(), indent=1))
    log, _ = located(deviating, tmp_path, monkeypatch, file)
    assert {uri for uri, _ in places(log)} == {"api.json"}
    assert not (tmp_path / "report").exists()


def test_sarif_points_at_the_baseline(
    deviating: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "known.yaml").write_text("known: []\n")
    known = {**deviating["new"][0], "baseline": {"line": 7, "reason": "so it is"}}
    more = {"new": deviating["new"][1:], "known": [known], "baseline": "known.yaml"}
    log, _ = located(deviating, tmp_path, monkeypatch, **more)
    assert set(places(log)) == {("known.yaml", 1), ("known.yaml", 7)}
    suppressed = [each for each in log["runs"][0]["results"] if "suppressions" in each]
    assert [each["suppressions"][0]["justification"] for each in suppressed] == ["so it is"]


def test_sarif_fits_its_schema(deviating: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The published schema of SARIF 2.1.0, as @microsoft/jest-sarif carries it."""
    import jsonschema  # type: ignore[import-untyped]

    schema = json.loads((Path(__file__).parents[1] / "schemas" / "sarif-2.1.0-rtm.5.json").read_text())
    validator = jsonschema.Draft4Validator(schema)
    log, _ = located(deviating, tmp_path, monkeypatch)
    results = log["runs"][0]["results"]
    assert [error.message for error in validator.iter_errors(log)] == []
    assert len({each["partialFingerprints"]["deviation/v1"] for each in results}) == len(results)
    rules = [rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]]
    assert all(rules[each["ruleIndex"]] == each["ruleId"] for each in results)
    assert all("--only" in each["message"]["text"] for each in results)
    results[0]["level"] = "fatal"
    assert not validator.is_valid(log)


def test_markdown_fits_a_comment(deviating: Run) -> None:
    text = markdown.text(deviating)
    for number, cause in enumerate(deviating["causes"], 1):
        assert f"| {number} | {cause['title']} ({cause['severity']}) |" in text
    assert "0 records changed, 0 left" in text
    assert len(markdown.text(many(deviating, 2000))) < 65_536


def test_github_annotations(deviating: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each cause. Without a file of the user's repository there is no place."""
    monkeypatch.chdir(tmp_path)
    loaded = Contract("documented", contract())
    lines = github.text(deviating, Locations(deviating, loaded)).splitlines()
    assert len(lines) == len(deviating["causes"])
    assert all(re.match(r"::(error|notice) title=[^:,]+::[^\n]+$", line) for line in lines)
    _, locations = located(deviating, tmp_path, monkeypatch)
    lines = github.text(deviating, locations).splitlines()
    assert all(
        re.match(r"::(error|notice) file=report/contract.json,line=\d+,title=", line) for line in lines
    )


# --- several runs ------------------------------------------------------------------------------------


def test_matrix(deviating: Run, right: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = []
    for name, run in (("a", {**deviating, "server": "3.0.5"}), ("b", {**right, "server": "3.1.4"})):
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(json.dumps(run))
    assert main(["matrix", *map(str, files), "--html", str(tmp_path / "m.html")]) == 0
    page = (tmp_path / "m.html").read_text()
    assert main(["matrix", *map(str, files)]) == 0
    shown = capsys.readouterr().out
    assert "| operation | Flowise 3.0.5 | Flowise 3.1.4 |" in shown
    number = len([each for each in deviating["new"] if each["operation"] == "createTool"])
    assert f"| createTool | {number} | ok |" in shown
    assert "<th>Flowise 3.0.5</th>" in page
    assert "status_code_conformance" in page


def test_matrix_of_other_contracts(right: Run) -> None:
    smaller: Any = {**right, "server": "x", "operations": {"pingServer": right["operations"]["pingServer"]}}
    assert matrix.cell(smaller, "createTool") == "-"
    assert matrix.titles([smaller, {**smaller, "contract": "clients"}]) == [
        f"Flowise x ({right['contract']})",
        "Flowise x (clients)",
    ]
