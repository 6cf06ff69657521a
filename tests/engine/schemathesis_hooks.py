"""A mend of Schemathesis 4.32: how it reads back the forms that it sent.

Before it calls an accepted form wrong, it reads the form again as a server would, because text on
the wire can be right where the data was not. It cannot do so for a form with a file, whose bytes its
validator does not know, nor for one whose parts have names that its e-mail parser cannot read; then
the validator fails, and a failure counts as "wrong". This gives the validator the files as texts, and
reads the parts as RFC 7578 has them. Nothing is excluded, and no other check is touched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from schemathesis.specs.openapi import checks

_read = checks._sent_form_fields
_valid = checks._form_body_is_valid_as_sent
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


def form_body_is_valid_as_sent(response: Any, case: Any, media_type: str) -> bool:
    """As Schemathesis has it, with the files of the body as texts."""
    body = case.body
    object.__setattr__(case, "body", without_bytes(body))  # copy.copy of a case fails
    try:
        return _valid(response, case, media_type)
    finally:
        object.__setattr__(case, "body", body)


def without_bytes(value: Any) -> Any:
    """A generated value in which every file is a text."""
    if isinstance(value, dict):
        return {name: without_bytes(item) for name, item in value.items()}
    if isinstance(value, list):
        return [without_bytes(item) for item in value]
    data = value if isinstance(value, bytes) else getattr(value, "data", None)
    return data.decode("latin-1") if isinstance(data, bytes) else value


checks._sent_form_fields = sent_form_fields
checks._form_body_is_valid_as_sent = form_body_is_valid_as_sent
