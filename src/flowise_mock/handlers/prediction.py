"""Prediction: ask a flow."""

from flowise_mock.call import Call
from flowise_mock.outcomes import Streamed, StreamRefused
from flowise_mock.prediction import kinds, limits, scripted, telling
from flowise_mock.prediction.turn import resolved
from flowise_mock.store import Record


async def create_prediction(call: Call, id: str, body: Record) -> Record | Streamed:
    flow = call.chatflow(id)
    streams = body.get("streaming") in (True, "true")
    limits.check_rate(call, flow)
    limits.check_origin(call, flow, streams)
    kinds.check_ending(call, flow)
    turn = resolved(call, flow, body)
    choice = scripted.choose(call, turn)

    async def _whole() -> Record:
        call.check_key(flow)
        return await telling.whole(call, turn, choice)

    if streams and kinds.streamable(flow):
        if not call.opens(flow):
            call.report(StreamRefused("Chatflow", flow["id"]))
        return Streamed(telling.streamed(call, turn, choice), whole=_whole)
    return await _whole()
