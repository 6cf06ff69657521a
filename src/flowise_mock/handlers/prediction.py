"""Prediction: ask a flow."""

from flowise_mock.call import Call
from flowise_mock.outcomes import Streamed
from flowise_mock.prediction import turn
from flowise_mock.store import Record


async def create_prediction(call: Call, id: str, body: Record) -> Record | Streamed:
    flow = call.store.find("chatflow", id)
    call.check_key(flow)
    asked = turn.begin(call, flow, body)
    if body.get("streaming"):
        return Streamed(turn.events(call, asked))
    return turn.answer(call, asked)
