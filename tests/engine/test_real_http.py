"""HTTP as Node and Express answer it, on a socket: what no HTTP client sends."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from conftest import KEY, Running
from flowise_mock.server import build
from flowise_mock.server.build import Options

pytestmark = pytest.mark.server


@pytest.fixture(params=["3.0.5", "3.1.4"], scope="module")
def version(request: pytest.FixtureRequest) -> Iterator[Running]:
    running = Running(build.build(Options(contract=request.param)))
    yield running
    running.stop()


def sent(server: Running, head: str) -> str:
    """The answer to a request whose connection is closed after it."""
    port = int(server.url.rsplit(":", 1)[1].split("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(head.encode("latin-1"))
        found = b""
        while chunk := client.recv(65536):
            found += chunk
    return found.decode("latin-1")


CLOSE = "Connection: close\r\n\r\n"
HOST = f"Host: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"


@pytest.mark.parametrize(
    "head",
    [
        f"GET /api/v1/a b HTTP/1.1\r\n{HOST}{CLOSE}",
        f"GET /api/v1/ping HTTP/1.1\r\n{HOST}A: \x7f\r\n{CLOSE}",
        f"GET /api/v1/ping HTTP/1.1\r\n{HOST}Content-Length: x\r\n{CLOSE}",
        f"NOPE /api/v1/ping HTTP/1.1\r\n{HOST}{CLOSE}",
        "nonsense\r\n\r\n",
    ],
)
def test_what_is_no_http_gets_a_status_alone(version: Running, head: str) -> None:
    lines = sent(version, head).lower()
    assert lines == "http/1.1 400 bad request\r\nconnection: close\r\n\r\n"


def test_the_default_contract_says_why(fresh_default: Running) -> None:
    assert "This is not an HTTP/1.1 request" in sent(fresh_default, "nonsense\r\n\r\n")


def test_an_expectation_that_no_server_meets(version: Running) -> None:
    head = f"GET /api/v1/ping HTTP/1.1\r\n{HOST}Expect: wonders\r\n{CLOSE}"
    answer = sent(version, head)
    assert answer.startswith("HTTP/1.1 417 ")
    assert "pong" not in answer


def test_blanks_around_a_header_are_no_part_of_it(version: Running) -> None:
    head = f"GET /api/v1/tools HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization:  Bearer {KEY} \t \r\n{CLOSE}"
    assert sent(version, head).startswith("HTTP/1.1 200 ")


def test_a_number_of_a_query_is_what_it_begins_with(version: Running) -> None:
    with version.client() as client:
        pages = [
            client.get("/tools", params={"page": each, "limit": 1}).json() for each in ("1", "1e1", "1x")
        ]
    assert pages[0] == pages[1] == pages[2]
    assert pages[0]["data"]
