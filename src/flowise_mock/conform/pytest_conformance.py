"""The pytest way to run the judge: a test that takes `flowise_operation` runs once for each operation.

    @pytest.mark.flowise_conformance("http://127.0.0.1:3000", contract="documented")
    def test_conforms(flowise_operation):
        flowise_operation.check()

The server is judged once for each address and contract; each operation then passes or fails by itself.
Address, key and contract may also come from `--flowise-url`, FLOWISE_API_KEY and `--flowise-contract`.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

MARKER = "flowise_conformance"
RUNS = pytest.StashKey[dict[tuple[Any, ...], "dict[str, Any] | str"]]()


class DeviatesError(AssertionError):
    """An operation breaks its contract; the text says how, and how to repeat it."""


class Operation:
    """One operation of a contract. The server is judged when the first one is checked."""

    def __init__(self, id: str, config: pytest.Config, options: dict[str, Any]) -> None:
        self.id = id
        self._config = config
        self._options = options

    @property
    def deviations(self) -> list[dict[str, Any]]:
        """Its deviations that no baseline knows, as in the JSON report."""
        run = judged(self._config, self._options)
        return [each for each in [*run["new"], *run["expired"]] if each["operation"] == self.id]

    def check(self) -> None:
        """Raises DeviatesError if it breaks its contract; fails if it was never seen to work."""
        run = judged(self._config, self._options)
        found = [
            f"{each['check']}: {each['what']}\n  expected {each['expected']}\n"
            f"  repeat {run['command']} --only {each['id']}"
            for each in self.deviations
        ]
        if found:
            raise DeviatesError(f"{self.id} deviates\n" + "\n".join(found))
        if self.id in run["unseen"]:
            pytest.fail(f"{self.id} was not seen to work: {run['unseen'][self.id]}")


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("flowise")
    group.addoption("--flowise-url", help="address of the Flowise that tests with `flowise_operation` judge")
    group.addoption("--flowise-contract", default="clients", help="contract to judge by (default: clients)")


def configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{MARKER}(url, contract='clients', **options): judge this server; options as in conform.options",
    )


def generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each operation of the contract."""
    if "flowise_operation" not in metafunc.fixturenames:
        return
    from flowise_mock.conform import contract

    options = _options(metafunc.definition, metafunc.config)
    ids = list(contract.load(options["contract"]).operations)
    made = [Operation(id, metafunc.config, options) for id in ids]
    metafunc.parametrize("flowise_operation", made, ids=ids)


def _options(item: Any, config: pytest.Config) -> dict[str, Any]:
    marker = item.get_closest_marker(MARKER)
    given = dict(marker.kwargs) if marker else {}
    url = (marker.args[0] if marker and marker.args else None) or config.getoption("--flowise-url")
    contract = config.getoption("--flowise-contract")
    return {"url": url, "contract": contract, "key": os.environ.get("FLOWISE_API_KEY"), **given}


def judged(config: pytest.Config, options: dict[str, Any]) -> dict[str, Any]:
    """The run against a server, made once in a session. A server that cannot be judged fails one test."""
    runs = config.stash.setdefault(RUNS, {})
    key = tuple(sorted((name, str(value)) for name, value in options.items()))
    known = runs.get(key)
    if isinstance(known, str):
        pytest.skip(f"not judged: {known}")
    if known is None:
        known = _run(options)
        runs[key] = known
    if isinstance(known, str):
        pytest.fail(known, pytrace=False)
    return known


def _run(options: dict[str, Any]) -> dict[str, Any] | str:
    """The run, or why there is none."""
    from flowise_mock.conform import contract, run
    from flowise_mock.conform.baseline import BaselineError
    from flowise_mock.conform.generated import GeneratedError
    from flowise_mock.conform.ledger import LedgerError
    from flowise_mock.conform.options import Options
    from flowise_mock.conform.target import TargetError

    if not options["url"]:
        return f"name the server: @pytest.mark.{MARKER}(URL) or --flowise-url URL"
    try:
        return run.run(Options(**{**options, "contract": contract.load(options["contract"])}))
    except (TargetError, BaselineError, GeneratedError, LedgerError) as error:
        return str(error)
