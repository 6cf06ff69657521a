"""CORS: the headers that a response to another origin gets, decided before the request goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from flowise_mock.engine.request_state import RequestState, request_state
from flowise_mock.flows.limits import allows
from flowise_mock.state.store import Store

METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE"
VARY = {b"vary": b"Origin"}
"""The header that says that another origin may get other headers."""
LOOPBACK_ORIGIN = r"https?://(localhost|[a-z0-9.-]+\.localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?"
"""Pages of this machine may call by default, whatever their port; a site of the Internet may not."""


class OriginMiddleware:
    """CORS for `origins`, or for the pages of this machine. Requests of no page need no look at them."""

    def __init__(self, app: ASGIApp, origins: Sequence[str] | None) -> None:
        self.app = app
        self.cors = CORSMiddleware(
            app,
            allow_origins=list(origins or ()),
            allow_origin_regex=None if origins else LOOPBACK_ORIGIN,
            allow_methods=["*"],
            allow_headers=["*"],
        )

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        state = request_state(scope)
        if b"origin" in state.headers:
            return self.cors(scope, receive, send)
        state.cors = VARY
        return self.app(scope, receive, send)


class FlowCORSMiddleware:
    """CORS as a real Flowise does it.

    Reflects origins: any (`cors: any`), or those listed and, at the paths of `cors`, those a flow allows.
    A preflight of an origin that is not allowed goes on to the routes, as in Express.
    """

    def __init__(
        self,
        app: ASGIApp,
        cors: str | tuple[str, ...],
        origins: tuple[str, ...],
        base_path: str,
    ) -> None:
        self.app = app
        self.any = cors == "any" or "*" in origins
        self.origins = origins
        self.flows = () if isinstance(cors, str) else tuple(base_path + path for path in cors)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        state = request_state(scope)
        sent = state.headers.get(b"origin") or None
        origin = None if sent is None else sent.decode("latin-1")
        reflected = origin is not None and (
            self.any
            or origin in self.origins
            or self._flow_allows(state.world.store, scope["path"], origin, scope["method"])
        )
        if scope["method"] == "OPTIONS" and (origin is None or reflected):
            return self._preflight(origin, state, send)
        headers: dict[bytes, bytes] = {}
        if sent is not None and reflected:
            headers[b"access-control-allow-origin"] = sent
        if self.any:
            headers[b"access-control-allow-credentials"] = b"true"
        if self.any or origin is None or reflected:
            headers |= VARY
        state.cors = headers
        return self.app(scope, receive, send)

    def _flow_allows(self, store: Store, path: str, origin: str, method: str) -> bool:
        """Whether a path is a question to a flow that this origin may use.

        Speech names its flow in the body, which a preflight lacks.
        """
        if not path.startswith(self.flows):
            return False
        if method == "OPTIONS" and "/text-to-speech/" in path:
            return origin != "null"
        id = path.rstrip("/").rpartition("/")[2]
        flow = store.get("chatflow", id)
        return flow is not None and origin != "null" and allows(flow, origin)

    async def _preflight(self, origin: str | None, state: RequestState, send: Send) -> None:
        headers = [(b"vary", b"Origin, Access-Control-Request-Headers")]
        if origin is not None:
            headers.append((b"access-control-allow-origin", origin.encode("latin-1")))
        headers.append((b"access-control-allow-methods", METHODS.encode()))
        requested = state.headers.get(b"access-control-request-headers")
        if requested:
            headers.append((b"access-control-allow-headers", requested))
        headers.append((b"content-length", b"0"))
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
