"""How a namespace begins: arguments of a test as the control API takes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from flowise_mock.scripts.reading import ScriptError, find_script

Ids = Literal["random", "reproducible"]
Scripts = str | PathLike[str] | Sequence[str | PathLike[str]]
"""Files of rules, or the names of bundled ones."""
Seed = str | PathLike[str] | Mapping[str, Sequence[Mapping[str, Any]]]
"""`default`, `empty`, a folder of seed files, or records by table."""


def beginning(
    *,
    script: Scripts = (),
    seed: Seed = "default",
    ids: Ids | None = None,
    strict: bool = False,
    folder: Path | None = None,
) -> dict[str, Any]:
    """The body that makes a namespace, without what is as the server was started.

    Files are relative to `folder`, or to the working directory. Raises ScriptError or ValueError.
    """
    files = [script] if isinstance(script, (str, PathLike)) else list(script)
    begins: dict[str, Any] = {}
    if files:
        begins["scripts"] = [_script(str(file), folder) for file in files]
    if strict:
        begins["strict"] = True
    if ids is not None:
        begins["ids"] = ids
    if isinstance(seed, Mapping):
        begins["records"] = {table: [dict(row) for row in rows] for table, rows in seed.items()}
    elif seed == "empty":
        begins["seed"] = "empty"
    elif seed != "default":
        begins["records"] = _folder(_resolved(str(seed), folder))
    return begins


def _resolved(name: str, folder: Path | None) -> Path:
    beside = (folder or Path()) / name
    return beside if beside.exists() else Path(name)


def _script(name: str, folder: Path | None) -> dict[str, str]:
    path = _resolved(name, folder)
    path = path if path.exists() else find_script(name)
    try:
        return {"name": str(path), "text": path.read_bytes().decode("utf-8-sig")}
    except OSError as error:
        raise ScriptError(f"{path}: cannot be read: {error.strerror}; name a file of rules") from None
    except UnicodeDecodeError as error:
        raise ScriptError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None


def _folder(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise ValueError(f"{folder}: there is no such seed; name a folder, `default` or `empty`")
    records = {}
    for file in sorted(folder.glob("*.json")):
        try:
            records[file.stem] = json.loads(file.read_text("utf-8"))
        except ValueError as error:
            raise ValueError(f"{file}: is not JSON: {error}") from None
    return records
