"""Rules on descriptions of Flowise: off by default, and without findings in other documents."""

from __future__ import annotations

from pathlib import Path

from flowise_mock.lint.run import lint
from flowise_mock.lint.settings import Settings
from lint.test_faults import TEXT

ON = Settings({"flowise-clients": "warning", "flowise-recorded": "warning"})


def found(tmp_path: Path, text: str, rule: str) -> list[str]:
    file = tmp_path / "a.yaml"
    file.write_text(text)
    return [each.message for each in lint([file], ON) if each.rule == rule]


def test_operations_that_clients_call(tmp_path: Path) -> None:
    messages = found(tmp_path, TEXT, "flowise-clients")
    assert any("PUT /chatmessage/abort/{" in each for each in messages)
    assert len(messages) == len(set(messages)) >= 20


def test_answers_that_were_recorded(tmp_path: Path) -> None:
    messages = found(tmp_path, TEXT, "flowise-recorded")
    assert messages
    assert all("flowise-3." in each for each in messages)
    assert [
        each for each in messages if "(no_id)" in each and "/{id}" in each
    ] == []  # requested at another path


def test_an_answer_that_was_recorded_otherwise(tmp_path: Path) -> None:
    before = found(tmp_path, TEXT, "flowise-recorded")
    start = TEXT.index("operationId: getAllVariables\n")
    schema = TEXT.index("$ref: '#/components/schemas/Variable'", start)
    text = TEXT[:schema] + "type: string" + TEXT[schema + len("$ref: '#/components/schemas/Variable'") :]
    (new,) = set(found(tmp_path, text, "flowise-recorded")) - set(before)
    assert new.startswith("GET /variables 200 was answered otherwise at /0")
    assert new.endswith(")")
    assert "in flowise-3." in new


def test_a_parameter_that_was_left_out(tmp_path: Path) -> None:
    needed = "      parameters:\n        - {name: x, in: query, required: true, schema: {type: string}}\n"
    name = "      operationId: getAllVariables\n"
    assert name in TEXT
    messages = found(tmp_path, TEXT.replace(name, name + needed), "flowise-recorded")
    assert any(
        "GET /variables was answered 200 without x, which is required here" in each for each in messages
    )


def test_other_documents(tmp_path: Path) -> None:
    other = TEXT.replace("  title: Flowise APIs", "  title: Another")
    assert found(tmp_path, other, "flowise-clients") == found(tmp_path, other, "flowise-recorded") == []
