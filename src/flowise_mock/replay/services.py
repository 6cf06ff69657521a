"""The services of this machine that recorded flows call: a model, a vector database."""

from __future__ import annotations

import json
import re
import socket
from collections import Counter
from collections.abc import Iterable

from flowise_mock.replay.exchanges import Exchange

OFTEN = 2
"""Requests from which on an address is a service; a single one may be there in order to fail."""
_ADDRESS = re.compile(r"https?://(?:127\.0\.0\.1|localhost):(\d{1,5})\b")
SECONDS = 1.0


def missing(cases: Iterable[Exchange]) -> list[int]:
    """The ports of this machine that several requests name as a service, and where nothing listens."""
    named = Counter(int(port) for each in cases for port in set(_ADDRESS.findall(json.dumps(each.request))))
    return sorted(port for port, times in named.items() if times >= OFTEN and not _listens(port))


def warning(ports: list[int]) -> str:
    """What to do about services that are missing."""
    listed = " and ".join(f"127.0.0.1:{port}" for port in ports)
    return (
        f"warning: nothing listens on {listed}, which recorded flows call: predictions fail or wait for a "
        "minute, and the answers are recorded so. Start an OpenAI-compatible server and a Chroma there, and "
        "record anew"
    )


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), SECONDS).close()
    except (OSError, OverflowError):
        return False
    return True
