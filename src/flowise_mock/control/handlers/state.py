"""State: resets, the clock, requests that wait, records."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flowise_mock.control.call import ControlCall, conflict
from flowise_mock.engine import seed
from flowise_mock.state.clock import moment
from flowise_mock.state.outcomes import SchemaViolation

PARTS = ("journal", "state", "rules", "faults", "clock")


async def reset(call: ControlCall, body: dict[str, Any]) -> dict[str, Any]:
    parts = [part for part in PARTS if part in body.get("parts", PARTS)]
    world = call.world
    if "journal" in parts:
        world.journal.clear()
    if "state" in parts:
        call.end_streams()
        world.store.restore(world.start)
    if "rules" in parts:
        world.rules.clear(faults=False)
    if "faults" in parts:
        world.rules.clear(faults=True)
    if "clock" in parts:
        world.store.release_clock()
    return {"reset": parts}


# --- the clock -------------------------------------------------------------------------------------


async def get_clock(call: ControlCall) -> dict[str, Any]:
    clock = call.world.store.clock
    return {"now": call.world.store.date(clock.milliseconds()), "frozen": clock.moment is not None}


async def freeze_clock(call: ControlCall, body: dict[str, Any]) -> dict[str, Any]:
    at = body.get("at")
    when = call.world.store.clock() if at is None else moment(at)
    if when is None:
        raise SchemaViolation("body/at", f"{at} is not a date of the years 1 to 9999")
    call.world.store.freeze(when)
    return await get_clock(call)


async def advance_clock(call: ControlCall, body: dict[str, Any]) -> dict[str, Any]:
    try:
        call.world.store.clock.advance(timedelta(seconds=body["seconds"]))
    except OverflowError as error:
        raise conflict(ValueError("the clock cannot show a date after the year 9999")) from error
    return await get_clock(call)


async def release_clock(call: ControlCall) -> dict[str, Any]:
    call.world.store.release_clock()
    return await get_clock(call)


# --- requests that wait ----------------------------------------------------------------------------


async def list_holds(call: ControlCall) -> dict[str, int]:
    return call.world.holds.waiting()


async def release_hold(call: ControlCall, name: str, body: dict[str, Any]) -> dict[str, int]:
    return {"released": call.world.holds.release(name)}


# --- records ---------------------------------------------------------------------------------------


async def count_records(call: ControlCall) -> dict[str, int]:
    return {table: call.world.store.count(table) for table in call.world.store.tables}


async def list_records(call: ControlCall, table: str, limit: int, offset: int) -> list[dict[str, Any]]:
    call.check_table(table)
    records = call.world.store.slice(table, offset, offset + limit)
    return [call.served.secrets.value(seed.as_json(record)) for record in records]


async def create_record(call: ControlCall, table: str, body: dict[str, Any]) -> dict[str, Any]:
    call.check_table(table)
    try:
        record = seed.record_of(call.served.contract, call.world.store, table, body)
    except seed.SeedError as error:
        raise conflict(error) from None
    call.world.store.put(table, record)
    return seed.as_json(record)
