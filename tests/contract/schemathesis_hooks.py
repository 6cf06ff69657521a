"""A mend of Schemathesis 4.32: how it reads back the forms that it sent.

Before it calls an accepted form wrong, it reads the form again as a server would, because text on
the wire can be right where the data was not. Its reader leaves the bytes of a part's name that are
not ASCII as lone surrogates, on which its validator fails, and a failure counts as "wrong". This
names such parts as they were sent. Nothing is excluded, no check is weakened for any other form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemathesis.specs.openapi import checks

_read = checks._sent_form_fields

Fields = Mapping[str, Sequence[str | None]]


def sent_form_fields(response: Any, media_type: str) -> Fields | None:
    """The fields of a form that was sent, by names in which every byte of UTF-8 is read."""
    fields = _read(response, media_type)
    return None if fields is None else {as_sent(name): texts for name, texts in fields.items()}


def as_sent(name: str) -> str:
    """A part's name without the surrogates that the e-mail parser puts in."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


checks._sent_form_fields = sent_form_fields
