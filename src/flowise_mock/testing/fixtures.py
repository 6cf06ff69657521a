"""The fixture `flowise`: a mock of Flowise that every test has for itself.

Every pytest session imports this module, so the server and its libraries are imported at first use.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from flowise_mock.testing import marker
from flowise_mock.testing.marker import Marker, MarkerError

if TYPE_CHECKING:
    from flowise_mock.testing.mock import FlowiseMock

CONTRACT = "clients"
SHOWN = 30
"""Requests that the report of a failed test shows."""
_MOCK = pytest.StashKey["FlowiseMock"]()
_SHARED = pytest.StashKey["FlowiseMock | None"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("flowise-mock", "a mock of Flowise for tests: the fixture `flowise`")
    group.addoption(
        "--flowise-mock-url",
        metavar="URL",
        help="use the flowise-mock that runs there; each test gets a namespace",
    )
    group.addoption("--flowise-mock-token", metavar="TOKEN", help="its control token, if it has one")
    group.addoption(
        "--flowise-mock-env",
        metavar="NAME[=url|api_key]",
        action="append",
        default=[],
        help="set this environment variable to the URL, or to the key, for each test; may be repeated",
    )
    group.addoption(
        "--flowise-mock-versions",
        metavar="VERSIONS",
        help="run each test that uses the fixture once for each of these versions, such as 3.0.5,3.1.4",
    )
    parser.addini("flowise_mock_url", "as --flowise-mock-url")
    parser.addini("flowise_mock_versions", "as --flowise-mock-versions")
    parser.addini("flowise_mock_env", "as --flowise-mock-env, a variable each line", type="linelist")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "flowise(contract, versions, script, seed, ids, strict): what the fixture `flowise` serves: a "
        "contract such as '3.1.4', versions to run the test with, files of rules, 'empty' or a folder or "
        "records, 'random' or 'reproducible', True",
    )
    for given in _variables(config):
        if given.partition("=")[2] not in ("", "url", "api_key"):
            raise pytest.UsageError(f"--flowise-mock-env {given}: say NAME, NAME=url or NAME=api_key")
    try:
        versions = _versions(config)
    except MarkerError as error:
        raise pytest.UsageError(str(error)) from None
    if versions and _url(config):
        raise pytest.UsageError("--flowise-mock-versions: the server of --flowise-mock-url has one version")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat a test for each version that its marker names, or that the command line names."""
    if "flowise_mock_version" not in metafunc.fixturenames:
        return
    try:
        options = marker.of(metafunc.definition)
    except MarkerError as error:
        raise pytest.Collector.CollectError(str(error)) from None
    versions = options.versions or (() if options.contract else _versions(metafunc.config))
    if versions:
        metafunc.parametrize("flowise_mock_version", versions)


def _versions(config: pytest.Config) -> tuple[str, ...]:
    """The versions of the command line, or of the ini file. Raises MarkerError."""
    given = config.getoption("--flowise-mock-versions") or config.getini("flowise_mock_versions") or ""
    named = [each.strip() for each in str(given).split(",") if each.strip()]
    return tuple(dict.fromkeys(marker.resolve("--flowise-mock-versions", each) for each in named))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Any:
    """Make a marker that cannot be used an error of the collection."""
    report = yield
    try:
        for item in report.result or ():
            if isinstance(item, pytest.Item) and "flowise" in getattr(item, "fixturenames", ()):
                _check(item)
    except MarkerError as error:
        report.outcome, report.result, report.longrepr = "failed", [], str(error)
    return report


def _check(item: pytest.Item) -> None:
    """Raises MarkerError if a test cannot run as its markers say."""
    options = marker.of(item)
    wanted = options.contract or next(iter(options.versions), None)
    shared = _shared(item.config)
    if wanted is not None and shared is not None and wanted != shared.contract:
        raise MarkerError(
            f"{item.nodeid}: the test is marked with the contract {wanted}, and the server at {shared.url} "
            f"serves {shared.contract}; run it without --flowise-mock-url, or start that server with "
            f"--contract {wanted}"
        )


def _url(config: pytest.Config) -> str | None:
    return config.getoption("--flowise-mock-url") or config.getini("flowise_mock_url") or None


def _variables(config: pytest.Config) -> list[str]:
    return [*config.getini("flowise_mock_env"), *config.getoption("--flowise-mock-env")]


def _shared(config: pytest.Config) -> FlowiseMock | None:
    """The server of --flowise-mock-url, if it is given. Raises MarkerError if it does not answer."""
    if _SHARED not in config.stash:
        config.stash[_SHARED] = _connected(config)
    return config.stash[_SHARED]


def _connected(config: pytest.Config) -> FlowiseMock | None:
    url = _url(config)
    if url is None:
        return None
    from flowise_mock.testing.control_client import ControlError
    from flowise_mock.testing.mock import FlowiseMock

    try:
        return FlowiseMock.connect(url, control_token=config.getoption("--flowise-mock-token"))
    except ControlError as error:
        raise MarkerError(f"--flowise-mock-url: {error}; start it with: flowise-mock serve") from None


class Servers:
    """The servers of one session: the shared one, or one for each contract, started at first use."""

    def __init__(self, shared: FlowiseMock | None) -> None:
        self.shared = shared
        self._started: dict[str, FlowiseMock] = {}

    def get(self, contract: str | None) -> FlowiseMock:
        if self.shared is not None:
            return self.shared
        contract = contract or CONTRACT
        if contract not in self._started:
            from flowise_mock.testing.mock import FlowiseMock

            self._started[contract] = FlowiseMock(contract=contract).start()
        return self._started[contract]

    def stop(self) -> None:
        for server in self._started.values():
            server.stop()


@pytest.fixture(scope="session")
def flowise_mock_servers(pytestconfig: pytest.Config) -> Iterator[Servers]:
    """The servers of this session, by contract."""
    servers = Servers(_shared(pytestconfig))
    yield servers
    servers.stop()


@pytest.fixture(scope="session")
def flowise_mock_server(flowise_mock_servers: Servers) -> FlowiseMock:
    """The server of tests without a contract of their own, for the whole session."""
    return flowise_mock_servers.get(None)


@pytest.fixture
def flowise_mock_version() -> str | None:
    """The version that a test runs with, if it is repeated for several."""
    return None


@pytest.fixture
def flowise(
    request: pytest.FixtureRequest,
    flowise_mock_servers: Servers,
    flowise_mock_version: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[FlowiseMock]:
    """A mock of Flowise, as it is at its start."""
    options = marker.of(request.node)
    server = flowise_mock_servers.get(flowise_mock_version or options.contract)
    mock = _world(server, options, request.node, own=flowise_mock_servers.shared is None)
    request.node.stash[_MOCK] = mock
    for given in _variables(request.config):
        name, _, what = given.partition("=")
        monkeypatch.setenv(name, mock.api_key if what == "api_key" else mock.url)
    yield mock
    if mock is not server:
        mock.stop()


def _world(server: FlowiseMock, options: Marker, item: Any, *, own: bool) -> FlowiseMock:
    """The whole server, if the session has it alone; a namespace of one that others use too."""
    from flowise_mock.testing.beginning import beginning
    from flowise_mock.testing.mock import safe_name

    begins = beginning(**{"ids": "reproducible", **options.beginning}, folder=options.folder)
    if not own:
        return server.namespace(safe_name(item.name), begins=begins)
    server.begin(begins)
    return server


# --- reports ---------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """Fail a strict test that left a request without a rule."""
    result = yield
    mock = item.stash.get(_MOCK, None)
    if mock is not None and marker.of(item).strict:
        left = [each for each in mock.requests() if each.explanation and not (each.rule or each.fault)]
        if left:
            lines = "\n".join(f"  {each}: {each.explanation}" for each in left[:SHOWN])
            pytest.fail(f"strict: no rule answered {len(left)} of the requests\n{lines}", pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Show the requests of a test that failed."""
    report = yield
    mock = item.stash.get(_MOCK, None)
    if mock is not None and report.when == "call" and report.failed:
        report.sections.append(("requests to flowise-mock", _listed(mock)))
    return report


def _listed(mock: FlowiseMock) -> str:
    try:
        found = mock.requests()
    except Exception as error:  # a report must not hide why the test failed
        return f"they cannot be shown: {error}"
    if not found:
        return "there were none"
    earlier = [f"... {len(found) - SHOWN} earlier ones"] if len(found) > SHOWN else []
    return "\n".join([*earlier, *map(str, found[-SHOWN:])])
