"""Security: who may call, by the document's bearer scheme or by the gate that a contract describes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connexion.lifecycle import ConnexionRequest
from connexion.security import BearerSecurityHandler
from starlette.types import Scope

from flowise_mock.engine.request_state import request_state
from flowise_mock.state.outcomes import MissingSession, Unauthorized
from flowise_mock.state.table import Record

Keyring = dict[str, Record | None]


def bearer(*, open: bool, gated: bool) -> type[BearerSecurityHandler]:
    """Connexion's handler for `scheme: bearer`.

    Connexion makes an instance per operation without arguments, hence a class per server. If the server
    is `open`, every request passes and shows no key; if it is `gated`, the gate has checked the key.
    """

    class Bearer(BearerSecurityHandler):
        def get_fn(
            self, security_scheme: dict[str, Any], required_scopes: list[str]
        ) -> Callable[[ConnexionRequest], Keyring]:
            if gated:
                return lambda request: {"key": request_state(request.scope).key}
            return lambda request: {"key": None} if open else keyring(request)

    return Bearer


def keyring(request: ConnexionRequest) -> Keyring:
    """The key record that the request shows, else Unauthorized."""
    state = request_state(request.scope)
    header: str | None = request.headers.get("authorization")
    if not header:
        raise Unauthorized("the Authorization header is missing")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized("the Authorization header is not of the Bearer scheme")
    key = state.world.store.key_named(token.strip())
    if key is None:
        raise Unauthorized("the API key is not known")
    state.key = key
    return {"key": key}


class Gate:
    """One gate before the whole API, as Flowise has it: public prefixes, and a key for all else.

    The prefixes are compared as text, so a path in other letters needs a key though it is routed. The
    scheme is `Bearer ` exactly; a key without the scheme is accepted too.
    """

    def __init__(self, base_path: str, public_paths: tuple[str, ...]) -> None:
        self.inside = base_path.lower() + "/"
        self.base_path = base_path
        self.public_paths = tuple(base_path + prefix for prefix in public_paths)

    def check(self, scope: Scope, path: str) -> None:
        """Note the key that the request shows; Unauthorized or MissingSession if it needs another."""
        if not path.lower().startswith(self.inside):
            return
        headers = dict(scope["headers"])
        shown = headers.get(b"authorization", b"").decode("latin-1")
        key = request_state(scope).world.store.key_named(shown.rpartition("Bearer ")[2])
        request_state(scope).key = key
        if path.startswith(self.public_paths):
            return
        if headers.get(b"x-request-from") == b"internal":
            raise MissingSession
        if key is None or not path.startswith(self.base_path + "/"):
            raise Unauthorized("the API key is missing or not known")
