"""Internal: what the web interface calls for its own chats, and the figures that it shows of a flow."""

from collections.abc import AsyncIterator

from flowise_mock.flows import delivery, scripted
from flowise_mock.flows.call import Call
from flowise_mock.flows.turn import Event, resolve_turn
from flowise_mock.handlers import chatmessage, vector
from flowise_mock.state.clock import instant
from flowise_mock.state.outcomes import EventStream, Pause
from flowise_mock.state.table import Record

INTERNAL = "INTERNAL"


async def create_internal_prediction(call: Call, id: str, body: Record) -> Record | EventStream:
    flow = call.store.find("chatflow", id)
    turn = resolve_turn(call, flow, body)
    turn.chat_type = INTERNAL
    choice = await scripted.choose(call, turn)
    if body.get("streaming") in (None, False, 0, ""):
        return await delivery.as_json(call, turn, choice)
    events = delivery.as_events(call, turn, choice)
    return EventStream(events if body.get("chatId") else _end_of(events))


async def _end_of(events: AsyncIterator[Event | Pause]) -> AsyncIterator[Event | Pause]:
    """The last event and the pauses: a stream is found by the chat of the request, which names none."""
    async for event in events:
        if isinstance(event, Pause) or event[0] == "end":
            yield event


async def get_internal_chat_messages(call: Call, id: str) -> list[Record]:
    return await chatmessage.get_all_chat_messages(call, id, chat_type=INTERNAL)


async def internal_vector_upsert(call: Call, id: str, body: Record) -> Record:
    return await vector.vector_upsert(call, id, body)


async def get_chatflow_stats(call: Call, id: str) -> Record:
    call.store.find("chatflow", id)
    messages = call.store.select("chatmessage", chatflowid=id)
    feedback = call.store.select("feedback", chatflowid=id)
    return {
        "totalMessages": len(messages),
        "totalSessions": len({row.get("sessionId") for row in messages}),
        "totalFeedback": len(feedback),
        "positiveFeedback": sum(row.get("rating") == "THUMBS_UP" for row in feedback),
    }


async def get_flow_config(call: Call, id: str) -> list[Record]:
    call.store.find("chatflow", id)
    return []


async def check_if_chatflow_has_changed(call: Call, id: str, last_updated_date_time: str) -> Record:
    flow = call.chatflow(id)
    return {"hasChanged": instant(flow.get("updatedDate")) != instant(last_updated_date_time)}
