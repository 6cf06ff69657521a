"""Server: its health, contract, counters and keys."""

from __future__ import annotations

from typing import Any

from flowise_mock.control.call import ControlCall
from flowise_mock.control.metrics import exposition


async def get_health(call: ControlCall) -> dict[str, Any]:
    return {"status": "ok"}


async def get_ready(call: ControlCall) -> dict[str, Any]:
    return {**call.served.ready, "namespaces": len(call.served.worlds)}


async def get_metrics(call: ControlCall) -> str:
    return exposition(call.served)


async def get_keys(call: ControlCall) -> list[dict[str, Any]]:
    return [
        {"name": key.get("keyName", ""), "key": key.get("apiKey", ""), "permissions": key.get("permissions")}
        for key in call.world.store.select("apikey")
    ]
