"""DOCX files: the text of their paragraphs."""

from __future__ import annotations

import io

from flowise_mock.formats.archive import check_archive
from flowise_mock.formats.opened import LoadFailure, Opened

SIGNATURE = 4
"""Bytes that say that a file is an archive."""


def open_docx(data: bytes) -> Opened:
    import mammoth

    if len(data) < SIGNATURE:
        raise LoadFailure(
            f"End of data reached (data length = {len(data)}, asked index = {SIGNATURE}). Corrupted zip ?"
        )
    check_archive(data)
    try:
        return Opened([str(mammoth.extract_raw_text(io.BytesIO(data)).value)], {})
    except Exception:
        raise LoadFailure(
            "Could not find main document part. Are you sure this is a valid .docx file?"
        ) from None
