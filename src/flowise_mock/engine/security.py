"""Security: the document's bearer scheme, checked by Connexion against the API keys in the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connexion.lifecycle import ConnexionRequest
from connexion.security import BearerSecurityHandler

from flowise_mock.outcomes import Unauthorized
from flowise_mock.store import Record, Store

Keyring = dict[str, Record | None]


def bearer(store: Store, *, open: bool) -> type[BearerSecurityHandler]:
    """Connexion's handler for `scheme: bearer`, bound to the keys of one store.

    Connexion makes an instance per operation without arguments, hence a class per store. Where the
    server is `open`, every request passes and shows no key.
    """

    class StoreBearer(BearerSecurityHandler):
        def get_fn(
            self, security_scheme: dict[str, Any], required_scopes: list[str]
        ) -> Callable[[ConnexionRequest], Keyring]:
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
