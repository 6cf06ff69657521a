"""The recorder: asks a server what another recording asked, and writes down what it answers.

So a new version is recorded with the cases of the last one: one command, no new data. What it made is
deleted at the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flowise_mock.contract import contracts
from flowise_mock.replay.exchanges import Exchange, RecordingError, json_or_text
from flowise_mock.replay.player import Answer, Player

MADE = {
    "createTool": "/tools",
    "createVariable": "/variables",
    "createAssistant": "/assistants",
    "createChatflow": "/chatflows",
    "createDocumentStore": "/document-store/store",
    "_credential": "/credentials",
}
"""The operations that make what must be deleted again, and where it is."""


def newest() -> Path:
    """The recording of the newest version, which only a checkout has. Raises RecordingError."""
    found = sorted((contracts.root() / "fixtures" / "recordings").glob("flowise-[0-9]*.[0-9].jsonl"))
    if not found:
        raise RecordingError("only a checkout has recordings of its own: name one with --cases FILE")
    return found[-1]


def record(
    url: str,
    api_key: str,
    cases: Iterable[Exchange],
    out: Path,
    *,
    low_key: str | None = None,
    patience: float = 3.0,
) -> tuple[int, list[str]]:
    """Record the cases; how many exchanges were written, and the paths that could not be deleted."""
    player = Player(url, api_key, low_key, patience)
    made: list[str] = []
    count = 0
    try:
        with out.open("w", encoding="utf-8") as file:
            for exchange, answer in player.ask_all(cases):
                file.write(json.dumps(_row(player, exchange, answer), ensure_ascii=False) + "\n")
                count += 1
                path = MADE.get(exchange.operation)
                id = _id(answer)
                if path and id:
                    made.append(f"{path}/{id}")
    finally:
        left = [path for path in reversed(made) if not player.delete(path)]
    return count, left


def _row(player: Player, exchange: Exchange, answer: Answer) -> dict[str, Any]:
    asked = {**exchange.request, "path": player.ids.masked(player.target(exchange))}
    asked["body"] = player.ids.masked(player.ids.mapped(exchange.request.get("body")))
    response: dict[str, Any] = {"status": answer.status}
    text = answer.body.decode(errors="replace")
    if answer.headers.get("Content-Type", "").startswith("text/event-stream"):
        response["raw_chunks"] = [
            [0, f"HTTP/1.1 {answer.status}\r\nContent-Type: text/event-stream\r\n\r\n{text}"]
        ]
    elif answer.status is not None:
        kept = ("Content-Type", "Vary", "Content-Security-Policy", "X-Frame-Options")
        response["headers"] = {name: answer.headers[name] for name in kept if name in answer.headers}
        response["body"] = player.ids.masked(json_or_text(text))
    return {
        "operationId": exchange.operation, "case": exchange.case, "request": asked, "response": response,
    }  # fmt: skip


def _id(answer: Answer) -> str:
    body = json_or_text(answer.body.decode(errors="replace"))
    return str(body.get("id", "")) if answer.status == 200 and isinstance(body, dict) else ""
