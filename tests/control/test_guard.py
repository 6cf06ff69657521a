"""Who may reach the server and its control API: hosts, peers, tokens, pages of other origins."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from conftest import KEY, Running
from flowise_mock.control.guard import host_name, is_loopback
from flowise_mock.server import build
from flowise_mock.server.build import Options

LOOPBACK, OTHER = ("127.0.0.1", 50000), ("192.0.2.7", 50000)
JSON = {"Content-Type": "application/json"}


@cache
def _app(**options: Any) -> ASGIApp:
    return build.build(Options(seed=None, token_delay=0, **options)).app


def client(
    peer: tuple[str, int] = LOOPBACK, base: str = "http://localhost:3000", **options: Any
) -> httpx.AsyncClient:
    """A client of an app whose connections come from `peer`."""
    app = _app(
        **{name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app, client=peer), base_url=base)


async def status(http: httpx.AsyncClient, path: str, method: str = "GET", **headers: str) -> int:
    async with http:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await http.request(method, path, headers=named)
        assert answer.status_code < 400 or answer.json()["message"]
        return answer.status_code


HOSTS = [
    ("localhost", True), ("localhost:3000", True), ("LOCALHOST:3000", True), ("app.localhost", True),
    ("127.0.0.1", True), ("127.0.0.1:80", True), ("127.9.9.9", True), ("[::1]:3000", True), ("[::1]", True),
    ("[::ffff:127.0.0.1]", True), ("evil.example", False), ("evil.example:3000", False),
    ("localhost.evil.example", False), ("127.0.0.1.evil.example", False), ("192.168.1.5:3000", False),
    ("0.0.0.0", False), ("127.0.0.1@evil.example", False), ("evil.example:3000:80", False), ("2130706433", False),
]  # fmt: skip


@pytest.mark.parametrize(("host", "passes"), HOSTS)
@pytest.mark.parametrize("path", ["/api/v1/ping", "/__mock__/health", "/", "/docs"])
@pytest.mark.anyio
async def test_hosts_of_a_server_on_loopback(host: str, passes: bool, path: str) -> None:
    assert await status(client(), path, Host=host) == (200 if passes else 421)


@pytest.mark.anyio
async def test_a_host_can_be_allowed() -> None:
    assert (
        await status(client(allowed_hosts=["mock.example"]), "/api/v1/ping", Host="mock.example:3000") == 200
    )
    assert (
        await status(client(allowed_hosts=["mock.example"]), "/__mock__/journal", Host="mock.example") == 200
    )
    assert await status(client(allowed_hosts=["mock.example"]), "/api/v1/ping", Host="other.example") == 421


@pytest.mark.anyio
async def test_any_host_passes_elsewhere() -> None:
    assert await status(client(OTHER, host="0.0.0.0"), "/api/v1/ping", Host="mock.example") == 200
    assert await status(client(LOOPBACK, host="0.0.0.0"), "/__mock__/journal", Host="mock.example") == 403


# --- the control API -------------------------------------------------------------------------------

TOKEN = "a-token"
PEERS: list[tuple[tuple[str, int], str | None, dict[str, str], int]] = [
    (LOOPBACK, None, {}, 200),
    (OTHER, None, {}, 403),
    (OTHER, None, {"X-Forwarded-For": "127.0.0.1"}, 403),
    (OTHER, None, {"Forwarded": "for=127.0.0.1"}, 403),
    (OTHER, TOKEN, {}, 403),
    (OTHER, TOKEN, {"Flowise-Mock-Token": TOKEN}, 200),
    (OTHER, TOKEN, {"Authorization": f"Bearer {TOKEN}"}, 200),
    (OTHER, TOKEN, {"Flowise-Mock-Token": "wrong"}, 403),
    (OTHER, TOKEN, {"Flowise-Mock-Token": ""}, 403),
    (OTHER, None, {"Flowise-Mock-Token": ""}, 403),
    (OTHER, None, {"Flowise-Mock-Token": "None"}, 403),
    (LOOPBACK, TOKEN, {}, 200),
    (LOOPBACK, TOKEN, {"Flowise-Mock-Token": "wrong"}, 403),
    (("::1", 5), None, {}, 200),
    (("::ffff:127.0.0.1", 5), None, {}, 200),
]


@pytest.mark.parametrize(("peer", "token", "headers", "expected"), PEERS)
@pytest.mark.anyio
async def test_peers(
    peer: tuple[str, int], token: str | None, headers: dict[str, str], expected: int
) -> None:
    http = client(peer, host="0.0.0.0", control_token=token)
    async with http:
        answer = await http.get("/__mock__/journal", headers=headers)
        assert answer.status_code == expected
        for path in ("/__mock__/health", "/__mock__/ready"):
            assert (await http.get(path, headers=headers)).status_code == 200
        assert TOKEN not in answer.text


@pytest.mark.anyio
async def test_the_loopback_peer_needs_a_loopback_host() -> None:
    """As behind a proxy on the same machine, or by a name that was rebound."""
    assert await status(client(host="0.0.0.0"), "/__mock__/journal", Host="evil.example") == 403


@pytest.mark.parametrize(
    "path", ["/__mock__/health", "/__mock__/journal", "/__mock__", "/__mock__/", "/ns/a/__mock__/ready"]
)
@pytest.mark.anyio
async def test_no_control(path: str) -> None:
    assert await status(client(control=False), path) == 404
    assert await status(client(control=False), "/api/v1/ping") == 200


PAGES: list[tuple[str, str, dict[str, str], int]] = [
    ("POST", "/reset", {"Origin": "https://evil.example", **JSON}, 403),
    ("POST", "/reset", {"Origin": "null", **JSON}, 403),
    ("POST", "/reset", {"Origin": "http://localhost:5173", **JSON}, 403),
    ("POST", "/reset", {"Origin": "http://localhost:3000", **JSON}, 200),
    ("POST", "/reset", {"Sec-Fetch-Site": "cross-site", **JSON}, 403),
    ("POST", "/reset", {"Sec-Fetch-Site": "same-site", **JSON}, 403),
    ("POST", "/reset", {"Sec-Fetch-Site": "same-origin", **JSON}, 200),
    ("POST", "/reset", {"Content-Type": "text/plain"}, 415),
    ("POST", "/reset", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ("POST", "/reset", {"Content-Type": "multipart/form-data; boundary=x"}, 415),
    ("POST", "/reset", {"Content-Type": "text/plain; application/json"}, 415),
    ("POST", "/reset", {}, 403),
    ("PUT", "/clock", {}, 403),
    ("DELETE", "/journal", {}, 204),
    ("DELETE", "/journal", {"Origin": "https://evil.example"}, 403),
    ("GET", "/journal", {"Origin": "https://evil.example"}, 403),
    ("GET", "/journal", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403),
    ("GET", "/health", {"Origin": "https://evil.example"}, 403),
    ("GET", "/journal", {"Sec-Fetch-Site": "none"}, 200),
    ("OPTIONS", "/reset", {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}, 403),
]


@pytest.mark.parametrize("prefix", ["/__mock__", "/ns/a/__mock__"])
@pytest.mark.parametrize(("method", "path", "headers", "expected"), PAGES)
@pytest.mark.anyio
async def test_pages_of_other_origins(
    prefix: str, method: str, path: str, headers: dict[str, str], expected: int
) -> None:
    async with client() as http:
        answer = await http.request(method, prefix + path, headers=headers)
        assert answer.status_code == expected
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert answer.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("prefix", ["/%5f%5fmock__", "/ns/%61/__mock__"])
@pytest.mark.parametrize(("method", "path", "headers"), [each[:3] for each in PAGES if each[3] >= 400])
@pytest.mark.anyio
async def test_escapes_do_not_help_them(prefix: str, method: str, path: str, headers: dict[str, str]) -> None:
    async with client() as http:
        assert (await http.request(method, prefix + path, headers=headers)).status_code >= 400


ODD = [
    "//__mock__/journal", "/ns//__mock__/journal", "/ns/a/ns/b/__mock__/journal", "/ns/%2F/__mock__/journal",
    "/ns/a%2F__mock__/journal", "/api/v1/../../__mock__/journal", "/__mock__%2Fjournal", "/__MOCK__/journal",
    "/ns/a/%2e%2e/__mock__/journal", "/__mock__;/journal", "/ns/__mock__/journal", "/ns/a//__mock__/journal",
    "/./__mock__/journal",
]  # fmt: skip


@pytest.mark.parametrize("path", ODD)
@pytest.mark.anyio
async def test_no_spelling_of_the_path_evades_the_guard(path: str) -> None:
    """A stranger gets nothing of the control API; it is 4xx for everyone, or guarded."""
    app = _app(host="0.0.0.0")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": httpx.URL(f"http://x{path}").path, "raw_path": path.encode(),
        "query_string": b"", "root_path": "", "headers": [(b"host", b"mock.example")],
        "client": OTHER, "server": ("0.0.0.0", 3000),
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert 400 <= sent[0]["status"] < 500


def test_names_of_hosts() -> None:
    assert [host_name(each) for each in ("A.b:1", "[::1]:3", "::1", "a", "")] == [
        "a.b",
        "::1",
        "::1",
        "a",
        "",
    ]
    assert not is_loopback("")


# --- secrets ---------------------------------------------------------------------------------------


def test_no_key_is_kept_or_logged(default: Running, caplog: pytest.LogCaptureFixture) -> None:
    """The key of the server comes in a header, a path, a query and bodies, and is in no journal and no log."""
    default.reset()
    caplog.set_level("INFO", "flowise_mock.access")
    base, auth = default.url, {"Authorization": f"Bearer {KEY}-secret"}
    secret = f"{KEY}-secret"
    httpx.get(f"{base}/api/v1/chatflows/apikey/{secret}", headers=auth)
    httpx.get(
        f"{base}/api/v1/tools?apiKey={secret}", headers={"X-Api-Key": secret, "Cookie": f"token={secret}"}
    )
    bodies: Sequence[Any] = [
        {"password": secret},
        {"name": "c", "credentialName": "x", "plainDataObj": {"openAIApiKey": secret}},
        {"flowData": '{"nodes": [{"data": {"inputs": {"openAIApiKey": "' + secret + '"}}}]}'},
        {"question": "x", "overrideConfig": {"openAIApiKey": {"chatOpenAI_0": secret}}},
        [{"deep": [{"secret_token": secret}]}],
    ]
    for body in bodies:
        httpx.post(f"{base}/api/v1/credentials", json=body, headers=auth)
        httpx.post(f"{base}/api/v1/chatflows", json=body, headers=auth)
    httpx.post(f"{base}/api/v1/tools", content=f'{{"password": "{secret}", cut', headers={**auth, **JSON})
    httpx.post(
        f"{base}/api/v1/attachments/a/b",
        files={"files": ("a.txt", b"x")},
        data={"apiKey": secret},
        headers=auth,
    )
    for path in ("/journal", "/journal/har", "/export"):
        shown = httpx.get(f"{base}/__mock__{path}")
        assert shown.status_code == 200
        assert "/api/v1/credentials" in shown.text
        assert secret not in shown.text
    logged = [each.getMessage() for each in caplog.records if each.name.startswith("flowise_mock")]
    assert len(logged) > 10
    assert secret not in "".join(logged)


@pytest.mark.anyio
async def test_a_websocket_of_another_server_is_closed() -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await _app()({"type": "websocket", "path": "/", "headers": []}, receive, send)
    assert [each["type"] for each in sent] == ["websocket.close"]
