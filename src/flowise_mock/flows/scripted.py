"""Applies a script to a flow: chooses the rule, and gives the parts of its answer to the run."""

from __future__ import annotations

from collections.abc import Sequence

from flowise_mock.contract import jsontext
from flowise_mock.flows import models
from flowise_mock.flows.call import Call
from flowise_mock.flows.turn import Turn
from flowise_mock.scripts.question import Question
from flowise_mock.scripts.replies import Reply
from flowise_mock.scripts.script import Choice
from flowise_mock.scripts.templates import TemplateError
from flowise_mock.state.outcomes import NoMatchingRule, ScriptFailure
from flowise_mock.state.table import Record


async def choose(call: Call, turn: Turn) -> Choice | None:
    """The rule that answers; None if there are no rules. Its fault is triggered before anything is stored.

    No rule answers for a flow that the request may not run. A rule with `hold` waits here.
    """
    call.runtime.note_question(
        {"chatId": turn.chat_id, "sessionId": turn.session_id, "chatflow": turn.flow.get("name")}
    )
    if not call.runtime.rules or not call.may_run(turn.flow):
        return None
    choice = call.runtime.rules.choose(_question(call, turn), call.store.counts)
    call.runtime.explain(choice.explanation)
    if choice.rule is not None and choice.rule.hold and call.runtime.hold is not None:
        await call.runtime.hold(choice.rule.hold)
    if choice.answer is not None and choice.answer.fault is not None:
        call.runtime.inject(choice.answer.fault)
    return choice


def _question(call: Call, turn: Turn) -> Question:
    files = [{"name": file.name, "mime": file.type, "type": "file"} for file in call.files]
    return Question(
        turn.flow, turn.body, turn.question, turn.chat_id, turn.session_id, turn.history, files, call.request
    )


def reply(choice: Choice | None) -> Reply | None:
    """The reply of the chosen rule. Raises NoMatchingRule if a rule must match, and ScriptFailure."""
    if choice is None:
        return None
    if choice.nearest is not None:
        raise NoMatchingRule(choice.nearest)
    if choice.answer is None:
        return None
    try:
        return choice.answer.reply(choice.question)
    except TemplateError as error:
        raise ScriptFailure(str(choice.rule), str(error)) from None


def generate_tokens(call: Call, turn: Turn, prompt: str) -> Sequence[str]:
    """The tokens of the script's text, else those of the model's answer to `prompt`."""
    if turn.reply is not None and turn.reply.text is not None:
        return models.Tokens(turn.reply.text)
    return call.runtime.model(turn.flow, prompt)


def generate_text(call: Call, turn: Turn, prompt: str) -> str:
    """The text of these tokens."""
    return models.joined(generate_tokens(call, turn, prompt))


def reply_parts(turn: Turn, *names: str) -> Record:
    """The parts of the scripted reply that have these names, in their order."""
    if turn.reply is None:
        return {}
    parts = turn.reply.parts
    return {name: parts[name] for name in names if name in parts}


def scripted_action(call: Call, turn: Turn, default: Record) -> Record:
    """The decision that the script requests, with missing keys from `default`."""
    return {"id": call.store.new_id(), **default, **reply_parts(turn, "action")["action"]}


def follow_up_prompts(turn: Turn) -> tuple[Record, Record]:
    """The follow-up prompts for the answer, JSON text of JSON text, and for its stored message."""
    if turn.reply is None:
        return {}, {}
    found = reply_parts(turn, "followUpPrompts")
    stored = {name: jsontext.dumps(value) for name, value in found.items()}
    return {name: jsontext.dumps(value) for name, value in stored.items()}, stored
