"""The terminal: a table by rule, errors first, and no more than fits a reader."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowise_mock import cli
from flowise_mock.lint import terminal
from flowise_mock.lint.findings import Finding
from lint.test_custom import DOCUMENT


def finding(number: int, rule: str = "struct", severity: str = "error") -> Finding:
    return Finding(
        rule, severity, f"{'folder/' * 12}a.yaml", number, 1, f"/a/{number}", f"m{number}", "Do it.", "text"
    )


MANY = [finding(each, "info-words", "info") for each in range(1, 2501)] + [
    finding(each) for each in range(1, 501)
]


def test_a_clean_document() -> None:
    assert terminal.text([], 1, 100) == "1 file: clean"


def test_three_thousand() -> None:
    lines = terminal.text(MANY, 2, 100).splitlines()
    assert [line.split()[:3] for line in lines[:3]] == [
        ["count", "severity", "rule"],
        ["500", "error", "struct"],
        ["2,500", "info", "info-words"],
    ]
    assert lines[1].endswith("a.yaml:1")
    assert sum(line.endswith("error struct") for line in lines) == 100
    assert sum(line == "  = Do it." for line in lines) == 1
    assert lines[-2:] == [
        "2 files: 500 errors, 2,500 info",
        "2,900 more are not shown; --all shows them, --rule NAME those of one rule",
    ]
    assert all(len(line) <= 80 for line in lines if not line.endswith("error struct"))


def test_max_and_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(DOCUMENT)
    cli.main(["lint", str(file), "--format", "json"])
    total = capsys.readouterr().out.count('"rule"')
    cli.main(["lint", str(file), "--max", "1"])
    assert f"{total - 1} more are not shown" in capsys.readouterr().out
    cli.main(["lint", str(file), "--max", "0"])
    assert f"{total} more are not shown; --all shows them" in capsys.readouterr().out
    cli.main(["lint", str(file), "--all"])
    assert "not shown" not in capsys.readouterr().out
    cli.main(["lint", str(file), "--max", "0", "--format", "github"])
    assert len(capsys.readouterr().out.splitlines()) == total
    with pytest.raises(SystemExit):
        cli.main(["lint", str(file), "--max", "-1"])


@pytest.mark.parametrize("name", ["none.yaml", "."])
def test_a_file_that_cannot_be_named(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lint", name]) == 2
    assert capsys.readouterr().err.startswith(f"flowise-mock: {name}: ")


def test_parts_of_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As pre-commit names changed files: parts lead to the documents that use them, the rest is passed over."""
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "a.json").write_text(
        '{"openapi": "3.0.3", "info": {"title": "a", "version": "1"}, "paths": {}, "components": {"schemas":'
        ' {"A": {"$ref": "../parts/b.yaml#/B"}}}}'
    )
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "b.yaml").write_text("B: {type: strin}\n")
    (tmp_path / "other.yaml").write_text("a: 1\n")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["lint", "--parts", "parts/b.yaml", "other.yaml", "--format", "json"]) == 1
    assert '"file": "parts/b.yaml"' in capsys.readouterr().out
    assert cli.main(["lint", "--parts", "other.yaml"]) == 0
    assert capsys.readouterr().out == "0 files: clean\n"
