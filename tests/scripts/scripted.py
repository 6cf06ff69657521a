"""A mock in this process that answers from a script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import httpx

from flowise_mock.server import build
from flowise_mock.server.build import Options

SUPPORT = "d290f1ee-6c54-4b01-90e6-d701748f0851"
HANDBOOK = "7c4e8b7a-7b9a-4b4d-9f3e-2d28f1ebea02"
ORDERS = "5a1d3c02-8f6e-4c1b-9d2a-0b7e4f6a9c31"
REFUNDS = "2f4a6c8e-1b3d-4f5a-8c7e-9d0b1a2c3e4f"
Events = list[tuple[str, Any]]


class Bot:
    """A mock with the bundled seed and with these scripts, given as texts or files."""

    def __init__(self, folder: Path, *scripts: str | Path, **options: Any) -> None:
        files = [each if isinstance(each, Path) else folder / f"{n}.yaml" for n, each in enumerate(scripts)]
        for file, each in zip(files, scripts, strict=True):
            if isinstance(each, str):
                file.write_text(each)
        options = {"token_delay": 0, "explain": True, **options}
        self.mock = build.build(Options(scripts=files, **options))

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            headers = {"Authorization": "Bearer flowise-mock"}
            transport = httpx.ASGITransport(app=self.mock.app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost/api/v1", headers=headers
            ) as client:
                return await client.request(method, path, **more)

        return anyio.run(send)

    def post(self, flow: str, **body: Any) -> httpx.Response:
        return self.request("POST", f"/prediction/{flow}", json=body)

    def predict(self, flow: str, **body: Any) -> Any:
        """The answer as JSON."""
        response = self.post(flow, **body)
        assert response.status_code == 200, response.text
        return response.json()

    def stream(self, flow: str, **body: Any) -> Events:
        """The answer as events."""
        response = self.post(flow, streaming=True, **body)
        assert response.headers["content-type"].startswith("text/event-stream")
        frames = [json.loads(line[5:]) for line in response.text.splitlines() if line.startswith("data:")]
        return [(frame["event"], frame["data"]) for frame in frames]

    def messages(self, flow: str, **query: str) -> Any:
        response = self.request("GET", f"/chatmessage/{flow}", params=query)
        assert response.status_code == 200, response.text
        return response.json()

    def flow(self, type: str, *nodes: dict[str, Any]) -> str:
        """The id of a new flow of these nodes."""
        data = {"nodes": [{"id": each["name"], "data": each} for each in nodes], "edges": []}
        flow = {"name": type, "type": type, "flowData": json.dumps(data)}
        return str(self.request("POST", "/chatflows", json=flow).json()["id"])


def token_text(events: Events) -> str:
    """The text of all tokens of a stream."""
    return "".join(data for event, data in events if event == "token")


def names(events: Events) -> list[str]:
    """The names of events; several tokens in a row count as one."""
    kept = [name for n, (name, _) in enumerate(events) if name != "token" or events[n - 1][0] != "token"]
    return [name for name in kept if name]
