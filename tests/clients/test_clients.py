"""The clients from PyPI, unmodified and with no settings but address and key, against `serve`.

flowise-sdk and flowise-embed come from npm: `make clients`. Each client runs with the default contract and
with both versions.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import anyio
import pytest
from flowise import Flowise, IFileUpload, IMessage, PredictionData
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from conftest import KEY, Running
from flowise_mock.server import build
from flowise_mock.server.build import Options

pytestmark = pytest.mark.server

MODES = {"clients": None, "3.0.5": None, "3.1.4": ["*"]}
"""The contracts that the clients run against, and the allowed origins: 3.1.4 allows none by default."""
FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"
ANSWER = "Support chat echoes: one two three"


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest) -> Iterator[Running]:
    options = Options(contract=request.param, cors=MODES[request.param], token_delay=0)
    running = Running(build.build(options))
    running.contract = request.param
    yield running
    running.stop()


def events(client: Flowise, **more: Any) -> list[dict[str, Any]]:
    data = PredictionData(chatflowId=FLOW, question="one two three", streaming=True, **more)
    return [json.loads(event) for event in client.create_prediction(data)]


def test_flowise_plain(mode: Running) -> None:
    client = Flowise(mode.url, KEY)
    (answer,) = client.create_prediction(PredictionData(chatflowId=FLOW, question="one two three"))
    assert answer["text"] == ANSWER
    assert answer["chatMessageId"]


def test_flowise_streamed(mode: Running) -> None:
    received = events(Flowise(mode.url))
    assert [event["event"] for event in received] == ["start", *["token"] * 6, "metadata", "end"]
    assert "".join(event["data"] for event in received if event["event"] == "token") == ANSWER


def test_flowise_with_all_it_can_send(mode: Running) -> None:
    received = events(
        Flowise(mode.url, KEY),
        chatId="py-chat",
        overrideConfig={"sessionId": "py-session"},
        history=[IMessage("hello", "userMessage"), IMessage("", "", "apiMessage", "hi")],
        uploads=[IFileUpload("data:text/plain;base64,aGVsbG8=", "file", "a.txt", "text/plain")],
    )
    assert received[-2]["data"]["chatId"] == "py-chat"
    assert received[-2]["data"]["sessionId"] == "py-session"


def over_stdio(module: str, env: dict[str, str], use: Callable[[ClientSession], Awaitable[None]]) -> None:
    """Start an MCP server as its users do, and use a session with it."""

    async def run() -> None:
        parameters = StdioServerParameters(
            command=sys.executable, args=["-W", "ignore", "-c", module], env=env
        )
        with anyio.fail_after(60):
            async with stdio_client(parameters) as streams, ClientSession(*streams) as session:
                await session.initialize()
                await use(session)

    anyio.run(run)


async def call(session: ClientSession, tool: str, arguments: dict[str, Any]) -> str:
    result = await session.call_tool(tool, arguments)
    text = "".join(getattr(part, "text", "") for part in result.content)
    assert not result.isError, text
    return text


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_mcp_flowise(mode: Running) -> None:
    env = {"FLOWISE_API_ENDPOINT": mode.url, "FLOWISE_API_KEY": KEY}

    async def use(session: ClientSession) -> None:
        assert "Support chat" in await call(session, "list_chatflows", {})
        arguments = {"chatflow_id": FLOW, "question": "one two three"}
        assert ANSWER in await call(session, "create_prediction", arguments)

    over_stdio("from mcp_flowise.server import main; main()", env, use)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_flowise_mcp(mode: Running) -> None:
    env = {"FLOWISE_BASE_URL": mode.url, "FLOWISE_API_KEY": KEY}

    async def use(session: ClientSession) -> None:
        assert "is responding" in await call(session, "flowise_ping", {})
        assert "Support chat" in await call(session, "flowise_list_flows", {"params": {}})
        arguments = {"flow_id": FLOW, "question": "one two three", "session_id": "mcp"}
        assert await call(session, "flowise_predict", {"params": arguments}) == ANSWER
        streamed = await call(session, "flowise_predict", {"params": {**arguments, "streaming": True}})
        assert streamed.endswith('data:{"event":"end","data":"[DONE]"}\n\n')  # it passes the frames on
        flow = {"name": "made", "flow_data": '{"nodes":[],"edges":[]}'}
        created = await call(session, "flowise_create_flow", {"params": flow})
        assert "made" in created
        for tool in ("variables", "tools", "assistants", "document_stores"):
            assert not (await call(session, f"flowise_list_{tool}", {"params": {}})).startswith("Error")
        query = {"store_id": "603a7b51-ae7c-4b0a-8865-e454ed2f6766", "query": "capital of France"}
        assert "Paris" in await call(session, "flowise_query_vector_store", {"params": query})
        deleted = await call(
            session, "flowise_delete_chat_history", {"params": {"flow_id": FLOW, "chat_id": "mcp"}}
        )
        assert not deleted.startswith("Error")
        upserted = await call(session, "flowise_upsert_vector", {"params": {"flow_id": FLOW}})
        # the flow has no vector store: a real server reports that, the default contract adds nothing
        if mode.contract == "clients":
            assert not upserted.startswith("Error")
        else:
            assert "No vector node found" in upserted

    over_stdio("from flowise_mcp.server import mcp; mcp.run()", env, use)
