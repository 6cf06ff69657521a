"""Prediction: a question to a flow."""

from flowise_mock.contract import streaming
from flowise_mock.flows import delivery, dispatch, limits, scripted, webhook
from flowise_mock.flows.call import Call
from flowise_mock.flows.turn import resolve_turn
from flowise_mock.state.outcomes import EventStream, FixedAnswer, WebhookFlow, WrongKeyForStream
from flowise_mock.state.table import Record


async def create_prediction(call: Call, id: str, body: Record) -> Record | EventStream | FixedAnswer:
    flow = call.chatflow(id)
    if webhook.start_node(flow) is not None:
        call.report(WebhookFlow(id))
    streams = streaming.is_requested(body)
    limits.check_rate(call, flow)
    limits.check_origin(call, flow, streams)
    dispatch.check_ending(call, flow)
    turn = resolve_turn(call, flow, body)
    choice = await scripted.choose(call, turn)

    async def _answer_json() -> Record | FixedAnswer:
        call.check_key(flow)
        answer = await delivery.as_json(call, turn, choice)
        is_recorded = turn.reply is not None and turn.reply.recorded is not None
        return FixedAnswer(200, answer, "") if is_recorded else answer

    if streams and dispatch.streamable(call, flow):
        if not call.may_run(flow):
            call.report(WrongKeyForStream("Chatflow", flow["id"]))
        return EventStream(delivery.as_events(call, turn, choice), as_json=_answer_json)
    return await _answer_json()
