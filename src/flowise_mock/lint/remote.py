"""Fetches files from other machines, with `--allow-remote`: limited, once a run, without credentials."""

from __future__ import annotations

import time
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from flowise_mock.contract.positions import ReadingError
from flowise_mock.lint.source import MAX_BYTES, Source, decoded, made

TIMEOUT = 10.0  # seconds, for the whole of a file
_CHUNK = 65_536


class Remote:
    """The files fetched in one run, and the failures."""

    def __init__(self) -> None:
        self._read: dict[str, Source | ReadingError] = {}

    def load(self, url: str) -> Source:
        """The file at a URL. Raises ReadingError."""
        if url not in self._read:
            try:
                self._read[url] = made(url, decoded(_fetched(url)), url)
            except ReadingError as error:
                self._read[url] = error
        found = self._read[url]
        if isinstance(found, ReadingError):
            raise found
        return found


class _Redirects(HTTPRedirectHandler):
    """Follows redirects only to URLs that a `$ref` may have."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
        try:
            _check(newurl)
        except ReadingError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ReadingError("has an invalid URL") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ReadingError("has a URL that is neither http nor https, which is not fetched")
    if parts.username is not None:
        raise ReadingError("has credentials in its URL, which are never sent; remove them")


def _fetched(url: str) -> bytes:
    _check(url)
    until = time.monotonic() + TIMEOUT
    request = Request(url, headers={"Accept": "*/*", "User-Agent": "flowise-mock lint"})  # noqa: S310 - checked above
    try:
        with build_opener(_Redirects).open(request, timeout=TIMEOUT) as answer:
            return _body(answer, until)
    except HTTPError as error:
        error.close()
        lost = ", which leads to a URL that is not fetched" if error.code < 400 else ""
        raise ReadingError(f"was answered {error.code}{lost}") from None
    except TimeoutError:
        raise ReadingError(f"was not answered within {TIMEOUT:g} s") from None
    except (URLError, HTTPException, OSError, ValueError) as error:
        raise ReadingError(f"cannot be fetched: {getattr(error, 'reason', '') or error}") from None


def _body(answer: Any, until: float) -> bytes:
    data = b""
    while chunk := answer.read1(_CHUNK):
        data += chunk
        if len(data) > MAX_BYTES:
            raise ReadingError(f"is larger than {MAX_BYTES // 1024 // 1024} MB")
        if time.monotonic() > until:
            raise TimeoutError
    return data
