"""Security: who may call, by the document's bearer scheme or by the gate that a contract describes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any

from connexion.lifecycle import ConnexionRequest
from connexion.security import BearerSecurityHandler
from starlette.types import Receive, Scope, Send

from flowise_mock.engine.http_exchange import Answer, AnsweringApp
from flowise_mock.engine.request_state import RequestState, request_state
from flowise_mock.state.outcomes import MissingSession, Unauthorized
from flowise_mock.state.table import Record

Keyring = dict[str, Record | None]


def bearer(*, open: bool, gated: bool) -> type[BearerSecurityHandler]:
    """Connexion's handler for `scheme: bearer`, by `check_key`.

    Connexion makes an instance per operation without arguments, hence a class per server. If the server
    is `open`, every request passes and shows no key; if it is `gated`, the gate has checked the key.
    """

    class Bearer(BearerSecurityHandler):
        def get_fn(
            self, security_scheme: dict[str, Any], required_scopes: list[str]
        ) -> Callable[[ConnexionRequest], Keyring]:
            def check(request: ConnexionRequest) -> Keyring:
                state = request_state(request.scope)
                if not open and not gated:
                    check_key(state)
                return {"key": state.key}

            return check

    return Bearer


def check_key(state: RequestState) -> None:
    """Note the record of the key that a request shows, else raise Unauthorized."""
    header = state.headers.get(b"authorization")
    if not header:
        raise Unauthorized("the Authorization header is missing")
    token = _token(header)
    if token is None:
        raise Unauthorized("the Authorization header is not of the Bearer scheme")
    state.key = state.world.store.key_named(token)
    if state.key is None:
        raise Unauthorized("the API key is not known")


@lru_cache(256)
def _token(header: bytes) -> str | None:
    """The token of the Bearer scheme."""
    scheme, _, token = header.partition(b" ")
    return token.strip().decode("latin-1") if scheme.lower() == b"bearer" else None


class KeyCheck:
    """The security of an operation whose one scheme is `bearer`: `check_key`, without Connexion's request.

    If it is `optional`, a request without a known key passes.
    """

    def __init__(self, app: AnsweringApp, *, optional: bool) -> None:
        self.app = app
        self.optional = optional

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[Answer | None]:
        try:
            check_key(request_state(scope))
        except Unauthorized:
            if not self.optional:
                raise
        return self.app(scope, receive, send)


class Gate:
    """One gate before the whole API, as Flowise has it: public prefixes, and a key for all else.

    The prefixes are compared as text, so a path in other letters needs a key though it is routed. The
    scheme is `Bearer ` exactly; a key without the scheme is accepted too. Requests of the web interface need
    a session, or nothing if they are trusted.
    """

    def __init__(
        self, base_path: str, public_paths: tuple[str, ...], *, trusts_internal_requests: bool = False
    ) -> None:
        self.inside = base_path.lower() + "/"
        self.base_path = base_path
        self.public_paths = tuple(base_path + prefix for prefix in public_paths)
        self.trusts_internal_requests = trusts_internal_requests

    def check(self, scope: Scope, path: str) -> None:
        """Note the key that the request shows; Unauthorized or MissingSession if it needs another."""
        if not path.lower().startswith(self.inside):
            return
        state = request_state(scope)
        headers = state.headers
        shown = headers.get(b"authorization", b"").decode("latin-1")
        key = state.key = state.world.store.key_named(shown.rpartition("Bearer ")[2])
        if path.startswith(self.public_paths):
            return
        if headers.get(b"x-request-from") == b"internal":
            if self.trusts_internal_requests:
                return
            raise MissingSession
        if key is None or not path.startswith(self.base_path + "/"):
            raise Unauthorized("the API key is missing or not known")
