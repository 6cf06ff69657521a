"""Manners: how a contract's server behaves on the wire beyond its operations, from `x-server`.

bodies: lenient    JSON objects, forms and nothing are taken; anything else counts as nothing
paths: any-case    literal segments match in any case
blanks: absent     a blank at the end of a path is no segment; an operation may lack its last id,
                   unless it has `x-id: needed`
public: [...]      prefixes of paths that no key is asked for; all others of the API need one
errors: silent     a request that asks for a stream gets no answer instead of an error
charset: utf-8     named in the content type of texts and JSON
etags: true        every body has a weak ETag, and If-None-Match is honoured
headers: {...}     on every answer
cors: any          every origin may call; [...]: prefixes where those may that the flow asked allows
bareFrames: [...]  events whose frame begins with `message`, without a colon
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass, field

from flowise_mock.contract.document import Document


@dataclass(frozen=True)
class Manners:
    """What `x-server` of a contract says; the default is what the documentation implies."""

    lenient: bool = False
    any_case: bool = False
    blanks_absent: bool = False
    public: tuple[str, ...] | None = None
    silent: bool = False
    charset: str = ""
    etags: bool = False
    headers: tuple[tuple[bytes, bytes], ...] = ()
    cors: str | tuple[str, ...] = ""
    bare_frames: frozenset[str] = field(default_factory=frozenset)


def manners(document: Document) -> Manners:
    """The manners that a contract asks for."""
    told = document.get("x-server", {})
    return Manners(
        lenient=told.get("bodies") == "lenient",
        any_case=told.get("paths") == "any-case",
        blanks_absent=told.get("blanks") == "absent",
        public=tuple(told["public"]) if "public" in told else None,
        silent=told.get("errors") == "silent",
        charset=told.get("charset", ""),
        etags=bool(told.get("etags")),
        headers=tuple((name.encode(), text.encode()) for name, text in told.get("headers", {}).items()),
        cors=tuple(told["cors"]) if isinstance(told.get("cors"), list) else told.get("cors", ""),
        bare_frames=frozenset(told.get("bareFrames", [])),
    )


def etag(body: bytes) -> bytes:
    """The weak ETag that Express gives a body: its length and a part of its SHA-1."""
    digest = b64encode(hashlib.sha1(body, usedforsecurity=False).digest())[:27]
    return b'W/"%x-%s"' % (len(body), digest)
