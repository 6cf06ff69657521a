"""Servers that the tests of hostile clients share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conftest import Running
from flowise_mock.server import build
from flowise_mock.server.build import Options


@pytest.fixture(scope="module", params=["clients", "3.1.4"])
def served(request: pytest.FixtureRequest) -> Iterator[Running]:
    running = Running(build.build(Options(contract=request.param, token_delay=0, hang=1)))
    running.contract = request.param
    yield running
    running.stop()
