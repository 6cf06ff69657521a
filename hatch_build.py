"""Puts the document, the overlays and the fixtures into the wheel, and the merged contracts as JSON.

With these a server starts without reading YAML or applying overlays. A checkout has no copies.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DATA = ("openapi.yaml", "overlays", "fixtures/seed", "fixtures/scripts")


class Data(BuildHookInterface):
    """Fills `flowise_mock/data` of a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        sys.path.insert(0, str(Path(self.root, "src")))
        from flowise_mock.contract import contracts

        include: dict[str, str] = build_data["force_include"]
        for name in DATA:
            include[str(Path(self.root, name))] = f"flowise_mock/data/{name}"
        folder = Path(tempfile.mkdtemp())
        for name in contracts.names():
            merged = folder / f"{name}.json"
            merged.write_text(json.dumps(contracts.load(name), separators=(",", ":")))
            include[str(merged)] = f"flowise_mock/data/contracts/{name}.json"
