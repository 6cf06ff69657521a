"""Faults: failures on demand for the requests that match."""

from __future__ import annotations

from typing import Any

from flowise_mock.control.call import ControlCall, conflict
from flowise_mock.scripts.reading import ScriptError
from flowise_mock.scripts.rules import Rule
from flowise_mock.state.outcomes import Deletion, NotFound


async def list_faults(call: ControlCall) -> list[dict[str, Any]]:
    return [_shown(call, id, given, rule) for id, given, rule in call.world.rules.added() if "fault" in given]


async def arm_fault(call: ControlCall, body: dict[str, Any]) -> dict[str, Any]:
    try:
        id = await call.world.rules.add(body)
    except ScriptError as error:
        raise conflict(error) from None
    found = call.world.rules.get(id)
    assert found is not None
    return _shown(call, id, *found)


def _shown(call: ControlCall, id: str, given: dict[str, Any], rule: Rule) -> dict[str, Any]:
    return {
        "id": id,
        "fault": given["fault"],
        "match": given.get("match", {}),
        "triggered": call.world.store.counts.get(("rule", rule.id)),
        "times": rule.times,
    }


async def disarm_faults(call: ControlCall) -> Deletion:
    call.world.rules.clear(faults=True)
    return Deletion(1)


async def disarm_fault(call: ControlCall, id: str) -> Deletion:
    found = call.world.rules.get(id)
    if found is None or "fault" not in found[0]:
        raise NotFound("fault", id)
    call.world.rules.remove(id)
    return Deletion(1)
