"""Fetches files from other machines, with `--allow-remote`: limited, once a run, without credentials."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
)

from flowise_mock.contract.positions import ReadingError
from flowise_mock.lint.source import MAX_BYTES, Source, decoded, made

TIMEOUT = 10.0  # seconds, for the whole of a file
_CHUNK = 65_536


class Remote:
    """The files fetched in one run, and the failures. `allowed` are hosts of private networks."""

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        self._opener = build_opener(
            _Redirects,
            ProxyHandler({}),
            *(kind(frozenset(each.lower() for each in allowed)) for kind in (_HTTP, _HTTPS)),
        )
        self._read: dict[str, Source | ReadingError] = {}

    def load(self, url: str) -> Source:
        """The file at a URL. Raises ReadingError."""
        if url not in self._read:
            try:
                self._read[url] = made(url, decoded(_fetched(self._opener, url)), url)
            except ReadingError as error:
                self._read[url] = error
        found = self._read[url]
        if isinstance(found, ReadingError):
            raise found
        return found


class _Redirects(HTTPRedirectHandler):
    """Follows redirects only to URLs that a `$ref` may have."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
        try:
            _check(newurl)
        except ReadingError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _NotPublicError(OSError):
    """A host that is not on the Internet; the text says what to do."""


def _connected(host: str, port: int, timeout: float | None, allowed: frozenset[str]) -> socket.socket:
    """A connection to an address of the host that is public, or to any if the host is allowed.

    The address that is checked is the one that is connected to, so DNS cannot change it between.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if host.lower() not in allowed:
        for each in found:
            address = ipaddress.ip_address(str(each[4][0]).partition("%")[0])
            if not _is_public(address):
                raise _NotPublicError(
                    f"{host} is {address}, which is not public; name it: --allow-host {host}"
                )
    for family, kind, protocol, _, address_ in found:
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(timeout)
        try:
            connection.connect(address_)
        except OSError:
            connection.close()
            if address_ is found[-1][4]:
                raise
            continue
        return connection
    raise OSError(f"{host} has no address")


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is on the Internet; IPv4 inside IPv6 counts as what it is."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
    return address.is_global and not address.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class _HTTP(HTTPHandler):
    """HTTP to hosts that may be reached."""

    def __init__(self, allowed: frozenset[str]) -> None:
        super().__init__()
        self._allowed = allowed

    def http_open(self, req: Request) -> Any:
        allowed = self._allowed

        class Connection(HTTPConnection):
            def connect(self) -> None:
                self.sock = _connected(self.host, self.port, self.timeout, allowed)

        return self.do_open(Connection, req)


class _HTTPS(HTTPSHandler):
    """HTTPS to hosts that may be reached."""

    def __init__(self, allowed: frozenset[str]) -> None:
        super().__init__()
        self._allowed = allowed

    def https_open(self, req: Request) -> Any:
        allowed = self._allowed

        class Connection(HTTPSConnection):
            def connect(self) -> None:
                plain = _connected(self.host, self.port, self.timeout, allowed)
                self.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)

        return self.do_open(Connection, req)


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ReadingError("has an invalid URL") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ReadingError("has a URL that is neither http nor https, which is not fetched")
    if parts.username is not None:
        raise ReadingError("has credentials in its URL, which are never sent; remove them")


def _fetched(opener: OpenerDirector, url: str) -> bytes:
    _check(url)
    until = time.monotonic() + TIMEOUT
    request = Request(url, headers={"Accept": "*/*", "User-Agent": "flowise-mock lint"})  # noqa: S310 - checked above
    try:
        with opener.open(request, timeout=TIMEOUT) as answer:
            return _body(answer, until)
    except HTTPError as error:
        error.close()
        lost = ", which leads to a URL that is not fetched" if error.code < 400 else ""
        raise ReadingError(f"was answered {error.code}{lost}") from None
    except TimeoutError:
        raise ReadingError(f"was not answered within {TIMEOUT:g} s") from None
    except (URLError, HTTPException, OSError, ValueError) as error:
        raise ReadingError(f"cannot be fetched: {getattr(error, 'reason', '') or error}") from None


def _body(answer: Any, until: float) -> bytes:
    data = b""
    while chunk := answer.read1(_CHUNK):
        data += chunk
        if len(data) > MAX_BYTES:
            raise ReadingError(f"is larger than {MAX_BYTES // 1024 // 1024} MB")
        if time.monotonic() > until:
            raise TimeoutError
    return data
