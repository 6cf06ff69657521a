"""The pytest way to run the judge: a test that takes `flowise_operation` runs once per operation.

    @pytest.mark.flowise_conformance("http://127.0.0.1:3000", contract="documented")
    def test_conforms(flowise_operation):
        flowise_operation.check()

The server is judged once per address and contract; each operation then passes or fails by itself.
Address, key and contract may also come from `--flowise-url`, FLOWISE_API_KEY and `--flowise-contract`.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

pytest_plugins = ["flowise_mock.testing.fixtures"]
RUNS = pytest.StashKey[dict[tuple[Any, ...], dict[str, Any]]]()


class DeviatesError(AssertionError):
    """An operation breaks its contract; the text tells how and how to repeat it."""


class Operation:
    """One operation of a contract, judged when it is first asked."""

    def __init__(self, id: str, config: pytest.Config, asked: dict[str, Any]) -> None:
        self.id = id
        self._config = config
        self._asked = asked

    @property
    def deviations(self) -> list[dict[str, Any]]:
        """Its deviations that no baseline knows, as in the JSON report."""
        run = _judged(self._config, self._asked)
        return [each for each in [*run["new"], *run["expired"]] if each["operation"] == self.id]

    def check(self) -> None:
        """Raises DeviatesError where it breaks its contract; fails where it was never seen to work."""
        run = _judged(self._config, self._asked)
        found = [
            f"{each['check']}: {each['what']}\n  expected {each['expected']}\n  {each['curl']}"
            for each in self.deviations
        ]
        if found:
            raise DeviatesError(f"{self.id} deviates\n" + "\n".join(found))
        doubts = [doubt for doubt in run["doubts"] if doubt.startswith((f"{self.id} ", "the "))]
        if doubts:
            pytest.fail(f"{self.id} is inconclusive: {'; '.join(doubts)}")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("flowise")
    group.addoption("--flowise-url", help="address of the Flowise that tests with `flowise_operation` judge")
    group.addoption("--flowise-contract", default="clients", help="contract to judge by (default: clients)")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "flowise_conformance(url, contract='clients', **options): judge this server",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per operation of the contract."""
    if "flowise_operation" not in metafunc.fixturenames:
        return
    from flowise_mock.conform import contract

    asked = _asked(metafunc.definition, metafunc.config)
    ids = list(contract.load(asked["contract"]).operations)
    made = [Operation(id, metafunc.config, asked) for id in ids]
    metafunc.parametrize("flowise_operation", made, ids=ids)


def _asked(item: Any, config: pytest.Config) -> dict[str, Any]:
    marker = item.get_closest_marker("flowise_conformance")
    given = dict(marker.kwargs) if marker else {}
    url = (marker.args[0] if marker and marker.args else None) or config.getoption("--flowise-url")
    contract = config.getoption("--flowise-contract")
    return {"url": url, "contract": contract, "key": os.environ.get("FLOWISE_API_KEY"), **given}


def _judged(config: pytest.Config, asked: dict[str, Any]) -> dict[str, Any]:
    """The run against a server, made once per session."""
    from flowise_mock.conform import contract, run

    if not asked["url"]:
        pytest.fail("name the server: @pytest.mark.flowise_conformance(URL) or --flowise-url URL")
    runs = config.stash.setdefault(RUNS, {})
    key = tuple(sorted((name, str(value)) for name, value in asked.items()))
    if key not in runs:
        runs[key] = run.run(run.Options(**{**asked, "contract": contract.load(asked["contract"])}))
    return runs[key]
