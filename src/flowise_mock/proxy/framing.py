"""Finds HTTP/1.1 messages in the bytes of one direction, and leaves the bytes as they are.

A parser of HTTP gives values. A proxy that changes nothing needs the bytes themselves, and the places at
which messages begin and end (RFC 9112, section 6). What is not HTTP/1.x is one endless part, passed on
unread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_HEAD = 256 * 1024
"""Bytes of a head; what has a longer one is passed on unread."""
MAX_LINE = 64 * 1024
"""Bytes of the size line of a chunk, or of a trailer."""
_REQUEST = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP/1\.[01]")
_RESPONSE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: .*)?")
Headers = list[tuple[bytes, bytes]]


@dataclass
class Head:
    """The first line and the headers of a message: a request has `method` and `target`, a response `status`.

    Names of headers are in lower case.
    """

    method: bytes = b""
    target: bytes = b""
    status: int = 0
    headers: Headers = field(default_factory=list)

    def values(self, name: bytes) -> list[bytes]:
        return [value for each, value in self.headers if each == name]

    def lists(self, name: bytes) -> list[bytes]:
        """The members of a header that is a list, in lower case."""
        return [
            each.strip().lower() for value in self.values(name) for each in value.split(b",") if each.strip()
        ]


class Part(NamedTuple):
    """Some bytes of a direction: `raw` as they came, and what they are.

    `head` is set if they complete a head, `content` has the bytes of a body among them, `end` is true if they
    complete a message.
    """

    raw: bytes
    head: Head | None = None
    content: bytes = b""
    end: bool = False


class Framer:
    """Reads one direction of one connection. `method_of` gives the method that a response answers.

    `is_request` says which direction it is. `rewrite` may replace a line of the head of a request. `opaque`
    is true from where the bytes are not HTTP/1.x.
    """

    def __init__(
        self,
        *,
        is_request: bool,
        method_of: Callable[[], bytes] = lambda: b"",
        rewrite: Callable[[bytes], bytes] = lambda line: line,
    ) -> None:
        self.opaque = False
        self._is_request = is_request
        self._method_of = method_of
        self._rewrite = rewrite
        self._held = b""
        self._state = self._in_head
        self._lines: list[bytes] = []
        self._size = 0
        self._left = 0

    def feed(self, data: bytes) -> Iterator[Part]:
        """The parts of some bytes. What is not a whole line of a head waits for the rest of it."""
        self._held += data
        while self._held or self._state == self._at_end:
            if self.opaque:
                yield Part(self._taken(len(self._held)))
                return
            part = self._state()
            if part is None:
                return
            if part.raw or part.head or part.end:
                yield part

    def end(self) -> Iterator[Part]:
        """The parts at the end of the connection: a response without a length ends there."""
        if self._held:
            yield Part(self._taken(len(self._held)))
        if self._state == self._until_close:
            self._begin()
            yield Part(b"", end=True)

    def become_opaque(self) -> None:
        """Read no further: the connection has another protocol from now on."""
        self.opaque = True

    # --- states: each returns a part, or None if it needs more bytes ---

    def _in_head(self) -> Part | None:
        line = self._line(MAX_HEAD - self._size)
        if line is None:
            return None if not self.opaque else Part(b"")
        self._size += len(line)
        text = line.rstrip(b"\r\n")
        if not self._lines and not text:
            return Part(line)  # empty lines before a message
        if not self._lines and not (_REQUEST if self._is_request else _RESPONSE).fullmatch(text):
            self.opaque = True
            return Part(line)
        if text:
            self._lines.append(text)
            return Part(self._rewrite(line) if len(self._lines) > 1 else line)
        head = self._head()
        self._lines, self._size = [], 0
        self._state = self._after(head)
        return Part(line, head=head)

    def _at_end(self) -> Part | None:
        self._begin()
        return Part(b"", end=True)

    def _in_body(self) -> Part | None:
        taken = self._taken(min(self._left, len(self._held)))
        self._left -= len(taken)
        if self._left:
            return Part(taken, content=taken)
        self._begin()
        return Part(taken, content=taken, end=True)

    def _until_close(self) -> Part | None:
        taken = self._taken(len(self._held))
        return Part(taken, content=taken)

    def _in_chunk_size(self) -> Part | None:
        line = self._line(MAX_LINE)
        if line is None:
            return None
        try:
            self._left = int(line.partition(b";")[0].strip(), 16)
        except ValueError:
            self.opaque = True
            return Part(line)
        self._state = self._in_chunk if self._left else self._in_trailers
        return Part(line)

    def _in_chunk(self) -> Part | None:
        taken = self._taken(min(self._left, len(self._held)))
        self._left -= len(taken)
        if not self._left:
            self._state = self._after_chunk
        return Part(taken, content=taken)

    def _after_chunk(self) -> Part | None:
        line = self._line(MAX_LINE)
        if line is None:
            return None
        self._state = self._in_chunk_size
        return Part(line)

    def _in_trailers(self) -> Part | None:
        line = self._line(MAX_LINE)
        if line is None:
            return None
        if line.strip():
            return Part(line)
        self._begin()
        return Part(line, end=True)

    # --- what they share ---

    def _begin(self) -> None:
        self._state = self._in_head

    def _taken(self, size: int) -> bytes:
        taken, self._held = self._held[:size], self._held[size:]
        return taken

    def _line(self, longest: int) -> bytes | None:
        """The next line; None if it is not complete. A line that is too long makes the direction opaque."""
        end = self._held.find(b"\n")
        if end < 0:
            self.opaque = len(self._held) > longest
            return None
        return self._taken(end + 1)

    def _head(self) -> Head:
        head = Head()
        if self._is_request:
            found = _REQUEST.fullmatch(self._lines[0])
            assert found is not None
            head.method, head.target = found[1], found[2]
        else:
            found = _RESPONSE.fullmatch(self._lines[0])
            assert found is not None
            head.status = int(found[1])
        for line in self._lines[1:]:
            name, _, value = line.partition(b":")
            head.headers.append((name.lower(), value.strip()))
        return head

    def _after(self, head: Head) -> Callable[[], Part | None]:
        """What comes after a head: the body, its first chunk, or the end."""
        if not self._is_request:
            if 100 <= head.status < 200:
                return self._in_head
            if head.status in (204, 304) or self._method_of() == b"HEAD":
                return self._at_end
        if b"chunked" in head.lists(b"transfer-encoding"):
            return self._in_chunk_size
        lengths = head.values(b"content-length")
        if lengths:
            if not lengths[0].isdigit():
                self.opaque = True
                return self._in_head
            self._left = int(lengths[0])
            return self._in_body if self._left else self._at_end
        return self._at_end if self._is_request else self._until_close
