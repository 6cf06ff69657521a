"""Plays a recorded answer: the events or the response of a real server, with the ids of this one.

The messages and the execution are stored as if the flow had run.
"""

from __future__ import annotations

from flowise_mock.contract import jsontext, streaming
from flowise_mock.flows.call import Call
from flowise_mock.flows.turn import Delay, Run, Turn, store_messages, text
from flowise_mock.scripts.recorded import Played
from flowise_mock.state.outcomes import AbortedRun, RunFailure
from flowise_mock.state.table import Record

COLUMNS = ("sourceDocuments", "usedTools", "fileAnnotations", "artifacts", "agentReasoning", "action")
"""The parts of an answer that its stored message has."""


def run_recorded(call: Call, turn: Turn) -> Run:
    """The answer as it was recorded. One that ends with an error stores nothing, as on a real server."""
    assert turn.reply is not None
    assert turn.reply.recorded is not None
    if (probe := turn.reply.recorded(_no_ids())).failure is not None:
        if not streaming.is_requested(turn.body):
            raise RunFailure(text(probe.failure))
        yield from _events(call, turn, probe)
        return {}
    execution = _execution(call, turn, probe) if _is_agentflow(turn) else None
    question = text(turn.body.get("question")) or text(_feedback(turn)) or " "
    rows = store_messages(call, turn, question, "", memory=text(probe.answer().get("memoryType")) or None)
    ids = {"chatMessageId": rows[1]["id"], "executionId": execution["id"] if execution else ""}
    played = turn.reply.recorded(ids)
    answer = played.answer()
    kept = {name: answer[name] for name in COLUMNS if answer.get(name)}
    run = {"executionId": execution["id"]} if execution else {}
    call.store.note("chatmessage", rows[0], **run)
    call.store.note("chatmessage", rows[1], content=played.text() or " ", **kept, **run)
    if played.response is None or streaming.is_requested(turn.body):
        yield from _events(call, turn, played)
    else:
        yield Delay(played.seconds)
    return answer if played.response is not None else _made(turn, answer, ids)


def _no_ids() -> Record:
    return {"chatMessageId": "", "executionId": ""}


def _events(call: Call, turn: Turn, played: Played) -> Run:
    for moment in played.events:
        if turn.aborted and _is_agentflow(turn):
            raise AbortedRun("LLM")
        yield Delay(moment.seconds)
        yield moment.name, moment.data
    return {}


def _made(turn: Turn, answer: Record, ids: Record) -> Record:
    """A response of recorded events; the metadata among them has the ids already."""
    question = {"question": turn.body["question"]} if "question" in turn.body else {}
    made = {"text": answer["text"], **question, "chatId": turn.chat_id, **answer}
    made["chatMessageId"] = ids["chatMessageId"]
    return made | ({"executionId": ids["executionId"]} if ids["executionId"] else {"isStreamValid": False})


def _is_agentflow(turn: Turn) -> bool:
    return turn.flow.get("type") == "AGENTFLOW"


def _feedback(turn: Turn) -> object:
    return jsontext.mapping(turn.body.get("humanInput")).get("feedback")


def _execution(call: Call, turn: Turn, played: Played) -> Record:
    """The execution of a run: a new one, or the one that a decision resumes."""
    answer = played.answer()
    state = "STOPPED" if answer.get("action") else "FINISHED"
    data = jsontext.dumps(answer.get("agentFlowExecutedData") or [])
    columns = {"executionData": data, "state": state}
    own = {"chatflowid": turn.flow["id"], "sessionId": turn.session_id}
    if turn.body.get("humanInput"):
        for row in reversed(
            call.store.select("chatmessage", chatflowid=turn.flow["id"], chatId=turn.chat_id)
        ):
            if row.get("action"):
                call.store.note("chatmessage", row, action=None)
                break
        waiting = [each for each in call.store.select("execution", **own) if each["state"] == "STOPPED"]
        if waiting:
            return call.store.change("execution", waiting[-1]["id"], columns)
    return call.store.create("execution", {**columns, **own})
