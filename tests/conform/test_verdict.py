"""The verdict says how much of the contract was seen, and why the rest was not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import request

from conform.judged import judge
from conform.right import KEY, PATHS, Refused, Row, Served, World, build, contract
from conform.test_broken import answer, status
from flowise_mock.cli import main
from flowise_mock.conform import safety
from flowise_mock.conform.verdict import Coverage, doubts, verdict

SEEN = Coverage(["a", "b"], {})
PART = Coverage(["a"], {"b": "read-only", "c": "read-only"})


@pytest.mark.parametrize(
    ("coverage", "new", "known", "why", "status", "headline"),
    [
        (SEEN, 0, 0, [], 0, "conforms (2 of 2 operations)"),
        (SEEN, 0, 7, [], 0, "conforms to its baseline (7 known, 2 of 2 operations)"),
        (SEEN, 3, 7, [], 1, "deviates: 1 cause, 3 deviations, 7 known (2 of 2 operations)"),
        (PART, 0, 0, ["it was dark"], 3, "inconclusive: it was dark"),
        (PART, 0, 7, ["it was dark"], 3, "inconclusive: it was dark"),
        (PART, 1, 0, ["it was dark"], 1, "deviates: 1 cause, 1 deviation (1 of 3 operations)"),
    ],
)
def test_headline(
    coverage: Coverage, new: int, known: int, why: list[str], status: int, headline: str
) -> None:
    final = verdict(coverage, new, 0, known, 1 if new else 0, why)
    assert (final.status, final.headline) == (status, headline)


PHASES = {"walks": {"cases": 1}}


def test_unseen_operations_are_one_sentence_for_each_reason() -> None:
    found = Coverage(
        ["a"], {"b": "needs model", "c": "needs model", "d": "needs tool, which no response gave"}
    )
    assert doubts(found, PHASES, None, False) == [
        "2 operations unseen, since there is no model behind the server; pass --set model_url=URL, "
        "for a vector store --set vector_store=NAME too, or --expect-coverage 1",
        "1 operation unseen (d): needs tool, which no response gave",
    ]


@pytest.mark.parametrize(("expected", "number"), [(1, 0), (2, 2)])
def test_expected_coverage(expected: int, number: int) -> None:
    assert len(doubts(PART, PHASES, expected, False)) == number


def test_a_run_that_did_not_end_proves_nothing() -> None:
    phases: dict[str, dict[str, Any]] = {"walks": {"cases": 1, "doubt": "lost"}, "probes": {"cases": 0}}
    assert doubts(SEEN, phases, None, False) == [
        "the phase walks did not end: lost", "the phase probes sent no request"
    ]  # fmt: skip
    assert doubts(SEEN, PHASES, None, True) == ["the run was interrupted"]


def conform(served: Served, tmp_path: Path, *arguments: str) -> int:
    file = tmp_path / "contract.json"
    file.write_text(json.dumps(contract()))
    command = ["conform", served.url, "--document", str(file), "--api-key", KEY, "--no-progress"]
    return main([*command, "--phases", "walks,probes", "--rate", "0", *arguments])


def test_what_may_cost_money_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operation that no walk calls, and that generated requests spare on another machine."""
    monkeypatch.setattr(safety, "is_loopback", lambda url: False)
    monkeypatch.setattr(safety, "RISKY", ("getToolById",))
    monkeypatch.setattr(safety, "SAFE", ())
    monkeypatch.setattr(safety.Rules, "calls", lambda rules, contract, operation: operation != "getToolById")
    with Served(build(World())) as served:
        run = judge(
            served.url, tmp_path, allow_writes=True, rate=0.0, paths=("/ping", "/tools", "/tools/{id}")
        )
    assert run["headline"] == (
        "inconclusive: 1 operation unseen, since it may cost money; pass --allow getToolById or --expect-coverage 5"
    )


def test_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(safety, "is_loopback", lambda url: False)
    with Served(build(World())) as served:
        assert conform(served, tmp_path) == 3
        shown = " ".join(capsys.readouterr().out.split())
        assert (
            "inconclusive: 17 operations unseen, since read-only; pass --allow-writes or --expect-coverage 5"
            in shown
        )
        assert conform(served, tmp_path, "--expect-coverage", "5") == 0
        assert "conforms (5 of 22 operations)" in capsys.readouterr().out
        assert conform(served, tmp_path, "--expect-coverage", "6") == 3
        assert "5 of 22 operations seen, fewer than the 6 expected" in " ".join(
            capsys.readouterr().out.split()
        )
        assert conform(served, tmp_path, "--allow-writes") == 0


def test_read_only_with_a_baseline_is_not_green(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safety, "is_loopback", lambda url: False)
    known = tmp_path / "known.yaml"
    known.write_text("known: []\n")
    with Served(build(World())) as served:
        assert conform(served, tmp_path, "--baseline", str(known)) == 3


def test_a_key_without_permissions_is_one_sentence(tmp_path: Path) -> None:
    """A 403 says what the key may do, and nothing about the server."""
    app = build(World())

    @app.before_request
    def deny() -> Any:
        if request.method != "GET" and request.headers.get("Authorization") == f"Bearer {KEY}":
            return {"message": "Forbidden"}, 403
        return None

    with Served(app) as served:
        run = judge(served.url, tmp_path, phases=("walks", "probes", "generated"), max_examples=1)
    assert (run["status"], run["new"]) == (3, [])
    assert (
        "operations unseen, since the key has no permission (403); pass a key that has all" in run["headline"]
    )
    assert len(run["doubts"]) == 1


def test_a_refusal_of_unknown_ids_with_403_is_the_servers(tmp_path: Path) -> None:
    app = build(World())
    answer("getToolById", status(403), 404)(World(), app)
    with Served(app) as served:
        run = judge(served.url, tmp_path)
    assert {(each["operation"], each["check"]) for each in run["new"]} >= {
        ("getToolById", "unknown_is_refused")
    }


def test_deviations_outweigh_what_was_not_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safety, "is_loopback", lambda url: False)
    app = build(World())
    answer("getAllTools", status(201))(World(), app)
    with Served(app) as served:
        assert conform(served, tmp_path) == 1


def test_an_operation_that_never_works_is_unseen(tmp_path: Path) -> None:
    """No flow can be made, so nothing is known of what needs one."""
    world = World()

    def create(table: str, body: Row) -> Row:
        raise Refused(503, "later")

    world.replace(create=create)
    with Served(build(world)) as served:
        run = judge(served.url, tmp_path)
    assert run["status"] == 1
    assert run["unseen"]["createPrediction"] == "needs agentflow, which no response gave"
    assert "deleteTool" in run["unseen"]


@pytest.mark.parametrize("phases", [("walks",), ("walks", "probes")])
def test_fewer_phases_on_a_right_server(phases: tuple[str, ...], tmp_path: Path) -> None:
    with Served(build(World())) as served:
        run = judge(served.url, tmp_path, phases=phases)
    assert (run["status"], run["headline"]) == (0, "conforms (22 of 22 operations)")


assert PATHS
