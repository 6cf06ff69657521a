"""Webhooks: requests that start an agentflow."""

from typing import Any

from flowise_mock.flows import delivery, dispatch, scripted, webhook
from flowise_mock.flows.call import Call
from flowise_mock.flows.turn import resolve_turn
from flowise_mock.state.outcomes import Accepted, EventStream, NotWebhook
from flowise_mock.state.table import Record


async def trigger_webhook(call: Call, id: str, body: Any = None) -> Record | EventStream | Accepted:
    """Run a flow by its webhook, and answer as its start node says: at once, at the end, or with events."""
    flow = call.chatflow(id)
    node = webhook.start_node(flow)
    if node is None:
        raise NotWebhook("Chatflow", id)
    webhook.check(call, flow, node, body)
    sent = body if isinstance(body, dict) else {}
    known = {name: sent[name] for name in ("humanInput", "chatId") if sent.get(name) is not None}
    session = {"overrideConfig": {"sessionId": sent["sessionId"]}} if sent.get("sessionId") else {}
    turn = resolve_turn(call, flow, {**known, **session})
    turn.webhook, turn.chat_type = webhook.payload(call, {} if body is None else body), "WEBHOOK"
    choice = await scripted.choose(call, turn)
    mode = node.inputs.get("webhookResponseMode")
    if mode == "stream" and dispatch.streamable(call, flow):
        return EventStream(delivery.as_events(call, turn, choice))
    if mode == "async":
        await delivery.unheard(call, turn, choice)
        return Accepted({"chatId": turn.chat_id, "status": "PROCESSING"})
    return await delivery.as_json(call, turn, choice)
