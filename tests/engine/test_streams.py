"""Streams: frames, the heartbeat, the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import anyio

from flowise_mock.engine.connection import Connection
from flowise_mock.engine.streams import Streams, frame, speech_frame
from flowise_mock.state.outcomes import EventStream

Message = dict[str, Any]


async def slow(count: int, pause: float) -> AsyncIterator[tuple[str, Any]]:
    for number in range(count):
        yield "token", str(number)
        await asyncio.sleep(pause)


def told(
    streams: Streams,
    streamed: EventStream,
    leave_after: float | None = None,
    close_after: float | None = None,
) -> list[Message]:
    """What is sent for a stream, to a client that leaves or a server that closes after some seconds."""

    async def run() -> list[Message]:
        sent: list[Message] = []

        async def receive() -> Message:
            await asyncio.sleep(60 if leave_after is None else leave_after)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        if close_after is not None:
            asyncio.get_running_loop().call_later(close_after, streams.close)
        await streams.send(streamed, receive, send, Connection(receive, send))
        assert len(streams) == 0
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1
        return sent

    return anyio.run(run)


def test_frames() -> None:
    assert frame("token", "grüße") == 'message:\ndata:{"event":"token","data":"grüße"}\n\n'.encode()
    assert speech_frame("tts_end", {}) == b'event: tts_end\ndata: {"event":"tts_end","data":{}}\n\n'


def test_one_frame_one_write_and_the_body_is_closed() -> None:
    sent = told(Streams(), EventStream(slow(3, 0)))
    assert [message.get("body") for message in sent] == [
        None,
        *(frame("token", str(n)) for n in range(3)),
        b"",
    ]
    assert not sent[-1].get("more_body")


def test_a_heartbeat_goes_to_open_streams() -> None:
    sent = told(Streams(interval=0.03), EventStream(slow(5, 0.02)))
    assert b":heartbeat\n\n" in [message.get("body") for message in sent]


def test_a_client_that_leaves_frees_everything() -> None:
    sent = told(Streams(), EventStream(slow(1000, 0.01)), leave_after=0.05)
    assert 2 < len(sent) < 20


def test_a_stream_that_opens_while_the_server_closes_ends_too() -> None:
    streams = Streams()
    streams.close()
    sent = told(streams, EventStream(slow(1000, 0.01)))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


def test_close_ends_a_stream_and_completes_it() -> None:
    sent = told(Streams(), EventStream(slow(1000, 0.01)), close_after=0.05)
    assert 2 < len(sent) < 20
    assert sent[-1] == {"type": "http.response.body", "body": b""}
