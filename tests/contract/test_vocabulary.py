"""The grammar of overlays: what breaks it stops the start at its place, and lint reports the same."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

import flowise_mock
from contract.overlays_page import PAGE, page
from flowise_mock import cli
from flowise_mock.contract import contracts, vocabulary
from flowise_mock.contract.document import DocumentError
from flowise_mock.contract.renames import rename
from flowise_mock.flows import behaviour

HEAD = "overlay: 1.0.0\ninfo: {title: t, version: '1'}\nextends: EXTENDS\nactions:\n"
SOURCE = Path(flowise_mock.__file__).parent

# contract, the action in lines 5 and on, line and column of the mistake, what is said of it
TYPOS: list[tuple[str, str, int, int, str]] = [
    # the twelve of the review
    ("3.1.4", "- target: $\n  update: {x-server: {etag: true}}", 6, 23, "x-server has no etag; did you mean etags?"),
    ("3.1.4", "- target: $\n  update: {x-server: {bodies: lenent}}", 6, 31, "x-server.bodies cannot be 'lenent'; did you mean lenient?"),
    ("3.0.5", "- target: $\n  update:\n    x-flow-behaviour:\n      humanInputs: once", 8, 7, "x-flow-behaviour has no humanInputs; did you mean human-input?"),
    ("3.0.5", "- target: $\n  update: {x-flow-behaviour: {model-metadata: count}}", 6, 47, "did you mean counts?"),
    ("clients", "- target: $\n  update: {x-outcomes: {NotFound: {mesage: no}}}", 6, 36, "x-outcomes.NotFound has no mesage; did you mean message?"),
    ("clients", "- target: $\n  update: {x-outcomes: {Unreachabel: proceed}}", 6, 25, "there is no outcome Unreachabel"),
    ("clients", "- target: $.components.schemas.Tool\n  update: {x-viev: whole}", 6, 12, "there is no word x-viev; did you mean x-view?"),
    ("3.0.5", "- target: $.components.schemas.Tool['x-record']\n  update: {return-unknow: true}", 6, 12, "did you mean return-unknown?"),
    ("clients", "- target: $.components.schemas.VectorUpsertResponse.properties.numDeleted\n  update: {x-requires: totalKey}", 6, 24, "there is no 'totalKey' next to it"),
    ("clients", "- target: $.paths['/tools'].get\n  update: {x-permision: [tools:view]}", 6, 12, "there is no word x-permision; did you mean x-permissions?"),
    ("clients", "- target: $\n  update: {x-outcomes: {NotFound: {wraped: '{message}'}}}", 6, 36, "x-outcomes.NotFound has no wraped"),
    ("clients", "- target: $.components.schemas.Tool\n  update: {x-record: {nuls: color}}", 6, 23, "x-record has no nuls"),
    # words
    ("clients", "- target: $\n  update: {x-bodys: {}}", 6, 12, "there is no word x-bodys; did you mean x-bodies?"),
    ("clients", "- target: $\n  update: {x-logo: none}", 6, 12, "name words of other tools in x-foreign"),
    ("clients", "- target: $\n  update: {x-service: tools.get}", 6, 12, "x-service is a word of operation, and this is the root"),
    ("clients", "- target: $.paths['/tools'].get\n  update: {x-view: whole}", 6, 12, "x-view is a word of schema, and this is the operation"),
    ("clients", "- target: $.info\n  update: {x-view: whole}", 6, 12, "x-view is a word of schema, and this is not one of these"),
    ("clients", "- target: $.paths\n  update: {/tools: {get: {x-outcome: {}}}}", 6, 27, "there is no word x-outcome; did you mean x-outcomes?"),
    ("clients", "- target: $.components.schemas\n  update: {New: {properties: {a: {x-omits: [b]}}}}", 6, 35, "did you mean x-omit?"),
    ("clients", "- target: $\n  x-evidense: a\n  update: {info: {title: t}}", 6, 3, "did you mean x-evidence?"),
    # values
    ("clients", "- target: $\n  update: {x-outcomes: {NotFound: {status: '404'}}}", 6, 44, "x-outcomes.NotFound.status"),
    ("clients", "- target: $\n  update: {x-outcomes: {NotFound: {status: 99}}}", 6, 44, "x-outcomes.NotFound.status"),
    ("clients", "- target: $\n  update: {x-outcomes: {MissingPart: procede}}", 6, 38, "x-outcomes.MissingPart cannot be 'procede'; did you mean proceed?"),
    ("clients", "- target: $.components.schemas.Tool['x-record']\n  update: {ids: sent}", 6, 17, "x-record.ids cannot be 'sent'"),
    ("clients", "- target: $.components.schemas.Tool['x-record'].generated\n  update: {id: uuid}", 6, 16, "x-record.generated.id cannot be 'uuid'"),
    ("clients", "- target: $.paths['/tools'].get\n  update: {x-service: tools}", 6, 23, "x-service"),
    ("3.1.4", "- target: $\n  update: {x-server: {cors: all}}", 6, 29, "x-server.cors"),
    ("3.1.4", "- target: $\n  update: {x-server: {public-paths: [ping]}}", 6, 38, "x-server.public-paths.0"),
    # references
    ("clients", "- target: $\n  update: {x-outcomes: {NotFound: {body: failur}}}", 6, 42, "there is no body 'failur' in x-bodies; did you mean failure?"),
    ("clients", "- target: $\n  update: {x-outcomes: {NotFound: {message: '{nuon} is gone'}}}", 6, 45, "NotFound has no field nuon; did you mean noun?"),
    ("clients", "- target: $\n  update: {x-outcomes: {NotFound: {message: 'a { b'}}}", 6, 45, "NotFound has no field"),
    ("clients", "- target: $\n  update: {x-outcomes: {WrongType: {fields: {ids: '{filed}'}}}}", 6, 51, "WrongType has no field filed; did you mean field?"),
    ("clients", "- target: $\n  update: {x-outcomes: {Unauthorized: {headers: {A: '{key}'}}}}", 6, 53, "Unauthorized has no field key"),
    ("clients", "- target: $\n  update: {x-bodies: {mine: {text: '{mesage}'}}}", 6, 36, "no outcome has a field mesage; did you mean message?"),
    ("clients", "- target: $.components.schemas.Tool['x-record']\n  update: {order: -updateDate}", 6, 19, "there is no column updateDate; did you mean updatedDate?"),
    ("3.0.5", "- target: $.components.schemas.Tool['x-record']\n  update: {required: name colour}", 6, 22, "there is no column colour; did you mean color?"),
    ("3.0.5", "- target: $.components.schemas.Tool['x-record']\n  update: {columns: id nam description}", 6, 21, "there is no property nam; did you mean name?"),
    ("clients", "- target: $.components.schemas.Tool['x-record']\n  update: {defaults: {colr: red}}", 6, 23, "there is no column colr; did you mean color?"),
    ("clients", "- target: $['x-tables'].file\n  update: {indexes: chatflowid+chatID}", 6, 21, "there is no column chatID; did you mean chatId?"),
    ("3.1.4", "- target: $\n  update: {x-permissions: {getAllTool: tools:view}}", 6, 28, "there is no operation getAllTool; did you mean getAllTools?"),
    ("clients", "- target: $.paths['/feedback/{id}'].get.parameters[?@.name=='startDate']\n  update: {x-excludes: endDat}", 6, 24, "there is no 'endDat' next to it; did you mean endDate?"),
]  # fmt: skip


def written(folder: Path, action: str, extends: str = "") -> Path:
    file = folder / "mine.yaml"
    indented = "\n".join(f"  {line}" for line in action.splitlines())
    file.write_text(HEAD.replace("EXTENDS", extends or "openapi.yaml") + indented + "\n")
    return file


@pytest.mark.parametrize(("contract", "action", "line", "column", "text"), TYPOS)
def test_a_mistake_stops_the_start_at_its_place(
    tmp_path: Path, contract: str, action: str, line: int, column: int, text: str
) -> None:
    file = written(tmp_path, action)
    with pytest.raises(DocumentError) as stopped:
        contracts.load(contract, [file])
    message = str(stopped.value)
    assert message.startswith(f"{file}:{line}:{column + 2}: "), message
    assert text in message
    assert "\n" not in message


@pytest.mark.parametrize(("contract", "action", "line", "column", "text"), TYPOS)
def test_lint_reports_the_same_mistake(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    contract: str,
    action: str,
    line: int,
    column: int,
    text: str,
) -> None:
    extended = contracts.overlay_files(contract)[-1]
    file = written(tmp_path, action, str(extended))
    assert cli.main(["lint", str(file), "--format", "json"]) == 1
    found = [
        each for each in json.loads(capsys.readouterr().out)["findings"] if each["rule"] == "overlay-words"
    ]
    assert [(each["severity"], each["line"], each["column"]) for each in found[:1]] == [
        ("error", line, column + 2)
    ]
    assert text in found[0]["message"]


def test_the_command_stops_with_2_and_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, "- target: $\n  update: {x-server: {etag: true}}")
    assert cli.main(["serve", "--port", "0", "--overlay", str(file)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.endswith("mine.yaml:6:25: x-server has no etag; did you mean etags?\n")


@pytest.mark.parametrize(
    "action",
    [
        "- target: $\n  update: {x-logo: {url: a}}",
        "- target: $.paths['/tools'].get\n  update: {x-codegen: {x-deep: 1}}",
    ],
)
def test_words_of_other_tools_are_named(tmp_path: Path, action: str) -> None:
    file = written(tmp_path, action)
    file.write_text("x-foreign: [x-logo, x-codegen]\n" + file.read_text())
    contracts.load("clients", [file])


@pytest.mark.parametrize(
    "action",
    [
        "- target: $.paths['/tools'].get.responses['200']\n  update: {content: {application/json: {example: [{x-a: 1}]}}}",
        "- target: $.components.schemas.Tool.properties\n  update: {x-rate: {type: string}}",
        "- target: $.paths['/tools'].get.parameters\n  update: [{name: x-key, in: query, schema: {type: string}, example: x}]",
        "- target: $.components.schemas.Tool\n  update: {x-departure: Servers do.}",
        "- target: $.paths['/tools'].get\n  update: {x-permissions: [tools:view]}",
    ],
)
def test_what_is_no_word_is_left_alone(tmp_path: Path, action: str) -> None:
    if "parameters" in action:
        action = action.replace("'/tools'].get.parameters", "'/feedback/{id}'].get.parameters")
    contracts.load("clients", [written(tmp_path, action)])


# --- the schema, the code and the page -------------------------------------------------------------

ANNOTATIONS = {"x-departure", "x-evidence", "x-clients", "x-foreign", "x-lint-ignore"}
"""Words for readers, and for the linter and the grammar itself."""
OTHERS = {"x-spoils", "x-forwarded-for", "x-api-key", "x-request-from", "x-gzip"}
"""A word of the schema of faults, headers, and a content coding."""


def words_in_code() -> set[str]:
    """Every word that a string of the source reads, except in the linter, which knows other tools' words."""
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        if path.relative_to(SOURCE).parts[0] in ("lint", "conform"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= set(re.findall(r"^x-[a-z-]+$", node.value))
    return found - OTHERS


def test_every_word_that_code_reads_is_in_the_schema_and_the_reverse() -> None:
    assert words_in_code() - ANNOTATIONS == set(vocabulary.words()) - ANNOTATIONS


def test_the_switches_are_those_that_flows_read() -> None:
    schema = vocabulary.schema()["$defs"]["flow-behaviour"]["properties"]
    assert {name: each["enum"] for name, each in schema.items()} == {
        name: [str(value) for value in switch] for name, switch in behaviour._SWITCHES.items()
    }
    defaults = behaviour.flow_behaviour({})
    for name, each in schema.items():
        assert str(getattr(defaults, name.replace("-", "_"))) == each["default"]


def test_every_example_is_right() -> None:
    import yaml

    for name, each in vocabulary.schema()["properties"].items():
        for example in each["examples"]:
            value = yaml.safe_load(example)[name]
            assert vocabulary._validator(name).is_valid(value), example


def test_the_page_is_made_from_the_schema() -> None:
    assert PAGE.read_text() == page(), "run `make docs`"


# --- older words -----------------------------------------------------------------------------------

OLD = """overlay: 1.0.0
info: {title: t, version: '1'}
actions:
  - target: $['x-outcomes'].NoMethod.headers  # a comment stays
    remove: true
  - target: $
    update:
      x-runs: {humanInput: brief, aborted: TERMINATED}
      x-server: {paths: any-case, blanks: absent, errors: silent, public: [/ping], bareFrames: [end]}
      x-outcomes:
        Throttled: {status: 429, message: "{told}", headers: {Limit: '{most}'}}
        '*': {wrapped: 'Error: a.b - {message}'}
        Lacks: proceed
        NotFound: {wrapped: '{message}'}
  - target: $.components.schemas.Tool['x-record']
    update: {nulls: color, ids: moved, made: {id: id}}
"""
NEW = """overlay: 1.0.0
info: {title: t, version: '1'}
actions:
  - target: $['x-outcomes'].MethodNotAllowed.headers  # a comment stays
    remove: true
  - target: $
    update:
      x-flow-behaviour: {human-input: once, aborted-state: TERMINATED}
      x-server: {paths: case-insensitive, empty-segments: ignored, stream-errors: unanswered, public-paths: [/ping], bare-events: [end]}
      x-outcomes:
        TooManyRequests: {status: 429, message: "{text}", headers: {Limit: '{limit}'}}
        '*': {source: 'a.b'}
        MissingPart: proceed
        NotFound: {source: 'none'}
  - target: $.components.schemas.Tool['x-record']
    update: {null-if-missing: color, ids: mutable, generated: {id: id}}
"""


def test_older_words_are_renamed_and_nothing_else_changes() -> None:
    assert rename(OLD) == NEW
    assert rename(NEW) == NEW


def test_lint_writes_the_renamed_overlay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    text = OLD.replace("actions:", f"extends: {contracts.overlay_files('3.1.4')[-1]}\nactions:")
    old.write_text(text)
    assert cli.main(["lint", str(old)]) == 1
    assert "did you mean" in capsys.readouterr().out
    cli.main(["lint", str(old), "--fix", str(new)])
    capsys.readouterr()
    assert new.read_text() == rename(text)
    cli.main(["lint", str(new), "--format", "json"])
    out: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert [each["message"] for each in out["findings"] if each["rule"] == "overlay-words"] == []
