"""Rules of a project, settings of other files, and the options that choose rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowise_mock import cli
from flowise_mock.lint import custom, settings
from flowise_mock.lint.run import lint
from flowise_mock.lint.settings import Settings, SettingsError, load

DOCUMENT = "openapi: 3.0.3\ninfo: {title: a, version: '1'}\npaths:\n  /getUser: {}\n"
RULES = '''
from flowise_mock.lint import Problem, Rule, Spec

def no_verbs(spec: Spec):
    """A path is a noun."""
    for path in spec.root.value["paths"]:
        if path.startswith("/get"):
            yield Problem(spec.root.at("paths").at(path), f"{path} is a verb", key=True)

RULES = (Rule("no-verbs", "warning", "Use a noun.", no_verbs),)
'''


def project(folder: Path, text: str, rules: str = RULES) -> Path:
    (folder / "rules.py").write_text(rules)
    (folder / ".flowise-mock.toml").write_text(text)
    (folder / "api").mkdir()
    (folder / "api" / "a.yaml").write_text(DOCUMENT)
    return folder / "api" / "a.yaml"


def test_a_rule_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = project(tmp_path, "[lint]\nextends = ['rules.py']\n[lint.rules]\nno-verbs = 'error'\n")
    found = lint([file], load(folder=file.parent))
    assert [(each.severity, each.line, each.remedy) for each in found if each.rule == "no-verbs"] == [
        ("error", 4, "Use a noun.")
    ]
    assert cli.main(["lint", str(file), "--rule", "no-verbs", "--format", "sarif"]) == 1
    assert '"id": "no-verbs"' in capsys.readouterr().out


def test_a_rule_that_fails_is_reported_and_the_others_go_on(tmp_path: Path) -> None:
    file = project(
        tmp_path, "[lint]\nextends = 'rules.py'\n", RULES.replace("if path", "1 / 0\n        if path")
    )
    found = {each.rule: each.message for each in lint([file], load(folder=file.parent))}
    assert "no-verbs: ZeroDivisionError" in found["internal"]
    assert "info-words" in found


def test_an_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "their_rules-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Name: their-rules\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[flowise_mock.lint]\ntheirs = their_rules\n")
    (tmp_path / "their_rules.py").write_text(RULES)
    monkeypatch.syspath_prepend(str(tmp_path))
    file = project(tmp_path, "[lint]\nextends = ['theirs']\n")
    assert "no-verbs" in {each.rule for each in lint([file], load(folder=file.parent))}


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("x = ", "cannot be executed: SyntaxError"),
        ("x = 1", "has no RULES"),
        (RULES.replace('"no-verbs"', '"struct"'), "name of a built-in rule"),
        (RULES.replace('"warning"', '"fatal"'), "needs a severity"),
    ],
)
def test_rules_that_cannot_be_used(rules: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "rules.py").write_text(rules)
    with pytest.raises(custom.RulesError, match=words):
        custom.from_file(tmp_path / "rules.py")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[lint]\nextends = ['none.py']", "none.py: is not a Python file"),
        ("[lint]\nextends = ['none']", "nor an installed entry point"),
        ("[lint]\nextends = ['none.toml']", "cannot be read"),
        ("[lint]\nextends = ['.flowise-mock.toml']", "extends itself"),
        ("[lint]\nextends = 7", "a list of files"),
        ("[[lint.override]]\nfiles = 'a'\nrules = {}", "a list of patterns"),
        ("[[lint.override]]\nfiles = ['a']\nrules = {nope = 'off'}", "no rule nope"),
    ],
)
def test_settings_that_cannot_be_used(text: str, words: str, tmp_path: Path) -> None:
    file = project(tmp_path, text)
    with pytest.raises(SettingsError, match=words):
        load(folder=file.parent)


def test_other_settings_and_overrides(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text("[lint]\nfail-on = 'info'\n[lint.rules]\ninfo-words = 'error'\n")
    text = "[lint]\nextends = ['base.toml']\n[[lint.override]]\nfiles = ['api/*.yaml']\nrules = {info-words = 'warning'}\n"
    file = project(tmp_path, text)
    found = load(folder=file.parent)
    assert found.fail_on == "info"
    assert {each.severity for each in lint([file], found) if each.rule == "info-words"} == {"warning"}
    other = tmp_path / "b.yaml"
    other.write_text(DOCUMENT)
    assert {each.severity for each in lint([other], found) if each.rule == "info-words"} == {"error"}


def test_the_nearest_settings_upward(tmp_path: Path) -> None:
    file = project(tmp_path, "[lint]\n")
    assert settings.find(file.parent) == tmp_path / ".flowise-mock.toml"
    (file.parent / "pyproject.toml").write_text("[tool.other]\n")
    assert settings.find(file.parent) == tmp_path / ".flowise-mock.toml"
    (file.parent / "pyproject.toml").write_text("[tool.flowise-mock.lint]\n")
    assert settings.find(file.parent) == file.parent / "pyproject.toml"


def test_the_command_finds_settings_by_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = project(tmp_path, "[lint]\nfail-on = 'info'\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert cli.main(["lint", str(file)]) == 1
    assert cli.main(["lint", str(file), "--skip", "info-words", "--rule", "info-words"]) == 0
    assert cli.main(["lint", str(file), "--rule", "info-word"]) == 2
    assert "did you mean info-words?" in capsys.readouterr().err


def test_only_and_skip(tmp_path: Path) -> None:
    file = project(tmp_path, "[lint]\n")
    assert {each.rule for each in lint([file], Settings(only=frozenset({"info-words"})))} == {"info-words"}
    assert "info-words" not in {each.rule for each in lint([file], Settings(skip=frozenset({"info-words"})))}
