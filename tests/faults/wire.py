"""Requests over a raw socket: the bytes of the answer, and how the connection ends."""

from __future__ import annotations

import json
import re
import socket
from typing import Any, NamedTuple

from conftest import KEY

SUPPORT = "d290f1ee-6c54-4b01-90e6-d701748f0851"


class RawResponse(NamedTuple):
    """The bytes that arrived. `end` is `closed`, `reset`, or `open` if neither happened in time."""

    raw: bytes
    end: str

    @property
    def status(self) -> int:
        return int(self.raw.split(b" ", 2)[1])

    @property
    def headers(self) -> dict[str, str]:
        lines = self.raw.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    @property
    def body(self) -> bytes:
        """The bytes after the head, without chunk sizes."""
        body = self.raw.partition(b"\r\n\r\n")[2]
        if self.headers.get("transfer-encoding") != "chunked":
            return body
        parts = []
        while (mark := re.match(rb"([0-9a-f]+)\r\n", body)) and int(mark[1], 16):
            size = int(mark[1], 16)
            parts.append(body[mark.end() : mark.end() + size])
            body = body[mark.end() + size + 2 :]
        return b"".join(parts)

    @property
    def complete(self) -> bool:
        """Whether the body is complete, by its last chunk or its length."""
        if self.headers.get("transfer-encoding") == "chunked":
            return self.raw.endswith(b"\r\n0\r\n\r\n")
        return len(self.body) == int(self.headers["content-length"])

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[tuple[str, Any]]:
        frames = [frame for frame in self.body.split(b"\n\n") if frame]
        events = [json.loads(re.sub(rb"^(message:?\n)data:", b"", frame)) for frame in frames]
        return [(each["event"], each["data"]) for each in events]

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]


def send(
    port: int,
    fault: str | None = None,
    method: str = "POST",
    path: str = f"/prediction/{SUPPORT}",
    body: Any = None,
    patience: float = 1.0,
    close: bool = False,
    **headers: str,
) -> RawResponse:
    """Send one request, and read until the connection ends or is silent for `patience` seconds."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = {"Host": "localhost", "Authorization": f"Bearer {KEY}", "Content-Length": str(len(content))}
    lines |= {} if body is None else {"Content-Type": "application/json"}
    lines |= {} if fault is None else {"X-Flowise-Mock-Fault": fault}
    lines |= {"Connection": "close"} if close else {}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
        connection.sendall(f"{method} /api/v1{path} HTTP/1.1\r\n{head}\r\n".encode() + content)
        raw = b""
        while True:
            try:
                part = connection.recv(65536)
            except TimeoutError:
                return RawResponse(raw, "open")
            except ConnectionResetError:
                return RawResponse(raw, "reset")
            if not part:
                return RawResponse(raw, "closed")
            raw += part


def question(streaming: bool = True, text: str = "one two three", chat: str = "faults") -> dict[str, Any]:
    return {"question": text, "chatId": chat, "streaming": streaming}
