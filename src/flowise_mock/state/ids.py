"""Ids of records: UUIDs, random or reproducible."""

from __future__ import annotations

import os
from hashlib import blake2b

_POOL = 4096
"""Random bytes of which ids are made at a time: fetching 16 from the system takes as long."""
_VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""The digit of a UUID that says its variant, by a random one."""


class RandomIds:
    """Makes random UUIDs (RFC 9562, version 4)."""

    count = 0
    """What a snapshot restores: nothing."""

    def __init__(self) -> None:
        self._ready: list[str] = []

    def __call__(self) -> str:
        if not self._ready:
            digits = os.urandom(_POOL).hex()
            self._ready = [_uuid(digits[at : at + 32]) for at in range(0, len(digits), 32)]
        return self._ready.pop()


class ReproducibleIds:
    """Makes UUIDs that are a function of a namespace's name and of how many were made before."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        return _uuid(blake2b(f"{self._namespace}:{self.count}".encode(), digest_size=16).hexdigest())


def _uuid(text: str) -> str:
    """32 hexadecimal digits as a UUID of version 4."""
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{_VARIANTS[text[16]]}{text[17:20]}-{text[20:]}"
