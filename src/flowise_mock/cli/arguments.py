"""Arguments of several commands, and the types of their values."""

from __future__ import annotations

import argparse
import sys
from typing import Any


def add_contract(command: Any, default: str | None, what: str, shown: str | None = None) -> Any:
    """Add options that name a contract, also by its version of Flowise. Returns the group of options."""
    named = command.add_mutually_exclusive_group()
    named.add_argument(
        "--contract", default=default, metavar="NAME", help=f"{what} (default: {shown or default})"
    )
    named.add_argument(
        "--flowise",
        dest="contract",
        type=version,
        metavar="VERSION",
        help="the contract of that Flowise, such as 3.1.4, or of the nearest older one",
    )
    return named


def version(text: str) -> str:
    """The contract of a version, or of the nearest older one, which is said. Raises ArgumentTypeError."""
    from flowise_mock.contract import contracts
    from flowise_mock.contract.document import DocumentError

    try:
        found = contracts.resolve_version(text)
    except DocumentError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if found != text:
        print(f"there is no contract for Flowise {text}: using {found}", file=sys.stderr)
    return found


def add_format(command: argparse.ArgumentParser, what: str, *forms: str) -> None:
    """Add an option for the output format; the first is the default."""
    command.add_argument("--format", default=forms[0], choices=forms, help=f"{what} (default: %(default)s)")


def add_reports(group: Any, forms: tuple[str, ...]) -> None:
    """Add options for the reports of a judgement; a report is a pair of its form and its file."""

    def report(text: str) -> tuple[str, str]:
        name, _, file = text.partition("=")
        if name not in forms:
            raise argparse.ArgumentTypeError(f"there is no report {name!r}; there are {', '.join(forms)}")
        if not file and name not in ("terminal", "github", "md"):
            raise argparse.ArgumentTypeError(f"{name}: name its file: {name}=FILE")
        return name, file

    group.add_argument(
        "--report",
        action="append",
        default=[],
        type=report,
        metavar="FORMAT[=FILE]",
        help=f"a report: {', '.join(forms)}; may be repeated",
    )
    group.add_argument("--verbose", action="store_true", help="show each deviation, not only the causes")


def port(text: str) -> int:
    """A port, 0 for any. Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 0 to 65535")
    return int(text)


def count(text: str) -> int:
    """A number from 0 to 1,000,000. Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) > 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1000000")
    return int(text)


def milliseconds(text: str) -> float:
    """A pause, from 0 to 600,000. Raises ArgumentTypeError."""
    return _pause(text, "milliseconds")


def seconds(text: str) -> float:
    """A pause, from 0 to 600,000. Raises ArgumentTypeError."""
    return _pause(text, "seconds")


def _pause(text: str, unit: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 600_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a pause in {unit}: give a number from 0 to 600000")
    return value
