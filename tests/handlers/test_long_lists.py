"""Long lists of messages are read with pauses, and are as they were at one moment."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest

from flowise_mock.flows.call import Call
from flowise_mock.handlers import chatmessage
from flowise_mock.state.outcomes import Outcome
from flowise_mock.state.rows import STEP
from flowise_mock.state.store import Store
from flowise_mock.state.table import Table

NUMBER = 2000
TABLES = (
    Table("chatflow", "Chatflow", ("id",)),
    Table("chatmessage", "Message", ("id", "chatflowid"), {"id": "id"}, indexes=(("chatflowid",),)),
    Table("feedback", "Feedback", ("id", "messageId", "chatflowid", "rating"), {"id": "id"}),
    Table("execution", "Execution", ("id", "chatflowid")),
    Table("file", "File", ("id", "chatflowid", "chatId")),
)
ID = "d290f1ee-6c54-4b01-90e6-d701748f0851"


def report(found: Outcome) -> None:
    raise found


@pytest.fixture
def call() -> Call:
    ids = count(1)
    store = Store(TABLES, new_id=lambda: f"m{next(ids)}")
    store.put("chatflow", {"id": ID})
    for _ in range(NUMBER):
        store.create("chatmessage", {"chatflowid": ID})
    return Call(store, report)


@pytest.mark.parametrize("feedback", [False, True])
def test_a_list(call: Call, feedback: bool) -> None:
    """What is stored and deleted between two pauses changes nothing in it."""
    call.store.create("feedback", {"messageId": "m7", "chatflowid": ID, "rating": "THUMBS_UP"})
    pauses = count()

    async def pause() -> None:
        if next(pauses) >= NUMBER // STEP:  # the index is made, and the messages are chosen
            call.store.create("chatmessage", {"chatflowid": ID})
            call.store.remove("chatmessage", call.store.select("chatmessage")[0]["id"])
            call.store.remove_where("feedback", messageId="m7")

    call.pause = pause
    found = asyncio.run(chatmessage.get_all_chat_messages(call, ID, feedback=feedback))
    assert [each["id"] for each in found] == [f"m{number}" for number in range(1, NUMBER + 1)]
    assert bool(found[6].get("feedback")) is feedback
    assert next(pauses) == NUMBER // STEP + NUMBER


def test_a_deletion(call: Call) -> None:
    """What is stored while the index is made is deleted too; then there is no pause."""
    pauses = count()

    async def pause() -> None:
        next(pauses)
        call.store.create("chatmessage", {"chatflowid": ID})

    call.pause = pause
    deleted = asyncio.run(chatmessage.remove_all_chat_messages(call, ID))
    assert next(pauses) == NUMBER // STEP
    assert deleted.count == NUMBER + NUMBER // STEP
    assert call.store.count("chatmessage") == 0
