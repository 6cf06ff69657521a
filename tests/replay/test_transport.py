"""The transport to an application in this process answers as one over HTTP does."""

from __future__ import annotations

import json

import pytest

from conftest import KEY, Running
from flowise_mock.replay.transport import AsgiTransport, HttpTransport, Request
from flowise_mock.server import build
from flowise_mock.server.build import Options

pytestmark = pytest.mark.server

HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"
TOOL = json.dumps({"name": "é", "description": "d", "color": "c"}).encode()


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("GET", "/api/v1/ping", None),
        ("GET", "/api/v1/tools?page=1&limit=1", None),
        ("POST", "/api/v1/tools", TOOL),
        ("POST", "/api/v1/tools", b"{"),
        ("POST", f"/api/v1/prediction/{FLOW}", b'{"question": "hi", "chatId": "c", "streaming": true}'),
        ("GET", "/api/v1/tools/%20", None),
    ],
)
def test_both_transports_get_the_same_answer(
    default: Running, method: str, target: str, body: bytes | None
) -> None:
    request = Request(method, target, HEADERS, body, 10)
    over_http = HttpTransport(default.url)(request)
    app = build.build(Options(token_delay=0)).app
    with AsgiTransport(app) as transport:
        here = transport(request)
    assert (here.status, here.headers["content-type"]) == (
        over_http.status,
        over_http.headers["content-type"],
    )
    assert len(here.body) == pytest.approx(len(over_http.body), abs=2)


def test_an_application_that_is_slow_or_fails() -> None:
    async def slow(scope: object, receive: object, send: object) -> None:
        import asyncio

        await asyncio.sleep(10)

    async def fails(scope: object, receive: object, send: object) -> None:
        raise ValueError

    request = Request("GET", "/", {}, None, 0.05)
    with AsgiTransport(slow) as transport:
        assert transport(request).status is None
    with AsgiTransport(fails) as transport:
        assert transport(request).status == 500
