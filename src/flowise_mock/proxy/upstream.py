"""The server behind the proxy: its address, and connections to it."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

CONNECT_SECONDS = 120.0
"""Seconds after which a connection that the server does not accept is given up, as by the kernel."""


class UpstreamError(Exception):
    """The server cannot be the one behind this proxy; the message says why and what to do."""


@dataclass(frozen=True)
class Upstream:
    """The address of a server. `insecure`: its certificate is not checked."""

    scheme: str
    host: str
    port: int
    insecure: bool = False

    @classmethod
    def of(cls, url: str, *, insecure: bool = False) -> Upstream:
        """The server of an address such as `http://127.0.0.1:3000`. Raises UpstreamError."""
        text = url if "://" in url else f"http://{url}"
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise UpstreamError(f"{url} is not an address: {error}") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UpstreamError(f"{url} is not an address: give one such as http://127.0.0.1:3000")
        if parts.path.rstrip("/") not in ("", "/api/v1") or parts.query or parts.fragment:
            raise UpstreamError(f"{url} has a path, and paths go through unchanged: give the address alone")
        if parts.username is not None:
            raise UpstreamError("an address has no user: the application sends the key, and it goes through")
        return cls(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), insecure)

    @property
    def authority(self) -> str:
        """The value of the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        standard = self.port == (443 if self.scheme == "https" else 80)
        return host if standard else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}"

    def context(self) -> ssl.SSLContext | None:
        if self.scheme == "http":
            return None
        made = ssl.create_default_context()
        made.set_alpn_protocols(["http/1.1"])
        if self.insecure:
            made.check_hostname = False
            made.verify_mode = ssl.CERT_NONE
        return made


class Connector:
    """Opens connections to a server. Its name is looked up once, and again if no address answers."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._context = upstream.context()
        self._addresses: list[str] = []
        self._own: set[str] = set()

    def refuse(self, address: str) -> None:
        """Connect no more to an address that leads back to this proxy."""
        self._own.add(address)
        self._addresses = []

    async def connect(self, protocol: Callable[[], asyncio.Protocol]) -> asyncio.Transport:
        """A connection, to the first address that answers. Raises OSError."""
        if not self._addresses:
            self._addresses = await self.resolve()
        failure: OSError = OSError("no address")
        for address in self._addresses:
            if address in self._own:
                failure = OSError(f"{address} is this proxy itself")
                continue
            try:
                return await self._open(address, protocol)
            except OSError as error:
                failure = error
        self._addresses = []
        raise failure

    async def _open(self, address: str, protocol: Callable[[], asyncio.Protocol]) -> asyncio.Transport:
        name = self._upstream.host if self._context else None
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_SECONDS):
            transport, _ = await loop.create_connection(
                protocol, address, self._upstream.port, ssl=self._context, server_hostname=name
            )
        return transport

    async def resolve(self) -> list[str]:
        """The addresses of the server's name. Raises OSError."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._upstream.host, self._upstream.port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(each[4][0]) for each in found))


def is_own(addresses: list[str], port: int, own_port: int) -> bool:
    """Whether a server at these addresses is this proxy, which listens on loopback."""
    return port == own_port and any(_is_here(each) for each in addresses)


def _is_here(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    return found.is_loopback or found.is_unspecified
