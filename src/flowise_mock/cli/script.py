"""The command `script`: checks files of rules, or prints their schema."""

from __future__ import annotations

import argparse
import json
from typing import Any

from flowise_mock.cli.arguments import add_contract


def add(commands: Any) -> None:
    """Add the command to a command line."""
    script = commands.add_parser(
        "script",
        help="check files of rules, or print their schema",
        description="Check files of rules against a contract, or print the JSON Schema of such files.",
    )
    script.add_argument(
        "files", nargs="*", metavar="FILE", help="a file of rules, or the name of a bundled one"
    )
    script.add_argument("--schema", action="store_true", help="print the JSON Schema, for an editor")
    add_contract(script, "clients", "the contract that answers must match")
    script.set_defaults(run=_script)


def _script(arguments: argparse.Namespace) -> int:
    from flowise_mock.contract import contracts
    from flowise_mock.scripts import reading
    from flowise_mock.scripts.contract_check import ContractCheck
    from flowise_mock.scripts.script import Script

    if arguments.schema:
        print(json.dumps(reading.schema(), indent=2))
        return 0
    if not arguments.files:
        raise reading.ScriptError("there is nothing to check: name a file of rules, or use --schema")
    check = ContractCheck(contracts.load(arguments.contract))
    script = Script([reading.find_script(each) for each in arguments.files], check)
    print(f"{len(script.rules)} rules, all valid")
    return 0
