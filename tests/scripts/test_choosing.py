"""Which rule answers, and why: strict scripts, explanations, counts, conversations, changed files."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import pytest

from flowise_mock.scripts.http_request import HttpRequest
from flowise_mock.scripts.question import Question
from flowise_mock.state.counts import Counts
from scripts.scripted import HANDBOOK, ORDERS, SUPPORT, Bot, token_text

RULES = """
rules:
  - name: refund in shoes
    match: {chatflow: Support chat, question: {contains: refund}, turn: 2}
    answer: sure
  - name: twice
    match: {question: hello}
    times: 2
    answer: hi
"""


# --- strict ----------------------------------------------------------------------------------------


def test_strict_names_the_nearest_rule_and_why_it_did_not_match(tmp_path: Path) -> None:
    bot = Bot(tmp_path, RULES, strict=True)
    refused = bot.post(SUPPORT, question="a refund")
    assert refused.status_code == 500
    assert refused.json()["error"] == (
        "No rule of the script matches; the nearest is 0.yaml:3 (refund in shoes): turn is 1, not 2"
    )
    for _ in range(2):
        assert bot.predict(SUPPORT, question="hello")["text"] == "hi"
    assert (
        "0.yaml:6 (twice): has answered 2 times, which is its limit"
        in (bot.post(SUPPORT, question="hello").json()["error"])
    )
    assert bot.messages(SUPPORT, chatId="never") == []


def test_strict_in_a_stream_is_an_error_event(tmp_path: Path) -> None:
    for contract in ("clients", "3.0.5", "3.1.4"):
        bot = Bot(tmp_path, RULES, strict=True, contract=contract)
        (error, message), end = bot.stream(SUPPORT, question="a refund", chatId="c")
        assert (error, end) == ("error", ("end", "[DONE]"))
        assert message == (
            "Error: predictionsServices.buildChatflow - No rule of the script matches; "
            "the nearest is 0.yaml:3 (refund in shoes): turn is 1, not 2"
        )
        assert bot.messages(SUPPORT, chatId="c") == []


@pytest.mark.parametrize("contract", ["documented", "3.0.5", "3.1.4"])
def test_strict_in_every_contract(tmp_path: Path, contract: str) -> None:
    bot = Bot(tmp_path, RULES, strict=True, contract=contract)
    refused = bot.post(SUPPORT, question="x")
    assert refused.status_code == 500
    assert "the nearest is 0.yaml:3" in refused.text


def test_strict_without_a_rule_for_questions(tmp_path: Path) -> None:
    bot = Bot(tmp_path, "rules: []", strict=True)
    assert bot.post(SUPPORT, question="x").json()["error"].endswith("matches; there is none; write one")


# --- explain ---------------------------------------------------------------------------------------


def explanation(bot: Bot, flow: str, question: str) -> str:
    return str(bot.post(flow, question=question, chatId="c").headers["x-flowise-mock-rule"])


def test_explain_names_the_rule_and_why_earlier_ones_did_not_match(tmp_path: Path) -> None:
    bot = Bot(tmp_path, RULES, "rules:\n" + "  - {match: {question: nay}, answer: nay}\n" * 3)
    assert explanation(bot, SUPPORT, "hello") == (
        'rule 0.yaml:6 (twice); 0.yaml:3 question is "hello", not one that contains "refund"'
    )
    assert explanation(bot, HANDBOOK, "\xe4\n") == (
        'no rule; 0.yaml:3 chatflow is "Product handbook", not "Support chat"; '
        '0.yaml:6 question is "\\xe4\\\\n", not "hello"; 1.yaml:2 question is "\\xe4\\\\n", not "nay"; 2 more'
    )
    assert explanation(bot, SUPPORT, "nay").endswith('; 0.yaml:6 question is "nay", not "hello"')


@pytest.mark.parametrize("contract", ["documented", "3.1.4"])
def test_the_rule_header_is_exposed_to_other_origins(tmp_path: Path, contract: str) -> None:
    bot = Bot(tmp_path, RULES, contract=contract)
    exposed = bot.post(SUPPORT, question="hello").headers["access-control-expose-headers"]
    assert exposed == "flowise-mock-rule, x-flowise-mock-rule"


def test_no_header_without_explain_or_without_a_script(tmp_path: Path) -> None:
    bot = Bot(tmp_path, RULES, explain=False)
    assert "x-flowise-mock-rule" not in bot.post(SUPPORT, question="hello").headers
    bot = Bot(tmp_path)
    assert "x-flowise-mock-rule" not in bot.post(SUPPORT, question="hello").headers


def test_the_access_log_names_the_rule(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bot = Bot(tmp_path, RULES, explain=False)
    with caplog.at_level(logging.INFO, "flowise_mock.access"):
        bot.post(SUPPORT, question="hello")
        bot.stream(SUPPORT, question="hello")
        bot.request("GET", "/ping")
    first, second, ping = (record.getMessage() for record in caplog.records)
    for line in (first, second):
        assert line.split("; ")[1:] == [
            "rule 0.yaml:6 (twice)", '0.yaml:3 question is "hello", not one that contains "refund"',
        ]  # fmt: skip
    assert ping.endswith(" ms")


def test_no_rule_answers_for_a_flow_that_the_request_may_not_run(tmp_path: Path) -> None:
    bot = Bot(tmp_path, "rules: [{times: 1, answer: hi}]")
    partner = "9b2f6c1e-3d4a-4e8b-a7c5-1f0d2e3b4a56"
    refused = bot.post(partner, question="x")
    assert (refused.status_code, "x-flowise-mock-rule" in refused.headers) == (401, False)
    assert bot.predict(SUPPORT, question="x")["text"] == "hi"


# --- several files, and answers without a rule ------------------------------------------------------


def test_rules_of_several_files_are_tried_in_order(tmp_path: Path) -> None:
    bot = Bot(tmp_path, "rules: [{match: {question: a}, answer: first}]", "rules: [{answer: second}]")
    assert bot.predict(SUPPORT, question="a")["text"] == "first"
    assert bot.predict(SUPPORT, question="b")["text"] == "second"


def test_an_answer_without_a_text_has_the_text_of_the_flow(tmp_path: Path) -> None:
    bot = Bot(tmp_path, "rules: [{answer: {sourceDocuments: [{pageContent: x}]}}]")
    answer = bot.predict(SUPPORT, question="a")
    assert (answer["text"], answer["sourceDocuments"]) == ("Support chat echoes: a", [{"pageContent": "x"}])
    assert bot.predict(ORDERS, question="a")["text"] == "About order {{ $form.order }}: Order desk echoes: a"


def test_a_text_may_be_empty(tmp_path: Path) -> None:
    bot = Bot(tmp_path, "rules: [{answer: ''}]")
    assert bot.predict(SUPPORT, question="a")["text"] == ""
    assert bot.predict(ORDERS, question="a")["text"] == " "
    assert token_text(bot.stream(SUPPORT, question="a")) == ""


# --- many rules ------------------------------------------------------------------------------------

QUESTIONS = (
    "", "re", "a refund", "order 12", "Order 12", "colour", "color", "hello", "abc", "ab", "xay", "shoes and refund",
    "\u0130nv\u0130te \u017fome", "BELOW 0 \u212aelvin",
)  # fmt: skip
MANY = """
rules:
  - {match: {question: {contains: [refund, shoes]}}, answer: '0'}
  - {match: {question: {contains: re}, turn: 2}, answer: '1'}
  - {match: {question: {regex: '^order \\d+'}}, answer: '2'}
  - {match: {question: {regex: 'colou?r'}}, answer: '3'}
  - {match: {question: {regex: '(?i)order'}}, answer: '4'}
  - {match: {question: {regex: '(?i)invite some'}}, answer: case}
  - {match: {question: {regex: '(?i)0 kel'}}, answer: kelvin}
  - {match: {question: {regex: 'abc?'}, chatflow: [Support chat, Order desk]}, answer: '5'}
  - {match: {question: {regex: 'x*y|zzz'}}, answer: '6'}
  - {match: {question: {contains: refund}, chatId: c}, answer: '7'}
  - {match: {question: ''}, answer: '8'}
  - {match: {question: hello, chatflow: Product handbook}, answer: '9'}
  - {match: {chatflow: d290f1ee-6c54-4b01-90e6-d701748f0851, form: {n: 1}}, answer: '10'}
  - {match: {form: {n: null}, turn: {min: 2}}, answer: '11'}
  - {match: {history: {length: 2}, streaming: false}, answer: '12'}
"""


def test_the_index_finds_the_same_rule_as_trying_all(tmp_path: Path) -> None:
    script = Bot(tmp_path, MANY).mock.worlds.default.rules
    turn = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]
    chosen = set()
    for text in QUESTIONS:
        for name in ("Support chat", "Product handbook", "Order desk"):
            for body in ({}, {"form": {"n": 1}}, {"form": {"n": "1"}}):
                for history in ([], turn):
                    flow = {"id": SUPPORT[:9] + name, "name": name}
                    question = Question(flow, body, text, "c", "c", history, [])
                    first = next((rule for rule in script.of_files() if rule.matches(question)), None)
                    assert script.choose(question, Counts()).rule is first
                    chosen.add(first)
    question = Question({"id": SUPPORT, "name": "x"}, {"form": {"n": "1"}}, "-", "c", "c", [], [])
    assert {*chosen, script.choose(question, Counts()).rule} == {*script.of_files(), None}


@pytest.mark.parametrize(
    "text", ["\u0130stanbul", "istanbul", "ISTANBUL", "Istanbul", "at \u0130ZM\u0130R now"]
)
@pytest.mark.parametrize("wanted", ["(?i)istanbul", "(?i)izmir", "istanbul"])
def test_a_dotted_capital_i_is_indexed_as_a_regex_matches_it(tmp_path: Path, wanted: str, text: str) -> None:
    many = [f"  - {{match: {{question: {{regex: 'other {n}'}}}}, answer: other}}" for n in range(20)]
    rule = f"  - {{match: {{question: {{regex: '{wanted}'}}}}, answer: yes it is}}"
    script = Bot(tmp_path, "rules:\n" + "\n".join([*many, rule])).mock.worlds.default.rules
    question = Question({"id": SUPPORT, "name": "x"}, {}, text, "c", "c", [], [])
    expected = next((each for each in script.of_files() if each.matches(question)), None)
    assert script.choose(question, Counts()).rule is expected


def test_a_regex_that_backtracks_without_end_does_not_match(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot(tmp_path, "rules: [{match: {question: {regex: '(a|aa)+$'}}, answer: found}, {answer: next}]")
    assert bot.predict(SUPPORT, question="aaa")["text"] == "found"
    assert not caplog.records
    assert bot.predict(SUPPORT, question="a" * 200 + "b")["text"] == "next"
    assert "the regular expression (a|aa)+$ found nothing in the 0.1 s that a question has" in caplog.text


def test_all_regular_expressions_of_a_question_share_the_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Fifty rules, a strict script that explains them all, and an operation's rule: 0.1 s together."""
    slow = [f"  - {{match: {{question: {{regex: '(a|aa)+{n}$'}}, turn: 1}}, answer: n}}" for n in range(50)]
    slow.append("  - {match: {method: POST, json: {/question: {regex: '(b|bb)+c$'}}}, fault: reset}")
    bot = Bot(tmp_path, "rules:\n" + "\n".join(slow), strict=True)
    started = time.process_time()
    bot.post(SUPPORT, question="a" * 200 + "!")
    assert time.process_time() - started < 0.4
    assert caplog.text.count("counts as not matched") == 1


# --- changed files ---------------------------------------------------------------------------------


def test_a_changed_script_is_read_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bot = Bot(tmp_path, "rules: [{times: 1, answer: once}, {answer: old}]", reload=True)
    file = tmp_path / "0.yaml"

    def text() -> str:
        return str(bot.predict(SUPPORT, question="a")["text"])

    assert [text(), text()] == ["once", "old"]
    with caplog.at_level(logging.WARNING, "flowise_mock"):
        file.write_text("rules: [{times: 1, answer: once}, {answer: new}]")
        assert [text(), text()] == ["once", "new"]  # the counts restarted
        file.write_text("rules: [{answr: broken}]")
        assert [text(), text()] == ["new", "new"]
        file.unlink()
        assert text() == "new"
        file.write_text("rules: [{answer: back}]")
        assert text() == "back"
    changed, invalid, missing, restored = (record.getMessage() for record in caplog.records)
    assert changed == "scripts read again: 2 rules, all counts start anew"
    assert invalid.startswith(f"{file}:1:10: /rules/0/answr: there is no key answr")
    assert invalid.endswith("; the rules stay as they were")
    assert f"{file}: cannot be read: No such file" in missing
    assert restored == "scripts read again: 1 rules, all counts start anew"


def test_without_reload_a_script_stays_as_it_was_read(tmp_path: Path) -> None:
    bot = Bot(tmp_path, "rules: [{answer: old}]")
    (tmp_path / "0.yaml").write_text("rules: [{answer: new}]")
    os.utime(tmp_path / "0.yaml", (1, 1))
    assert bot.predict(SUPPORT, question="a")["text"] == "old"


# --- faults ----------------------------------------------------------------------------------------

FAULTS = """
rules:
  - {match: {operation: createTool}, times: 2, fault: {name: status, code: 503}}
  - {match: {question: fail}, fault: server-error}
  - match: {question: third}
    answers: [one, two, {text: three, fault: cut-frame}]
"""


def test_a_fault_of_another_operation_occurs_as_often_as_its_rule_says(tmp_path: Path) -> None:
    script = Bot(tmp_path, FAULTS).mock.worlds.default.rules
    counts = Counts()
    create = Question.of_request(HttpRequest(operation="createTool"))
    faults = [script.fault_for(create, counts) for _ in range(3)]
    assert [str(each and each[0]) for each in faults] == ["status; code=503"] * 2 + ["None"]
    predict = Question.of_request(HttpRequest(operation="createPrediction"))
    assert script.fault_for(predict, counts) is None
