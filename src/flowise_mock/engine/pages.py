"""Pages at the root, outside the API: what this is, the contract in force, Swagger UI offline."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import orjson
import yaml
from starlette.types import Scope

from flowise_mock import __version__
from flowise_mock.contract.document import Document, operations
from flowise_mock.contract.publish import publish
from flowise_mock.engine.http_exchange import Answer

_MEDIA = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".html": "text/html; charset=utf-8",
    ".png": "image/png",
}
_ASSETS = (
    "swagger-ui.css", "index.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js",
    "favicon-32x32.png", "favicon-16x16.png",
)  # fmt: skip

_DOCS = """<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>{title}</title>
  <link rel="stylesheet" href="{base}/docs/swagger-ui.css">
  <link rel="stylesheet" href="{base}/docs/index.css">
  <link rel="icon" type="image/png" href="{base}/docs/favicon-32x32.png">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="{base}/docs/swagger-ui-bundle.js"></script>
  <script src="{base}/docs/swagger-ui-standalone-preset.js"></script>
  <script src="{base}/docs/start.js"></script>
</body>
</html>
"""

_START = """window.ui = SwaggerUIBundle({{
  url: "{base}/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset.slice(1)],
  onComplete: async () => {{
    const response = "{scheme}" ? await fetch("/__mock__/keys") : {{ ok: false }};
    const keys = response.ok ? await response.json() : [];
    const key = keys.find((each) => each.name === "flowise-mock") ?? keys[0];
    if (key) window.ui.preauthorizeApiKey("{scheme}", key.key);
  }},
}});
"""
"""A file, for the policy of the control API refuses inline scripts. It fills in the key, if it may see it."""


class Pages:
    """The few pages, rendered once; the larger ones at their first visit. `base` is the path above them."""

    def __init__(self, document: Document, base: str = "") -> None:
        self._document = publish(document)
        self._prefix = base
        self._plain = "x-server" not in document
        self._title = str(document["info"]["title"])
        self._count = sum(1 for _ in operations(document))
        self._base = self._document["servers"][0]["url"]
        self._below = f"{self._base}/"
        self._json = page("application/json", orjson.dumps(self._document))

    def find(self, scope: Scope) -> Answer | None:
        """The page of a request, if it asks for one."""
        path = scope["path"]
        if scope["method"] not in ("GET", "HEAD") or not path.startswith(self._prefix):
            return None
        if not self._prefix and path.startswith(self._below):
            return None
        path = path[len(self._prefix) :]
        if path == "/" and self._plain and not self._prefix:
            return self._welcome(dict(scope["headers"]).get(b"accept", b""))
        if path == "/openapi.json":
            return self._json
        if path == "/openapi.yaml":
            return self._yaml
        if path.rstrip("/") == "/docs":
            return page(_MEDIA[".html"], _DOCS.format(title=self._title, base=self._prefix).encode())
        if path == "/docs/start.js":
            return page(_MEDIA[".js"], _START.format(base=self._prefix, scheme=self._scheme()).encode())
        name = path.removeprefix("/docs/")
        return self._asset(name) if path != name and name in _ASSETS else None

    def _scheme(self) -> str:
        """The security scheme that a key is filled in for: that of the API, and none of the control API."""
        schemes = self._document.get("components", {}).get("securitySchemes", {})
        return "" if self._prefix else next(iter(schemes), "")

    def _welcome(self, accept: bytes) -> Answer:
        lines = [
            f"flowise-mock {__version__}: a stand-in for Flowise, in memory",
            f"{self._count} operations below {self._base}, for example GET {self._base}/ping",
            "the contract: /openapi.json or /openapi.yaml",
            "to read and try: /docs",
        ]
        if b"text/html" not in accept:
            return page("text/plain; charset=utf-8", ("\n".join(lines) + "\n").encode())
        body = "<br>".join(lines)
        for link in (f"{self._base}/ping", "/openapi.json", "/openapi.yaml", "/docs"):
            body = body.replace(link, f'<a href="{link}">{link}</a>')
        return page(
            _MEDIA[".html"],
            f'<!DOCTYPE html><html lang="en"><title>flowise-mock</title><p>{body}</p></html>'.encode(),
        )

    @cached_property
    def _yaml(self) -> Answer:
        dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        text = yaml.dump(self._document, Dumper=dumper, sort_keys=False, allow_unicode=True, width=100)
        return page("application/yaml", text.encode())

    def _asset(self, name: str) -> Answer:
        from swagger_ui_bundle import swagger_ui_path  # 4 MB of files: only for those who look

        return page(_MEDIA[Path(name).suffix], (Path(swagger_ui_path) / name).read_bytes())


def page(media: str, body: bytes) -> Answer:
    headers = [(b"content-type", media.encode()), (b"content-length", str(len(body)).encode())]
    return Answer(200, headers, body)
