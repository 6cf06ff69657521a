"""Limits of the connections and the bodies of a server. docs/limits.md lists them for its users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MEBIBYTE = 1024 * 1024
MAX_BODY = 50 * MEBIBYTE
"""Bytes of a request body, the default of Flowise's FLOWISE_FILE_SIZE_LIMIT."""


@dataclass(frozen=True)
class HTTPLimits:
    """What one client may use of the server.

    A head is the request line and the headers. `idle_seconds` is the time for a whole head, counted from the
    first byte or from the connection. `write_seconds` is the time in which a client that is sent something
    reads some of it, and `unsent_bytes` what may wait for several such clients. A body that nobody reads any
    more is thrown away, up to `discard_bytes` and `discard_seconds`. Bodies above `large_bytes` are read
    `large_total_bytes` at a time.
    """

    head_bytes: int = 16 * 1024
    headers: int = 200
    idle_seconds: float = 10
    body_seconds: float = 60
    write_seconds: float = 30
    unsent_bytes: int = 64 * MEBIBYTE
    discard_bytes: int = 2 * MAX_BODY
    discard_seconds: float = 10
    large_bytes: int = 512 * 1024
    large_total_bytes: int = MAX_BODY


def head_problem(
    headers: Sequence[tuple[bytes, bytes]],
    named: Mapping[bytes, bytes],
    version: str,
    size: int,
    limits: HTTPLimits,
) -> tuple[int, str] | None:
    """The status and the reason if a request is refused for its head, of so many bytes.

    `named` are its headers by name.
    """
    if size > limits.head_bytes:
        return 431, f"The request line and the headers are larger than {limits.head_bytes} bytes; send less"
    if len(headers) > limits.headers:
        return 431, f"The request has more than {limits.headers} headers; send fewer"
    if named.get(b"upgrade", b"").lower() == b"websocket":
        return 400, "This server has no WebSockets; a streamed prediction is a POST with streaming: true"
    if b"host" not in named and version == "1.1":
        return 400, "The request has no Host header; send one"
    if len(named) < len(headers) and sum(name == b"host" for name, _ in headers) > 1:
        return 400, "The request has two or more Host headers; send one"
    return None
