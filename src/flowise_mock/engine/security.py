"""Security: who may ask, by the document's bearer scheme or by the gate that a contract describes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connexion.lifecycle import ConnexionRequest
from connexion.security import BearerSecurityHandler
from starlette.types import Scope

from flowise_mock.state.outcomes import NoSession, Unauthorized
from flowise_mock.state.store import Record, Store

Keyring = dict[str, Record | None]
KEY = "flowise_mock.key"
"""Where the gate leaves the key that a request showed, among the scope's extensions."""


def bearer(store: Store, *, open: bool, gated: bool) -> type[BearerSecurityHandler]:
    """Connexion's handler for `scheme: bearer`, bound to the keys of one store.

    Connexion makes an instance per operation without arguments, hence a class per store. Where the
    server is `open`, every request passes and shows no key; where it is `gated`, the gate has asked.
    """

    class StoreBearer(BearerSecurityHandler):
        def get_fn(
            self, security_scheme: dict[str, Any], required_scopes: list[str]
        ) -> Callable[[ConnexionRequest], Keyring]:
            if gated:
                return lambda request: {"key": request.scope["extensions"].get(KEY)}
            return lambda request: {"key": None} if open else shown(store, request)

    return StoreBearer


def shown(store: Store, request: ConnexionRequest) -> Keyring:
    """The key record that the request shows, else Unauthorized."""
    header: str | None = request.headers.get("authorization")
    if not header:
        raise Unauthorized("the Authorization header is missing")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized("the Authorization header is not of the Bearer scheme")
    key = store.key_named(token.strip())
    if key is None:
        raise Unauthorized("the API key is not known")
    return {"key": key}


class Gate:
    """One gate before the whole API, as Flowise has it: public prefixes, and a key for all else.

    The prefixes are compared as text, so a path in other letters needs a key though it is routed.
    `Bearer` is written so and followed by one blank; a key may stand without it.
    """

    def __init__(self, store: Store, base_path: str, public: tuple[str, ...]) -> None:
        self.store = store
        self.inside = base_path.lower() + "/"
        self.base_path = base_path
        self.public = tuple(base_path + prefix for prefix in public)

    def check(self, scope: Scope, path: str) -> None:
        """Leave the key that was shown in the scope; Unauthorized or NoSession where one is needed."""
        if not path.lower().startswith(self.inside):
            return
        headers = dict(scope["headers"])
        shown = headers.get(b"authorization", b"").decode("latin-1")
        key = self.store.key_named(shown.rpartition("Bearer ")[2])
        scope.setdefault("extensions", {})[KEY] = key
        if path.startswith(self.public):
            return
        if headers.get(b"x-request-from") == b"internal":
            raise NoSession
        if key is None or not path.startswith(self.base_path + "/"):
            raise Unauthorized("the API key is missing or not known")
