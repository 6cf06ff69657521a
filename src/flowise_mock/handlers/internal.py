"""Internal: what the web interface calls for its own chats, and the figures that it shows of a flow."""

from collections.abc import AsyncIterator
from typing import Any

from flowise_mock.contract import jsontext
from flowise_mock.flows import delivery, dispatch, flow_data, functions, scripted
from flowise_mock.flows.call import Call
from flowise_mock.flows.turn import Event, resolve_turn, text
from flowise_mock.handlers import chatmessage, vector
from flowise_mock.state.clock import instant
from flowise_mock.state.outcomes import EventStream, MissingFlow, Outcome, Pause
from flowise_mock.state.table import Record

INTERNAL = "INTERNAL"


async def create_internal_prediction(call: Call, id: str, body: Record) -> Record | EventStream:
    flow = call.chatflow(id)
    streams = body.get("streaming") not in (None, False, 0, "")
    try:
        dispatch.check_ending(call, flow)
    except Outcome as failure:
        if not streams:
            raise
        return _heard(body, _failed(call, failure))
    turn = resolve_turn(call, flow, body)
    turn.chat_type = INTERNAL
    choice = await scripted.choose(call, turn)
    if not streams:
        return await delivery.as_json(call, turn, choice)
    return _heard(body, delivery.as_events(call, turn, choice))


def _heard(body: Record, events: AsyncIterator[Event | Pause]) -> EventStream:
    """What a client gets of a run: a stream is found by the chat of the request."""
    return EventStream(events if body.get("chatId") else _end_of(events))


async def _failed(call: Call, failure: Outcome) -> AsyncIterator[Event | Pause]:
    yield "error", call.runtime.text(failure)
    yield "end", "[DONE]"


async def _end_of(events: AsyncIterator[Event | Pause]) -> AsyncIterator[Event | Pause]:
    """The last event and the pauses."""
    async for event in events:
        if isinstance(event, Pause) or event[0] == "end":
            yield event


async def get_internal_chat_messages(call: Call, id: str, **filters: Any) -> list[Record]:
    return await chatmessage.get_all_chat_messages(call, id, chat_type=INTERNAL, **filters)


async def internal_vector_upsert(call: Call, id: str, body: Record) -> Record:
    return await vector.vector_upsert(call, id, body)


async def get_chatflow_stats(
    call: Call,
    id: str,
    chat_type: str | None = None,
    start_date: str | None = None,
    end_date: str | None = None,
    feedback_type: str | None = None,
) -> Record:
    """The numbers of messages that the filters leave, of their sessions, and of their feedback."""
    if not call.store.has("chatflow", id):
        call.report(MissingFlow("Chatflow", id))
    rows = call.store.select("chatmessage", chatflowid=id)
    messages = chatmessage.filtered(call, id, rows, chat_type, start_date, end_date, feedback_type)
    ratings = [row.get("rating") for row in call.store.feedback_on(id, messages)]
    return {
        "totalMessages": len(messages),
        "totalSessions": len({row.get("sessionId") for row in messages}),
        "totalFeedback": len(ratings),
        "positiveFeedback": ratings.count(chatmessage.RATINGS[0]),
    }


async def get_flow_config(call: Call, id: str) -> list[Record]:
    flow = call.chatflow(id)
    return [
        {"node": node.label, "nodeId": node.id, "label": param.get("label"), **_name_and_type(param)}
        for node in flow_data.nodes(flow)
        for param in node.params
        if param.get("type") != "credential"
    ]


def _name_and_type(param: Record) -> Record:
    """How a request overrides an input: all files have one name, and options are listed in the type."""
    name, type = param.get("name"), param.get("type")
    if type == "file":
        return {"name": "files", "type": param.get("fileType") or type}
    if type == "options":
        options = [each for each in jsontext.sequence(param.get("options")) if isinstance(each, dict)]
        type = ", ".join(str(each.get("name")) for each in options) if options else "string"
    return {"name": name, "type": type}


async def execute_custom_function(call: Call, body: Record) -> Any:
    variables = jsontext.mapping(body.get("functionInputVariables"))
    returned = functions.run(text(body.get("javascriptFunction")), variables)
    return None if returned is None or returned.value is functions.UNDEFINED else returned.value


async def check_if_chatflow_has_changed(call: Call, id: str, last_updated_date_time: str) -> Record:
    flow = call.chatflow(id)
    return {"hasChanged": instant(flow.get("updatedDate")) != instant(last_updated_date_time)}
