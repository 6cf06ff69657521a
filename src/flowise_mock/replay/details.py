"""What the comparison of shapes leaves out: headers, bodies that are not JSON, and the order of keys.

Each is a figure of its own. Headers that differ between any two answers are not compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from flowise_mock.replay.exchanges import CUT, Exchange

VOLATILE = frozenset(
    ("date", "etag", "content-length", "connection", "keep-alive", "transfer-encoding", "last-modified",
     "X-RateLimit-Reset".lower(), "retry-after", "set-cookie", "server")
)  # fmt: skip
"""Headers whose values depend on the time, the server or the connection."""


class Details(NamedTuple):
    """What differs in one exchange, by figure; None if the exchange does not count for it."""

    headers: list[str] | None = None
    bodies: list[str] | None = None
    order: list[str] | None = None


NO_DETAILS = Details()
FIGURES = {
    "headers": "headers",
    "bodies": "bodies that are not JSON",
    "order": "orders of keys",
}
"""The figures, and how the score names them."""


def details(
    exchange: Exchange,
    headers: Mapping[str, str],
    body: bytes,
    own: Callable[[str], str],
    names: frozenset[str],
) -> Details:
    """Compare an answer of the same status with the recorded one. `own` gives a recorded text our ids.

    Only headers with these `names` are compared: a recorder may have dropped others.
    """
    recorded, media = exchange.headers, exchange.media
    compared = list(_headers(recorded, headers, names)) if recorded else None
    if exchange.streamed is not None or _is_left_out(exchange.body):
        return Details(compared)
    if media == "application/json":
        got = _json(body)
        return Details(compared, None, None if got is None else list(_order(exchange.body, got, "body")))
    return Details(compared, list(_bodies(own(_text(exchange.body)), body)))


def header_names(exchanges: Iterable[Exchange]) -> frozenset[str]:
    """The names of all headers of a recording whose values can be compared."""
    return frozenset(name.lower() for each in exchanges for name in each.headers) - VOLATILE


def _headers(recorded: Mapping[str, str], got: Mapping[str, str], names: frozenset[str]) -> Iterator[str]:
    expected = {name.lower(): value for name, value in recorded.items()}
    sent = {name.lower(): value for name, value in got.items()}
    for name in sorted(names):
        if expected.get(name) != sent.get(name):
            yield f"header {name}: expected {expected.get(name)}, got {sent.get(name)}"


def _is_left_out(body: Any) -> bool:
    """Whether a recording has only a part of a body, or the page of the web interface."""
    return isinstance(body, str) and (body.startswith(CUT) or body.lstrip().lower().startswith("<!doctype"))


def _bodies(expected: str, got: bytes) -> Iterator[str]:
    cut = re.fullmatch(r"<binary (\d+) bytes>", expected)  # a recording has only the size of such a body
    if len(got) != int(cut[1]) if cut else expected != got.decode(errors="replace"):
        yield f"body: expected {expected[:60]!r}, got {got[:60]!r} of {len(got)} bytes"


def _text(body: Any) -> str:
    """A recorded body as text; what is valid JSON was recorded as its value."""
    if body is None:
        return ""
    return body if isinstance(body, str) else json.dumps(body, separators=(",", ":"), ensure_ascii=False)


def _order(expected: Any, got: Any, where: str) -> Iterator[str]:
    """The objects whose common keys come in another order."""
    if isinstance(expected, dict) and isinstance(got, dict):
        one = [key for key in expected if key in got]
        if one != [key for key in got if key in expected]:
            yield f"{where}: the keys come in another order"
        for key in one:
            yield from _order(expected[key], got[key], f"{where}.{key}")
    elif isinstance(expected, list) and isinstance(got, list) and expected and got:
        yield from _order(expected[0], got[0], f"{where}[0]")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
