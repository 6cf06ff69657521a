"""A mend of Schemathesis 4.32: how it reads back the forms that it sent.

Before it calls an accepted form wrong, it reads the form again as a server would, because text on
the wire can be right where the data was not. It does so with an e-mail parser, which leaves the bytes
of a part's name that are not ASCII as lone surrogates and ends a header at any line separator of
Unicode; then its validator fails, and a failure counts as "wrong". This reads the parts as RFC 7578
has them. Nothing is excluded, and no other check is touched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from schemathesis.specs.openapi import checks

_read = checks._sent_form_fields
_BOUNDARY = re.compile(r"boundary=\"?([^\";]+)")
_NAME = re.compile(rb'form-data; name="([^"]*)"')

Fields = Mapping[str, Sequence[str | None]]


def sent_form_fields(response: Any, media_type: str) -> Fields | None:
    """The texts of a form that was sent, by name; None in the place of a file or a typed part."""
    boundary = _BOUNDARY.search(response.request.headers.get("Content-Type", ""))
    if boundary is None or not isinstance(response.request.body, bytes):
        return _read(response, media_type)
    fields: dict[str, list[str | None]] = {}
    for part in response.request.body.split(b"--" + boundary[1].encode())[1:-1]:
        head, _, data = part.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        typed = b"filename=" in head or b"content-type:" in head.lower()
        text = None if typed else data.removesuffix(b"\r\n").decode(errors="replace")
        fields.setdefault(name[1].decode(errors="replace") if name else "", []).append(text)
    return fields


checks._sent_form_fields = sent_form_fields
