"""Prediction: ask a flow."""

from flowise_mock.call import Call
from flowise_mock.outcomes import Streamed
from flowise_mock.prediction import kinds, limits, telling, turn
from flowise_mock.store import Record


async def create_prediction(call: Call, id: str, body: Record) -> Record | Streamed:
    flow = call.store.find("chatflow", id)
    limits.check_rate(call, flow)
    limits.check_origin(call, flow)
    call.check_key(flow)
    asked = turn.begin(call, flow, body)
    if body.get("streaming") in (True, "true") and kinds.streamable(flow):
        return Streamed(telling.streamed(call, asked))
    return telling.whole(call, asked)
