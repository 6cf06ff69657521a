"""A prediction costs the same after many messages: counted in records that it looks at, not in time."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import Running
from flowise_mock.state.store import Store

FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"


def records_read(running: Running, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many records a prediction selects."""
    select = Store.select
    seen = 0

    def counted(store: Store, name: str, /, **equal: Any) -> Any:
        nonlocal seen
        found = select(store, name, **equal)
        seen += len(found)
        return found

    with monkeypatch.context() as patched, running.client() as client:
        patched.setattr(Store, "select", counted)
        response = client.post(f"/prediction/{FLOW}", json={"question": "one", "chatId": "long"})
    assert response.json()["text"] == "Support chat echoes: one"
    return seen


def test_a_prediction_reads_as_much_after_a_long_conversation(
    fresh_default: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = records_read(fresh_default, monkeypatch)
    store = fresh_default.mock.store
    common = {"chatflowid": FLOW, "chatType": "EXTERNAL", "chatId": "long", "sessionId": "long"}
    for number in range(500):
        store.create("chatmessage", {**common, "role": "userMessage", "content": str(number)})
    assert records_read(fresh_default, monkeypatch) == before
