"""Feedback: ratings of answers by users."""

from flowise_mock.contract import v8
from flowise_mock.flows.call import Call
from flowise_mock.state.clock import within
from flowise_mock.state.outcomes import ConflictingField, EmptyField, MessageNotFound, UnknownField
from flowise_mock.state.table import Record

_FROM_MESSAGE = {"chatId": "chat", "chatflowid": "chatflow"}
_JOINS = {"messageId", *_FROM_MESSAGE}


async def create_chat_message_feedback_for_chatflow(call: Call, body: Record, id: str = "") -> Record:
    # clients name the flow in the path too; that of the message counts
    if not body.get("messageId"):
        call.report(EmptyField("messageId"))
    return call.store.create("feedback", _join_message(call, body))


async def get_all_chat_message_feedback(
    call: Call,
    id: str,
    chat_id: str | None = None,
    sort_order: str = "asc",
    start_date: str | None = None,
    end_date: str | None = None,
) -> list[Record]:
    rows = call.store.select("feedback", chatflowid=id, chatId=chat_id)
    rows = within(rows, "createdDate", start_date, end_date)
    return rows[::-1] if sort_order == "desc" else rows


async def update_chat_message_feedback_for_chatflow(call: Call, id: str, body: Record) -> Record:
    stored = call.store.find("feedback", id)
    for column in body:
        if column not in call.store.tables["feedback"].columns:
            call.report(UnknownField(column))
    changes = {column: value for column, value in body.items() if value or column not in _JOINS}
    if _JOINS & changes.keys():
        changes = _join_message(call, {**stored, **changes})
    return call.store.change("feedback", id, changes)


def _join_message(call: Call, feedback: Record) -> Record:
    """Add the flow and the chat of its message to a feedback."""
    id = v8.text(feedback["messageId"])
    if not call.store.has("chatmessage", id):
        raise MessageNotFound("Message", id)
    message = call.store.find("chatmessage", id)
    joined = {column: message[column] for column in _FROM_MESSAGE if column in message}
    for column, value in joined.items():
        if feedback.get(column) not in (None, "", value):
            call.report(ConflictingField(_FROM_MESSAGE[column], v8.text(feedback[column]), id))
    return {**feedback, **joined}
