"""Snapshots: saves, compares, restores, exports and imports the state."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from flowise_mock import __version__
from flowise_mock.contract.secrets import MASK
from flowise_mock.control import entries
from flowise_mock.control.call import ControlCall, conflict
from flowise_mock.engine import seed
from flowise_mock.engine.seed import SeedError
from flowise_mock.knowledge.slices import Large, collected
from flowise_mock.scripts.reading import ScriptError
from flowise_mock.scripts.rules import Rule
from flowise_mock.state.journal import Entry
from flowise_mock.state.outcomes import Conflict, Deletion, LimitReached, NotFound
from flowise_mock.state.store import Snapshot
from flowise_mock.state.table import Record

FORMAT = 1
MAX_SNAPSHOTS = 100
"""Snapshots of one namespace."""


async def list_snapshots(call: ControlCall) -> list[dict[str, Any]]:
    return [_shown(name, snapshot) for name, snapshot in call.world.snapshots.items()]


async def save_snapshot(call: ControlCall, name: str, body: dict[str, Any]) -> dict[str, Any]:
    if name not in call.world.snapshots and len(call.world.snapshots) >= MAX_SNAPSHOTS:
        raise LimitReached("snapshots", MAX_SNAPSHOTS)
    snapshot = call.world.snapshots[name] = call.world.store.snapshot()
    return _shown(name, snapshot)


async def delete_snapshot(call: ControlCall, name: str) -> Deletion:
    _find(call, name)
    del call.world.snapshots[name]
    return Deletion(1)


async def restore_snapshot(call: ControlCall, name: str, body: dict[str, Any]) -> dict[str, Any]:
    snapshot = _find(call, name)
    call.end_streams()
    call.world.store.restore(snapshot)
    return _shown(name, snapshot)


def _find(call: ControlCall, name: str) -> Snapshot:
    snapshot = call.world.snapshots.get(name)
    if snapshot is None:
        raise NotFound("snapshot", name)
    return snapshot


def _shown(name: str, snapshot: Snapshot) -> dict[str, Any]:
    return {"name": name, "records": sum(len(records) for records in snapshot.records.values())}


# --- differences -----------------------------------------------------------------------------------


async def diff_snapshots(call: ControlCall, **ends: str) -> Large:
    first, second = (_named(call, ends[end]) for end in ("from", "to"))
    found = {}
    for table in call.world.store.tables:
        before, after = first.records.get(table, {}), second.records.get(table, {})
        changes = (
            {"id": id, "fields": _fields(call, before[id], after[id])}
            for id in before
            if id in after and before[id] is not after[id] and before[id] != after[id]
        )
        changed = await collected(changes, call.pause)
        added = await _without(call, after, before)
        removed = await _without(call, before, after)
        if added or removed or changed:
            found[table] = {"added": added, "removed": removed, "changed": changed}
    return Large(found)


async def _without(
    call: ControlCall, records: Mapping[str, dict[str, Any]], others: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The records that are not among others."""
    shown = (_masked(call, record) for id, record in records.items() if id not in others)
    return await collected(shown, call.pause)


def _named(call: ControlCall, name: str) -> Snapshot:
    if name == "now":
        return call.world.store.snapshot()
    return call.world.start if name == "start" else _find(call, name)


def _fields(call: ControlCall, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    one, other = _masked(call, before), _masked(call, after)
    return {
        name: {"before": one.get(name), "after": other.get(name)}
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    }


def _masked(call: ControlCall, record: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = call.served.secrets.value(seed.as_json(record))
    return shown


# --- files -----------------------------------------------------------------------------------------


async def export_world(call: ControlCall, secrets: bool) -> Large:
    shown = (lambda call, record: seed.as_json(record)) if secrets else _masked
    tables = list(call.world.store)  # as they are now, whatever happens in the pauses
    records = {
        table: await collected((shown(call, record) for record in rows), call.pause) for table, rows in tables
    }
    given = [rule for _, rule, _ in call.world.rules.added()]
    world = {
        "format": FORMAT,
        "version": __version__,
        "contract": call.served.ready["contract"],
        "records": records,
        "rules": given if secrets else [call.served.secrets.value(rule) for rule in given],
        "journal": await collected(
            (entries.shown(entry, call.world) for entry in call.world.journal), call.pause
        ),
    }
    return Large(world)


async def import_world(call: ControlCall, body: dict[str, Any]) -> dict[str, Any]:
    ours = call.served.ready["contract"]
    if body["format"] != FORMAT:
        raise Conflict(
            f"the file has format {body['format']}, and this version reads {FORMAT}; export it again"
        )
    if body["contract"] != ours:
        raise Conflict(f"the file is of the contract {body['contract']}, and this server has {ours}")
    records, rules, journal = await asyncio.to_thread(_read, call, body)
    call.end_streams()
    kept = call.world.store.snapshot()
    keys = records.get("apikey", {})
    if not keys or any(key.get("apiKey") == MASK for key in keys.values()):
        keys = dict(kept.records["apikey"])  # the keys of a file without secrets would lock everyone out
    call.world.store.restore(Snapshot({**records, "apikey": keys}, {}, type(kept.counts)(), kept.ids))
    call.world.rules.use(rules)
    if "journal" in body:
        call.world.journal.replace(journal)
    return {
        "records": sum(map(len, records.values())),
        "rules": len(rules),
        "entries": len(journal),
    }


def _read(
    call: ControlCall, body: dict[str, Any]
) -> tuple[dict[str, dict[str, Record]], list[tuple[Record, Rule]], list[Entry]]:
    """The records, the rules and the journal of an exported namespace."""
    store, contract = call.world.store, call.served.contract
    try:
        records = {
            table: {record["id"]: record for record in seed.records_of(contract, store, table, rows)}
            for table, rows in body["records"].items()
        }
        rules = call.world.rules.compiled(body.get("rules", []))
        return records, rules, [entries.read(each) for each in body.get("journal", [])]
    except (SeedError, ScriptError, ValueError) as error:
        raise conflict(error) from None
