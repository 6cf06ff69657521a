"""Settings of `serve` that are not flags: environment variables, then a file of the project.

A flag comes before the environment, the environment before the file. The file is `.flowise-mock.toml`, or
the table `tool.flowise-mock` of `pyproject.toml`, in the working directory or above it.
"""

from __future__ import annotations

import argparse
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowise_mock.contract.document import DocumentError
from flowise_mock.contract.vocabulary import nearest

TABLES = ("lint",)
"""Tables of the file that other commands read."""


class SettingError(DocumentError):
    """A setting that cannot be used; the text names the variable or the file."""


@dataclass(frozen=True)
class Setting:
    """One setting: its name in the file, what reads its text, its default, and whether it is a list.

    A secret belongs into the environment, and is not read from a file.
    """

    name: str
    read: Callable[[str], Any] = str
    default: Any = None
    many: bool = False
    secret: bool = False

    @property
    def variable(self) -> str:
        """The environment variable."""
        return f"FLOWISE_MOCK_{self.name.upper().replace('-', '_')}"

    @property
    def argument(self) -> str:
        return self.name.replace("-", "_")


def resolve(arguments: argparse.Namespace, settings: tuple[Setting, ...], folder: Path | None = None) -> None:
    """Fill in the arguments that no flag gave. Raises SettingError."""
    file, given = _file(folder or Path.cwd(), settings)
    for setting in settings:
        if getattr(arguments, setting.argument) not in (None, []):
            continue
        setattr(arguments, setting.argument, _value(setting, os.environ, file, given))


def _value(setting: Setting, environ: Mapping[str, str], file: Path | None, given: Mapping[str, Any]) -> Any:
    text = environ.get(setting.variable)
    if text:
        return _read(setting, [text] if setting.many else text, f"${setting.variable}")
    if setting.name in given:
        return _read(setting, given[setting.name], f"{file}: {setting.name}")
    return setting.default


def _read(setting: Setting, value: Any, place: str) -> Any:
    values = value if isinstance(value, list) and setting.many else [value]
    if not all(isinstance(each, (str, int)) and not isinstance(each, bool) for each in values):
        raise SettingError(f"{place}: write a text{', or a list of texts' if setting.many else ''}")
    try:
        read = [setting.read(str(each)) for each in values]
    except argparse.ArgumentTypeError as error:
        raise SettingError(f"{place}: {error}") from None
    return read if setting.many else read[0]


def _file(folder: Path, settings: tuple[Setting, ...]) -> tuple[Path | None, dict[str, Any]]:
    """The nearest file with settings and what it says. Raises SettingError."""
    for each in (folder, *folder.parents):
        for name, keys in ((".flowise-mock.toml", ()), ("pyproject.toml", ("tool", "flowise-mock"))):
            path = each / name
            found = _table(path, keys) if path.is_file() else None
            if found is not None:
                return path, _known(path, found, settings)
    return None, {}


def _table(path: Path, keys: tuple[str, ...]) -> dict[str, Any] | None:
    try:
        found: Any = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SettingError(f"{path}: cannot be read: {error}") from None
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _known(path: Path, found: dict[str, Any], settings: tuple[Setting, ...]) -> dict[str, Any]:
    names = [setting.name for setting in settings if not setting.secret]
    for key in found:
        if key in TABLES or key in names:
            continue
        secret = next((each for each in settings if each.name == key), None)
        if secret is not None:
            raise SettingError(f"{path}: {key} is a secret; set ${secret.variable} instead")
        near = nearest(key, names)
        raise SettingError(f"{path}: there is no setting {key}{near}; there are {', '.join(names)}")
    return found
