"""Decides who may reach the API and the control API; nothing else does.

- Bound to loopback, a `Host` that is neither loopback nor allowed by name is 421: a page whose name was
  rebound to this machine comes with its own name. Bound elsewhere, any `Host` passes.
- The control API answers a loopback peer with a loopback `Host`; anyone else needs the token. The peer is
  that of the socket. `health` and `ready` answer everyone.
- A page of another origin never reaches the control API: its `Origin`, or `Sec-Fetch-Site`, shows it.
  Changes need `Content-Type: application/json`, which no form and no image can send. No page may frame it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache
from hmac import compare_digest

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowise_mock.engine.http_exchange import Answer, respond
from flowise_mock.engine.refusal import refusal

CONTROL = "/__mock__"
TOKEN = b"flowise-mock-token"
_OPEN = (f"{CONTROL}/health", f"{CONTROL}/ready")
PAGES = (CONTROL, f"{CONTROL}/", f"{CONTROL}/welcome")
STATIC = f"{CONTROL}/static/"
_WRITES = ("POST", "PUT", "PATCH", "DELETE")
_PREFIX = re.compile(r"/ns/[^/]*")
HEADERS = [
    (b"x-frame-options", b"DENY"),
    (
        b"content-security-policy",
        b"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        b"frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
"""On every answer of the control API and its page."""


class Guard:
    """The outermost layer. `host` is the address that the server is bound to."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str,
        allowed: Sequence[str] = (),
        token: str | None = None,
        control: bool = True,
    ) -> None:
        self.app = app
        self.bound_to_loopback = is_loopback(host)
        self.allowed = {name.lower() for name in allowed}
        self.token = token.encode() if token else None
        self.control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # `serve` refuses these in engine/http_protocol.py
            await send({"type": "websocket.close", "code": 1003, "reason": "There are no WebSockets here"})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        host = b""
        for header, value in scope["headers"]:
            if header == b"host":
                host = value
        name, local = self._host(host)
        if name and self.bound_to_loopback and not local:
            short = name[:80]
            text = f"This server does not answer for the host {short}; start it with --allow-host {short}"
            await respond(refusal(421, text), send)
            return
        path = scope["path"]
        if CONTROL in path:
            path = _PREFIX.sub("", path, count=1) if path.startswith("/ns/") else path
            if path == CONTROL or path.startswith(f"{CONTROL}/"):
                await self._guard(scope, receive, send, path, local)
                return
        await self.app(scope, receive, send)

    def _host(self, host: bytes) -> tuple[str, bool]:
        """The name in a Host header, and whether it is this server's own."""
        name = _host_name(host)
        return name, is_loopback(name) or name in self.allowed

    async def _guard(self, scope: Scope, receive: Receive, send: Send, path: str, local: bool) -> None:
        """Pass a request on to the control API, or refuse it."""
        headers = dict(scope["headers"])
        protect = protected(send)
        refused = self._refused(scope, headers, headers.get(b"host", b"").decode("latin-1"), path, local)
        if refused is not None:
            await respond(refused, protect)
        else:
            await self.app(scope, receive, protect)

    def _refused(
        self, scope: Scope, headers: dict[bytes, bytes], host: str, path: str, local: bool
    ) -> Answer | None:
        """Why a request may not reach the control API; None if it may."""
        if not self.control:
            return refusal(404, "This server has no control API; start it without --no-control")
        site = headers.get(b"sec-fetch-site", b"none")
        origin = headers.get(b"origin")
        if origin is not None and origin.decode("latin-1").partition("://")[2] != host:
            return refusal(403, "A page of another origin may not use the control API")
        navigates = scope["method"] in ("GET", "HEAD") and headers.get(b"sec-fetch-mode") == b"navigate"
        if site not in (b"none", b"same-origin") and not (navigates and path.rstrip("/") == CONTROL):
            return refusal(403, "A page of another origin may not use the control API")
        if scope["method"] in ("GET", "HEAD") and (path in _OPEN or is_page(path)):
            return None
        if not self._is_trusted(scope, headers, local):
            return refusal(403, self._advice(headers))
        media = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if media == b"application/json" or scope["method"] not in _WRITES or path in _OPEN:
            return None
        if not media and scope["method"] == "DELETE":  # a page cannot send it to another origin unasked
            return None
        return refusal(415 if media else 403, "Send Content-Type: application/json, also without a body")

    def _is_trusted(self, scope: Scope, headers: dict[bytes, bytes], local: bool) -> bool:
        shown = headers.get(TOKEN) or headers.get(b"authorization", b"").partition(b"Bearer ")[2]
        if self.token is not None and shown and compare_digest(shown, self.token):
            return True
        client = scope.get("client")
        return client is not None and is_loopback(client[0]) and local and TOKEN not in headers

    def _advice(self, headers: dict[bytes, bytes]) -> str:
        if TOKEN in headers:
            return "The control token is wrong; it is the one of --control-token"
        if self.token is None:
            return "The control API answers programs on its own machine only; set --control-token"
        return "Send the control token in the header Flowise-Mock-Token"


def is_page(path: str) -> bool:
    """Whether a path is a page for people, or a file of one: it has no data, and anyone may see it."""
    return path in PAGES or path.startswith(STATIC)


def protected(send: Send) -> Send:
    """A `send` that adds HEADERS to an answer."""

    async def protect(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *HEADERS]}
        await send(message)

    return protect


@lru_cache(256)
def _host_name(header: bytes) -> str:
    return host_name(header.decode("latin-1"))


def host_name(host: str) -> str:
    """The name in a Host header, in lower case and without the port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if host.count(":") == 1 else host.lower()


@lru_cache(256)
def is_loopback(name: str) -> bool:
    """Whether a name or an address is this machine's own."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
