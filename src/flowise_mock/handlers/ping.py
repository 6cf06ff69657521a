"""Ping: whether the server runs."""

from flowise_mock.flows.call import Call


async def ping_server(call: Call) -> str:
    return "pong"
