"""Requests that offer an upgrade, which the parser takes for the end of HTTP: it is replaced by another."""

from __future__ import annotations

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


def parser_after(protocol: Any) -> None:
    """Give a protocol a parser that reads on after the head of its current request."""
    parser = httptools.HttpRequestParser(_AfterHead(protocol))
    parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
    protocol.parser = parser
    framing = [each for each in protocol.headers if each[0] in (b"content-length", b"transfer-encoding")]
    keep = b"keep-alive" if protocol.cycle.keep_alive else b"close"
    lines = [b"POST / HTTP/1.1", *(b"%s: %s" % each for each in framing), b"connection: " + keep]
    parser.feed_data(b"\r\n".join(lines) + b"\r\n\r\n")
