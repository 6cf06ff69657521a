"""Namespaces: worlds of their own."""

from __future__ import annotations

from typing import Any

from flowise_mock.control.call import ControlCall
from flowise_mock.engine.worlds import World
from flowise_mock.state.outcomes import Deletion, NotFound


async def list_namespaces(call: ControlCall) -> list[dict[str, Any]]:
    return [_shown(world) for world in call.served.worlds]


async def create_namespace(call: ControlCall, name: str, body: dict[str, Any]) -> dict[str, Any]:
    return _shown(call.served.worlds.get(name))


async def delete_namespace(call: ControlCall, name: str) -> Deletion:
    world = call.served.worlds.delete(name)
    if world is None:
        raise NotFound("namespace", name)
    ControlCall(call.served, world).end_streams()
    return Deletion(1)


def _shown(world: World) -> dict[str, Any]:
    records = sum(world.store.count(table) for table in world.store.tables)
    return {"name": world.name, "records": records, "journal": len(world.journal)}
