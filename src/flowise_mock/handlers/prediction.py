"""Prediction: ask a flow."""

from flowise_mock.flows import delivery, dispatch, limits, scripted
from flowise_mock.flows.call import Call
from flowise_mock.flows.turn import resolved
from flowise_mock.state.outcomes import Streamed, StreamRefused
from flowise_mock.state.store import Record


async def create_prediction(call: Call, id: str, body: Record) -> Record | Streamed:
    flow = call.chatflow(id)
    streams = body.get("streaming") in (True, "true")
    limits.check_rate(call, flow)
    limits.check_origin(call, flow, streams)
    dispatch.check_ending(call, flow)
    turn = resolved(call, flow, body)
    choice = scripted.choose(call, turn)

    async def _whole() -> Record:
        call.check_key(flow)
        return await delivery.whole(call, turn, choice)

    if streams and dispatch.streamable(flow):
        if not call.opens(flow):
            call.report(StreamRefused("Chatflow", flow["id"]))
        return Streamed(delivery.streamed(call, turn, choice), whole=_whole)
    return await _whole()
