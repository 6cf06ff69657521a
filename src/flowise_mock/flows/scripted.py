"""What a script says in place of a flow: which rule answers, and the parts of its answer."""

from __future__ import annotations

from flowise_mock.contract import jsontext
from flowise_mock.flows import model_echo
from flowise_mock.flows.call import Call
from flowise_mock.flows.turn import Turn
from flowise_mock.scripts.question import Question
from flowise_mock.scripts.replies import Reply
from flowise_mock.scripts.script import Choice
from flowise_mock.scripts.templates import TemplateError
from flowise_mock.state.outcomes import NoMatchingRule, ScriptFailure
from flowise_mock.state.table import Record


async def choose(call: Call, turn: Turn) -> Choice | None:
    """The rule that answers; None if there are no rules. Its fault starts before anything is written.

    A flow that the request may not run is answered by no rule. A rule with `hold` waits here.
    """
    question = _question(call, turn)
    call.runtime.note_question(
        {"chatId": turn.chat_id, "sessionId": turn.session_id, "chatflow": turn.flow.get("name")}
    )
    if not call.runtime.rules or not call.may_run(turn.flow):
        return None
    choice = call.runtime.rules.choose(question, call.store.counts)
    call.runtime.explain(choice.explanation)
    if choice.rule is not None and choice.rule.hold and call.runtime.hold is not None:
        await call.runtime.hold(choice.rule.hold)
    if choice.answer is not None and choice.answer.fault is not None:
        call.runtime.inject(choice.answer.fault)
    return choice


def _question(call: Call, turn: Turn) -> Question:
    files = [{"name": file.name, "mime": file.type, "type": "file"} for file in call.files]
    return Question(
        turn.flow, turn.body, turn.question, turn.chat_id, turn.session_id, turn.said, files, call.request
    )


def reply(choice: Choice | None) -> Reply | None:
    """What the rule says. NoRule where none answers and one must, ScriptFailed where it cannot."""
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


def say(call: Call, turn: Turn, prompt: str) -> list[str]:
    """What the script says, token by token, else what a model would say to `prompt`."""
    if turn.reply is not None and turn.reply.text is not None:
        return model_echo.tokens(turn.reply.text)
    return call.runtime.model(turn.flow, prompt)


def parts(turn: Turn, *names: str) -> Record:
    """The parts of the script's answer that go by these names, in their order."""
    given = turn.reply.parts if turn.reply is not None else {}
    return {name: given[name] for name in names if name in given}


def action(call: Call, turn: Turn, made: Record) -> Record:
    """The decision that the script asks for, what it leaves out filled in from the one that was `made`."""
    return {"id": call.store.new_id(), **made, **parts(turn, "action")["action"]}


def follow_ups(turn: Turn) -> tuple[Record, Record]:
    """Prompts to go on with, as an answer has them, JSON text of JSON text, and as its message keeps them."""
    found = parts(turn, "followUpPrompts")
    kept = {name: jsontext.dumps(value) for name, value in found.items()}
    return {name: jsontext.dumps(value) for name, value in kept.items()}, kept
