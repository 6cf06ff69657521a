"""The learned overlay: its text, and whether a hand has changed it since it was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from flowise_mock.contract.document import DocumentError, read
from flowise_mock.learn.proposal import Proposal

DIGEST = "# learned: "


def actions(version: str, kept: Sequence[Proposal], recording: str) -> list[dict[str, Any]]:
    """The actions that name the version, and those that a search has kept."""
    info = {"title": f"Flowise APIs, as Flowise {version} answers them", "version": version}
    named = [
        {"target": "$.info", "description": "The version of the server.", "update": info},
        {
            "target": "$['x-bodies'].version",
            "description": "The version of the server.",
            "update": {"version": version},
        },
    ]
    learned = [action.data(each.evidence or recording) for each in kept for action in each.actions]
    return named + learned


def write(file: Path, version: str, extends: str, found: Sequence[dict[str, Any]]) -> None:
    """Write the overlay, with a digest of its actions in the last line."""
    overlay = {
        "overlay": "1.0.0",
        "info": {"title": f"The differences of Flowise {version}", "version": "1.0.0"},
        "extends": extends,
        "actions": list(found),
    }
    text = yaml.safe_dump(overlay, sort_keys=False, allow_unicode=True, width=110)
    partial = file.with_name(file.name + ".part")
    partial.write_text(f"{text}{DIGEST}{_digest(found)}\n", encoding="utf-8")
    partial.replace(file)


def by_hand(file: Path) -> list[dict[str, Any]]:
    """All actions of a file that was changed since it was learned; none of one that was not.

    Raises DocumentError if it is not an overlay.
    """
    overlay = read(file)
    if not isinstance(overlay, dict) or not isinstance(overlay.get("actions"), list):
        raise DocumentError(f"{file}: is not an OpenAPI Overlay: it has no list of actions")
    last = file.read_text(encoding="utf-8").rstrip().rpartition("\n")[2]
    found: list[dict[str, Any]] = overlay["actions"]
    return [] if last == f"{DIGEST}{_digest(found)}" else found


def _digest(found: Sequence[dict[str, Any]]) -> str:
    return hashlib.sha256(json.dumps(list(found), sort_keys=True).encode()).hexdigest()[:16]
