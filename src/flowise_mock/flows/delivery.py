"""Delivers a run as JSON, or as events with a pause after each token."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from flowise_mock.flows import scripted, sources
from flowise_mock.flows.behaviour import ToolStreams
from flowise_mock.flows.call import Call
from flowise_mock.flows.dispatch import run
from flowise_mock.flows.turn import Delay, Event, Turn, begin
from flowise_mock.scripts.script import Choice
from flowise_mock.state.outcomes import InternalError, ModelRefusal, Outcome, Pause, RunFailure
from flowise_mock.state.table import Record

log = logging.getLogger("flowise_mock")
EVENTS = 100
"""Events of a run that nobody hears between two turns of others: less than a millisecond."""
_METADATA = (
    "chatId", "chatMessageId", "question", "sessionId", "memoryType", "followUpPrompts", "flowVariables",
    "action",
)  # fmt: skip


async def as_json(call: Call, turn: Turn, choice: Choice | None = None) -> Record:
    """The answer as JSON. With scripted timing, it is delayed until its last token would have been sent."""
    await _begin(call, turn, choice)
    pace = Pace(call, turn, None) if turn.reply is not None else None
    turn.unheard = pace is None
    running = run(call, turn)
    while True:
        try:
            for _ in range(EVENTS):
                event = next(running)
                if pace is not None:
                    await _wait(pace, event)
        except StopIteration as ended:
            answer: Record = ended.value
            return answer
        await asyncio.sleep(0)  # others go on; the run does as well if its client leaves, as in Flowise


async def _wait(pace: Pace, event: Event | Delay) -> None:
    """Wait as long as an event would take in a stream."""
    if isinstance(event, Delay):
        await asyncio.sleep(pace.delayed(event.seconds).until - pace.clock())
        return
    for pause in (pace.before(event), pace.after(event)):
        if pause is not None:
            await asyncio.sleep(pause.until - pace.clock())


async def unheard(call: Call, turn: Turn, choice: Choice | None = None) -> None:
    """Run to the end without pauses, for a client that has its answer already. A failure is logged."""
    try:
        await _begin(call, turn, choice)
        turn.unheard = True
        for _ in run(call, turn):
            pass
    except Outcome as failure:
        log.info("a run of %s failed: %s", turn.flow["id"], call.runtime.text(failure))


async def as_events(call: Call, turn: Turn, choice: Choice | None = None) -> AsyncIterator[Event | Pause]:
    """The answer as events, `metadata` and `end` last; a failure is an `error` event before `end`.

    A flow that calls another one as its tool sends a header, and gets only these two.
    """
    own = turn.flow["id"], turn.chat_id
    quiet = call.behaviour.tool_streams is ToolStreams.QUIET and call.headers.get("flowise-tool") == "true"
    try:
        call.check_key(turn.flow)
        await _begin(call, turn, choice)
        call.store.runs[own] = turn
        running, pace = run(call, turn), Pace(call, turn, call.runtime.token_delay)
        while True:
            try:
                event = next(running)
            except StopIteration as ended:
                answer: Record = ended.value
                if turn.reply is None or turn.reply.recorded is None:
                    yield "metadata", {name: answer[name] for name in _METADATA if answer.get(name)}
                break
            if isinstance(event, Delay):
                yield pace.delayed(event.seconds)
                continue
            if not pace.is_begun and (pause := pace.before(event)) is not None:
                yield pause
            if not quiet:
                yield event
            if event[0] == "token" and (pause := pace.after(event)) is not None:
                yield pause
    except ModelRefusal as failure:
        yield "error", call.runtime.text(failure)
    except Outcome as failure:
        yield "error", call.runtime.text(RunFailure(call.runtime.text(failure)))
    except Exception as error:  # the head is sent, so the client gets an error event and the end
        log.exception("a prediction of %s failed", turn.flow["id"])
        yield "error", call.runtime.text(InternalError(repr(error)))
    finally:
        if call.store.runs.get(own) is turn:
            del call.store.runs[own]
    yield "end", "[DONE]"


async def _begin(call: Call, turn: Turn, choice: Choice | None) -> None:
    begin(call, turn)
    turn.reply = scripted.reply(choice)
    if sources.are_shown(turn):
        turn.sources = await sources.find(call, turn)


class Pace:
    """The pauses of a run. They follow the clock, so that delays do not add up.

    They are those of the script, else `delay` seconds after each token; without pauses if that is None. A
    recorded answer has its own.
    """

    def __init__(self, call: Call, turn: Turn, delay: float | None) -> None:
        self._speed = call.runtime.speed
        self.clock = asyncio.get_running_loop().time
        self._pauses = turn.reply.pauses if turn.reply is not None else None
        is_recorded = turn.reply is not None and turn.reply.recorded is not None
        self._delay = None if is_recorded else delay
        self._due = self.clock()
        self.is_begun = self._pauses is None

    def before(self, event: Event) -> Pause | None:
        """The pause before the first token; the start event of a chain comes with it."""
        if self._pauses is None or self.is_begun or event[0] not in ("start", "token"):
            return None
        self.is_begun = True
        return self.delayed(next(self._pauses))

    def delayed(self, seconds: float) -> Pause:
        """A pause of a script; the speed of the server divides it."""
        return self._pause(seconds / self._speed)

    def after(self, event: Event) -> Pause | None:
        """The pause after a token."""
        if event[0] != "token":
            return None
        if self._pauses is not None:
            return self.delayed(next(self._pauses))
        return None if self._delay is None else self._pause(self._delay)

    def _pause(self, seconds: float) -> Pause:
        self._due += seconds
        return Pause(self._due)
