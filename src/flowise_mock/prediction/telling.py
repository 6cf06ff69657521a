"""A run told whole, or as a stream with a pause after each token."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from flowise_mock.call import Call
from flowise_mock.outcomes import Broken, Outcome, RunFailed
from flowise_mock.prediction.kinds import run
from flowise_mock.prediction.turn import Event, begin
from flowise_mock.store import Record

log = logging.getLogger("flowise_mock")
_TOLD = ("chatId", "chatMessageId", "question", "sessionId", "memoryType", "action")


def whole(call: Call, flow: Record, body: Record) -> Record:
    """The answer as JSON."""
    running = run(call, begin(call, flow, body))
    while True:
        try:
            next(running)
        except StopIteration as ended:
            answer: Record = ended.value
            return answer


async def streamed(call: Call, flow: Record, body: Record) -> AsyncIterator[Event]:
    """The answer as events, `metadata` and `end` last; a failure is an `error` event before `end`."""
    turn = None
    clock = asyncio.get_running_loop().time
    due = clock()
    try:
        call.check_key(flow)
        turn = begin(call, flow, body)
        call.runs[flow["id"], turn.chat_id] = turn
        running = run(call, turn)
        while True:
            try:
                event = next(running)
            except StopIteration as ended:
                answer: Record = ended.value
                yield "metadata", {name: answer[name] for name in _TOLD if answer.get(name)}
                break
            yield event
            if event[0] == "token":
                due += call.token_delay  # by the clock, so that lateness does not add up
                await asyncio.sleep(due - clock())
    except Outcome as failure:
        yield "error", call.text(RunFailed(call.text(failure)))
    except Exception as error:  # the head is sent: the client must still be told, and let go
        log.exception("a prediction of %s failed", flow["id"])
        yield "error", call.text(Broken(repr(error)))
    finally:
        if turn is not None and call.runs.get(own := (flow["id"], turn.chat_id)) is turn:
            del call.runs[own]
    yield "end", "[DONE]"
