"""Reaches the server, and says in one line what is there if it is no Flowise."""

from __future__ import annotations

import json
import secrets
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from flowise_mock.conform.client import Client, Request, Response
from flowise_mock.conform.judge import is_page

PREFIX = "/api/v1"


class TargetError(Exception):
    """A server that cannot be judged; the text says why and what to do."""


class Target(NamedTuple):
    """A server that responds as a Flowise does."""

    client: Client
    version: str
    """What it calls itself, or nothing."""
    absent: Response
    """Its response to a path that it does not have."""


def address(url: str) -> str:
    """The API address that a URL means. Raises TargetError."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise TargetError(f"{url}: is not the address of a server; give one such as http://127.0.0.1:3000")
    if parts.username or parts.password:
        raise TargetError(
            f"{parts.hostname}: an address must not hold a password; pass the key with --api-key"
        )
    base = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    return base if base.endswith(PREFIX) else f"{base}{PREFIX}"


def reach(
    url: str, key: str | None, *, seconds: float = 15.0, rate: float = 0.0, verify: bool = True
) -> Target:
    """The server at `url`, found and known as a Flowise. Raises TargetError."""
    base = address(url)
    client = Client(base, key, seconds=seconds, rate=rate, verify=verify)
    try:
        _knock(client)
        _check_key(client)
        return Target(client, _version(client), _absent(client))
    except TargetError:
        client.close()
        raise


def _knock(client: Client) -> None:
    response = client.send(Request("ping", "GET", "/ping", key=False))
    if response.error:
        raise TargetError(_unreached(client.url, response.error))
    if 300 <= response.status < 400:
        there = response.headers.get("location", "another place")
        raise TargetError(f"{client.url}: redirects to {there}; give the address that it redirects to")
    if response.status in (407, 502, 503, 504):
        raise TargetError(
            f"{client.url}: a proxy answers {response.status}; the server behind it is not there"
        )
    if is_page(response):
        raise TargetError(
            f"{client.url}: answers /ping with a web page: a proxy, a login page or another server; "
            "is there a Flowise behind it?"
        )
    if response.status in (401, 403):
        raise TargetError(
            f"{client.url}: refuses even /ping with {response.status}; what is before it requires a login"
        )
    if response.status != 200 or response.body.strip().strip(b'"') != b"pong":
        raise TargetError(
            f"{client.url}: is not a Flowise: "
            f"GET /ping answers {response.status} {_start(response)}, not pong"
        )


def _unreached(url: str, trouble: str) -> str:
    if "certificate" in trouble.lower() or "ssl" in trouble.lower() or "tls" in trouble.lower():
        return f"{url}: no safe connection: {trouble}; correct the certificate, or pass --insecure"
    return f"{url}: no server: {trouble}; is it running, and is this its address?"


def _check_key(client: Client) -> None:
    """Whether the server accepts the key. Raises TargetError."""
    response = client.send(Request("key", "GET", "/tools"))
    if response.error:
        raise TargetError(f"{client.url}: answers /ping, then no more: {response.error}")
    if response.status == 401 and client.key is None:
        raise TargetError(f"{client.url}: needs a key; pass one with --api-key or in FLOWISE_API_KEY")
    if response.status == 401:
        others = [client.send(Request("key", "GET", path)).status for path in ("/chatflows", "/variables")]
        if all(status == 401 for status in others):
            raise TargetError(
                f"{client.url}: refuses this key (401 {_start(response)}); is it a key of this server?"
            )
    if response.status == 403:
        raise TargetError(
            f"{client.url}: knows this key but refuses it (403 {_start(response)}); it lacks permissions"
        )


def _version(client: Client) -> str:
    response = client.send(Request("version", "GET", "/version"))
    body = response.json() if response.success and "json" in response.media else None
    return str(body.get("version", "")) if isinstance(body, dict) else ""


def _absent(client: Client) -> Response:
    return client.send(Request("absent", "GET", f"/no-such-path-{secrets.token_hex(4)}"))


def _start(response: Response) -> str:
    return json.dumps(response.body[:60].decode(errors="replace"))
