"""The recorder: sends the requests of a recording to a server, and records its answers.

So one command records a new version with the cases of the last one. At the end it deletes what it created.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from flowise_mock.contract import contracts
from flowise_mock.replay.exchanges import Exchange, RecordingError, json_or_text, media_of
from flowise_mock.replay.player import Player
from flowise_mock.replay.restore_nodes import abridge
from flowise_mock.replay.transport import Answer

PATHS = {
    "createTool": "/tools",
    "createVariable": "/variables",
    "createAssistant": "/assistants",
    "createChatflow": "/chatflows",
    "createDocumentStore": "/document-store/store",
    "_credential": "/credentials",
}
"""The path of the records that an operation creates, to delete them at the end."""
HEADERS = ("Content-Type", "Vary", "Content-Security-Policy", "X-Frame-Options")
"""The headers that a recording keeps."""
UNDELETABLE = {"createLead": "/leads"}
"""Records that no operation deletes: they are reported as left."""


def newest() -> Path:
    """The recording of the newest version; only a checkout has it. Raises RecordingError."""
    found = sorted((contracts.root() / "fixtures" / "recordings").glob("flowise-*.jsonl"), key=_order)
    found = [path for path in found if re.fullmatch(r"flowise-\d+\.\d+\.\d+", path.stem)]
    if not found:
        raise RecordingError("only a checkout has recordings of its own: name one with --cases FILE")
    return found[-1]


def _order(path: Path) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", path.stem)]


def all_newest() -> list[Path]:
    """The recordings of the newest version, also that of odd inputs. Raises RecordingError."""
    first = newest()
    parts = [first.with_name(f"{first.stem}-inputs.jsonl")]
    return [first, *(each for each in parts if each.exists())]


class Recorded(NamedTuple):
    """The number of exchanges, the paths that could not be deleted, the case at which the server ended."""

    exchanges: int
    left: list[str]
    ended_at: str = ""


def record(
    url: str,
    api_key: str,
    cases: Iterable[Exchange],
    out: Path,
    *,
    low_key: str | None = None,
    patience: float = 3.0,
    timeout: float = 15.0,
) -> Recorded:
    """Record the cases. A recording ends where the server does.

    Raises RecordingError if it does not answer at all.
    """
    player = Player(url, api_key, low_key, patience, timeout)
    created: list[str] = []
    kept: list[str] = []
    last, count, ended_at = "", 0, ""
    try:
        with out.open("w", encoding="utf-8") as file:
            for exchange, answer in player.send_all(cases):
                file.write(json.dumps(_row(player, exchange, answer), ensure_ascii=False) + "\n")
                count, last = count + 1, exchange.name
                id = _id(answer)
                if id and exchange.operation in PATHS and exchange.request["method"] == "POST":
                    created.append(f"{PATHS[exchange.operation]}/{id}")
                elif id and exchange.operation in UNDELETABLE:
                    kept.append(f"{UNDELETABLE[exchange.operation]}/{id}")
    except RecordingError:
        if not count:
            raise
        ended_at = last
    finally:
        left = created[::-1] if ended_at else _clean_up(player, created)
    return Recorded(count, kept + left, ended_at)


def _clean_up(player: Player, created: Sequence[str]) -> list[str]:
    """Delete what was created, the newest first. Returns what is left afterwards."""
    for path in reversed(created):
        player.delete(path)
    return [path for path in reversed(created) if not player.is_gone(path)]


def ending(recorded: Recorded) -> str:
    """What to tell if the server ended; else nothing."""
    return recorded.ended_at and (
        f"the server does not answer any more after exchange {recorded.exchanges}, {recorded.ended_at}: "
        "the recording ends there. Start the server again, and delete what is left"
    )


def _row(player: Player, exchange: Exchange, answer: Answer) -> dict[str, Any]:
    request = {**exchange.request, "path": player.ids.mask(player.target(exchange))}
    for part in ("query", "body"):
        request[part] = player.ids.mask(player.ids.translate_value(exchange.request.get(part)))
    body = request["body"]
    if isinstance(body, dict) and "flowData" in body:
        body["flowData"] = player.restored(body["flowData"])
    request["body"] = abridge(body)
    response: dict[str, Any] = {"status": answer.status}
    text = answer.body.decode(errors="replace")
    if media_of(answer.headers) == "text/event-stream":
        response["raw_chunks"] = [
            [0, f"HTTP/1.1 {answer.status}\r\nContent-Type: text/event-stream\r\n\r\n{text}"]
        ]
    elif answer.status is not None:
        sent = {name.lower(): value for name, value in answer.headers.items()}
        response["headers"] = {name: sent[name.lower()] for name in HEADERS if name.lower() in sent}
        response["body"] = abridge(player.ids.mask(json_or_text(text)))
    return {
        "operationId": exchange.operation, "case": exchange.case, "request": request, "response": response,
    }  # fmt: skip


def _id(answer: Answer) -> str:
    body = json_or_text(answer.body.decode(errors="replace"))
    return str(body.get("id", "")) if answer.status == 200 and isinstance(body, dict) else ""
