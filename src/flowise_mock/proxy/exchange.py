"""One exchange as the relay saw it, and how it goes to the process that judges and records."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from flowise_mock.proxy.framing import Headers

MAX_BODY = 8 * 1024 * 1024
"""Bytes that are kept of a body. A longer one goes through whole, and is neither judged nor recorded."""
MAX_ARRIVALS = 20_000
"""Arrivals that are kept of a response."""


@dataclass
class Exchange:
    """A request and its response. `time` is in milliseconds since 1970, `duration` in milliseconds.

    Bodies are without their chunks, and as they are compressed. `request_length` and `response_length` are
    those of the whole bodies. `arrivals` says when the response came: pairs of milliseconds after `time` and
    the bytes of the body there were by then. `failure` says how the exchange ended if it did not end well: it
    names who left, the client or the server.
    """

    id: int
    time: int
    method: str
    target: str
    request_headers: Headers
    request: bytes = b""
    request_length: int = 0
    status: int = 0
    response_headers: Headers = field(default_factory=list)
    response: bytes = b""
    response_length: int = 0
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    duration: float = 0.0
    failure: str = ""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def whole(self) -> bool:
        """Whether both bodies are complete."""
        return (
            not self.failure
            and self.request_length == len(self.request)
            and self.response_length == len(self.response)
        )

    @property
    def by_server(self) -> bool:
        """Whether the server broke the exchange off."""
        return self.failure.startswith("the server left")

    @property
    def content(self) -> bytes | None:
        """The body of the response, decompressed; None if it is in a coding that is not read."""
        return decoded(self.response, self.header(b"content-encoding"))

    def header(self, name: bytes, *, response: bool = True) -> str:
        """The first value of a header, empty if there is none."""
        headers = self.response_headers if response else self.request_headers
        return next((value.decode("latin-1") for each, value in headers if each == name), "")


def decoded(body: bytes, coding: str) -> bytes | None:
    """A body without its content coding, and no longer than 64 MB; None if the coding is not known."""
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return body
    if coding not in ("gzip", "x-gzip", "deflate"):
        return None
    try:
        return zlib.decompressobj(47).decompress(body, 8 * MAX_BODY)  # 47: the header says which of the two
    except zlib.error:
        return None


# --- between processes -------------------------------------------------------------------------------


def packed(kind: str, value: dict[str, Any], *bodies: bytes) -> bytes:
    """A message: a line of JSON, then bodies of which it says the lengths."""
    head = {"kind": kind, **value, "sizes": [len(each) for each in bodies]}
    return json.dumps(head).encode() + b"\n" + b"".join(bodies)


def pack(exchange: Exchange) -> bytes:
    value = {name: each for name, each in vars(exchange).items() if name not in ("request", "response")}
    for name in ("request_headers", "response_headers"):
        value[name] = [[key.decode("latin-1"), each.decode("latin-1")] for key, each in value[name]]
    return packed("exchange", value, exchange.request, exchange.response)


def unpacked(stream: BinaryIO) -> tuple[str, dict[str, Any], list[bytes]] | None:
    """The next message of a stream; None at its end."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        return None
    value: dict[str, Any] = json.loads(line)
    bodies = [stream.read(size) for size in value.pop("sizes")]
    return value.pop("kind"), value, bodies


def unpack(value: dict[str, Any], bodies: list[bytes]) -> Exchange:
    for name in ("request_headers", "response_headers"):
        value[name] = [(key.encode("latin-1"), each.encode("latin-1")) for key, each in value[name]]
    value["arrivals"] = [(moment, size) for moment, size in value["arrivals"]]
    return Exchange(**value, request=bodies[0], response=bodies[1])
