"""The command `doctor`: what is installed, what is served, whether the port is free."""

from __future__ import annotations

import argparse
import importlib
import sys
import warnings
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from flowise_mock import __version__

PARTS = {
    "connexion": "serve",
    "uvicorn": "serve",
    "jsonschema_rs": "serve",
    "httptools": "serve, faster",
    "uvloop": "serve, faster",
    "openapi_spec_validator": "lint",
    "httpx": "the fixture, replay",
    "pytest": "the fixture",
    "schemathesis": "conform",
}
"""Packages by the name of their import, and what needs them."""


def add(commands: Any) -> None:
    """Add the command to a command line."""
    doctor = commands.add_parser(
        "doctor",
        help="check the installation",
        description="Check the installation: packages, contracts, settings, the port. Exit status 1 if serve cannot start.",
    )
    doctor.set_defaults(run=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    """Print one line for each thing that is checked."""
    print(f"flowise-mock {__version__}, Python {sys.version.split()[0]}, {sys.platform}")
    missing = [package for package in PARTS if not _print_part(package)]
    return 1 if _problems() or {"connexion", "uvicorn", "jsonschema_rs"} & set(missing) else 0


def _print_part(package: str) -> bool:
    need = PARTS[package]
    try:
        with warnings.catch_warnings(action="ignore"):  # Connexion imports what Starlette deprecates
            importlib.import_module(package)
        print(f"  ok       {package} {_version(package)} ({need})")
    except ImportError as error:
        print(f"  missing  {package} ({need}): {error}")
        return False
    return True


def _version(package: str) -> str:
    try:
        return version(package.replace("_", "-"))
    except PackageNotFoundError:
        return ""


def _problems() -> bool:
    """Whether `serve` would not start with the settings that it would use."""
    from flowise_mock.cli import serve, settings
    from flowise_mock.contract import contracts
    from flowise_mock.contract.document import DocumentError, operations
    from flowise_mock.server.run import ServerError, listen

    arguments = argparse.Namespace(**{each.argument: None for each in serve.SETTINGS})
    try:
        settings.resolve(arguments, serve.SETTINGS)
        count = sum(1 for _ in operations(contracts.load(arguments.contract)))
        print(f"  ok       contract {arguments.contract}, {count} operations")
        listen(arguments.host, arguments.port).close()
        print(f"  ok       port {arguments.port} of {arguments.host} is free")
    except (DocumentError, ServerError) as error:
        print(f"  problem  {error}")
        return True
    return False
