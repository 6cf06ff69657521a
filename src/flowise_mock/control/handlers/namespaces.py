"""Namespaces: independent states."""

from __future__ import annotations

import asyncio
from typing import Any

from flowise_mock.control.call import ControlCall
from flowise_mock.engine.seed import SeedError, add_flows, records_of
from flowise_mock.engine.worlds import World
from flowise_mock.scripts.reading import ScriptError
from flowise_mock.state.counts import Counts
from flowise_mock.state.outcomes import Conflict, Deletion, NotFound
from flowise_mock.state.store import Snapshot


async def list_namespaces(call: ControlCall) -> list[dict[str, Any]]:
    return [_shown(world) for world in call.served.worlds]


async def create_namespace(call: ControlCall, name: str, body: dict[str, Any]) -> dict[str, Any]:
    worlds = call.served.worlds
    if not body:
        return _shown(worlds.get(name))
    world = worlds.make(name, body.get("ids"))
    scripts = [(each["name"], each["text"]) for each in body["scripts"]] if "scripts" in body else None
    try:
        await asyncio.to_thread(world.rules.begin, scripts, body.get("strict"))
        if "records" in body or body.get("seed") == "empty":
            await asyncio.to_thread(_plant, call, world, body.get("records", {}))
        if world.rules.flows():
            add_flows(world.store, call.served.contract, world.rules.flows())
            world.start = world.store.snapshot()
    except (ScriptError, SeedError) as error:
        raise Conflict(str(error)) from None
    former = worlds.find(name)
    worlds.begin(world)
    if former is not None:
        ControlCall(call.served, former).end_streams()
    return _shown(world)


def _plant(call: ControlCall, world: World, given: dict[str, Any]) -> None:
    """Let a world begin with records instead of the seed; its keys stay. Raises SeedError."""
    store = world.store
    tables = {table.seed: name for name, table in store.tables.items() if table.seed}
    keys = store.select("apikey")
    store.restore(Snapshot({"apikey": {key["id"]: key for key in keys}}, {}, Counts(), 0))
    for name, rows in given.items():
        table = tables.get(name, name)
        for record in records_of(call.served.contract, store, table, rows):
            store.put(table, record)
    world.start = store.snapshot()


async def delete_namespace(call: ControlCall, name: str) -> Deletion:
    world = call.served.worlds.delete(name)
    if world is None:
        raise NotFound("namespace", name)
    ControlCall(call.served, world).end_streams()
    return Deletion(1)


def _shown(world: World) -> dict[str, Any]:
    records = sum(world.store.count(table) for table in world.store.tables)
    return {"name": world.name, "records": records, "journal": len(world.journal)}
