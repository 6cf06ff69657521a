"""Journal: the requests and their answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from flowise_mock.contract import jsontext
from flowise_mock.control import entries
from flowise_mock.control.call import ControlCall, conflict
from flowise_mock.engine.worlds import World
from flowise_mock.knowledge.slices import Large, collected
from flowise_mock.scripts.conditions import Condition
from flowise_mock.scripts.patterns import SearchTime
from flowise_mock.scripts.reading import ScriptError
from flowise_mock.state.clock import Dates, instant
from flowise_mock.state.journal import Entry
from flowise_mock.state.outcomes import Conflict, Deletion, EventStream, NotFound


async def list_journal(
    call: ControlCall,
    limit: int,
    offset: int,
    namespace: str | None = None,
    match: str | None = None,
    operation: str | None = None,
    status: int | None = None,
    since: str | None = None,
    until: str | None = None,
) -> list[dict[str, Any]]:
    wanted: dict[str, Any] = {} if match is None else _match(match)
    if operation is not None:
        wanted["operation"] = operation
    conditions = _conditions(wanted)
    low, high = instant(since), instant(until)
    kept = await _entries(call, namespace)
    with SearchTime():
        found = [
            (entry, world)
            for entry, world in kept
            if (status is None or entry.status == status)
            and (low is None or _instant(entry) >= low)
            and (high is None or _instant(entry) <= high)
            and (not conditions or entries.matches(conditions, entry, world))
        ]
    shown = (entries.shown(entry, world) for entry, world in found[offset : offset + limit])
    return await collected(shown, call.pause)


def _match(text: str) -> dict[str, Any]:
    try:
        value = jsontext.loads(text)
    except ValueError as error:
        raise Conflict(f"match is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise Conflict('match must be an object such as {"question": "hello"}')
    return value


def _conditions(match: dict[str, Any]) -> tuple[Condition, ...]:
    try:
        return entries.compiled(match)
    except ScriptError as error:
        raise conflict(error) from None


def _instant(entry: Entry) -> float:
    return instant(Dates().iso(entry.time)) or 0.0


async def _entries(call: ControlCall, namespace: str | None) -> list[tuple[Entry, World]]:
    """The entries of one namespace, or of all by time; with pauses, because each is masked first."""
    worlds = list(call.served.worlds) if namespace == "*" else [call.world]
    found = await collected(((entry, world) for world in worlds for entry in world.journal), call.pause)
    return sorted(found, key=lambda each: each[0].ended) if len(worlds) > 1 else found


async def clear_journal(call: ControlCall) -> Deletion:
    call.world.journal.clear()
    return Deletion(1)


async def get_entry(call: ControlCall, id: str) -> dict[str, Any]:
    entry = call.world.journal.get(id)
    if entry is None:
        raise NotFound("entry", id)
    return {**entries.shown(entry, call.world), "why": entries.why(entry, call.world)}


async def export_har(call: ControlCall, namespace: str | None = None) -> Large:
    shown = (entries.har_entry(entry, call.base) for entry, _ in await _entries(call, namespace))
    return Large(entries.har(await collected(shown, call.pause)))


async def stream_journal(
    call: ControlCall, max: int, timeout: float, namespace: str | None = None
) -> EventStream:
    worlds = list(call.served.worlds) if namespace == "*" else [call.world]
    return EventStream(_events(worlds, max, timeout), framing="plain")


async def _events(worlds: list[World], most: int, seconds: float) -> AsyncIterator[tuple[str, Any]]:
    queue: asyncio.Queue[tuple[Entry, World]] = asyncio.Queue()
    stops = [
        world.journal.listen(lambda entry, world=world: queue.put_nowait((entry, world)))  # type: ignore[misc]
        for world in worlds
    ]
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    try:
        while most > 0:
            try:
                entry, world = await asyncio.wait_for(queue.get(), max(until - clock(), 0))
            except TimeoutError:
                return
            most -= 1
            yield "entry", entries.shown(entry, world)
    finally:
        for stop in stops:
            stop()


# --- verify ----------------------------------------------------------------------------------------


async def verify(call: ControlCall, body: dict[str, Any]) -> dict[str, Any]:
    kept = [entry for entry, _ in await _entries(call, None)]
    with SearchTime():
        return await _verify(call, kept, body)


async def _verify(call: ControlCall, kept: list[Entry], body: dict[str, Any]) -> dict[str, Any]:
    conditions = _conditions(body.get("match", {}))
    matches = (entries.matches(conditions, entry, call.world) for entry in kept)
    count = sum(await collected(matches, call.pause))
    times = body.get("times", {} if "order" in body and "match" not in body else {"at_least": 1})
    passed = (
        times.get("exactly", count) == count
        and count >= times.get("at_least", 0)
        and count <= times.get("at_most", count)
    )
    missing = await _out_of_order(call, kept, body.get("order", []))
    verdict = {"passed": passed and missing is None, "count": count, "expected": _expected(times, body)}
    if verdict["passed"]:
        return {**verdict, "nearest": None}
    return {**verdict, "nearest": await _nearest(call, kept, conditions if missing is None else missing)}


async def _out_of_order(
    call: ControlCall, kept: list[Entry], order: list[dict[str, Any]]
) -> tuple[Condition, ...] | None:
    """The first pattern that nothing matches after the earlier ones; None if all are there in order."""
    rest = iter(kept)
    for match in order:
        conditions = _conditions(match)
        for entry in rest:
            await call.pause()
            if entries.matches(conditions, entry, call.world):
                break
        else:
            return conditions
    return None


def _expected(times: dict[str, int], body: dict[str, Any]) -> str:
    words = [f"{name.replace('_', ' ')} {number}" for name, number in times.items()]
    return " and ".join([*words, *(["in order"] if "order" in body else [])])


async def _nearest(
    call: ControlCall, kept: list[Entry], conditions: tuple[Condition, ...]
) -> dict[str, Any] | None:
    """The entry with the fewest failed conditions; the newest of several."""
    counts = ((len(entries.differences(conditions, entry, call.world)), entry) for entry in kept)
    failing = [each for each in await collected(counts, call.pause) if each[0]]
    if not failing:
        return None
    entry = min(reversed(failing), key=lambda each: each[0])[1]
    differing = entries.differences(conditions, entry, call.world)
    return {"entry": entries.shown(entry, call.world), "differences": differing}
