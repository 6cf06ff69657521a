"""Chat messages: the messages of a flow's chats."""

from collections.abc import Mapping
from functools import partial

from flowise_mock.contract import jsontext
from flowise_mock.flows.call import Call
from flowise_mock.knowledge.slices import collected
from flowise_mock.state.clock import within
from flowise_mock.state.outcomes import Deletion, MissingColumn, MissingFlow
from flowise_mock.state.table import Record


async def create_chat_message(call: Call, body: Record, id: str = "") -> Record:
    """Store a message as it is sent; the id in the path does not matter."""
    for column in _REQUIRED:
        if body.get(column) is None:
            raise MissingColumn("chat_message", column)
    return call.store.create("chatmessage", dict.fromkeys(_NULLABLE) | body)


_REQUIRED = ("role", "chatflowid", "content", "chatType", "chatId")
_NULLABLE = (
    "executionId", "sourceDocuments", "usedTools", "fileAnnotations", "agentReasoning", "fileUploads",
    "artifacts", "action", "memoryType", "sessionId", "leadEmail", "followUpPrompts",
)  # fmt: skip


async def get_all_chat_messages(
    call: Call,
    id: str,
    chat_type: str | None = None,
    order: str = "ASC",
    chat_id: str | None = None,
    memory_type: str | None = None,
    session_id: str | None = None,
    start_date: str | None = None,
    end_date: str | None = None,
    feedback: bool | str = False,
    feedback_type: str | None = None,
    message_id: str | None = None,
) -> list[Record]:
    if not call.store.has("chatflow", id):
        call.report(MissingFlow("Chatflow", id))
    wanted = {"chatflowid": id, "chatId": chat_id, "sessionId": session_id, "memoryType": memory_type}
    await collected(call.store.prepare("chatmessage", **wanted), call.pause)
    rows = call.store.select("chatmessage", **wanted, id=message_id)
    rows = filtered(call, id, rows, chat_type, start_date, end_date, feedback_type)
    executions = [_execution(call, row) for row in rows]  # as they are now, whatever happens in the pauses
    latest = None
    if feedback:
        ratings = known_ratings(feedback_type)
        found = call.store.feedback_on(id, rows)
        latest = {row["messageId"]: row for row in found if not ratings or row.get("rating") in ratings}
    shown = await collected(map(partial(_shown, latest), rows, executions), call.pause)
    return shown[::-1] if order == "DESC" else shown


def _shown(latest: Mapping[str, Record] | None, row: Record, execution: Record | None) -> Record:
    """A message with its execution, and with its feedback if the request wants it."""
    more = {} if latest is None else {"feedback": latest.get(row["id"])}
    return {**row, **more, "execution": execution}


def _execution(call: Call, row: Record) -> Record | None:
    """The execution of the agentflow that a message is the answer of, or None."""
    execution = call.store.get("execution", row.get("executionId") or "")
    return execution and {**execution, "agentflowId": execution["chatflowid"]}


def filtered(
    call: Call,
    flow: str,
    rows: list[Record],
    chat_type: str | None,
    start_date: str | None,
    end_date: str | None,
    feedback_type: str | None,
) -> list[Record]:
    """The messages of some types of chats, between two dates, and with some ratings, if these are known."""
    rows = _filter_types(within(rows, "createdDate", start_date, end_date), chat_type)
    ratings = known_ratings(feedback_type)
    return _filter_rated(call, flow, rows, ratings) if ratings else rows


RATINGS = ("THUMBS_UP", "THUMBS_DOWN")


def known_ratings(sent: str | None) -> list[str]:
    """The ratings that a parameter names: one, or several in a JSON list."""
    return [each for each in jsontext.sequence(sent) or (sent or "").split(",") if each in RATINGS]


def _filter_types(rows: list[Record], chat_type: str | None) -> list[Record]:
    """The rows of one chat type, or of several: in a JSON array, or if the parameter is repeated."""
    if not chat_type:
        return rows
    wanted = jsontext.sequence(chat_type) or chat_type.split(",")
    return [row for row in rows if row.get("chatType") in wanted]


async def remove_all_chat_messages(
    call: Call,
    id: str,
    chat_id: str | None = None,
    memory_type: str | None = None,
    session_id: str | None = None,
    chat_type: str | None = None,
    start_date: str | None = None,
    end_date: str | None = None,
    feedback_type: str | None = None,
    hard_delete: bool | str = False,
) -> Deletion:
    # as Flowise: with a chatId the executions of the messages stay, without one they go
    call.chatflow(id)
    if hard_delete and chat_id:
        call.store.remove_where("file", chatflowid=id, chatId=chat_id)
    wanted = {"chatflowid": id, "chatId": chat_id, "sessionId": session_id, "memoryType": memory_type}
    await collected(call.store.prepare("chatmessage", **wanted), call.pause)
    rows = call.store.select("chatmessage", **wanted)
    rows = filtered(call, id, rows, chat_type, start_date, end_date, feedback_type)
    return Deletion(call.store.remove_messages(rows, executions=chat_id is None))


def _filter_rated(call: Call, chatflowid: str, rows: list[Record], ratings: list[str]) -> list[Record]:
    """The answers with one of these ratings, each with the question before it in the same chat.

    A question that has another rating itself is left out.
    """
    found = call.store.feedback_on(chatflowid, rows)
    rated = {row.get("messageId") for row in found if row.get("rating") in ratings}
    rated_otherwise = {row.get("messageId") for row in found} - rated
    result: list[Record] = []
    before: dict[str, Record] = {}
    for row in rows:
        chat = row.get("sessionId") or row.get("chatId", "")
        if row["id"] in rated:
            result += [before[chat], row] if chat in before else [row]
        before.pop(chat, None)
        if row["id"] not in rated_otherwise:
            before[chat] = row
    return result
