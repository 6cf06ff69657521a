"""ZIP archives, which DOCX and XLSX files are: whether they are sound, and not too large."""

from __future__ import annotations

import io
import zipfile

from flowise_mock.formats.opened import LoadFailure

MAX_UNPACKED = 64 * 1024 * 1024
"""Bytes that the parts of a DOCX or XLSX file may have together: these files are ZIP archives."""
NO_ZIP = (
    "Can't find end of central directory : is this a zip file ? "
    "If it is, see https://stuk.github.io/jszip/documentation/howto/read_zip.html"
)


def check_archive(data: bytes) -> None:
    """Raise LoadFailure for what is no archive, or is too large when it is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError):
        raise LoadFailure(NO_ZIP) from None
    if unpacked > MAX_UNPACKED:
        raise LoadFailure("the file is too large when it is unpacked")
