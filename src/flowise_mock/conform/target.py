"""Reaches the server, and tells in one line what stands there instead of a Flowise."""

from __future__ import annotations

import json
import secrets
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from flowise_mock.conform.judge import is_page
from flowise_mock.conform.wire import Answer, Request, Wire

PREFIX = "/api/v1"


class TargetError(Exception):
    """A server that cannot be judged; the text says why and what to do."""


class Target(NamedTuple):
    """A server that answers as a Flowise does."""

    wire: Wire
    version: str
    """What it calls itself, or nothing."""
    absent: Answer
    """How it answers where it has nothing."""


def address(url: str) -> list[str]:
    """The API addresses that a URL may mean, the likelier first. Raises TargetError."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise TargetError(f"{url}: is not the address of a server; give one such as http://127.0.0.1:3000")
    if parts.username or parts.password:
        raise TargetError(
            f"{parts.hostname}: an address must not hold a password; give the key with --api-key"
        )
    base = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    return [base] if base.endswith(PREFIX) else [f"{base}{PREFIX}"]


def reach(
    url: str, key: str | None, *, seconds: float = 15.0, rate: float = 0.0, verify: bool = True
) -> Target:
    """The server at `url`, found and known as a Flowise. Raises TargetError."""
    (base,) = address(url)
    wire = Wire(base, key, seconds=seconds, rate=rate, verify=verify)
    try:
        _knock(wire)
        _unlock(wire)
        return Target(wire, _version(wire), _absent(wire))
    except TargetError:
        wire.close()
        raise


def _knock(wire: Wire) -> None:
    answer = wire.send(Request("ping", "GET", "/ping", key=False))
    if answer.trouble:
        raise TargetError(_unreached(wire.url, answer.trouble))
    if 300 <= answer.status < 400:
        there = answer.headers.get("location", "another place")
        raise TargetError(f"{wire.url}: sends on to {there}; give the address that it stands at")
    if answer.status in (407, 502, 503, 504):
        raise TargetError(f"{wire.url}: a proxy answers {answer.status}; the server behind it is not there")
    if is_page(answer):
        raise TargetError(
            f"{wire.url}: answers /ping with a web page: a proxy, a login page or another server; "
            "is there a Flowise behind it?"
        )
    if answer.status in (401, 403):
        raise TargetError(
            f"{wire.url}: refuses even /ping with {answer.status}; something in front of it wants a login"
        )
    if answer.status != 200 or answer.body.strip().strip(b'"') != b"pong":
        raise TargetError(
            f"{wire.url}: is not a Flowise: GET /ping answers {answer.status} {_start(answer)}, not pong"
        )


def _unreached(url: str, trouble: str) -> str:
    if "certificate" in trouble.lower() or "ssl" in trouble.lower() or "tls" in trouble.lower():
        return f"{url}: no safe connection: {trouble}; correct the certificate, or go on with --insecure"
    return f"{url}: no server: {trouble}; is it started, and is this its address?"


def _unlock(wire: Wire) -> None:
    """Whether the key opens the server: told apart from a server that refuses everything."""
    answer = wire.send(Request("key", "GET", "/tools"))
    if answer.trouble:
        raise TargetError(f"{wire.url}: answers /ping, then no more: {answer.trouble}")
    if answer.status == 401 and wire.key is None:
        raise TargetError(f"{wire.url}: wants a key; give one with --api-key or in FLOWISE_API_KEY")
    if answer.status == 401:
        others = [wire.send(Request("key", "GET", path)).status for path in ("/chatflows", "/variables")]
        if all(status == 401 for status in others):
            raise TargetError(
                f"{wire.url}: refuses this key (401 {_start(answer)}); is it a key of this server?"
            )
    if answer.status == 403:
        raise TargetError(
            f"{wire.url}: knows this key but refuses it (403 {_start(answer)}); it lacks permissions"
        )


def _version(wire: Wire) -> str:
    answer = wire.send(Request("version", "GET", "/version"))
    body = answer.json() if answer.success and "json" in answer.media else None
    return str(body.get("version", "")) if isinstance(body, dict) else ""


def _absent(wire: Wire) -> Answer:
    return wire.send(Request("absent", "GET", f"/no-such-path-{secrets.token_hex(4)}"))


def _start(answer: Answer) -> str:
    return json.dumps(answer.body[:60].decode(errors="replace"))
