"""The plug-in of pytest. Its parts are in the packages that they belong to."""

from __future__ import annotations

import pytest

from flowise_mock.conform import pytest_conformance

pytest_plugins = ["flowise_mock.testing.fixtures"]


def pytest_addoption(parser: pytest.Parser) -> None:
    pytest_conformance.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    pytest_conformance.configure(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    pytest_conformance.generate_tests(metafunc)
