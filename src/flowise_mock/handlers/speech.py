"""Speech: answers as audio, which is a short silence here."""

from collections.abc import AsyncIterator
from typing import Any

from flowise_mock.contract import jsontext
from flowise_mock.flows.call import Call
from flowise_mock.state.outcomes import EmptyField, EventStream, Outcome, PrivateFlow, WrongType
from flowise_mock.state.table import Record

# the shortest valid MP3 frame: MPEG-1 layer III, 32 kbit/s, 44.1 kHz, silent
_SILENCE = "//sQxAADwAABpAAAACAAADSAAAAE" + "V" * 76


async def generate_speech(call: Call, body: Record) -> EventStream:
    try:
        _check(call, body)
    except Outcome as failure:
        return EventStream(_failed(call.runtime.text(failure)), framing="speech")
    return EventStream(_audio(str(body.get("chatMessageId") or "")), framing="speech")


def _check(call: Call, body: Record) -> None:
    """Report a missing text, and a flow that not everyone may use."""
    if not body.get("text"):
        call.report(EmptyField("text"))
    flow = call.store.get("chatflow", str(body.get("chatflowId")))
    if flow is not None and not flow.get("isPublic"):
        call.report(PrivateFlow(flow["id"]))
    voices = jsontext.mapping((flow or {}).get("textToSpeech")).values()
    if not any(jsontext.mapping(each).get("status") for each in voices):
        call.report(WrongType("textToSpeech"))


async def _failed(message: str) -> AsyncIterator[tuple[str, Any]]:
    yield "tts_error", {"error": message}


async def _audio(message: str) -> AsyncIterator[tuple[str, Any]]:
    yield "tts_start", {"chatMessageId": message, "format": "mp3"}
    yield "tts_data", {"chatMessageId": message, "audioChunk": _SILENCE}
    yield "tts_end", {"chatMessageId": message}


async def abort_speech(call: Call, body: Record) -> Record:
    for field in ("chatId", "chatMessageId", "chatflowId"):
        if not body.get(field):
            call.report(EmptyField(field))
    ids = {key: body.get(key, "") for key in ("chatId", "chatMessageId")}
    return {"message": "TTS stream aborted successfully", **ids}
