"""Invalid scripts: each error has its line and column, and says what to do."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from flowise_mock.contract import contracts
from flowise_mock.scripts import reading
from flowise_mock.scripts.contract_check import ContractCheck
from flowise_mock.scripts.reading import ScriptError
from flowise_mock.scripts.script import Script
from scripts.test_scripts import ALL

CONTRACT = contracts.load("clients")
AGAINST_THE_SCHEMA = [
    ("rules: refund", "1:8: /rules: ", 'is not of type "array"'),
    ("rules:\n  - anser: hi", "2:5: /rules/0/anser: ", "there is no key anser; there are name, match, times"),
    ("rules:\n  - match: {qestion: hi}\n    answer: hi", "2:13: /rules/0/match/qestion: ", "there are operation,"),
    ("rules:\n  - answer: 5", "2:13: /rules/0/answer: ", '5 is not of types "string", "object"; quote it to make it a text'),
    ("rules:\n  - times: 0\n    answer: hi", "2:12: /rules/0/times: ", "0 is less than the minimum of 1"),
    ("rules:\n  - answers: []", "2:5: /rules/0/answers: ", "has less than 1 item"),
    ("rules:\n  - answer: {text: hi, json: {}}", "2:5: /rules/0/answer: ", "not both; leave one out"),
    ("timing: slow\nrules: []", "1:9: /timing: ", '"slow" is not one of "none"'),
    (
        "rules:\n  - answer:\n      text: hi\n      timing: {jitter: 2}",
        "4:24: /rules/0/answer/timing/jitter: ", "2 is greater than the maximum of 1",
    ),
    (
        "rules:\n  - match:\n      history: {contians: x}\n    answer: hi",
        "3:17: /rules/0/match/history/contians: ", "there are contains, regex, length",
    ),
    ("rules:\n  - match: {turn: first}\n    answer: hi", "2:19: /rules/0/match/turn: ", "is not of type"),
    (
        "rules:\n  - answer:\n      sourceDocuments:\n        - {text: x}",
        "4:11: /rules/0/answer/sourceDocuments/0: ", '"pageContent" is a required property',
    ),
]  # fmt: skip
BEYOND_THE_SCHEMA = [
    ("rules:\n\t- answer: hi", "2:1: ", "is not YAML: found character that cannot start any token"),
    ("", "1:1: ", "the file is empty; a script has a list of rules"),
    ("- a", "1:1: /: ", 'is not of type "object"'),
    ("rules:\n  - answer: hi\n    answer: ho", "3:5: /rules/0/answer: ", "the key answer is there twice"),
    ("rules:\n  - match: {form: {on: x}}\n    answer: hi", "2:20: /rules/0/match/form/on: ", "quote it"),
    ("rules: &all\n  - answer: *all", "2:13: ", "the alias *all has no anchor before it, or holds itself"),
    ("rules: " + "[" * 100_000, "1:67: ", "is nested more than 60 deep"),
    ("rules: []\n---\nrules: []", "2:1: ", "holds more than one YAML document; keep one"),
    ("rules:\n" + "".join(f"  - &{n} [{f'*{n - 1}' if n else ''}]\n" for n in range(70)), "60:10: ", "is nested more than 60 deep"),
    ("rules:\n  - answer: Yes", "2:13: /rules/0/answer: ", "the boolean true in YAML 1.1; quote it"),
    ("rules:\n  - answer: {json: {at: 2026-01-01, done: no}}", "2:43: /rules/0/answer/json/done: ", "the boolean false in YAML 1.1; quote it"),
    ("rules: [\x00]", "1:1: ", "is not YAML: unacceptable character"),
    ("rules: [{answer: \"\\ud83d\"}]", "1:21: ", "invalid Unicode character"),
    ("? [a]\n: b", "1:3: ", "a key is a list or an object, which JSON does not have"),
    ("a: &a [1,1,1,1,1,1,1]\n" + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)), "6:14: ", "has more than 200000 values once its aliases are followed; split it"),
    ("rules: []\ntiming: {seed: .nan}", "2:16: /timing/seed: ", ".nan is a number that JSON does not have"),
    ("rules:\n  - answer: {json: {a: 99999999999999999999}}", "2:24: /rules/0/answer/json/a: ", "too large"),
    ("rules:\n  - answer: !!set {a, b}", "2:13: /rules/0/answer: ", "JSON has no values with the tag"),
    ("rules:\n  - name: empty", "2:5: /rules/0: ", "one of answer, answers and fault"),
    ("rules:\n  - answer: hi\n    fault: reset", "2:5: /rules/0: ", "just one of them"),
    ("rules:\n  - match: {question: {regex: '(a'}}\n    answer: hi", "2:31: /rules/0/match/question/regex: ", "unterminated"),
    ("rules:\n  - match: {form: {a: {regex: '*'}}}\n    answer: hi", "2:31: /rules/0/match/form/a/regex: ", "nothing to repeat"),
    ("rules:\n  - match: {operation: createTol}\n    fault: reset", "2:24: /rules/0/match/operation: ", "has no operation createTol"),
    ("rules:\n  - fault: resett", "2:12: /rules/0/fault: ", "there is no fault resett; there are lost-content"),
    ("rules:\n  - answers: [{fault: {name: hang, secs: 1}}]", "2:16: /rules/0/answers/0/fault: ", "has no option secs; it has seconds"),
    ("rules:\n  - match: {operation: createTool}\n    answer: hi", "2:5: /rules/0: ", "has a fault and no answer"),
    ("rules:\n  - match: {operation: createTool, turn: 1}\n    fault: reset", "2:36: /rules/0/match/turn: ", "only questions to flows"),
    ("rules:\n  - answer: '{{ quesion }}'", "2:13: /rules/0/answer: ", "there is no variable quesion; there are chatId"),
    ("rules:\n  - answer: {text: '{{ question'}", "2:20: /rules/0/answer/text: ", "is not a template: unexpected end"),
    (
        "rules:\n  - answer:\n      text: hi\n      action: {elements: [{label: 'Yes'}], id: x}",
        "4:48: /rules/0/answer/action/id: ", 'is not a "uuid"',
    ),
    (
        "rules:\n  - answer:\n      text: hi\n      usedTools: [{tool: t, toolOutput: [1]}]",
        "4:29: /rules/0/answer/usedTools/0/toolOutput: ", "the contract refuses it: [1] is not of type",
    ),
]  # fmt: skip


def script(folder: Path, text: str) -> Script:
    file = folder / "bad.yaml"
    file.write_text(text)
    return Script([file], ContractCheck(CONTRACT))


@pytest.mark.parametrize(("text", "place", "reason"), AGAINST_THE_SCHEMA + BEYOND_THE_SCHEMA)
def test_an_invalid_script_is_refused_at_its_place(
    tmp_path: Path, text: str, place: str, reason: str
) -> None:
    with pytest.raises(ScriptError) as refused:
        script(tmp_path, text)
    message = str(refused.value)
    assert message.startswith(f"{tmp_path}/bad.yaml:{place}"), message
    assert reason in message


def test_the_schema_is_valid_and_accepts_all_ten_scripts() -> None:
    schema = reading.schema()
    jsonschema_rs.meta.validate(schema)
    validator = jsonschema_rs.Draft202012Validator(schema)
    for text in ALL:
        assert validator.is_valid(yaml.safe_load(text)), text
    for text, *_ in AGAINST_THE_SCHEMA:
        assert not validator.is_valid(yaml.safe_load(text)), text


def test_the_schema_file_that_an_editor_reads_has_the_faults_too() -> None:
    file = reading.FOLDER / "script.schema.json"
    validator = jsonschema_rs.Draft202012Validator(
        json.loads(file.read_text()),
        base_uri=file.as_uri(),
        retriever=lambda uri: json.loads(Path(uri.removeprefix("file://")).read_text()),
    )
    for fault, valid in [("reset", True), ("rest", False), ({"name": "hang", "secnods": 1}, False)]:
        assert validator.is_valid({"rules": [{"fault": fault}]}) is valid, fault


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"rules": [{"answer": "hi \\\\u0041"}]}', None),
        ('{\n\t"rules": [{"answer": "\\ud83d\\ude00 \\/ {{ question }}"}]}', None),
        ('{"rules": [{"match": {"turn": 1.0}, "answer": "hi"}]}', None),
        ('{\n\t"rules": [{"answer": "hi",}]}', ":2:27: is not JSON"),
        ('{"rules": [{"answer": "\\ud83d"}]}', ":1:24: is not JSON"),
        ('{"rules": [{"answer": {"json": {"a": NaN}}}]}', ":1:38: is not JSON"),
        ("[" * 5_000, ":1:1026: is not JSON"),
        ('{"rules": [{"answer": "\\u0041", "time": 1}]}', ":1:33: /rules/0/time: there is no key time"),
    ],
)
def test_a_script_may_be_json(tmp_path: Path, text: str, message: str | None) -> None:
    file = tmp_path / "script.json"
    file.write_text(text)
    if message is None:
        assert Script([file], ContractCheck(CONTRACT)).rules[0].answers
        return
    with pytest.raises(ScriptError) as refused:
        Script([file], ContractCheck(CONTRACT))
    assert message in str(refused.value)


def test_another_contract_may_accept_what_one_refuses(tmp_path: Path) -> None:
    text, place, _ = BEYOND_THE_SCHEMA[-1]
    with pytest.raises(ScriptError, match=f"bad.yaml:{place}the contract refuses it"):
        script(tmp_path, text)
    assert Script([tmp_path / "bad.yaml"], ContractCheck(contracts.load("3.1.4"))).rules


# --- the command -----------------------------------------------------------------------------------


def run(*arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "flowise_mock", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout, done.stderr


def test_an_invalid_script_gives_one_line_and_status_2(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("rules:\n  - anser: hi")
    (tmp_path / "latin.yaml").write_bytes(b"rules: [{answer: \xe4}]")
    for arguments, message in [
        (["serve", "--script", f"{tmp_path}/bad.yaml"], f"{tmp_path}/bad.yaml:2:5: /rules/0/anser: "),
        (["script", f"{tmp_path}/bad.yaml"], f"{tmp_path}/bad.yaml:2:5: /rules/0/anser: "),
        (["script", f"{tmp_path}/latin.yaml"], "byte 17 is not UTF-8; save the file as UTF-8"),
        (["script", f"{tmp_path}"], "cannot be read: Is a directory"),
        (
            ["serve", "--script", "nope.yaml"],
            "nope.yaml: cannot be read: No such file or directory; name a file",
        ),
        (["script"], "name a file of rules, or use --schema"),
    ]:
        status, _, errors = run(*arguments)
        assert (status, len(errors.splitlines())) == (2, 1), errors
        assert message in errors


def test_the_command_checks_scripts_and_prints_the_schema() -> None:
    assert run("script", "support-bot", "refund-desk") == (0, "6 rules, all valid\n", "")
    status, printed, _ = run("script", "--schema")
    assert (status, json.loads(printed)) == (0, reading.schema())


@pytest.mark.parametrize(
    "make",
    [
        lambda n: "rules:\n- answer: {json: {" + ", ".join(f"k{i}: {i}" for i in range(n)) + "}}\n",
        lambda n: "rules:\n" + "- {match: {question: hi}, answer: hello}\n" * (n // 6),
    ],
    ids=["keys", "rules"],
)
def test_the_time_to_read_grows_with_the_size_alone(tmp_path: Path, make: Callable[[int], str]) -> None:
    def seconds(count: int) -> float:
        """The least of two readings, of this thread alone: servers of other tests run in others."""
        file = tmp_path / f"{count}.yaml"
        file.write_text(make(count))
        took = []
        for _ in range(2):
            started = time.thread_time()
            reading.read(file)
            took.append(time.thread_time() - started)
        return min(took)

    gc.collect()
    gc.freeze()  # what other tests have made is not looked at
    try:
        seconds(100)
        assert seconds(24_000) < 12 * max(seconds(4_000), 0.05)
    finally:
        gc.unfreeze()


def test_what_has_more_digits_than_python_writes_is_a_text(tmp_path: Path) -> None:
    digits = "0x" + "f" * 5000
    (tmp_path / "a.yaml").write_text(f"rules:\n  - answer: {digits}")
    assert reading.read(tmp_path / "a.yaml").value["rules"][0]["answer"] == digits
