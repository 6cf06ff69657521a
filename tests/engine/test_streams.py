"""Streams: frames, the heartbeat, the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from flowise_mock.engine.connection import Connection
from flowise_mock.engine.streams import Streams, frame, speech_frame
from flowise_mock.state.outcomes import EventStream, Pause

Message = dict[str, Any]


async def slow(count: int, pause: float) -> AsyncIterator[tuple[str, Any]]:
    for number in range(count):
        yield "token", str(number)
        await asyncio.sleep(pause)


def sent_for(
    streams: Streams,
    streamed: EventStream,
    leave_after: float | None = None,
    close_after: float | None = None,
) -> list[Message]:
    """What is sent for a stream to a client that leaves or a server that closes after some seconds."""

    async def run() -> list[Message]:
        sent: list[Message] = []

        async def receive() -> Message:
            await asyncio.sleep(60 if leave_after is None else leave_after)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        if close_after is not None:
            asyncio.get_running_loop().call_later(close_after, streams.close)
        connection = Connection(receive, send)
        await streams.send(streamed, send, connection, "", connection.when_left)
        assert len(streams) == 0
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1
        return sent

    return anyio.run(run)


def test_frames() -> None:
    assert frame("token", "grüße") == 'message:\ndata:{"event":"token","data":"grüße"}\n\n'.encode()
    assert speech_frame("tts_end", {}) == b'event: tts_end\ndata: {"event":"tts_end","data":{}}\n\n'


def test_one_frame_one_write_and_the_body_is_closed() -> None:
    sent = sent_for(Streams(), EventStream(slow(3, 0)))
    assert [message.get("body") for message in sent] == [
        None,
        *(frame("token", str(n)) for n in range(3)),
        b"",
    ]
    assert not sent[-1].get("more_body")


def test_a_heartbeat_goes_to_open_streams() -> None:
    sent = sent_for(Streams(interval=0.03), EventStream(slow(5, 0.02)))
    assert b":heartbeat\n\n" in [message.get("body") for message in sent]


def test_a_client_that_leaves_frees_everything() -> None:
    sent = sent_for(Streams(), EventStream(slow(1000, 0.01)), leave_after=0.05)
    assert 2 < len(sent) < 20


def test_a_stream_that_opens_while_the_server_closes_ends_too() -> None:
    streams = Streams()
    streams.close()
    sent = sent_for(streams, EventStream(slow(1000, 0.01)))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


def test_close_ends_a_stream_and_completes_it() -> None:
    sent = sent_for(Streams(), EventStream(slow(1000, 0.01)), close_after=0.05)
    assert 2 < len(sent) < 20
    assert sent[-1] == {"type": "http.response.body", "body": b""}


def paced(count: int, pause: float, late: float, ended: list[bool]) -> EventStream:
    """Tokens with a pause after each; the stream begins `late` seconds after it should have."""

    async def events() -> AsyncIterator[tuple[str, Any] | Pause]:
        due = asyncio.get_running_loop().time() - late
        try:
            for number in range(count):
                yield "token", str(number)
                due += pause
                yield Pause(due)
            yield "end", "[DONE]"
        finally:
            ended.append(True)

    return EventStream(events())


def bodies(sent: list[Message]) -> list[bytes]:
    return [message["body"] for message in sent[1:]]


def test_a_stream_in_time_writes_each_frame_by_itself() -> None:
    found = bodies(sent_for(Streams(), paced(3, 0.2, 0, [])))
    assert found == [*(frame("token", str(n)) for n in range(3)), frame("end", "[DONE]"), b""]


def test_a_late_stream_writes_what_is_due_together_and_catches_up() -> None:
    found = bodies(sent_for(Streams(), paced(6, 0.1, 0.35, [])))
    assert b"".join(found) == b"".join([*(frame("token", str(n)) for n in range(6)), frame("end", "[DONE]")])
    assert found[1].startswith(frame("token", "1") + frame("token", "2"))
    assert len(found) < 8


def test_a_stream_without_pauses_is_not_late() -> None:
    found = bodies(sent_for(Streams(), paced(40, 0, 0, [])))
    assert len(found) == 42


def test_a_stream_that_is_left_closes_its_events() -> None:
    ended: list[bool] = []
    sent = sent_for(Streams(), paced(1000, 0.01, 0, ended), leave_after=0.05)
    assert 2 < len(sent) < 30
    assert ended == [True]


def test_a_very_late_stream_lets_others_in() -> None:
    found = bodies(sent_for(Streams(), paced(100, 0.001, 10, [])))
    assert max(each.count(b"\n\n") for each in found) <= 16


def test_an_error_of_the_events_is_raised_and_nothing_is_left() -> None:
    async def broken() -> AsyncIterator[tuple[str, Any]]:
        yield "token", "1"
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        sent_for(Streams(), EventStream(broken()))
