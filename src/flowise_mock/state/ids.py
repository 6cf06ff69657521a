"""Ids of records: UUIDs, random or reproducible."""

from __future__ import annotations

import os
from hashlib import blake2b

_POOL = 4096
"""Random bytes that are fetched at a time: fetching 16 from the system takes as long."""


class RandomIds:
    """Makes random UUIDs (RFC 9562, version 4)."""

    count = 0
    """What a snapshot restores: nothing."""

    def __init__(self) -> None:
        self._bytes = b""
        self._at = 0

    def __call__(self) -> str:
        if self._at >= len(self._bytes):
            self._bytes, self._at = os.urandom(_POOL), 0
        text = self._bytes[self._at : self._at + 16].hex()
        self._at += 16
        return _uuid(text)


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
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"
