"""PDF files, page by page."""

from __future__ import annotations

import io
import logging
import time
from typing import Any

from flowise_mock.formats.opened import MAX_SECONDS, LoadFailure, Opened

MAX_PAGES = 1000


def open_pdf(data: bytes) -> Opened:
    from pypdf import PdfReader

    if not data:
        raise LoadFailure("PDFDocument: stream must have data")
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what it says is in the answer
    started = time.monotonic()
    try:
        reader = PdfReader(io.BytesIO(data))
        count = len(reader.pages)
        texts = []
        for page in reader.pages[:MAX_PAGES]:
            texts.append(_lines(page.extract_text()))
            if time.monotonic() - started > MAX_SECONDS:
                raise LoadFailure("the PDF takes too long to read")
        information: dict[str, Any] = {
            str(key).lstrip("/"): str(value) for key, value in (reader.metadata or {}).items()
        }
        has_form = reader.xfa is not None or bool(reader.get_fields())
    except LoadFailure:
        raise
    except Exception:  # of the library
        raise LoadFailure("Invalid PDF structure") from None
    version = reader.pdf_header.rpartition("-")[2]
    information = {
        "PDFFormatVersion": version,
        "IsAcroFormPresent": has_form,
        "IsXFAPresent": False,
        **information,
    }
    return Opened(texts, {"version": "1.10.100", "info": information, "metadata": None, "totalPages": count})


def _lines(text: str) -> str:
    """The lines of a page; Flowise's library has no empty ones."""
    return "\n".join(line for line in text.splitlines() if line.strip())
