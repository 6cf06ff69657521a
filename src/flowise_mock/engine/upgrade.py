"""Requests that offer an upgrade, which the parser takes for the end of HTTP: it is replaced by another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httptools


class _AfterHead:
    """Passes on what a parser finds after the head that it is fed first."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._fed = False

    def on_headers_complete(self) -> None:
        if self._fed:
            self._protocol.on_headers_complete()
        self._fed = True

    def on_message_begin(self) -> None:
        if self._fed:
            self._protocol.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if self._fed:
            self._protocol.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._fed:
            self._protocol.on_header(name, value)

    def on_body(self, body: bytes) -> None:
        self._protocol.on_body(body)

    def on_message_complete(self) -> None:
        self._protocol.on_message_complete()


def new_parser(callbacks: Any) -> httptools.HttpRequestParser:
    """A parser that reads on after a request which ends its connection, so that a client can be answered."""
    parser = httptools.HttpRequestParser(callbacks)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def parse_after_head(protocol: Any, headers: Sequence[tuple[bytes, bytes]], *, keep_alive: bool) -> None:
    """Give a protocol a parser that reads on after the head of a request with these headers."""
    parser = protocol.parser = new_parser(_AfterHead(protocol))
    framing = [each for each in headers if each[0] in (b"content-length", b"transfer-encoding")]
    keep = b"keep-alive" if keep_alive else b"close"
    lines = [b"POST / HTTP/1.1", *(b"%s: %s" % each for each in framing), b"connection: " + keep]
    parser.feed_data(b"\r\n".join(lines) + b"\r\n\r\n")
