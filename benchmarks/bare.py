"""What the mock is compared with: the same requests, served without validation, keys or a contract.

    python -m benchmarks.bare asgi|starlette PORT [DELAY]

`asgi` is one function; `starlette` has routes and requests. Both store records in a dict; a prediction
repeats the question and stores nothing. `asgi` also streams it, with so many milliseconds after each token.
"""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from typing import Any

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.workload import API, FLOW, FLOW_NAME, TOOL, TOOLS, tool_body

DELAY = int(sys.argv[3]) / 1000 if len(sys.argv) > 3 else 0.05
records: dict[str, dict[str, Any]] = {}


def reset() -> None:
    """Back to the 50 tools that the lists show."""
    records.clear()
    records[TOOL] = {"id": TOOL, **tool_body(0), "createdDate": now(), "updatedDate": now()}
    for number in range(1, TOOLS):
        create(tool_body(number))


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())


def create(body: dict[str, Any]) -> dict[str, Any]:
    record = {"id": str(uuid.uuid4()), **body, "createdDate": now(), "updatedDate": now()}
    records[record["id"]] = record
    return record


def predict(body: dict[str, Any]) -> dict[str, Any]:
    chat = str(uuid.uuid4())
    return {
        "text": f"{FLOW_NAME} echoes: {body['question']}",
        "question": body["question"],
        "chatId": chat,
        "chatMessageId": str(uuid.uuid4()),
        "isStreamValid": False,
        "sessionId": chat,
    }


# --- ASGI ------------------------------------------------------------------------------------------


async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    path, method = scope["path"], scope["method"]
    body = b""
    if method == "POST":
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
    if path == "/reset":
        reset()
        answer: Any = {}
    elif path.startswith(f"{API}/prediction/"):
        asked = orjson.loads(body)
        answer = predict(asked)
        if asked.get("streaming"):
            await stream(answer["text"], send)
            return
    elif method == "POST":
        answer = create(orjson.loads(body))
    elif path == f"{API}/tools":
        answer = list(records.values())
    else:
        answer = records[path.rpartition("/")[2]]
    sent = orjson.dumps(answer)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(sent))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": sent})


async def stream(text: str, send: Send) -> None:
    """The words of a text as events, each at its own time."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}
    )
    for word in text.split():
        await send_event(send, "token", word)
        due += DELAY
        await asyncio.sleep(due - loop.time())
    await send_event(send, "end", "[DONE]")
    await send({"type": "http.response.body", "body": b""})


async def send_event(send: Send, name: str, data: str) -> None:
    frame = b"message:\ndata:" + orjson.dumps({"event": name, "data": data}) + b"\n\n"
    await send({"type": "http.response.body", "body": frame, "more_body": True})


# --- Starlette -------------------------------------------------------------------------------------


def shown(answer: Any) -> Response:
    return Response(orjson.dumps(answer), media_type="application/json")


async def get_tool(request: Request) -> Response:
    return shown(records[request.path_params["id"]])


async def list_tools(request: Request) -> Response:
    return shown(list(records.values()))


async def create_tool(request: Request) -> Response:
    return shown(create(orjson.loads(await request.body())))


async def create_prediction(request: Request) -> Response:
    return shown(predict(orjson.loads(await request.body())))


async def start_anew(request: Request) -> Response:
    reset()
    return shown({})


starlette = Starlette(
    routes=[
        Route("/reset", start_anew, methods=["POST"]),
        Route(f"{API}/tools", list_tools),
        Route(f"{API}/tools", create_tool, methods=["POST"]),
        Route(f"{API}/tools/{{id}}", get_tool),
        Route(f"{API}/prediction/{FLOW}", create_prediction, methods=["POST"]),
    ]
)

if __name__ == "__main__":
    reset()
    app: ASGIApp = asgi if sys.argv[1] == "asgi" else starlette
    uvicorn.run(app, port=int(sys.argv[2]), log_level="warning", access_log=False, lifespan="off")
