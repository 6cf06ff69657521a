"""Settings: severities, ignores with a reason, ignores that nothing needs any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowise_mock.cli.lint import ignores
from flowise_mock.lint.run import lint
from flowise_mock.lint.settings import SettingsError, load

TEXT = """openapi: 3.0.3
info: {title: a, version: '1', description: a, contact: {}, license: {name: MIT}}
servers: [{url: /}]
paths:
  /a:
    get:
      summary: a
      description: a
      tags: [a]
      responses:
        '200':
          description: a
          content: {}
"""


def project(tmp_path: Path, settings: str) -> tuple[Path, Path]:
    (tmp_path / ".flowise-mock.toml").write_text(settings)
    (tmp_path / "a.yaml").write_text(TEXT)
    return tmp_path / "a.yaml", tmp_path / ".flowise-mock.toml"


def reported(tmp_path: Path, settings: str) -> list[tuple[str, str, int]]:
    file, config = project(tmp_path, settings)
    return [(each.rule, each.severity, each.line) for each in lint([file], load(config))]


def test_without_settings(tmp_path: Path) -> None:
    assert reported(tmp_path, "[lint]\n") == [
        ("info-words", "info", 2),
        ("operation-operationId", "warning", 6),
    ]


def test_severities(tmp_path: Path) -> None:
    settings = "[lint.rules]\ninfo-words = 'off'\noperation-operationId = 'error'\n"
    assert reported(tmp_path, settings) == [("operation-operationId", "error", 6)]


IGNORE = (
    "[[lint.ignore]]\nrule = 'operation-operationId'\npointer = '/paths/~1a/get'\nreason = 'old clients'\n"
)


def test_an_ignore(tmp_path: Path) -> None:
    assert reported(tmp_path, IGNORE) == [("info-words", "info", 2)]


def test_an_ignore_of_all_below(tmp_path: Path) -> None:
    assert reported(tmp_path, "[[lint.ignore]]\npointer = '/*'\nreason = 'taken over'\n") == []


def test_a_stale_ignore_is_told_at_its_line(tmp_path: Path) -> None:
    stale = IGNORE.replace("get", "put")
    assert reported(tmp_path, stale)[2:] == [("stale-ignore", "warning", 3)]


def test_an_ignore_of_a_file_that_is_not_read_is_not_stale(tmp_path: Path) -> None:
    other = IGNORE.replace("get", "put") + "file = 'b.yaml'\n"
    assert "stale-ignore" not in [rule for rule, _, _ in reported(tmp_path, other)]


def test_an_ignore_in_the_document(tmp_path: Path) -> None:
    file, _ = project(tmp_path, "")
    file.write_text(
        TEXT.replace("summary: a", "summary: a\n      x-lint-ignore: {operation-operationId: old}")
    )
    assert [each.rule for each in lint([file])] == ["info-words"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("[lint", "is not TOML"),
        ("[lint.rules]\nnope = 'error'", "no rule nope"),
        ("[lint.rules]\nstruct = 'fatal'", "use one of"),
        ("[lint]\nrule = 1", "has no setting rule"),
        ("[lint]\nfail-on = 7", "use one of"),
        ("[[lint.ignore]]\npointer = '/a'", "a reason"),
        ("[[lint.ignore]]\npointer = 7\nreason = 'a'", "each of them text"),
        ("[[lint.ignore]]\nrule = 'nope'\npointer = '/a'\nreason = 'a'", "no rule nope"),
        ("[lint]\nignore = 7", "list of tables"),
        ("[lint]\nrules = 7", "table of rules"),
        ("lint = 7", "no table"),
    ],
)
def test_settings_that_cannot_be_used(settings: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=words):
        reported(tmp_path, settings)


def test_pyproject_and_its_own_file(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.flowise-mock.lint]\nfail-on = 'info'\n")
    assert load(folder=tmp_path).fail_on == "info"
    (tmp_path / ".flowise-mock.toml").write_text("[lint]\nfail-on = 'warning'\n")
    assert load(folder=tmp_path).fail_on == "warning"


def test_generated_ignores_let_everything_pass(tmp_path: Path) -> None:
    file, config = project(tmp_path, "[lint]\n")
    config.write_text(ignores(lint([file])))
    assert lint([file], load(config)) == []
