"""Ids of records: random UUIDs."""

from __future__ import annotations

import os

_POOL = 4096
"""Random bytes that are taken at a time; asking the system for 16 costs as much."""


class RandomIds:
    """Makes random UUIDs (RFC 9562, version 4)."""

    def __init__(self) -> None:
        self._bytes = b""
        self._at = 0

    def __call__(self) -> str:
        if self._at >= len(self._bytes):
            self._bytes, self._at = os.urandom(_POOL), 0
        text = self._bytes[self._at : self._at + 16].hex()
        self._at += 16
        variant = "89ab"[int(text[16], 16) & 3]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"
