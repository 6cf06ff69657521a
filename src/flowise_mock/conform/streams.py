"""Judges a stream of events: frames, names, order, JSON in data, closed in time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from flowise_mock.conform.client import Response
from flowise_mock.conform.judge import Failure, is_page

NAMES = {
    "start", "token", "thinking", "sourceDocuments", "usedTools", "artifacts", "fileAnnotations",
    "calledTools", "usageMetadata", "tool", "agentReasoning", "nextAgent", "agentFlowEvent", "nextAgentFlow",
    "agentFlowExecutedData", "action", "tts_start", "tts_data", "tts_end", "tts_abort", "metadata", "error",
    "abort", "end",
}  # fmt: skip
METADATA = ("chatId", "chatMessageId")


class Event(NamedTuple):
    name: str
    data: Any


def frames(body: bytes) -> Iterator[list[str]]:
    """The lines of each frame, without comments (heartbeats)."""
    for frame in body.decode(errors="replace").split("\n\n"):
        lines = [line for line in frame.split("\n") if line and not line.startswith(":")]
        if lines:
            yield lines


def read(lines: list[str]) -> tuple[Event | None, Failure | None]:
    """The event of a frame, and what is wrong with its form."""
    data = [line.removeprefix("data:") for line in lines if line.startswith("data:")]
    if len(data) != 1:
        return None, Failure("stream_frame", f"a frame has {len(data)} data lines", "one line `data:`")
    try:
        event = json.loads(data[0])
    except ValueError:
        return None, Failure("stream_data_is_json", "data is not JSON", '{"event": …, "data": …}')
    if not isinstance(event, dict) or not isinstance(event.get("event"), str) or "data" not in event:
        return None, Failure(
            "stream_data_is_json", "data is no object with event and data", '{"event": …, "data": …}'
        )
    found = Event(event["event"], event["data"])
    other = [line for line in lines if not line.startswith("data:")]
    if other != ["message:"]:
        begin = " and ".join(f"`{line.partition(':')[0]}`" for line in other) or "nothing"
        return found, Failure(
            "stream_frame", f"a frame of {found.name} begins with {begin}", "a line `message:`"
        )
    return found, None


def events(response: Response) -> list[Event]:
    return [event for event, _ in map(read, frames(response.body)) if event]


def judge(response: Response, tokens: bool = False) -> Iterator[Failure]:
    """Everything wrong with a stream; `tokens`: its text has to come in tokens."""
    if response.media != "text/event-stream":
        check = "html_instead_of_json" if is_page(response) else "content_type_conformance"
        yield Failure(check, f"a stream as {response.media or 'no media type'}", "text/event-stream")
        return
    if response.error:
        how = "does not end" if "within" in response.error else "breaks off"
        yield Failure("stream_ends", how, "the end of the answer after the event end")
    seen = set()
    for _, fault in map(read, frames(response.body)):
        if fault and fault not in seen:
            seen.add(fault)
            yield fault
    if all(event for event, _ in map(read, frames(response.body))):
        yield from order(events(response), tokens)


def order(found: list[Event], tokens: bool) -> Iterator[Failure]:
    """What is wrong with the events and their order."""
    names = [event.name for event in found]
    for name in sorted(set(names) - NAMES):
        yield Failure("stream_event_name", f"an event {name}", "an event that Flowise has", note=True)
    if "end" not in names:
        yield Failure("stream_order", "there is no end", "end as the last event")
    elif names.index("end") != len(names) - 1:
        yield Failure("stream_order", "events come after end", "end as the last event")
    failed = "error" in names or "abort" in names
    if "metadata" not in names and not failed:
        yield Failure("stream_order", "there is no metadata", "metadata before end")
    elif "metadata" in names and "end" in names and names.index("metadata") > names.index("end"):
        yield Failure("stream_order", "metadata comes after end", "metadata before end")
    if failed:
        yield Failure("stream_succeeds", "ends with an error", "an answer", note=True)
    elif tokens and "token" not in names:
        yield Failure("stream_order", "there is no token", "the text in tokens")
    if "start" in names and "token" in names and names.index("start") > names.index("token"):
        yield Failure("stream_order", "start comes after a token", "start before the first token")
    for event in found:
        if event.name == "metadata":
            yield from metadata(event.data)


def metadata(data: Any) -> Iterator[Failure]:
    for name in METADATA:
        if not isinstance(data, dict) or not data.get(name):
            yield Failure("stream_metadata", f"metadata has no {name}", ", ".join(METADATA))
