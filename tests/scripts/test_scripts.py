"""Ten scripts of increasing complexity, each with its questions and answers, as JSON and as a stream."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowise_mock.contract.contracts import root
from scripts.scripted import HANDBOOK, ORDERS, REFUNDS, SUPPORT, Bot, names, token_text

# --- 1. one answer to everything -------------------------------------------------------------------

ONE = """
rules:
  - answer: We open at nine.
"""


def test_one_answer_to_everything(tmp_path: Path) -> None:
    bot = Bot(tmp_path, ONE)
    answer = bot.predict(SUPPORT, question="When do you open?", chatId="c")
    assert list(answer) == [
        "text", "question", "chatId", "chatMessageId", "isStreamValid", "sessionId", "memoryType",
    ]  # fmt: skip
    assert answer["text"] == "We open at nine."
    assert bot.stream(SUPPORT, question="When do you open?")[:5] == [
        ("start", ""), ("token", "We"), ("token", " open"), ("token", " at"), ("token", " nine."),
    ]  # fmt: skip
    question, answer = bot.messages(SUPPORT, chatId="c")[-2:]
    assert (question["content"], answer["content"]) == ("When do you open?", "We open at nine.")


# --- 2. the first rule that matches answers --------------------------------------------------------

TWO = """
rules:
  - {match: {question: Hello}, answer: the whole text}
  - {match: {question: {contains: [refund, shoes]}}, answer: both parts}
  - {match: {question: {contains: refund}}, answer: a part}
  - {match: {question: {regex: '(?i)^bye\\b'}}, answer: a regular expression}
  - {match: {chatflow: [Order desk, Product handbook]}, answer: another flow}
"""


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    return Bot(tmp_path_factory.mktemp("two"), TWO)


@pytest.mark.parametrize(
    ("flow", "question", "text"),
    [
        (SUPPORT, "Hello", "the whole text"),
        (SUPPORT, "Hello there", "Support chat echoes: Hello there"),
        (SUPPORT, "a refund for shoes", "both parts"),
        (SUPPORT, "a refund", "a part"),
        (SUPPORT, "Bye now", "a regular expression"),
        (SUPPORT, "Goodbye", "Support chat echoes: Goodbye"),
        (HANDBOOK, "Goodbye", "another flow"),
        (ORDERS, "Goodbye", "another flow"),
    ],
)
def test_the_first_rule_that_matches_answers(two: Bot, flow: str, question: str, text: str) -> None:
    assert two.predict(flow, question=question)["text"] == text
    assert token_text(two.stream(flow, question=question)) == text


# --- 3. texts with variables -----------------------------------------------------------------------

THREE = """
rules:
  - match: {question: {regex: 'order (?P<number>\\d+)'}}
    answer: 'Order {{ groups.number }}, {{ leadEmail | default("you", true) | upper }}: turn {{ turn }}.'
  - answer: >-
      {{ chatflow.name }} heard "{{ question }}" in {{ chatId }}{% if history %} after
      {% for each in history %}{{ each.role }}: {{ each.content }}; {% endfor %}{% endif %}
"""


def test_texts_with_variables(tmp_path: Path) -> None:
    bot = Bot(tmp_path, THREE)
    assert bot.predict(SUPPORT, question="hi", chatId="c")["text"] == 'Support chat heard "hi" in c'
    body = {"question": "my order 12?", "chatId": "c", "leadEmail": "ada@example.com"}
    assert bot.predict(SUPPORT, **body)["text"] == "Order 12, ADA@EXAMPLE.COM: turn 2."
    assert token_text(bot.stream(SUPPORT, question="so", chatId="c")) == (
        'Support chat heard "so" in c after user: hi; assistant: Support chat heard "hi" in c; '
        "user: my order 12?; assistant: Order 12, ADA@EXAMPLE.COM: turn 2.; "
    )


# --- 4. structured output --------------------------------------------------------------------------

FOUR = """
rules:
  - match: {question: {contains: colours}}
    answer:
      json: {question: '{{ question }}', colours: [red, blue], count: 2}
"""


def test_structured_output(tmp_path: Path) -> None:
    bot = Bot(tmp_path, FOUR)
    parser = bot.flow("CHATFLOW", {"name": "csv", "category": "Output Parsers"})
    expected = {"question": "colours?", "colours": ["red", "blue"], "count": 2}
    for flow in (SUPPORT, parser):
        answer = bot.predict(flow, question="colours?", chatId="c")
        assert next(iter(answer)) == "json"
        assert answer["json"] == expected
        assert bot.messages(flow, chatId="c")[-1]["content"] == "```json\n" + json.dumps(expected, indent=2)
    assert json.loads(token_text(bot.stream(SUPPORT, question="colours?"))) == expected
    # a flow that cannot stream answers JSON; an agentflow answers its JSON text
    assert bot.post(parser, question="colours?", streaming=True).json()["json"] == expected
    assert json.loads(bot.predict(ORDERS, form={}, question="colours?")["text"]) == expected


# --- 5. all other parts of an answer ---------------------------------------------------------------

FIVE = """
rules:
  - answer:
      text: Within 30 days.
      sourceDocuments: [{pageContent: 'Asked: {{ question }}', metadata: {source: terms.pdf, loc: {lines: {from: 4}}}}]
      usedTools: [{tool: search, toolInput: {q: '{{ question }}'}, toolOutput: found}]
      fileAnnotations: [{fileName: terms.pdf, filePath: /files/terms.pdf}]
      artifacts: [{type: png, data: chart.png}]
      followUpPrompts: ['Where?', 'How?']
      flowVariables: {country: CH}
"""
DOCUMENTS = [
    {"pageContent": "Asked: refund?", "metadata": {"source": "terms.pdf", "loc": {"lines": {"from": 4}}}}
]
TOOLS = [{"tool": "search", "toolInput": {"q": "refund?"}, "toolOutput": "found"}]


def test_all_other_parts_of_an_answer(tmp_path: Path) -> None:
    bot = Bot(tmp_path, FIVE)
    answer = bot.predict(SUPPORT, question="refund?", chatId="c")
    assert list(answer) == [
        "text", "sourceDocuments", "usedTools", "fileAnnotations", "artifacts", "question", "chatId",
        "chatMessageId", "followUpPrompts", "isStreamValid", "sessionId", "memoryType", "flowVariables",
    ]  # fmt: skip
    assert answer["sourceDocuments"] == DOCUMENTS
    assert json.loads(json.loads(answer["followUpPrompts"])) == ["Where?", "How?"]
    events = bot.stream(SUPPORT, question="refund?")
    assert names(events) == [
        "start", "token", "sourceDocuments", "usedTools", "fileAnnotations", "artifacts", "metadata", "end",
    ]  # fmt: skip
    assert events[0] == ("start", "Within")
    metadata = dict(events)["metadata"]
    assert list(metadata)[-2:] == ["followUpPrompts", "flowVariables"]
    stored = bot.messages(SUPPORT, chatId="c")[-1]
    assert (stored["sourceDocuments"], stored["usedTools"]) == (DOCUMENTS, TOOLS)
    assert stored["fileAnnotations"] == [{"fileName": "terms.pdf", "filePath": "/files/terms.pdf"}]


def test_an_agentflow_streams_and_stores_them_but_answers_without(tmp_path: Path) -> None:
    bot = Bot(tmp_path, FIVE, contract="3.1.4")
    answer = bot.predict(REFUNDS, question="hello", chatId="c")
    assert list(answer) == [
        "text", "question", "chatId", "chatMessageId", "followUpPrompts", "executionId",
        "agentFlowExecutedData", "sessionId",
    ]  # fmt: skip
    assert answer["text"] == "Within 30 days."
    last = answer["agentFlowExecutedData"][-1]["data"]["output"]
    assert list(last) == ["content", "usedTools", "sourceDocuments", "artifacts", "fileAnnotations"]
    stored = bot.messages(REFUNDS, chatId="c")[-1]
    assert stored["artifacts"] == [{"type": "png", "data": "chart.png"}]
    assert json.loads(stored["followUpPrompts"]) == ["Where?", "How?"]
    events = names(bot.stream(REFUNDS, question="hello"))
    token = events.index("token")
    assert events[token + 1 : token + 6] == [
        "usedTools", "sourceDocuments", "artifacts", "fileAnnotations", "nextAgentFlow",
    ]  # fmt: skip


# --- 6. a conversation -----------------------------------------------------------------------------

SIX = """
rules:
  - {match: {turn: 1}, times: 2, answer: Welcome.}
  - {match: {history: {contains: refund, length: {min: 4}}}, answer: 'Still about that refund?'}
  - {match: {question: again}, answers: [one, two, and so on]}
  - {match: {turn: {min: 2, max: 3}}, answer: 'Turn {{ turn }}.'}
"""


def test_a_conversation(tmp_path: Path) -> None:
    bot = Bot(tmp_path, SIX)

    def reply(question: str, chat: str) -> str:
        return str(bot.predict(SUPPORT, question=question, chatId=chat)["text"])

    assert reply("a refund", "a") == "Welcome."
    assert reply("again", "a") == "one"
    assert reply("again", "a") == "Still about that refund?"
    assert reply("hi", "b") == "Welcome."
    assert reply("hi", "c") == "Support chat echoes: hi"  # the rule answers twice only
    assert [reply("again", "b") for _ in range(4)] == ["one", "two", "and so on", "and so on"]
    assert reply("again", "c") == "one"  # each conversation has its own count
    assert reply("hi", "c") == "Turn 3."
    sent = [{"role": "apiMessage", "content": "no"}, {"type": "userMessage", "message": "my refund"}] * 2
    assert bot.predict(SUPPORT, question="hi", history=sent)["text"] == "Still about that refund?"


# --- 7. the client and its request -----------------------------------------------------------------

SEVEN = """
rules:
  - {match: {leadEmail: {regex: '@example\\.com$'}}, answer: a lead}
  - {match: {chatId: {contains: vip}}, answer: a chat}
  - {match: {sessionId: s-1}, answer: a session}
  - {match: {overrideConfig: {vars: {country: CH}}}, answer: settings}
  - {match: {uploads: {count: {min: 2}}}, answer: several files}
  - {match: {uploads: {name: {regex: '\\.pdf$'}, mime: application/pdf}}, answer: 'the file {{ uploads[0].name }}'}
  - {match: {uploads: true}, answer: some file}
  - {match: {streaming: true}, answer: a stream}
  - {match: {uploads: false, humanInput: false}, answer: none of these}
"""
PDF = {"type": "file:full", "name": "a.pdf", "mime": "application/pdf", "data": "text"}
PNG = {"type": "url", "name": "b.png", "mime": "image/png", "data": "http://x/b.png"}


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    return Bot(tmp_path_factory.mktemp("seven"), SEVEN)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"leadEmail": "ada@example.com"}, "a lead"),
        ({"chatId": "vip-1"}, "a chat"),
        ({"overrideConfig": {"sessionId": "s-1"}}, "a session"),
        ({"overrideConfig": {"vars": {"country": "CH", "more": 1}}}, "settings"),
        ({"overrideConfig": {"vars": {"country": "DE"}}}, "none of these"),
        ({"uploads": [PDF, PNG]}, "several files"),
        ({"uploads": [PDF]}, "the file a.pdf"),
        ({"uploads": [PNG]}, "some file"),
        ({}, "none of these"),
    ],
)
def test_the_client_and_its_request(seven: Bot, body: dict[str, object], text: str) -> None:
    assert seven.predict(SUPPORT, question="hi", **body)["text"] == text
    streamed = "a stream" if text == "none of these" else text
    assert token_text(seven.stream(SUPPORT, question="hi", **body)) == streamed


def test_a_file_of_a_form_counts_as_an_upload(tmp_path: Path) -> None:
    bot = Bot(tmp_path, SEVEN)
    files = {"files": ("c.pdf", b"%PDF", "application/pdf")}
    response = bot.request("POST", f"/prediction/{SUPPORT}", data={"question": "hi"}, files=files)
    assert response.json()["text"] == "the file c.pdf"


# --- 8. a form ------------------------------------------------------------------------------------

EIGHT = """
rules:
  - match: {chatflow: Order desk, form: {amount: 3, product: {contains: shoe}}}
    answer: '{{ form.amount }} x {{ form.product }}'
  - match: {form: {urgent: true}}
    answer: At once.
"""


def test_a_form(tmp_path: Path) -> None:
    bot = Bot(tmp_path, EIGHT)
    form = {"product": "running shoes", "amount": 3}
    answer = bot.predict(ORDERS, form=form)
    assert (answer["text"], answer["form"]) == ("3 x running shoes", form)
    assert [each["nodeLabel"] for each in answer["agentFlowExecutedData"]] == ["Start", "Clerk", "Reply"]
    assert token_text(bot.stream(ORDERS, form={**form, "amount": "3"})) == "3 x running shoes"
    assert bot.predict(ORDERS, form={"urgent": True})["text"] == "At once."
    assert bot.predict(ORDERS, form={"amount": 4})["text"] != "At once."


# --- 9. a human decides ----------------------------------------------------------------------------

NINE = root() / "fixtures/scripts/refund-desk.yaml"


def test_a_human_decides(tmp_path: Path) -> None:
    bot = Bot(tmp_path, NINE)
    stopped = bot.predict(REFUNDS, question="A refund, please.", chatId="c")
    assert stopped["text"] == "The customer says: A refund, please. Shall we pay?"
    assert stopped["action"]["mapping"] == {"approve": "Pay", "reject": "Refuse"}
    assert stopped["action"]["data"]["nodeId"] == "humanInputAgentflow_0"
    assert stopped["agentFlowExecutedData"][-1]["status"] == "STOPPED"
    paid = bot.predict(REFUNDS, humanInput={"type": "proceed", "feedback": "she is right"}, chatId="c")
    assert paid["text"] == 'Paid, because "she is right".'
    assert paid["executionId"] == stopped["executionId"]

    events = bot.stream(REFUNDS, question="A refund, please.", chatId="d")
    assert names(events)[-6:] == [
        "agentFlowExecutedData", "agentFlowEvent", "action", "agentFlowEvent", "metadata", "end",
    ]  # fmt: skip
    assert dict(events)["action"] == dict(events)["metadata"]["action"]
    events = bot.stream(REFUNDS, humanInput={"type": "reject"}, chatId="d")
    assert token_text(events) == "No refund this time."


# --- 10. agents, and nodes that a script lists itself ----------------------------------------------

TEN = """
rules:
  - match: {chatflow: MULTIAGENT}
    answer:
      text: Done by two.
      usedTools: [{tool: search, toolInput: {}, toolOutput: ''}]
      agentReasoning:
        - {agentName: Supervisor, messages: [Ask the worker.], next: Worker}
        - {agentName: Worker, messages: [Done.]}
  - match: {question: broken down}
    answer:
      text: Two steps.
      agentFlowExecutedData:
        - {nodeId: start_0, nodeLabel: Begin, data: {output: {question: '{{ question }}'}}}
        - {nodeId: tool_0, nodeLabel: Look up, data: {name: toolAgentflow, input: {id: 7}}}
  - match: {question: stop}
    answer:
      action: {id: 61beeb58-6ebe-4d51-aa0b-41d4c546ff08}
      agentFlowExecutedData:
        - {nodeId: humanInputAgentflow_0, nodeLabel: Manager, data: {output: {content: 'Shall we?'}}}
"""


def test_agents(tmp_path: Path) -> None:
    bot = Bot(tmp_path, TEN)
    flow = bot.flow("MULTIAGENT", {"name": "supervisor", "category": "Multi Agents"})
    answer = bot.predict(flow, question="go", chatId="c")
    assert list(answer) == ["text", "question", "chatId", "chatMessageId", "sessionId", "agentReasoning"]
    assert [each["agentName"] for each in answer["agentReasoning"]] == ["Supervisor", "Worker"]
    stored = bot.messages(flow, chatId="c")[-1]
    assert [each["agentName"] for each in stored["agentReasoning"]] == ["Supervisor", "Worker"]
    assert stored["usedTools"][0]["tool"] == "search"
    events = bot.stream(flow, question="go")
    assert names(events) == [
        "start", "agentReasoning", "nextAgent", "agentReasoning", "token", "usedTools", "sourceDocuments",
        "artifacts", "metadata", "end",
    ]  # fmt: skip
    assert events[2] == ("nextAgent", "Worker")


def test_nodes_that_a_script_lists_itself(tmp_path: Path) -> None:
    bot = Bot(tmp_path, TEN)
    answer = bot.predict(REFUNDS, question="broken down", chatId="c")
    begin, look = answer["agentFlowExecutedData"]
    assert begin["data"] == {
        "id": "start_0", "name": "", "state": {}, "output": {"question": "broken down"}, "input": {},
    }  # fmt: skip
    assert (look["previousNodeIds"], look["status"]) == (["start_0"], "FINISHED")
    assert (answer["text"], look["data"]["output"]) == ("Two steps.", {"content": "Two steps."})
    assert names(bot.stream(REFUNDS, question="broken down"))[:5] == [
        "agentFlowEvent", "nextAgentFlow", "nextAgentFlow", "agentFlowExecutedData", "nextAgentFlow",
    ]  # fmt: skip
    stopped = bot.predict(REFUNDS, question="stop", chatId="d")
    assert (stopped["text"], stopped["action"]["id"]) == ("Shall we?", "61beeb58-6ebe-4d51-aa0b-41d4c546ff08")
    resumed = bot.predict(REFUNDS, humanInput={"type": "proceed"}, chatId="d")
    assert resumed["agentFlowExecutedData"][-1]["nodeLabel"] == "Paid"


# --- all of them -----------------------------------------------------------------------------------

ALL = (ONE, TWO, THREE, FOUR, FIVE, SIX, SEVEN, EIGHT, NINE.read_text(), TEN)


@pytest.mark.parametrize("contract", ["clients", "3.0.5", "3.1.4"])
def test_every_script_fits_every_contract_of_clients(tmp_path: Path, contract: str) -> None:
    bot = Bot(tmp_path, *ALL, contract=contract)
    assert bot.predict(SUPPORT, question="anything")["text"] == "We open at nine."
