"""Whether a scripted answer fits the contract: as it is sent, and as the message that is kept of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from flowise_mock.contract.document import Document, operations, resolve
from flowise_mock.contract.schemas import Schemas
from flowise_mock.contract.views import compile_view
from flowise_mock.scripts.reading import Steps
from flowise_mock.state.table import Record

_SENT = ("text", "json", "sourceDocuments", "usedTools", "fileAnnotations", "artifacts", "agentReasoning",
         "flowVariables", "action", "agentFlowExecutedData")  # fmt: skip
_KEPT = ("sourceDocuments", "usedTools", "fileAnnotations", "artifacts", "agentReasoning", "action")


class Misfit(NamedTuple):
    """What of an answer the contract refuses: the steps to it within the answer, and why."""

    steps: Steps
    reason: str


class ContractCheck:
    """What a contract takes as an answer to a question, and which operations it has.

    Texts are looked at before their templates are filled in, which leaves texts what they are.
    """

    def __init__(self, contract: Document) -> None:
        self.operations = {each.id: each.definition for each in operations(contract)}
        schemas = Schemas(contract)
        success = resolve(contract, self.operations["createPrediction"]["responses"]["200"])
        sent = success["content"]["application/json"]["schema"]
        kept = contract["components"]["schemas"]["ChatMessage"]
        self._checks = [
            (names, compile_view(contract, schema), schemas.compile(schema))
            for names, schema in ((_SENT, sent), (_KEPT, kept))
        ]

    def problem(self, answer: Record) -> Misfit | None:
        """The first thing in an answer that the contract refuses, or None."""
        for names, view, validator in self._checks:
            shown = view({name: answer[name] for name in names if name in answer})
            found = validator.problem(_without_nulls(shown))
            if found is not None:
                return Misfit(_steps(answer, found.path), f"the contract refuses it: {found.reason}")
        return None


def _without_nulls(shown: Any) -> Any:
    return {name: value for name, value in shown.items() if value is not None}


def _steps(answer: Record, path: str) -> Steps:
    """A path of a validator as steps into the answer, as far as they lead."""
    node: Any = answer
    steps: list[str | int] = []
    for part in path.split("/"):
        step: str | int = int(part) if isinstance(node, list) and part.isdecimal() else part
        held = isinstance(node, dict) and step in node
        if not held and not (isinstance(node, list) and isinstance(step, int) and step < len(node)):
            break
        node = node[step]
        steps.append(step)
    return tuple(steps)
