"""CORS as a real Flowise does it, where a contract's `x-server` says so; else Starlette's is used."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowise_mock.engine.request_state import request_state
from flowise_mock.flows.limits import allows
from flowise_mock.state.store import Store

METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE"


class FlowCORSMiddleware:
    """Reflects origins: any (`cors: any`), or those listed and, at the paths of `cors`, those a flow allows.

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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get(b"origin")
        flow = origin is not None and self._flow_allows(
            request_state(scope).world.store, scope["path"], origin
        )
        reflected = origin is not None and (self.any or origin in self.origins or flow)
        if scope["method"] == "OPTIONS" and (origin is None or reflected):
            await self._preflight(origin, headers.get(b"access-control-request-headers"), send)
            return

        async def add_headers(message: Message) -> None:
            if message["type"] == "http.response.start" and not request_state(scope).without_headers:
                changed = MutableHeaders(raw=message["headers"])
                if origin is not None and reflected:
                    changed["Access-Control-Allow-Origin"] = origin
                if self.any:
                    changed["Access-Control-Allow-Credentials"] = "true"
                if self.any or origin is None or reflected:
                    changed["Vary"] = "Origin"
            await send(message)

        await self.app(scope, receive, add_headers)

    def _flow_allows(self, store: Store, path: str, origin: str) -> bool:
        """Whether a path is a question to a flow that this origin may use."""
        if not path.startswith(self.flows):
            return False
        id = path.rstrip("/").rpartition("/")[2]
        flow = store.get("chatflow", id)
        return flow is not None and origin != "null" and allows(flow, origin)

    async def _preflight(self, origin: str | None, requested: str | None, send: Send) -> None:
        headers = [(b"vary", b"Origin, Access-Control-Request-Headers")]
        if origin is not None:
            headers.append((b"access-control-allow-origin", origin.encode("latin-1")))
        headers.append((b"access-control-allow-methods", METHODS.encode()))
        if requested:
            headers.append((b"access-control-allow-headers", requested.encode("latin-1")))
        headers.append((b"content-length", b"0"))
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
