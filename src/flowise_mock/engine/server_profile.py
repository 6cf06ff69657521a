"""How a contract's server behaves on the wire beyond its operations: `x-server`.

docs/overlays.md lists the keys and their values.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass, field

from flowise_mock.contract.document import Document


@dataclass(frozen=True)
class ServerProfile:
    """What `x-server` says; the defaults are what the documentation implies."""

    lenient: bool = False
    case_insensitive: bool = False
    ignores_empty_segments: bool = False
    public_paths: tuple[str, ...] | None = None
    leaves_stream_errors: bool = False
    charset: str = ""
    etags: bool = False
    trusts_internal_requests: bool = False
    headers: tuple[tuple[bytes, bytes], ...] = ()
    cors: str | tuple[str, ...] = ""
    bare_refusals: bool = False
    bare_events: frozenset[str] = field(default_factory=frozenset)


def server_profile(document: Document) -> ServerProfile:
    """The profile of a contract's server."""
    profile = document.get("x-server", {})
    cors = profile.get("cors", "")
    return ServerProfile(
        lenient=profile.get("bodies") == "lenient",
        case_insensitive=profile.get("paths") == "case-insensitive",
        ignores_empty_segments=profile.get("empty-segments") == "ignored",
        public_paths=tuple(profile["public-paths"]) if "public-paths" in profile else None,
        leaves_stream_errors=profile.get("stream-errors") == "unanswered",
        charset=profile.get("charset", ""),
        etags=bool(profile.get("etags")),
        trusts_internal_requests=profile.get("internal-requests") == "open",
        headers=tuple((name.encode(), text.encode()) for name, text in profile.get("headers", {}).items()),
        cors=tuple(cors) if isinstance(cors, list) else cors,
        bare_refusals=profile.get("broken-requests") == "bare",
        bare_events=frozenset(profile.get("bare-events", [])),
    )


def etag(body: bytes) -> bytes:
    """The weak ETag that Express gives a body: its length and a part of its SHA-1."""
    digest = b64encode(hashlib.sha1(body, usedforsecurity=False).digest())[:27]
    return b'W/"%x-%s"' % (len(body), digest)
