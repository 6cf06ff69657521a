"""Known deviations do not fail a run; new and expired ones do; vanished ones are reported with their line."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from conform.judged import judge
from conform.right import Served, World, build
from conform.test_broken import answer, status
from flowise_mock.cli import main
from flowise_mock.conform import baseline, result
from flowise_mock.conform.baseline import BaselineError
from flowise_mock.conform.deviations import Deviation, Findings, Key

TODAY = datetime.date(2026, 11, 23)
FOUND = Deviation("getToolById", "unknown_is_refused", "500 instead of 404")
ENTRY = "known:\n- {operation: getToolById, check: unknown_is_refused, what: 500 instead of 404%s}\n"


def sorted_(text: str, tmp_path: Path, version: str = "3.1.4") -> baseline.Sorted:
    file = tmp_path / "known.yaml"
    file.write_text(text)
    return baseline.sort([FOUND], baseline.load(file), version, TODAY, {"getToolById", "getAllTools"})


def test_a_known_one(tmp_path: Path) -> None:
    result = sorted_(ENTRY % ", reason: it is so, owner: Ann, link: 'https://example.com/1'", tmp_path)
    assert (result.new, result.expired, result.vanished) == ([], [], [])
    ((found, entry),) = result.known
    assert (found, entry.reason, entry.owner, entry.link) == (
        FOUND,
        "it is so",
        "Ann",
        "https://example.com/1",
    )


def test_a_new_one(tmp_path: Path) -> None:
    assert sorted_("known: []\n", tmp_path).new == [FOUND]


@pytest.mark.parametrize(("day", "expired"), [("2026-11-22", True), ("2026-11-23", False)])
def test_an_expired_one(day: str, expired: bool, tmp_path: Path) -> None:
    result = sorted_(ENTRY % f", expires: {day}", tmp_path)
    assert (bool(result.expired), bool(result.known)) == (expired, not expired)


def test_a_vanished_one_is_reported_with_its_line(tmp_path: Path) -> None:
    more = "- operation: getAllTools\n  check: list_is_ordered\n  what: gone\n- {operation: other, check: c, what: w}\n"
    (entry,) = sorted_(ENTRY % "" + more, tmp_path).vanished
    assert (entry.operation, entry.line) == ("getAllTools", 3)


def test_an_entry_of_another_version(tmp_path: Path) -> None:
    assert sorted_(ENTRY % ", versions: [3.0.5]", tmp_path).new == [FOUND]
    assert sorted_(ENTRY % ", versions: [3.0.5]", tmp_path, "3.0.5").new == []


def test_a_pattern() -> None:
    entry = baseline.Entry(1, "op", "check", "200 /*/a* [x]")
    assert entry.covers(Key("op", "check", "200 /*/analytic [x]"))
    assert not entry.covers(Key("op", "check", "200 /*/category [x]"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1", "has no list `known`"),
        ("known: {}", "has no list `known`"),
        ("known:\n- {operation: a}", ":2: an entry has operation, check and what"),
        ("known:\n- {operation: a, check: b, what: c, why: d}", ":2: an entry has no why"),
        ("known:\n- {operation: a, check: b, what: c, expires: soon}", ":2: expires: soon is not a day"),
        ("known: [", "is not YAML or JSON"),
    ],
)
def test_invalid_baseline(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match=message.replace("[", "\\[")):
        sorted_(text, tmp_path)


@pytest.mark.slow
def test_from_a_run_to_a_baseline_and_back(tmp_path: Path) -> None:
    """The first run is written down; the second conforms; a new fault is named, a repaired one is reported."""
    file = tmp_path / "known.yaml"
    paths = ("/ping", "/tools", "/tools/{id}", "/variables", "/variables/{id}")
    app = build(World())
    answer("createTool", status(201))(World(), app)
    with Served(app) as served:
        first = judge(served.url, tmp_path, baseline=file, paths=paths)
        assert first["status"] == 1
        assert baseline.update(
            file, map(Deviation.from_json, result.every(first)), "", first["contract"], set(first["cases"])
        ) == len(first["new"])
        file.write_text(file.read_text().replace("reason:", "owner: Ann\n  reason:"))
        second = judge(served.url, tmp_path, baseline=file, paths=paths)
        assert (second["status"], second["new"], len(second["known"])) == (0, [], len(first["new"]))
    app = build(World())
    answer("createVariable", status(201))(World(), app)
    with Served(app) as served:
        third = judge(
            served.url, tmp_path, baseline=file, paths=paths, phases=("walks", "probes", "generated")
        )
    assert third["status"] == 1
    assert {each["operation"] for each in third["new"]} >= {"createVariable"}
    assert "createTool" not in {each["operation"] for each in third["new"]}
    assert {each["operation"] for each in third["vanished"]} >= {"createTool"}
    baseline.update(
        file, map(Deviation.from_json, result.every(third)), "", third["contract"], set(third["cases"])
    )
    assert "createTool" not in file.read_text()


def test_what_people_wrote_stays(tmp_path: Path) -> None:
    file = tmp_path / "known.yaml"
    file.write_text("# Ours.\n" + ENTRY % ", reason: mine, owner: Ann, expires: 2030-01-01")
    baseline.update(file, [FOUND], "3.1.4", "documented", {"getToolById"})
    (entry,) = baseline.load(file)
    assert (entry.reason, entry.owner, entry.expires) == ("mine", "Ann", "2030-01-01")
    assert file.read_text().startswith("# Ours.\ncontract: documented\n")
    baseline.update(file, [], "3.1.4", "documented", {"getToolById"})
    assert baseline.load(file) == []


def test_a_deviation_is_found_once() -> None:
    findings = Findings()
    for number in range(3):
        findings.add(Deviation("a", "b", "c", got=str(number)))
    (found,) = findings
    assert (found.count, found.got) == (3, "0")


def test_a_note_that_turns_out_to_be_a_deviation_takes_its_exchange() -> None:
    findings = Findings()
    for note in (True, False, True):
        findings.add(Deviation("a", "b", "c", got=f"note {note}", note=note))
    (found,) = findings
    assert (found.count, found.got, found.note) == (3, "note False", False)


@pytest.mark.parametrize("version", ["3.0.5", "3.1.4"])
def test_a_baseline_of_another_contract(version: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The bundled baselines are for `documented`: against a version they would say nothing, in silence."""
    arguments = ["conform", "http://127.0.0.1:9", "--baseline", version, "--contract", version]
    assert main(arguments) == 2
    assert (
        f"is a baseline of the contract documented, and this run judges by {version}"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("version", ["3.0.5", "3.1.4"])
def test_the_bundled_ones_can_be_read(version: str) -> None:
    file = Path(baseline.__file__).parent / "baselines" / f"{version}.yaml"
    entries = baseline.load(file)
    assert len(entries) > 50
    assert all(entry.reason for entry in entries)


@pytest.mark.slow
def test_a_walk_that_the_contract_lacks_limits_no_operation(tmp_path: Path) -> None:
    """Some walks make flows for operations of other contracts: what they would delete is judged anyway."""
    paths = ("/ping", "/chatflows", "/chatflows/{id}", "/chatmessage/{id}")
    phases = ("walks", "probes", "generated")
    with Served(build(World())) as served:
        run = judge(served.url, tmp_path, phases=phases, paths=paths, max_examples=1)
    assert "removeAllChatMessages" in run["judged"]
