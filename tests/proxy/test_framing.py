"""Framing: the bytes stay, and messages are found wherever they are cut."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from flowise_mock.proxy.framing import Framer, Part

HEADERS = st.lists(
    st.tuples(st.sampled_from(["X-A", "accept", "COOKIE"]), st.text(st.characters(min_codepoint=33, max_codepoint=126))),
    max_size=3,
)  # fmt: skip


@st.composite
def messages(draw: st.DrawFn, *, request: bool) -> tuple[bytes, bytes]:
    """A message as bytes, and its body."""
    body = draw(st.binary(max_size=60))
    first = b"POST /a?b HTTP/1.1" if request else b"HTTP/1.1 200 OK"
    lines = [first, *(f"{name}: {value}".encode() for name, value in draw(HEADERS))]
    if draw(st.booleans()):
        return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", b""]) + body, body
    pieces = [body[start : start + 7] for start in range(0, len(body), 7)]
    sent = b"".join(b"%x;e=1\r\n%b\r\n" % (len(each), each) for each in pieces)
    trailer = b"X-T: 1\r\n" if draw(st.booleans()) else b""
    head = b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", b""])
    return head + sent + b"0\r\n" + trailer + b"\r\n", body


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({min(each, len(data)) for each in places} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(ends)]


def bodies(parts: list[Part]) -> list[bytes]:
    found, body = [], b""
    for part in parts:
        body += part.content
        if part.end:
            found.append(body)
            body = b""
    return found


@settings(max_examples=150, deadline=None)
@given(data=st.data(), request=st.booleans(), places=st.lists(st.integers(0, 600), max_size=12))
def test_messages_are_found_and_bytes_stay(data: st.DataObject, request: bool, places: list[int]) -> None:
    sent = data.draw(st.lists(messages(request=request), min_size=1, max_size=3))
    whole = b"".join(each for each, _ in sent)
    framer = Framer(is_request=request)
    parts = [part for piece in cut(whole, places) for part in framer.feed(piece)]
    assert b"".join(part.raw for part in parts) == whole
    assert bodies(parts) == [body for _, body in sent]
    assert sum(part.head is not None for part in parts) == len(sent)


@settings(max_examples=150, deadline=None)
@given(whole=st.binary(max_size=300), request=st.booleans(), places=st.lists(st.integers(0, 300), max_size=6))
def test_any_bytes_go_through(whole: bytes, request: bool, places: list[int]) -> None:
    framer = Framer(is_request=request)
    parts = [part for piece in cut(whole, places) for part in framer.feed(piece)]
    parts += framer.end()
    assert b"".join(part.raw for part in parts) == whole


def test_a_response_without_a_length_ends_with_the_connection() -> None:
    framer = Framer(is_request=False)
    parts = [*framer.feed(b"HTTP/1.1 200 OK\r\n\r\nhalf"), *framer.feed(b" whole"), *framer.end()]
    assert bodies(parts) == [b"half whole"]


def test_a_response_to_head_has_no_body() -> None:
    framer = Framer(is_request=False, method_of=lambda: b"HEAD")
    parts = list(framer.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 204 No\r\n\r\n"))
    assert [part.head.status for part in parts if part.head] == [200, 204]
    assert bodies(parts) == [b"", b""]


def test_a_line_of_the_head_may_be_replaced() -> None:
    framer = Framer(is_request=True, rewrite=lambda line: line.replace(b"one", b"two"))
    parts = framer.feed(b"POST /one HTTP/1.1\r\nHost: one\r\nContent-Length: 3\r\n\r\none")
    assert (
        b"".join(part.raw for part in parts)
        == b"POST /one HTTP/1.1\r\nHost: two\r\nContent-Length: 3\r\n\r\none"
    )
