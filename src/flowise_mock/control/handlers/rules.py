"""Rules for the answers of flows."""

from __future__ import annotations

from typing import Any

from flowise_mock.control.call import ControlCall, conflict
from flowise_mock.scripts.reading import ScriptError
from flowise_mock.scripts.rules import Rule
from flowise_mock.state.outcomes import Deletion, NotFound


async def list_rules(call: ControlCall) -> list[dict[str, Any]]:
    added = [
        _shown(call, rule, id, given) for id, given, rule in call.world.rules.added() if "fault" not in given
    ]
    return added + [_shown(call, rule) for rule in call.world.rules.of_files()]


async def add_rule(call: ControlCall, body: dict[str, Any]) -> dict[str, Any]:
    return await _put(call, body, None)


async def replace_rule(call: ControlCall, id: str, body: dict[str, Any]) -> dict[str, Any]:
    if call.world.rules.get(id) is None:
        raise NotFound("rule", id)
    return await _put(call, body, id)


async def _put(call: ControlCall, given: dict[str, Any], id: str | None) -> dict[str, Any]:
    try:
        made = await call.world.rules.add(given, id)
    except ScriptError as error:
        raise conflict(error) from None
    call.world.store.counts.drop(lambda key: key[:2] == ("rule", f"added#{made}"))
    found = call.world.rules.get(made)
    assert found is not None
    return _shown(call, found[1], made, given)


def _shown(
    call: ControlCall, rule: Rule, id: str | None = None, given: dict[str, Any] | None = None
) -> dict[str, Any]:
    shown = {"place": rule.place, "name": rule.name, "times": rule.times}
    shown["answered"] = call.world.store.counts.get(("rule", rule.id))
    return {**shown, **({} if id is None else {"id": id, "rule": given})}


async def remove_rules(call: ControlCall) -> Deletion:
    call.world.rules.clear(faults=False)
    return Deletion(1)


async def remove_rule(call: ControlCall, id: str) -> Deletion:
    if not call.world.rules.remove(id):
        raise NotFound("rule", id)
    return Deletion(1)
