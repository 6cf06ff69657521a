"""The commands `departures` and `contract` and their options."""

from __future__ import annotations

import argparse
from typing import Any

from flowise_mock.cli.arguments import add_contract, add_format


def add(commands: Any) -> None:
    """Add the two commands to a command line."""
    departures = commands.add_parser(
        "departures",
        help="list where the document differs from the documentation",
        description="Print every place where the document differs from Flowise's documentation, and why.",
    )
    add_contract(departures, "documented", "the contract to examine")
    departures.set_defaults(run=_departures)

    contract = commands.add_parser(
        "contract", help="print a contract", description="Print a contract as an OpenAPI document."
    )
    add_contract(contract, "documented", "the contract to print")
    add_format(contract, "the output format", "yaml", "json")
    contract.add_argument(
        "--operations",
        action="store_true",
        help="print a table of the operations: described, with a fixed answer, not imitated",
    )
    contract.set_defaults(run=_contract)


def _departures(arguments: argparse.Namespace) -> int:
    from flowise_mock.contract import contracts
    from flowise_mock.contract.publish import departures

    for pointer, why in departures(contracts.load(arguments.contract)):
        print(f"{pointer}\n    {why}")
    return 0


def _contract(arguments: argparse.Namespace) -> int:
    import json

    import yaml

    from flowise_mock.contract import contracts
    from flowise_mock.contract.operation_table import operation_table
    from flowise_mock.contract.publish import publish

    loaded = contracts.load(arguments.contract)
    if arguments.operations:
        print("\n".join(operation_table(loaded)))
        return 0
    shown = publish(loaded)
    if arguments.format == "json":
        print(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        print(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=100), end="")
    return 0
